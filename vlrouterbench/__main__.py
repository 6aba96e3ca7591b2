"""`python -m vlrouterbench`, and `accelerate launch -m vlrouterbench`."""

from vlrouterbench.cli.main import run_and_exit

if __name__ == "__main__":
    run_and_exit()
