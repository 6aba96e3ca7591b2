"""Several commands of the program in processes that were launched together once, since a launch costs 15 s of a CPU.

    accelerate launch ... -m tests.launched_commands COMMANDS

reads COMMANDS, a JSON list of lists of arguments; before each command's output the main process prints BEFORE_EACH.
"""

import json
import os
import sys
from pathlib import Path

from vlrouterbench.cli.main import main

BEFORE_EACH = "--- the next command\n"

if __name__ == "__main__":
    for arguments in json.loads(Path(sys.argv[1]).read_text()):
        if os.environ["RANK"] == "0":
            sys.stdout.write(BEFORE_EACH)
        if main(arguments):
            sys.exit(f"failed: {arguments}")
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread of gloo's may abort a finished run while the interpreter exits.
    os._exit(0)
