"""Commands that are killed at their steps, in one process that has all libraries: `python -m tests.kill_commands ROOT`.

Prints a line of JSON for every kill: which command, at which step of how many, what stood there then, and what stands
there after a rerun. Files count by their bytes.
"""

import contextlib
import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.killing import killed_before, steps_of
from tests.series import LONG
from tests.tables import write_own_tables
from vlrouterbench.cli.main import main

KEY = "results.json"
SAVED = Path(__file__).parent / "fixtures" / "v0"
"""A benchmark and routers that are there already."""
CANDIDATE = "GPT-4o"


def run(*arguments: object) -> None:
    """Run a command, which must succeed; what it prints is dropped."""
    with Path("/dev/null").open("w") as nothing, contextlib.redirect_stdout(nothing):
        if main([str(argument) for argument in arguments]):
            raise SystemExit(1)


def commands(root: Path) -> dict[str, Callable[[Path, int], tuple[object, ...]]]:
    """Command -> its arguments for an `out`; 0 for what stands there before, 1 for the command that is killed."""
    router, benchmark = root / "router", SAVED / "benchmark"

    def price(out: Path, turn: int) -> tuple[object, ...]:
        prices = ("--input-price", 3 + turn, "--output-price", 4)
        return ("candidates", "price", "--router", router, "--name", CANDIDATE, *prices, "--out", out)

    def push(out: Path, turn: int) -> tuple[object, ...]:
        return ("push", "router", router, f"owner/name{turn}", "--dry-run", "--out", out)

    def evaluate(out: Path, turn: int) -> tuple[object, ...]:
        policies = [part for name in ("cheapest", "strongest")[: turn + 1] for part in ("--router", name)]
        return ("evaluate", benchmark, *policies, "--no-baselines", "--out", out)

    def build(out: Path, turn: int) -> tuple[object, ...]:
        return ("build", root / f"own{turn}", "--out", out)

    return {"build": build, "candidates price": price, "push --dry-run": push, "evaluate": evaluate}


def digests(folder: Path, hidden: bool = True) -> dict[str, str]:
    """Name -> digest of every file; those in hidden folders are what a writer has not put in place."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    shown = {name: path for name, path in files.items() if hidden or not name.startswith(".")}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in shown.items()}


def chosen(steps: list[str]) -> list[int]:
    """All steps in a long series; of a slice those about one rename, or one amid the renames of a set."""
    if LONG:
        return list(range(len(steps)))
    renames = [place for place, name in enumerate(steps) if name in ("exchange", "rename", "replace")]
    return [renames[0], renames[0] + 1] if len(renames) == 1 else [renames[len(renames) // 2]]


def state(found: dict[str, str], before: dict[str, str], after: dict[str, str]) -> str:
    """What stands in a folder: all of one run or, without what is written last, a part of it; or something else."""
    for name, files in (("before", before), ("after", after)):
        if found.items() <= files.items():
            return name if found == files else f"part of {name}"
    whole = all(digest in (before.get(name), after.get(name)) for name, digest in found.items())
    return "parts of both without the key" if whole and KEY not in found else "mixed"


def kills(root: Path) -> Iterator[dict[str, object]]:
    """Kill every command at its steps, over what an earlier run of it wrote."""
    for turn in (0, 1):
        write_own_tables(root / f"own{turn}", num_samples=30, seed=turn)
    prices = ("--name", CANDIDATE, "--input-price", 1, "--output-price", 2)
    run("candidates", "price", "--router", SAVED / "routers" / "flagship", *prices, "--out", root / "router")
    for number, (name, arguments) in enumerate(commands(root).items()):
        for kill in _kills_of(root / f"command-{number}", arguments):
            yield {"command": name} | kill


def _kills_of(place: Path, arguments: Callable[[Path, int], tuple[object, ...]]) -> Iterator[dict[str, object]]:
    run(*arguments(place / "before" / "out", 0))
    shutil.copytree(place / "before", place / "after")
    steps = steps_of(lambda: run(*arguments(place / "after" / "out", 1)))
    before, after = digests(place / "before" / "out"), digests(place / "after" / "out")
    for step in chosen(steps):
        out = place / str(step) / "out"
        shutil.copytree(place / "before", out.parent)
        killed = killed_before(step, lambda: run(*arguments(out, 1)))  # noqa: B023
        found = state(digests(out, hidden=False), before, after)
        kill = {"step": step, "steps": len(steps), "killed": killed, "found": found}
        if LONG or step == chosen(steps)[-1]:
            run(*arguments(out, 1))
            kill["rerun is right"] = digests(out) == after and list(out.parent.iterdir()) == [out]
        yield kill
        shutil.rmtree(out.parent)


if __name__ == "__main__":
    for kill in kills(Path(sys.argv[1])):
        sys.stdout.write(json.dumps(kill) + "\n")
        sys.stdout.flush()
