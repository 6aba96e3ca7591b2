"""Archives of images: files with wrong sizes are refused, nothing is unpacked to disk."""

import pytest

from tests.demo.bad_files import image_bytes, zip_of
from vlrouterbench.demo.images import ImageArchive
from vlrouterbench.routing.limits import Limits, QuestionError


def test_a_zip_bomb_is_refused_by_what_it_states(tmp_path):
    path = zip_of(tmp_path / "bomb.zip", {f"{number}.png": bytes(2**20) for number in range(4)})
    assert path.stat().st_size < 20_000
    with pytest.raises(QuestionError, match="unpacks to 4 MiB; at most 2"):
        ImageArchive(path, Limits(unpacked_bytes=2 * 2**20))


def test_a_zip_that_lies_about_sizes_is_read_no_further_than_the_limit(tmp_path):
    path = zip_of(tmp_path / "liar.zip", {"a.png": bytes(2**20)})
    honest = (2**20).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(honest, (100).to_bytes(4, "little")))
    with ImageArchive(path, Limits(image_bytes=1000)) as archive, pytest.raises(QuestionError):
        archive.images("a.png")


def test_too_many_files_in_a_zip_are_refused(tmp_path):
    path = zip_of(tmp_path / "many.zip", {f"{number}.png": b"" for number in range(5)})
    with pytest.raises(QuestionError, match="5 files; at most 4"):
        ImageArchive(path, Limits(archive_files=4))


def test_names_that_climb_out_of_a_zip_lead_nowhere(tmp_path):
    (tmp_path / "secret.png").write_bytes(image_bytes())
    here = tmp_path / "here"
    here.mkdir()
    path = zip_of(here / "climb.zip", {"../evil.png": image_bytes(size=(3, 5)), "/abs.png": image_bytes()})
    with ImageArchive(path) as archive:
        # A member of that name is read out of the archive; a file of the disk never is.
        assert archive.images("../evil.png")[0][0].size == (3, 5)
        for name in ("../secret.png", str(tmp_path / "secret.png"), "secret.png"):
            with pytest.raises(QuestionError, match="not in the archive"):
                archive.images(name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["climb.zip", "here", "secret.png"]


def test_what_is_no_zip_is_said_plainly(tmp_path):
    (tmp_path / "no.zip").write_bytes(b"no zip at all")
    with pytest.raises(QuestionError, match="not a readable zip"):
        ImageArchive(tmp_path / "no.zip")
