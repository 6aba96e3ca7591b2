"""Images that are checked in parts: what one process finds of them, whatever they are and however they are cut."""

import hashlib
import os

import pytest

from tests.cli.conftest import run_program
from tests.demo.bad_files import image_bytes
from tests.tables import write_own_tables
from vlrouterbench.core.parts.local_engine import LocalEngine
from vlrouterbench.data import image_work, images
from vlrouterbench.data.image_work import check_in_parts
from vlrouterbench.data.images import check_images


def changed_digit(text):
    """What was kept, with another digest of the first image."""
    return text.replace(hashlib.sha256(image_bytes()).hexdigest(), 64 * "0")


def test_what_is_found_of_images_is_the_same_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "IMAGES_PER_TASK", 2)
    (tmp_path / "a.png").write_bytes(image_bytes())
    several = [None, image_bytes(), b"no image", tmp_path / "a.png", tmp_path / "none.png", image_bytes(), None]
    expected = check_images(several, num_threads=1)
    assert [check.problem is None for check in expected] == [True, True, False, True, False, True, True]
    for parts in (None, 1, 2, 9):
        assert check_in_parts(several, LocalEngine(1), parts, tmp_path / "out") == expected
    assert check_in_parts([None], LocalEngine(1), 2, tmp_path / "out") == [expected[0]]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.checked", "a.png"]
    (tmp_path / "a.png").write_bytes(b"another one")  # what is kept is found by the bytes of images
    assert check_in_parts(several, LocalEngine(1), 1, tmp_path / "out")[3].problem is not None


@pytest.mark.parametrize("damage", [lambda text: "5", lambda text: "[1, 2]", lambda text: "{}", changed_digit])
def test_what_is_kept_counts_only_as_it_was_written(damage, tmp_path):
    several = [image_bytes(), b"no image"]
    expected = check_in_parts(several, LocalEngine(1), 1, tmp_path / "out")
    [kept] = (tmp_path / ".out.checked").iterdir()
    whole = kept.read_text(encoding="utf-8")
    kept.write_text(damage(whole), encoding="utf-8")
    assert kept.read_text(encoding="utf-8") != whole
    assert check_in_parts(several, LocalEngine(1), 1, tmp_path / "out") == expected
    assert kept.read_text(encoding="utf-8") == whole


def test_a_build_that_was_stopped_decodes_no_part_again_and_leaves_nothing_when_it_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "IMAGES_PER_TASK", 8)
    write_own_tables(tmp_path / "own")
    asked, steps = ("build", tmp_path / "own", "--actors", 1, "--parts", 4), []
    run_program(*asked, "--out", tmp_path / "whole")
    batches, checked = [], image_work.check_batch

    def checking(batch):
        if len(batches) == 3:
            os._exit(9)
        batches.append(len(batch))
        return checked(batch)

    out = tmp_path / "killed" / "out"
    monkeypatch.setattr(image_work, "check_batch", checking)
    if not (child := os.fork()):
        run_program(*asked, "--out", out)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9 and not out.exists()
    done = len(list((out.parent / ".out.checked").iterdir()))
    monkeypatch.setattr(image_work, "check_batch", lambda batch: steps.append(len(batch)) or checked(batch))
    assert run_program(*asked, "--out", out).status == 0 and content(out) == content(tmp_path / "whole")
    again = len(steps)
    steps.clear()
    run_program(*asked, "--out", tmp_path / "other")
    assert 0 < done < 4 and again < len(steps)
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "other", "own", "whole"]


def test_a_benchmark_that_is_built_in_parts_is_the_same_to_the_last_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(image_work, "_IMAGES_PER_PART", 32)
    write_own_tables(tmp_path / "own")
    for name, more in (("one", ()), ("parts", ("--actors", 1))):
        done = run_program("build", tmp_path / "own", "--out", tmp_path / name, *more)
        assert done.status == 0, done.err
    assert content(tmp_path / "one") == content(tmp_path / "parts")
    refused = run_program("build", tmp_path / "own", "--out", tmp_path / "three", "--gpus-per-actor", 1)
    assert refused.status == 1 and "--gpus-per-actor belongs to --engine ray" in refused.err
    assert not (tmp_path / "three").exists()


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
