"""Anchor files: a benchmark without images, images that it could not read, and writing completely or not at all."""

import csv

import pytest

from tests.tables import write_own_tables
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.table import load_table
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.training.fit import train_router
from vlrouterbench.training.pool.anchors import COLUMNS, write_anchors
from vlrouterbench.training.problem import Problem


def _router_and_table(own):
    """A flagship, and the benchmark of own tables that it was trained on."""
    build_benchmark(own, own.parent / "benchmark", BuildOptions(allow_missing_images=True))
    table = load_table(own.parent / "benchmark")
    return train_router("flagship", Problem(table, encode_benchmark(table))).router, table


@pytest.fixture(scope="module")
def text_only(tmp_path_factory):
    return _router_and_table(write_own_tables(tmp_path_factory.mktemp("text") / "own", images=False))


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """Every second image cannot be read."""
    own = write_own_tables(tmp_path_factory.mktemp("damaged") / "own")
    for number in range(0, 120, 2):
        (own / "images" / f"{number}.png").write_bytes(b"not a image")
    return _router_and_table(own)


def _rows(path):
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_a_benchmark_without_images_has_no_folder_of_them(text_only, tmp_path):
    sheet = write_anchors(*text_only, 20, tmp_path / "anchors.csv")
    assert (sheet.images, sheet.num_samples, sheet.num_images, sheet.num_unreadable) == (None, 20, 0, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["anchors.csv"]
    rows = _rows(sheet.path)
    assert tuple(rows[0]) == COLUMNS and {row["image"] for row in rows} == {""}


def test_images_that_the_benchmark_could_not_read_are_counted(damaged, tmp_path):
    router, table = damaged
    sheet = write_anchors(router, table, 30, tmp_path / "anchors.csv")
    usable = dict(zip(table.column("sample_id"), table.column("image_ok"), strict=True))
    rows = _rows(sheet.path)
    assert [bool(row["image"]) for row in rows] == [usable[row["sample_id"]] for row in rows]
    assert 0 < sheet.num_unreadable < 30 and sheet.num_images == 30 - sheet.num_unreadable
    assert len(list(sheet.images.iterdir())) == sheet.num_images


def test_a_write_that_fails_leaves_nothing(damaged, tmp_path):
    (tmp_path / "anchors-images").write_text("a file where the images would go")
    with pytest.raises(Exception, match="expected a folder to write to"):
        write_anchors(*damaged, 30, tmp_path / "anchors.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["anchors-images"]
