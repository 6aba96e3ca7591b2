"""Running the program in this process, and one chain of commands that several tests look at."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from tests.tables import write_own_tables
from vlrouterbench.cli.main import main


@dataclass(frozen=True)
class Finished:
    """How a command ended: exit status, stdout, stderr."""

    status: int
    out: str
    err: str

    @property
    def errors(self):
        """Error messages on stderr."""
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


def run_program(*arguments):
    """Run a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main([str(argument) for argument in arguments])
    return Finished(status, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def program():
    """Runs a command line; gives how it ended."""
    return run_program


@pytest.fixture(scope="session")
def chain(tmp_path_factory):
    """Own tables of 120 samples taken through build, encode, train and evaluate.

    Gives the folder that holds `own`, `benchmark`, `router` and `evaluation`, and how each command ended.
    """
    root = tmp_path_factory.mktemp("chain")
    write_own_tables(root / "own")
    train = ("--router", "linear", "--out", root / "router", "--cost-weight", "inf", "--num-epochs", "15")
    ask = ("--router", root / "router", "--router", "mixture", "--router", "oracle")
    ended = {
        "build": run_program("build", root / "own", "--out", root / "benchmark"),
        "encode": run_program("encode", root / "benchmark"),
        "train": run_program("train", root / "benchmark", *train),
        "evaluate": run_program("evaluate", root / "benchmark", *ask, "--out", root / "evaluation"),
    }
    return root, ended


@pytest.fixture(scope="session")
def chain_folder(chain):
    """The folder of the chain."""
    return chain[0]
