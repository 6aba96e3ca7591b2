"""Images that are checked in parts: what one process finds of them, whatever they are and however they are cut."""

from tests.cli.conftest import run_program
from tests.demo.bad_files import image_bytes
from tests.tables import write_own_tables
from vlrouterbench.core.parts.local_engine import LocalEngine
from vlrouterbench.data import image_work, images
from vlrouterbench.data.image_work import check_in_parts
from vlrouterbench.data.images import check_images


def test_what_is_found_of_images_is_the_same_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "IMAGES_PER_TASK", 2)
    (tmp_path / "a.png").write_bytes(image_bytes())
    several = [None, image_bytes(), b"no image", tmp_path / "a.png", tmp_path / "none.png", image_bytes(), None]
    expected = check_images(several, num_threads=1)
    assert [check.problem is None for check in expected] == [True, True, False, True, False, True, True]
    for parts in (None, 1, 2, 9):
        assert check_in_parts(several, LocalEngine(1), parts, tmp_path / "out") == expected
    assert check_in_parts([None], LocalEngine(1), 2, tmp_path / "out") == [expected[0]]
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


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
