"""Images put aside in a file: the same bytes again, each once, and no silence when they are gone."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.series import examples
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.data.image_store import ImageStore
from vlrouterbench.data.images import check_image, read_image_bytes


@given(contents=st.lists(st.binary(max_size=20), max_size=12))
@examples(50)
def test_every_content_reads_back_and_is_written_once(tmp_path_factory, contents):
    folder = tmp_path_factory.mktemp("images")
    with ImageStore(folder) as store:
        images = [store.add(content) for content in contents]
        assert [read_image_bytes(image) for image in images] == contents  # while others are still added
    assert [image.read_bytes() for image in images] == contents
    assert sum(path.stat().st_size for path in folder.iterdir()) == sum(map(len, set(contents)))


def test_two_stores_share_a_folder_and_nothing_else(tmp_path):
    with ImageStore(tmp_path) as one, ImageStore(tmp_path) as two:
        first, second = one.add(b"first"), two.add(b"second")
    assert (first.read_bytes(), second.read_bytes()) == (b"first", b"second")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("change", [lambda path: path.unlink(), lambda path: os.truncate(path, 3)], ids=["gone", "cut"])
def test_a_file_that_changed_is_an_error_and_no_bad_image(tmp_path, change):
    with ImageStore(tmp_path) as store:
        image = store.add(b"an image")
    change(image.path)
    with pytest.raises(VLRouterBenchError, match="Build again"):
        check_image(image)
