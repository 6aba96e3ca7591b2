"""What killed writers leave: removed by the next writer, never while its own writer lives, and nothing old is lost."""

import ctypes
import errno
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.killing import kills_at_every_step
from tests.series import rounds
from vlrouterbench.core import disk, staging
from vlrouterbench.core.disk import exchange
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.files import scratch_folder, staged_file, staged_folder, staged_set
from vlrouterbench.core.staging import bring_back_killed
from vlrouterbench.data.table import load_table
from vlrouterbench.routers.auto import AutoRouter

WRITER = """
import sys
from pathlib import Path
from vlrouterbench.core.files import staged_file, staged_folder
kind, target = sys.argv[1], Path(sys.argv[2])
with {"file": staged_file, "folder": staged_folder}[kind](target) as path:
    (path / "a.txt" if kind == "folder" else path).write_text("its")
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
    with writer(project_root, kind, target) as other:
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
    def write_two(number):
        for turn in rounds(40):
            with staged_folder(tmp_path / "out") as folder:
                for name in "ab":
                    (folder / name).write_text(f"{number} {turn}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write_two, range(4)))
    assert len({path.read_text() for path in (tmp_path / "out").iterdir()}) == 1
    assert names_in(tmp_path / "out") == ["a", "b"]
    assert names_in(tmp_path) == ["out"]


KINDS = {"file": staged_file, "folder": staged_folder, "set": lambda target: staged_set(target, "a.txt")}


def write(kind, target, text):
    with KINDS[kind](target) as path:
        (path if kind == "file" else path / "a.txt").write_text(text)
        if kind == "set":
            (path / "b.txt").write_text(text)


def content(kind, target):
    path = target if kind == "file" else target / "a.txt"
    return path.read_text() if path.exists() else None


@pytest.mark.faults
@pytest.mark.parametrize("old", [True, False], ids=["over an old one", "first"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_writer_killed_at_any_step_leaves_the_old_or_the_new_and_the_next_writer_clears_up(tmp_path, kind, old):
    steps = 0
    if old:
        (tmp_path / "0").mkdir()
        write(kind, tmp_path / "0" / "out", "old")
    for step in kills_at_every_step(lambda step: write(kind, tmp_path / str(step) / "out", "new")):
        target = tmp_path / str(step) / "out"
        found = content(kind, target)
        assert found in ("old" if old and kind != "set" else None, "old" if old else None, "new"), step
        if kind == "set" and found:  # a key never stands beside a part of another set
            assert (target / "b.txt").read_text() == found
        write(kind, target, "next")
        assert content(kind, target) == "next"
        assert names_in(target.parent) == ["out"]
        steps += 1
        if old:
            (tmp_path / str(steps)).mkdir()
            write(kind, tmp_path / str(steps) / "out", "old")
    assert steps > 8


@pytest.mark.faults
def test_where_folders_cannot_change_places_a_reader_brings_back_what_a_killed_writer_moved_aside(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(staging, "exchange", lambda one, other: False)
    seen, steps = [], 0
    (tmp_path / "0").mkdir()
    write("folder", tmp_path / "0" / "out", "old")
    for step in kills_at_every_step(lambda step: write("folder", tmp_path / str(step) / "out", "new")):
        target = tmp_path / str(step) / "out"
        seen.append(content("folder", target))
        assert content("folder", bring_back_killed(target)) == (seen[-1] or "old")
        assert bring_back_killed(target) == target  # with nothing to do
        write("folder", target, "next")
        assert names_in(target.parent) == ["out"]
        steps += 1
        (tmp_path / str(steps)).mkdir()
        write("folder", tmp_path / str(steps) / "out", "old")
    assert set(seen) == {"old", None, "new"}


def test_a_reader_leaves_what_a_living_writer_moved_aside_and_what_is_there(tmp_path):
    assert bring_back_killed(tmp_path / "none" / "out") == tmp_path / "none" / "out"
    with staged_folder(tmp_path / "out") as folder:
        folder.with_name("old").mkdir()
        bring_back_killed(tmp_path / "out")
        assert not (tmp_path / "out").exists()
        folder.with_name("old").rmdir()
    assert names_in(tmp_path) == ["out"]


def test_a_benchmark_and_a_router_that_a_killed_writer_moved_aside_are_read(tmp_path):
    for read, name in ((load_table, "build_report.json"), (AutoRouter.from_pretrained, "config.json")):
        place = tmp_path / ".out.abcdefgh.partial"
        (place / "old").mkdir(parents=True)
        (place / "old" / name).write_text("{}")
        (place / "lock").touch()
        with pytest.raises(VLRouterBenchError):
            read(tmp_path / "out")
        assert names_in(tmp_path) == ["out"] and names_in(tmp_path / "out") == [name]
        shutil.rmtree(tmp_path / "out")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the exchange is Linux's")
def test_a_reader_never_sees_a_folder_missing_while_it_is_replaced(tmp_path):
    target = tmp_path / "out"
    write("folder", target, "0")
    if not exchange(target, folder_with(tmp_path / "other", "other")):
        pytest.skip("this file system cannot exchange folders")
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [write("folder", target, "1") for _ in rounds(20)])
        while not writing.done():
            assert target.is_dir()
        writing.result()


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EPERM])
def test_a_system_without_the_exchange_has_two_renames(tmp_path, monkeypatch, number):
    def refusing(*_):
        ctypes.set_errno(number)
        return -1

    monkeypatch.setattr(disk, "_renameat2", lambda: refusing)
    for text in ("one", "two"):
        write("folder", tmp_path / "out", text)
        assert content("folder", tmp_path / "out") == text
    assert names_in(tmp_path) == ["out"]
    monkeypatch.setattr(disk, "_renameat2", lambda: None)
    write("folder", tmp_path / "out", "three")
    assert content("folder", tmp_path / "out") == "three"


def test_an_exchange_with_nothing_says_what_is_missing(tmp_path):
    folder_with(tmp_path / "one", "1")
    if disk._renameat2() is None:
        pytest.skip("the exchange is Linux's")
    with pytest.raises(FileNotFoundError, match="none"):
        exchange(tmp_path / "one", tmp_path / "none")


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_is_flushed_before_it_has_its_name_and_its_name_afterwards(tmp_path, kind, monkeypatch):
    flushed = []
    monkeypatch.setattr(
        os,
        "fsync",
        lambda number: flushed.append((str(Path(f"/proc/self/fd/{number}").readlink()), content(kind, target))),
    )
    target = tmp_path / "out"
    write(kind, target, "new")
    *before, (last, after) = flushed
    assert all(text is None for _, text in before) and any("/new" in path for path, _ in before)
    assert last == str(target if kind == "set" else tmp_path) and after == "new"


def test_an_interrupt_between_the_renames_brings_the_old_folder_back(tmp_path, monkeypatch):
    target, rename = folder_with(tmp_path / "out", "old"), staging.os.rename

    def interrupted(source, to, **options):
        if staging.os.fspath(to) == str(target) and "new" in staging.os.fspath(source):
            raise KeyboardInterrupt
        rename(source, to, **options)

    monkeypatch.setattr(staging, "exchange", lambda one, other: False)
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
