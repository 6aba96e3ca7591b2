"""Images that the user's own tables name: columns, paths, lists; lost ones are named, many are an error."""

import base64
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.sources.editing import edit
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.prices.read import read_pool
from vlrouterbench.data.sources.own_tables.read import read_own_tables
from vlrouterbench.data.table import load_table


def read(folder):
    return read_own_tables(folder, pool=read_pool(folder / "candidates.csv"))


def set_cells(folder, cell_of, extension="parquet", column="image"):
    def change(rows):
        for row in rows:
            row[column] = cell_of(row.pop("image"))

    edit(folder, "samples", change, extension)


def assert_same_images(folder, before, **reasons):
    source = read(folder)
    assert source.images == before.images
    counted = {}
    for entry in source.left_out:
        counted[str(entry.reason)] = counted.get(str(entry.reason), 0) + 1
    assert counted == reasons


@pytest.mark.parametrize("extension", ["parquet", "csv", "jsonl"])
def test_paths_with_backslashes_and_a_column_image_path_are_read(own_tables, extension):
    before = read(own_tables)
    set_cells(own_tables, lambda path: path.replace("/", "\\"), extension, "image_path")
    assert_same_images(own_tables, before)


@pytest.mark.parametrize(
    ("extension", "written"),
    [("parquet", list), ("jsonl", list), ("csv", json.dumps), ("parquet", json.dumps), ("csv", str)],
    ids=["list column", "json list", "list in csv", "list as text", "Python's form"],
)
def test_all_of_several_images_are_kept(own_tables, extension, written):
    before = read(own_tables)
    set_cells(own_tables, lambda path: written([path, "images/0.png", "images/1.png"]), extension)
    assert_same_images(own_tables, before)
    further = read(own_tables).further
    assert len(further) == 12
    assert {tuple(path.name for path in paths) for paths in further.values()} == {("0.png", "1.png")}


def test_an_absolute_path_that_leads_inside_is_read(own_tables):
    before = read(own_tables)
    set_cells(own_tables, lambda path: str((own_tables / path).resolve()))
    assert_same_images(own_tables, before)


def test_an_empty_list_is_no_image_and_none_is_missing(own_tables):
    set_cells(own_tables, lambda path: "[]")
    source = read(own_tables)
    assert source.images == [None] * 12 and not source.missing_images and not source.left_out


def test_a_backslash_leads_outside_no_more_than_a_slash(own_tables):
    (own_tables.parent / "secret.png").write_bytes(b"secret")
    set_cells(own_tables, lambda path: "..\\secret.png")
    with pytest.raises(SourceError, match=r"row 1: the image path .* leaves the folder"):
        read(own_tables)


@pytest.mark.parametrize("damage", ["gone", "rubbish"])
@pytest.mark.parametrize(("num_lost", "fails"), [(2, False), (3, True)])
def test_a_build_ends_where_more_than_a_fifth_of_the_named_images_is_lost(
    own_tables, tmp_path, damage, num_lost, fails
):
    for n in range(num_lost):
        path = own_tables / "images" / f"{n}.png"
        path.unlink()
        if damage == "rubbish":
            path.write_bytes(b"rubbish")
    if fails:
        with pytest.raises(SourceError, match=r"found 3 of 12 that are not .* s00: .*s01: .*s02: "):
            build_benchmark(own_tables, tmp_path / "out")
        assert not (tmp_path / "out").exists()
    build_benchmark(own_tables, tmp_path / "out", BuildOptions(allow_missing_images=fails))
    assert load_table(tmp_path / "out").report["images"] == {"ok": 12 - num_lost, "bad": num_lost}


def with_bytes(folder, name, path=None):
    content = (folder / name).read_bytes()
    return content if path is None else {"bytes": content, "path": path}


@pytest.mark.parametrize(
    "cell_of",
    [
        lambda folder, name: with_bytes(folder, name),
        lambda folder, name: with_bytes(folder, name, name.rsplit("/", 1)[-1]),
        lambda folder, name: {"bytes": None, "path": name},
        lambda folder, name: [with_bytes(folder, name)],
        lambda folder, name: f"data:image/png;base64,{base64.b64encode(with_bytes(folder, name)).decode()}",
    ],
    ids=["bytes", "struct", "struct of a path", "list of bytes", "data URL"],
)
def test_images_that_stand_in_the_table_are_those_of_its_files(own_tables, tmp_path, cell_of):
    before = [reference.read_bytes() for reference in read(own_tables).images]
    set_cells(own_tables, lambda name: cell_of(own_tables, name))
    source = read(own_tables)
    found = [reference if isinstance(reference, bytes) else reference.read_bytes() for reference in source.images]
    assert found == before and not source.left_out
    build_benchmark(own_tables, tmp_path / "out")
    assert sorted(load_table(tmp_path / "out").iter_images()) == sorted(before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "own"], "what was put aside is gone"


def test_the_table_of_a_benchmark_folder_is_a_table_of_samples(own_tables, tmp_path):
    """What `build` wrote, and `datasets` writes alike, is read again: the same samples with the same images."""
    build_benchmark(own_tables, tmp_path / "out")
    table = load_table(tmp_path / "out")
    rows = pa.concat_tables(map(pq.read_table, sorted((tmp_path / "out" / "data").glob("*.parquet"))))
    again = tmp_path / "again"
    again.mkdir()
    for name in ("outcomes.parquet", "candidates.csv"):
        shutil.copy(own_tables / name, again)
    pq.write_table(rows, again / "samples.parquet")
    build_benchmark(again, tmp_path / "second")
    second = load_table(tmp_path / "second")
    for name in ("sample_id", "question", "options", "dataset", "split"):
        assert dict(zip(second.column("sample_id"), second.column(name), strict=True)) == dict(
            zip(table.column("sample_id"), table.column(name), strict=True)
        )
    assert sorted(second.iter_images()) == sorted(table.iter_images())


def test_an_image_by_its_address_or_damaged_is_lost_and_named(own_tables):
    cells = iter(["https://example.com/a.png", "data:image/png;base64,AAA", *[None] * 10])
    set_cells(own_tables, lambda name: next(cells))
    source = read(own_tables)
    assert source.missing_images == {"s00", "s01"}
    details = [entry.detail for entry in source.left_out]
    assert "nothing is fetched" in details[0] and "damaged data URL" in details[1]
    assert max(map(len, details)) < 300


def test_of_several_images_in_the_table_all_are_kept(own_tables):
    before = [reference.read_bytes() for reference in read(own_tables).images]
    set_cells(own_tables, lambda name: [with_bytes(own_tables, name), with_bytes(own_tables, "images/0.png")])
    source = read(own_tables)
    assert source.images == before
    assert source.left_out == [] and {*map(len, source.further.values())} == {1}


def test_one_of_several_images_that_is_missing_is_named_and_the_others_are_kept(own_tables, tmp_path):
    set_cells(own_tables, lambda path: [path, "images/none.png"] if path != "images/0.png" else ["none.png", path])
    report = build_benchmark(own_tables, tmp_path / "out", BuildOptions(allow_missing_images=True))
    table = load_table(tmp_path / "out")
    assert {entry["detail"] for entry in report["left_out"]} == {"no such file"} and len(report["left_out"]) == 12
    assert not any(table.column("image_ok")) and table.column("num_images") == [1] * 12
    assert all(table.iter_images())
