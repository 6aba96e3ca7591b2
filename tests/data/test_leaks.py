"""What stands on two sides: counted by hand, refused in given splits unless that is allowed."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import run_program
from tests.data.sources.editing import edit
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.choices import SplitBy
from vlrouterbench.data.table import load_table

SIDES = ["train"] * 6 + ["validation"] * 2 + ["test"] * 4
NONE = {"groups": 0, "group_samples": 0, "exact_duplicates": 0, "near_duplicates": 0, "examples": []}


def picture(seed):
    noise = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((96, 72), Image.Resampling.BICUBIC)


def save(folder, number, image, kind="PNG", **options):
    image.save(folder / "images" / f"{number}.png", kind, **options)


@pytest.fixture
def divided(own_tables):
    """Own tables with given splits and twelve images that do not resemble each other."""
    for number in range(12):
        save(own_tables, number, picture(number))
    edit(own_tables, "samples", lambda rows: [row.update(split=s) for row, s in zip(rows, SIDES, strict=True)])
    return own_tables


def leaks_of(source, out, **options):
    return build_benchmark(source, out, BuildOptions(**options))["leaks"]


def test_splits_that_share_nothing_have_no_leaks(divided, tmp_path):
    assert leaks_of(divided, tmp_path / "out") == NONE


def test_one_image_file_on_three_sides_is_refused_and_nothing_is_written(divided, tmp_path):
    for number in (6, 11):
        save(divided, number, picture(0))
    with pytest.raises(SourceError, match='sides: 1; .* too: 3 ."s00" in train and "s06" in validation.*--allow-leaks'):
        build_benchmark(divided, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    leaks = leaks_of(divided, tmp_path / "out", allow_leaks=True)
    example = ["s00", "train", "s06", "validation"]
    counts = {"groups": 1, "group_samples": 3, "exact_duplicates": 3}
    assert leaks == NONE | counts | {"examples": [example]}
    table = load_table(tmp_path / "out")
    sides = dict(zip(table.column("sample_id"), table.column("split"), strict=True))
    assert [sides[f"s{number:02d}"] for number in range(12)] == SIDES


def test_the_same_pixels_in_another_format_are_refused(divided, tmp_path):
    save(divided, 11, picture(0), "BMP")
    with pytest.raises(
        SourceError, match='found samples whose image is on another side too: 2 ."s00" in train and "s11" in test'
    ):
        build_benchmark(divided, tmp_path / "out")


def test_images_of_one_colour_are_told_apart_by_their_pixels(divided, tmp_path):
    save(divided, 0, Image.new("RGB", (60, 40), (200, 10, 10)))
    save(divided, 11, Image.new("RGB", (60, 40), (10, 10, 200)))
    assert leaks_of(divided, tmp_path / "out") == NONE
    save(divided, 11, Image.new("RGB", (60, 40), (200, 10, 10)), "BMP")
    assert leaks_of(divided, tmp_path / "out", allow_leaks=True)["exact_duplicates"] == 2


def test_a_given_group_on_two_sides_is_refused(divided, tmp_path):
    edit(
        divided, "samples", lambda rows: [row.update(group_id="g" if row["sample_id"] > "s09" else "") for row in rows]
    )
    assert leaks_of(divided, tmp_path / "out") == NONE
    edit(divided, "samples", lambda rows: rows[0].update(group_id="g"))
    with pytest.raises(SourceError, match='found groups on several sides: 1 ."s00" in train and "s10" in test'):
        build_benchmark(divided, tmp_path / "out")


def test_similar_images_are_counted_and_never_refused(divided, tmp_path):
    save(divided, 7, picture(0).resize((192, 144)))
    save(divided, 11, picture(1), "JPEG", quality=50)
    leaks = leaks_of(divided, tmp_path / "out")
    assert leaks == NONE | {"near_duplicates": 4}


def test_what_is_on_one_side_is_no_leak(divided, tmp_path):
    save(divided, 1, picture(0))
    save(divided, 2, picture(0), "BMP")
    save(divided, 3, picture(0), "JPEG")
    assert leaks_of(divided, tmp_path / "out") == NONE


def test_splits_by_hash_count_the_same_pixels_and_are_not_refused(own_tables, tmp_path):
    """Files of different bytes are different groups to the hash: 60 copies do not all fall on one side."""
    image = picture(0)
    for number in range(12):
        image.save(own_tables / "images" / f"{number}.png", compress_level=number % 10 or 1, optimize=number > 9)
    leaks = leaks_of(own_tables, tmp_path / "out")
    table = load_table(tmp_path / "out")
    expected = len(table) if len(set(table.column("split"))) > 1 else 0
    assert (leaks["groups"], leaks["exact_duplicates"]) == (0, expected)
    assert expected > 0, "one side for all shows nothing"


def test_the_reference_shuffle_counts_divided_groups_and_is_not_refused(own_tables, tmp_path):
    for number in range(12):
        save(own_tables, number, picture(0))
    leaks = leaks_of(own_tables, tmp_path / "out", split_by=SplitBy.REFERENCE)
    assert (leaks["groups"], leaks["group_samples"], leaks["exact_duplicates"]) == (1, 12, 12)


def test_the_command_refuses_with_exit_1_and_counts_in_terminal_report_and_card(divided, tmp_path):
    save(divided, 11, picture(0))
    refused = run_program("build", divided, "--out", tmp_path / "out")
    assert (refused.status, len(refused.errors)) == (1, 1)
    assert "--allow-leaks" in refused.errors[0]
    allowed = run_program("build", divided, "--out", tmp_path / "out", "--allow-leaks")
    assert allowed.status == 0
    assert "groups on several sides: 1; samples whose image is on another side too: 2" in allowed.out
    assert json.loads((tmp_path / "out" / "build_report.json").read_text())["leaks"]["exact_duplicates"] == 2
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "groups on several sides: 1; samples whose image is on another side too: 2" in card
    done = run_program(
        "evaluate", tmp_path / "out", "--router", "oracle", "--router", "mixture", "--out", tmp_path / "evaluation"
    )
    assert done.status == 0, done.err
    assert "groups on several sides: 1" in (tmp_path / "evaluation" / "report.html").read_text(encoding="utf-8")
