"""Work in parts that takes no time: a file per part, made whole by a rename; and what a test makes happen in it."""

import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.files import staged_file


@dataclass(frozen=True)
class LightWork:
    """Writes each part's rows; dies at some parts, once or always, or fails at one.

    Attributes:
        out: where the files go, and a line of `log` for each time that a part is begun.
        dies_at: numbers of parts whose process is killed the first time that they are begun.
        always_dies_at: numbers of parts whose process is killed each time.
        fails_at: number of a part that is an error.
        full_at: number of a part that finds the disk full while it is written.
        seconds: how long a part takes.
    """

    out: Path
    dies_at: tuple[int, ...] = ()
    always_dies_at: tuple[int, ...] = ()
    fails_at: int = -1
    seconds: float = 0.0
    full_at: int = -1

    def open(self):
        """See PartWork."""
        self.note(f"open {os.getpid()}")
        return self.do

    def do(self, part):
        """See DoPart."""
        first = part.number not in begun(self.out)
        self.note(f"part {part.number} {os.getpid()}")
        if part.number in self.always_dies_at or (first and part.number in self.dies_at):
            os.kill(os.getpid(), signal.SIGKILL)
        if part.number == self.fails_at:
            raise VLRouterBenchError(f"part {part.number} cannot be done.")
        time.sleep(self.seconds)
        with staged_file(self.out / part.file()) as staging:
            staging.write_text(content(part))
            if part.number == self.full_at:
                raise OSError(errno.ENOSPC, "No space left on device")
        return {"part": part.number, "rows": part.rows, "decided": part.rows, "bad": 0}

    def note(self, line):
        """Add a line to the log."""
        with (self.out / "log").open("a") as log:
            log.write(f"{line}\n")


def content(part):
    """What the file of a part holds."""
    return f"{part.first_row} {part.ranges}"


def log(out):
    """The lines of the log, each as words."""
    return [line.split() for line in (out / "log").read_text().splitlines()] if (out / "log").exists() else []


def begun(out):
    """Numbers of parts as they were begun."""
    return [int(line[1]) for line in log(out) if line[0] == "part"]


def check_whole(out, parts, facts):
    """Every part was answered once and has its file with its rows, and nothing else is there."""
    assert sorted(fact["part"] for fact in facts) == [part.number for part in parts]
    assert {path.name: path.read_text() for path in out.glob("*.parquet")} == {
        part.file(): content(part) for part in parts
    }
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []
