"""A series of cases in processes of their own: one that hangs is ended, and one that died is replaced."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzzing.inputs import kind_of

PATIENCE_S = 120
"""For a case, on a machine that does other things too; 10 s are to be enough on a free one."""
START_S = 600
PROJECT = Path(__file__).resolve().parent.parent.parent
Case = dict[str, object]


def run_series(numbers: Sequence[int], folder: Path, num_workers: int = 1) -> list[Case]:
    """How every case ended."""
    shares = [numbers[start::num_workers] for start in range(num_workers)]
    with ThreadPoolExecutor(num_workers) as pool:
        parts = pool.map(lambda pair: list(_share(pair[1], folder / f"worker-{pair[0]}")), enumerate(shares))
        return [case for part in parts for case in part]


def counts(cases: Sequence[Case]) -> str:
    """What a series came to, in a line."""
    ends = Counter("fault" if is_fault(case) else str(case["end"]) for case in cases)
    return (
        f"{len(cases):,} cases: right {ends['right']:,}, clear error {ends['clear error']:,}, fault {ends['fault']:,}"
    )


def is_fault(case: Case) -> bool:
    """Whether a case ended as none may."""
    return case["end"] not in ("right", "clear error")


def _share(numbers: Sequence[int], root: Path) -> Iterator[Case]:
    root.mkdir(parents=True, exist_ok=True)
    pending = list(numbers)
    while pending:
        with _worker(root) as worker:
            if _answer(worker, START_S) is None:
                raise RuntimeError(f"the process of the cases did not start: {(root / 'stderr').read_text()[-2000:]}")
            while pending:
                number = pending.pop(0)
                worker.stdin.write(f"{number}\n".encode())
                worker.stdin.flush()
                answer = _answer(worker, PATIENCE_S)
                if answer is None:
                    hung = worker.poll() is None
                    worker.kill()
                    end = (
                        "hung" if hung else f"died: {signal.Signals(-worker.wait()).name if worker.wait() < 0 else ''}"
                    )
                    yield {"number": number, "kind": kind_of(number), "end": end, "said": ""}
                    break
                yield json.loads(answer)


def _worker(root: Path) -> subprocess.Popen[bytes]:
    # Not the suite's own temporary folder: what a killed case left there would stay.
    temporary = root / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = os.environ | {"TMPDIR": str(temporary), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "tests.fuzzing.worker", str(root)]
    with (root / "stderr").open("ab") as errors:
        return subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )


def _answer(worker: subprocess.Popen[bytes], seconds: float) -> bytes | None:
    """The next line of a process; None where it is silent for so long, or has ended."""
    ready, _, _ = select.select([worker.stdout], [], [], seconds)
    return (worker.stdout.readline() or None) if ready else None


def main(first: int, count: int, num_workers: int) -> int:
    """Run cases and print the faulty ones and the count: `python -m tests.fuzzing.series FIRST COUNT [WORKERS]`."""
    folder = Path(tempfile.mkdtemp(prefix="vlrouterbench-fuzz-"))
    cases = run_series(range(first, first + count), folder, num_workers)
    (folder / "cases.json").write_text(json.dumps(cases, indent=1))
    for case in filter(is_fault, cases):
        sys.stdout.write(json.dumps(case, indent=1) + "\n")
    by_kind = Counter((case["kind"], str(case["end"])) for case in cases)
    for (kind, end), number in sorted(by_kind.items()):
        sys.stdout.write(f"{kind}: {end} {number}\n")
    slow = sorted(cases, key=lambda case: -float(case.get("seconds", 0)))[:5]
    sys.stdout.write(
        f"slowest: {[(case['number'], case['kind'], round(case.get('seconds', 0), 1)) for case in slow]}\n"
    )
    sys.stdout.write(f"{counts(cases)}; what is left lies in {folder}\n")
    return int(any(map(is_fault, cases)))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3]), int(sys.argv[3]) if len(sys.argv) > 3 else 1))
