"""A process that runs cases: `python -m tests.fuzzing.worker FOLDER` answers numbers with a line of JSON each."""

import json
import os
import resource
import shutil
import sys
import time
import traceback
from pathlib import Path

from tests.cli.conftest import run_program
from tests.fuzzing.inputs import command_of, kind_of, prepare
from tests.payloads import ACTING

GROWTH_KIB = 2**20
"""A gigabyte, which no case may take beyond what the process has."""
LONGEST_MESSAGE = 3_000
ENDINGS = ("right", "clear error")


def run_case(number: int, root: Path) -> dict[str, object]:
    """Run a case; what is faulty about how it ended stands in "end"."""
    work = root / f"case-{number}"
    work.mkdir()
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    said = ""
    try:
        command = command_of(number, root / "base", work)
        done = run_program(*command, "--json")
        said = done.err[-LONGEST_MESSAGE:]
        end = _judged(done)
    except BaseException as error:  # what the program lets through is what is looked for
        command, end, said = (), f"escaped {type(error).__name__}", traceback.format_exc()[-LONGEST_MESSAGE:]
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > before + GROWTH_KIB:
        end = "took more than a gigabyte"
    seconds = time.monotonic() - start
    if end in ENDINGS:
        shutil.rmtree(work, ignore_errors=True)
    line = " ".join(map(str, command))
    return {"number": number, "kind": kind_of(number), "end": end, "said": said, "command": line, "seconds": seconds}


def _judged(done: object) -> str:
    out, err, status = done.out, done.err, done.status
    if ACTING.search(err.replace("\r", "")) or ACTING.search(out):
        return "an output acts in a terminal"
    if "Traceback" in err or "error: unexpected" in err:
        return "unexpected"
    if status == 0:
        try:
            json.loads(out, parse_constant=lambda name: 1 / 0)
        except (ValueError, ZeroDivisionError):
            return "its JSON is none"
        return "right"
    if status != 1 or len(done.errors) != 1 or out:
        return f"status {status} with {len(done.errors)} errors and {len(out)} characters of output"
    message = err[err.index("error: ") :].rstrip("\n")
    return (
        "a message of several lines" if "\n" in message else "a long message" if len(message) > 2500 else "clear error"
    )


def main(root: Path) -> None:
    """Answer numbers until there are no more."""
    # What libraries print by themselves must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if not (root / "base").exists():
        prepare(root / "base")
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        answers.write(json.dumps(run_case(int(line), root)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
