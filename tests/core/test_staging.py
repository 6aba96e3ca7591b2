"""What killed writers leave: removed by the next writer, never while its own writer lives, and nothing old is lost."""

import errno
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.series import rounds
from vlrouterbench.core import staging
from vlrouterbench.core.files import scratch_folder, staged_file, staged_folder

WRITER = """
import os, signal, sys
from pathlib import Path
from vlrouterbench.core.files import staged_file, staged_folder
kind, target, moment = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
renames, rename = iter(range(10)), os.rename
def killed_at(*paths, **options):
    if next(renames) == int(moment):
        os.kill(os.getpid(), signal.SIGKILL)
    rename(*paths, **options)
if moment != "waiting":
    os.rename = killed_at
with {"file": staged_file, "folder": staged_folder}[kind](target) as path:
    (path / "a.txt" if kind == "folder" else path).write_text("its")
    if moment == "waiting":
        print("writing", flush=True)
        sys.stdin.readline()
"""


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def writer(project_root, *arguments):
    command = [sys.executable, "-c", WRITER, *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(command, text=True, cwd=project_root, **pipes)


def folder_with(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_text(text)
    return folder


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_living_writer_has_written_is_left_alone(tmp_path, project_root, kind):
    target = tmp_path / "out"
    content = target / "a.txt" if kind == "folder" else target
    with writer(project_root, kind, target, "waiting") as other:
        assert other.stdout.readline() == "writing\n"
        with (staged_folder if kind == "folder" else staged_file)(target) as path:
            (path / "a.txt" if kind == "folder" else path).write_text("ours")
        assert content.read_text() == "ours"
        assert len(names_in(tmp_path)) == 2
        other.communicate("go on\n")
    assert other.returncode == 0
    assert content.read_text() == "its"
    assert names_in(tmp_path) == ["out"]


def test_two_writers_in_one_process_leave_each_other_alone(tmp_path):
    with staged_folder(tmp_path / "out") as one, staged_folder(tmp_path / "out") as two:
        (one / "a.txt").write_text("one")
        (two / "a.txt").write_text("two")
    assert (tmp_path / "out" / "a.txt").read_text() == "one"  # the outer one ends last
    assert names_in(tmp_path) == ["out"]


@pytest.mark.faults
def test_writers_that_replace_one_folder_again_and_again_never_mix_or_fail(tmp_path):
    def write(number):
        for turn in rounds(40):
            with staged_folder(tmp_path / "out") as folder:
                for name in "ab":
                    (folder / name).write_text(f"{number} {turn}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len({path.read_text() for path in (tmp_path / "out").iterdir()}) == 1
    assert names_in(tmp_path / "out") == ["a", "b"]
    assert names_in(tmp_path) == ["out"]


@pytest.mark.faults
@pytest.mark.parametrize(("rename", "found"), [(0, "old"), (1, None), (2, "its")])
def test_a_writer_killed_at_any_rename_loses_nothing(tmp_path, project_root, rename, found):
    """Renames: the old one aside, the new one in, the old one marked as replaced."""
    target = folder_with(tmp_path / "out", "old")
    with writer(project_root, "folder", target, rename) as other:
        other.communicate()
    assert other.returncode == -signal.SIGKILL
    assert found == ((target / "a.txt").read_text() if target.exists() else None)
    # The next writer fails: what stood there before the killed one, or what it had put in place, stands there.
    with pytest.raises(RuntimeError), staged_folder(target):
        assert (target / "a.txt").read_text() == (found or "old")
        raise RuntimeError
    assert (target / "a.txt").read_text() == (found or "old")
    assert names_in(tmp_path) == ["out"]


def test_an_interrupt_between_the_renames_brings_the_old_folder_back(tmp_path, monkeypatch):
    target, rename = folder_with(tmp_path / "out", "old"), staging.os.rename

    def interrupted(source, to, **options):
        if staging.os.fspath(to) == str(target) and "new" in staging.os.fspath(source):
            raise KeyboardInterrupt
        rename(source, to, **options)

    monkeypatch.setattr(staging.os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), staged_folder(target) as folder:
        (folder / "a.txt").write_text("new")
    assert (target / "a.txt").read_text() == "old"
    assert names_in(tmp_path) == ["out"]


@pytest.mark.parametrize("name", [".out.abcdefgh.partial", ".out.features.abcdefgh.partial", ".out.old"])
def test_a_folder_that_is_not_ours_or_of_another_target_stays(tmp_path, name):
    folder_with(tmp_path / name, "precious")
    if "features" in name:
        (tmp_path / name / "lock").touch()
    with staged_folder(tmp_path / "out"):
        pass
    assert (tmp_path / name / "a.txt").read_text() == "precious"


@pytest.mark.parametrize("files", [(), ("lock",), ("lock", "new")])
def test_a_place_whose_writer_died_early_or_late_is_removed(tmp_path, files):
    place = tmp_path / ".out.abcdefgh.partial"
    place.mkdir()
    for name in files:
        (place / name).touch()
    (tmp_path / ".out.lock").touch()  # its writer died while it held this one, too
    with staged_file(tmp_path / "out"):
        pass
    assert names_in(tmp_path) == ["out"]


def test_where_there_are_no_locks_nothing_is_cleared_and_writing_works(tmp_path, monkeypatch):
    def refused(self, **_):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(staging.FileLock, "acquire", refused)
    place = tmp_path / ".out.abcdefgh.partial"
    place.mkdir()
    (place / "lock").touch()
    for text in ("one", "two"):
        with staged_folder(tmp_path / "out") as folder:
            (folder / "a.txt").write_text(text)
        assert (tmp_path / "out" / "a.txt").read_text() == text
    assert names_in(tmp_path) == [".out.abcdefgh.partial", "out"]


def test_a_scratch_folder_goes_away_and_takes_those_of_killed_processes_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch_folder("mine") as folder:
        (folder / "a.txt").write_text("text")
        assert names_in(tmp_path) == [folder.parent.name]
    dead = folder.parent.with_name(folder.parent.name[: -len("12345678.partial")] + "abcdefgh.partial")
    (dead / "new").mkdir(parents=True)
    (dead / "lock").touch()
    with scratch_folder("mine") as folder:
        assert names_in(tmp_path) == [folder.parent.name]
    assert names_in(tmp_path) == []
