"""Writing whole or not at all, and digests that follow contents and names but not places."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.series import examples
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.files import folder_beside, sha256_of_files, staged_file, staged_folder, write_json


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_staged_folder_appears_only_when_the_block_ends(tmp_path):
    target = tmp_path / "deep" / "out"
    with staged_folder(target) as folder:
        (folder / "a.txt").write_text("new")
        assert not target.exists()
    assert (target / "a.txt").read_text() == "new"
    assert names_in(target.parent) == ["out"]


def test_a_staged_folder_replaces_the_old_one_as_a_whole(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "stale.txt").write_text("old")
    with staged_folder(target) as folder:
        (folder / "a.txt").write_text("new")
        assert names_in(target) == ["stale.txt"]
    assert names_in(target) == ["a.txt"]
    assert names_in(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_a_failure_inside_a_staged_folder_leaves_the_old_one_whole(tmp_path, error):
    target = tmp_path / "out"
    target.mkdir()
    (target / "good.txt").write_text("old")
    with pytest.raises(error), staged_folder(target) as folder:
        (folder / "good.txt").write_text("half")
        raise error
    assert (target / "good.txt").read_text() == "old"
    assert names_in(tmp_path) == ["out"]


def test_a_failure_inside_a_first_staged_folder_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), staged_folder(tmp_path / "out") as folder:
        (folder / "half.txt").write_text("half")
        raise RuntimeError
    assert names_in(tmp_path) == []


def test_a_folder_beside_a_target_is_gone_at_the_end_and_lasts_while_the_target_is_written(tmp_path):
    with folder_beside(tmp_path / "out") as aside:
        (aside / "a.bin").write_bytes(b"aside")
        with staged_folder(tmp_path / "out") as folder:
            (folder / "b.bin").write_bytes((aside / "a.bin").read_bytes())
        assert aside.parent.parent == tmp_path
        assert (aside / "a.bin").read_bytes() == b"aside"
    assert names_in(tmp_path) == ["out"]
    assert names_in(tmp_path / "out") == ["b.bin"]


def test_a_folder_beside_a_target_that_a_killed_process_left_goes_with_the_next_write(tmp_path):
    dead = tmp_path / ".out.abcdefgh.partial"
    (dead / "new").mkdir(parents=True)
    (dead / "new" / "images-1").write_bytes(b"aside")
    (dead / "lock").touch()
    with folder_beside(tmp_path / "out") as aside:
        assert names_in(tmp_path) == [aside.parent.name] != [dead.name]
    assert names_in(tmp_path) == []


def test_when_the_rename_into_place_fails_the_old_folder_comes_back(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "good.txt").write_text("old")
    with pytest.raises(OSError), staged_folder(target) as folder:
        folder.rmdir()  # nothing is left to be renamed
    assert (target / "good.txt").read_text() == "old"
    assert names_in(tmp_path) == ["out"]


def test_a_file_where_the_folder_should_go_is_an_error_and_stays(tmp_path):
    target = tmp_path / "out"
    target.write_text("precious")
    with pytest.raises(VLRouterBenchError, match="expected a folder to write to, found a file"), staged_folder(target):
        pass
    assert target.read_text() == "precious"
    assert names_in(tmp_path) == ["out"]


def test_a_staged_folder_is_readable_by_others(tmp_path):
    with staged_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


def test_a_relative_target_lands_in_the_folder_where_the_block_began(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with staged_folder(Path("out")) as folder:
        (folder / "a.txt").write_text("new")
        os.chdir(tmp_path / "elsewhere")
    assert (tmp_path / "out" / "a.txt").read_text() == "new"


def test_a_staged_file_replaces_the_old_one_only_at_the_end(tmp_path):
    target = tmp_path / "deep" / "a.json"
    with staged_file(target) as staging:
        staging.write_text("first")
    with staged_file(target) as staging:
        staging.write_text("second")
        assert target.read_text() == "first"
    assert target.read_text() == "second"
    assert target.stat().st_mode & 0o777 == 0o644
    assert names_in(target.parent) == ["a.json"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_inside_a_staged_file_leaves_the_old_one_whole(tmp_path, error):
    target = tmp_path / "a.json"
    target.write_text("old")
    with pytest.raises(error), staged_file(target) as staging:
        staging.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert names_in(tmp_path) == ["a.json"]


KILLED_WRITER = """
import sys, time
from pathlib import Path
from vlrouterbench.core.files import staged_file, staged_folder
stage, target = {"file": staged_file, "folder": staged_folder}[sys.argv[1]], Path(sys.argv[2])
with stage(target) as staging:
    (staging / "good.txt" if sys.argv[1] == "folder" else staging).write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.faults
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_writer_killed_in_the_middle_leaves_the_old_content_whole(tmp_path, project_root, kind):
    target = tmp_path / "out"
    if kind == "folder":
        target.mkdir()
    content = target / "good.txt" if kind == "folder" else target
    content.write_text("old")
    command = [sys.executable, "-c", KILLED_WRITER, kind, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=project_root) as writer:
        assert writer.stdout.readline() == "writing\n"
        writer.send_signal(signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    assert content.read_text() == "old"
    # And the next writer is not disturbed by what the killed one left beside it, and removes it.
    with (staged_folder if kind == "folder" else staged_file)(target) as staging:
        (staging / "good.txt" if kind == "folder" else staging).write_text("new")
    assert content.read_text() == "new"
    assert names_in(tmp_path) == ["out"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON.filter(lambda value: "\ud800" not in repr(value)))
@examples(40)
def test_written_json_reads_back_equal(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("json") / "a.json"
    write_json(path, content)
    assert json.loads(path.read_text(encoding="utf-8")) == content


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_json_has_not_and_keeps_the_old_file(tmp_path, value):
    path = tmp_path / "a.json"
    write_json(path, {"good": 1})
    with pytest.raises(ValueError):
        write_json(path, {"bad": value})
    assert json.loads(path.read_text()) == {"good": 1}
    assert names_in(tmp_path) == ["a.json"]


def digest_of(root, contents):
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return sha256_of_files([root / name for name in contents], root)


def test_a_digest_does_not_depend_on_place_or_order(tmp_path):
    one = digest_of(tmp_path / "one", {"a": "1", "sub/b": "2"})
    assert digest_of(tmp_path / "two", {"sub/b": "2", "a": "1"}) == one


@pytest.mark.parametrize("changed", [{"a": "1x", "sub/b": "2"}, {"a2": "1", "sub/b": "2"}, {"a": "1"}, {"a": "12"}])
def test_a_digest_follows_every_name_and_content(tmp_path, changed):
    assert digest_of(tmp_path / "other", changed) != digest_of(tmp_path / "one", {"a": "1", "sub/b": "2"})


def test_what_is_staged_can_be_read_by_others(tmp_path):
    with staged_folder(tmp_path / "folder") as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "weights").write_bytes(b"x")
        (folder / "sub" / "weights").chmod(0o600)
    with staged_file(tmp_path / "file") as path:
        path.write_bytes(b"x")
        path.chmod(0o600)
    assert (tmp_path / "folder" / "sub" / "weights").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
