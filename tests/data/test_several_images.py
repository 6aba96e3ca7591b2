"""Samples with several images: all are kept, stored once, linked, digested and given to whoever reads a sample."""

import json
import shutil

import pyarrow.parquet as pq
import pytest
import torch
from datasets import load_dataset

from tests.tables import write_own_tables
from vlrouterbench.core.errors import EvaluationError, SourceError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.sample_contents import content_digest, content_digests
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.functions import function_samples
from vlrouterbench.evaluation.overlap import OverlapCheck
from vlrouterbench.measuring.sample_sources import benchmark_samples
from vlrouterbench.routers.base.decision import read_sample
from vlrouterbench.routers.encoders.sample_input import image_cell

SHARED = "images/0.png"


def several(folder):
    """Own tables of twelve samples; every third one has two images more, the last of which it shares."""
    write_own_tables(folder, num_samples=12)
    samples = pq.read_table(folder / "samples.parquet").to_pandas()
    paths = samples["image"].tolist()
    samples["image"] = [
        json.dumps([path, paths[(row + 1) % 12], SHARED]) if row % 3 == 1 else path for row, path in enumerate(paths)
    ]
    samples.to_parquet(folder / "samples.parquet")
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The tables and the benchmark of them."""
    root = tmp_path_factory.mktemp("several")
    return several(root / "own"), build_benchmark(root / "own", root / "out") and root / "out"


def test_image_is_the_first_images_the_others_and_num_images_counts_all(built):
    own, out = built
    rows = [row for split in load_dataset(str(out)).values() for row in split]
    assert sorted(row["num_images"] for row in rows) == [1] * 8 + [3] * 4
    for row in rows:
        assert len(row["images"]) == row["num_images"] - 1 and row["image"].size[0] > 0
        assert all(image.size[0] > 0 for image in row["images"])
    table = load_table(out)
    assert table.report["schema_version"] == 2 and table.report["images"]["several"] == 4
    shared = (own / SHARED).read_bytes()
    assert all(images[-1] == shared for images in table.further_images().values())


def test_samples_that_share_any_image_stand_on_one_side(built):
    table = load_table(built[1])
    counts, groups = table.column("num_images"), table.column("group_id")
    assert len({group for group, count in zip(groups, counts, strict=True) if count > 1}) == 1
    assert table.report["leaks"]["exact_duplicates"] == 0


def test_functions_and_measuring_are_given_all_images(built):
    table = load_table(built[1])
    samples = function_samples(table)
    assert [len(sample["images"]) for sample in samples] == table.column("num_images")
    assert all(sample["images"][0] is sample["image"] for sample in samples)
    answers = {name: {"answer": "a"} for name in table.column("sample_id")}
    asked = benchmark_samples(table, answers, "answers")
    assert [len(sample.images) for sample in asked] == table.column("num_images")


def test_rows_of_a_benchmark_are_read_with_all_their_images(built):
    rows = [row for split in load_dataset(str(built[1])).values() for row in split]
    row = next(row for row in rows if row["num_images"] == 3)
    assert image_cell(row) == [row["image"], *row["images"]]
    assert [image.size for image in read_sample(row).images] == [image.size for image in image_cell(row)]
    assert read_sample(next(row for row in rows if row["num_images"] == 1)).image is not None
    assert image_cell({"image": "a.png", "images": ["b.png"]}) == ["b.png"]


def test_content_differs_by_every_image_and_a_router_that_saw_the_first_alone_still_finds_its_samples(built):
    assert content_digest("q", (), "a") == content_digest("q", (), "a", ()) != content_digest("q", (), "a", ["b"])
    assert content_digest("q", (), "a", ["b", "c"]) != content_digest("q", (), "a", ["c", "b"])
    table = load_table(built[1])
    check = OverlapCheck(table, "test", allow_leaks=False)

    class Saved:
        training_digests = None

    # As 0.x saved them: by the first image alone.
    first = content_digests(table.samples, table.iter_images())
    whole = content_digests(table.samples, table.iter_images(), table.further_images())
    assert (first != whole).sum() == 4
    for digests in (first, whole):
        Saved.training_digests = torch.from_numpy(digests.copy())
        with pytest.raises(EvaluationError, match="found 12 of its training samples"):
            check.count("old", Saved)
    Saved.training_digests = torch.tensor([1, 2])
    assert check.count("old", Saved) == 0


def test_a_folder_without_the_new_columns_is_read(built, tmp_path):
    old = shutil.copytree(built[1], tmp_path / "old")
    for path in (old / "data").glob("*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["images", "num_images"]), path)
    table = load_table(old)
    assert table.further_images() == {} and sum(image is not None for image in table.iter_images()) == 12


def test_a_video_set_is_refused_by_name(tmp_path):
    own = tmp_path / "own"
    write_own_tables(own, num_samples=12)
    samples = pq.read_table(own / "samples.parquet")
    samples = samples.rename_columns(["video" if name == "image" else name for name in samples.column_names])
    pq.write_table(samples, own / "samples.parquet")
    with pytest.raises(SourceError, match="found a video set"):
        build_benchmark(own, tmp_path / "out")
