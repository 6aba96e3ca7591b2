"""A build that is killed, disturbed or out of space: the old benchmark stays whole, a rerun ends the same."""

import hashlib
import random
import resource
import signal
import subprocess
import sys
import time

import pytest

from tests.data.sources.editing import edit
from tests.series import LONG, rounds
from vlrouterbench.data.build import build_benchmark

COPIES = 100
PATIENCE_S = 120


@pytest.fixture
def source(own_tables):
    """1,200 samples with images: enough for a write that can be caught in the middle."""

    def repeat(rows):
        rows[:] = [row | {"sample_id": f"{row['sample_id']}-{copy}"} for copy in range(COPIES) for row in rows]

    for stem in ("samples", "outcomes"):
        edit(own_tables, stem, repeat)
    return own_tables


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def start(project_root, source, out, **options):
    command = [sys.executable, "-m", "vlrouterbench", "build", str(source), "--out", str(out)]
    return subprocess.Popen(command, cwd=project_root, stderr=subprocess.PIPE, text=True, **options)


def wait_for(program, found):
    """Look until something is found or the program has ended."""
    end = time.monotonic() + PATIENCE_S
    while not found() and program.poll() is None and time.monotonic() < end:
        time.sleep(0.0005)


MOMENTS = {
    "a place to write": lambda place: True,
    "the same, a little later": lambda place: True,
    "first file": lambda place: any(place.glob("new/data/*.parquet")),
    "last file": lambda place: (place / "new" / "README.md").exists(),
}


@pytest.mark.faults
@pytest.mark.parametrize("old", [True, *([False] if LONG else [])])
def test_a_build_killed_at_any_moment_is_whole_or_not_there_and_a_rerun_ends_the_same(
    source, tmp_path, project_root, old
):
    build_benchmark(source, tmp_path / "undisturbed")
    expected = digests(tmp_path / "undisturbed")
    out = tmp_path / "killed" / "out"
    out.parent.mkdir()
    before = {}
    if old:
        out.mkdir()
        (out / "old.txt").write_text("old")
        before = digests(out)
    rng, caught = random.Random(int(old)), 0
    for seen in (moment for _ in rounds(1) for moment in MOMENTS.values()):
        with start(project_root, source, out) as program:
            wait_for(program, lambda seen=seen: any(map(seen, out.parent.glob(".out.*.partial"))))
            time.sleep(rng.uniform(0, 0.01))
            program.kill()
        caught += program.returncode == -signal.SIGKILL
        # Whole, the old or the new one; or gone for a moment, and then the next run brings it back.
        assert digests(out) in ([before, expected] if not old else [before, expected, {}])
    assert caught >= 2
    build_benchmark(source, out)
    assert digests(out) == expected
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_two_builds_at_once_both_end_well_and_leave_one_whole_benchmark(source, tmp_path, project_root):
    build_benchmark(source, tmp_path / "undisturbed")
    out = tmp_path / "shared" / "out"
    with start(project_root, source, out) as one, start(project_root, source, out) as two:
        messages = [program.communicate()[1] for program in (one, two)]
    assert (one.returncode, two.returncode) == (0, 0), messages
    assert digests(out) == digests(tmp_path / "undisturbed")
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_build_out_of_space_says_so_and_leaves_the_old_benchmark_whole(source, tmp_path, project_root):
    out = tmp_path / "full" / "out"
    out.mkdir(parents=True)
    (out / "old.txt").write_text("old")

    def little_space():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    with start(project_root, source, out, preexec_fn=little_space) as program:
        message = program.communicate()[1]
    assert program.returncode == 1
    assert f"error: expected space to write {out}, found none" in message
    assert "What stood there before is untouched." in message
    assert "Traceback" not in message
    assert {path.name: path.read_text() for path in out.iterdir()} == {"old.txt": "old"}
    assert [path.name for path in out.parent.iterdir()] == ["out"]
