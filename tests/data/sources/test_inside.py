"""What lies inside a folder: its own files, and those that a snapshot of the Hub's cache links to; nothing else."""

import os
import shutil

import pytest

from tests.data.sources.editing import edit
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.sources.inside import OutsideError, file_inside, is_inside
from vlrouterbench.data.table import load_table


def snapshot_of(folder, cache):
    """A folder as huggingface_hub's `snapshot_download` lays it out: links into `blobs` beside `snapshots`."""
    snapshot = cache / "snapshots" / ("0123456789abcdef" * 3)[:40]
    (cache / "blobs").mkdir(parents=True)
    for number, file in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        blob, link = cache / "blobs" / f"{number:040d}", snapshot / file.relative_to(folder)
        shutil.copy(file, blob)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return snapshot


@pytest.fixture
def snapshot(own_tables, tmp_path):
    return snapshot_of(own_tables, tmp_path / "datasets--me--mine")


def test_a_snapshot_builds_the_benchmark_of_the_folder_that_it_is_of(own_tables, snapshot, tmp_path):
    build_benchmark(own_tables, tmp_path / "plain")
    build_benchmark(snapshot, tmp_path / "linked")
    plain, linked = load_table(tmp_path / "plain"), load_table(tmp_path / "linked")
    assert linked.report["source_sha256"] == plain.report["source_sha256"]
    assert linked.sha256 == plain.sha256 and list(linked.iter_images()) == list(plain.iter_images())


def test_a_part_of_a_snapshot_is_read_too(own_tables, tmp_path):
    whole = tmp_path / "whole"
    shutil.copytree(own_tables, whole / "part")
    build_benchmark(snapshot_of(whole, tmp_path / "cache") / "part", tmp_path / "out")
    assert load_table(tmp_path / "out").report["images"] == {"ok": 12, "bad": 0}


@pytest.mark.parametrize("kind", ["climbing", "another repository", "another folder", "blobs that are none"])
def test_no_other_link_and_no_path_leads_out_of_a_snapshot(snapshot, tmp_path, kind):
    blob = next((tmp_path / "datasets--me--mine" / "blobs").iterdir())
    outside = tmp_path / "elsewhere" / "blobs"
    outside.mkdir(parents=True)
    (outside / "x").write_bytes(blob.read_bytes())
    name = {"climbing": f"../../blobs/{blob.name}"}.get(kind, "images/link.png")
    target = {"another repository": outside / "x", "another folder": tmp_path / "own" / "candidates.csv"}.get(kind)
    if kind == "blobs that are none":
        (snapshot.parent.parent / "blobs" / "deep").mkdir()
        target = snapshot.parent.parent / "blobs" / "deep" / "x"
        target.write_bytes(b"x")
    if target is not None:
        (snapshot / name).symlink_to(target)
    with pytest.raises(OutsideError):
        file_inside(snapshot, name)
    table = tmp_path / "table"
    table.mkdir()
    shutil.copy(snapshot / "samples.parquet", table)
    edit(table, "samples", lambda rows: rows[0].update(image=name))
    (snapshot / "samples.parquet").unlink()
    shutil.copy(table / "samples.parquet", snapshot)
    with pytest.raises(SourceError, match="leaves the folder"):
        build_benchmark(snapshot, tmp_path / "out")


def test_a_link_into_a_folder_that_is_called_blobs_is_no_snapshot(tmp_path):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "x").write_bytes(b"x")
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "x.png").symlink_to("../blobs/x")
    assert not is_inside(folder / "x.png", folder)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5_000, "no/such/file", "."])
def test_what_is_no_file_is_none(tmp_path, name):
    assert file_inside(tmp_path, name) is None


@pytest.mark.parametrize("kind", ["loop", "pipe"])
def test_an_image_that_is_a_loop_or_a_pipe_costs_its_sample_alone(own_tables, tmp_path, kind):
    path = own_tables / "images" / "5.png"
    path.unlink()
    path.symlink_to(path.name) if kind == "loop" else os.mkfifo(path)
    assert file_inside(own_tables.resolve(), "images/5.png") is None
    report = build_benchmark(own_tables, tmp_path / "out")
    assert [(e["sample_id"], e["detail"]) for e in report["left_out"]] == [("s05", "no such file")]
    assert report["images"] == {"ok": 11, "bad": 1}


@pytest.mark.parametrize("name", ["candidates.csv", "samples.parquet", "outcomes.parquet"])
def test_a_table_that_is_a_link_to_outside_is_refused_as_an_image_is(own_tables, tmp_path, name):
    (own_tables / name).rename(tmp_path / "elsewhere")
    (own_tables / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match=f"expected {name} inside .*own, found a link that leads outside"):
        build_benchmark(own_tables, tmp_path / "out")
    (own_tables / name).unlink()
    (tmp_path / "elsewhere").rename(own_tables / "data")
    (own_tables / name).symlink_to("data")
    assert build_benchmark(own_tables, tmp_path / "out")["samples"] == 12
