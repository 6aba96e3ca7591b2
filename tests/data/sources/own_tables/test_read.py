"""Own tables: three formats, one benchmark; every bad input is named and writes nothing."""

import csv
import os
import re
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.data.sources.editing import edit, rows_of, write_rows
from vlrouterbench.core.errors import SourceError, UnknownNameError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.prices.read import read_pool
from vlrouterbench.data.sources.own_tables.read import OwnTables, find_table, read_own_tables
from vlrouterbench.data.table import load_table


def read(folder):
    return read_own_tables(folder, pool=read_pool(folder / "candidates.csv"))


def refuse(folder, message, kind=SourceError, **options):
    """The build fails with this message, leaves nothing behind, and leaves an earlier benchmark whole."""
    out, older = folder.parent / "never", folder.parent / "older"
    older.mkdir()
    (older / "precious.txt").write_text("old")
    before = sorted(path.name for path in folder.parent.iterdir())
    for target in (out, older):
        with pytest.raises(kind, match=message):
            build_benchmark(folder, target, BuildOptions(**options))
    assert sorted(path.name for path in folder.parent.iterdir()) == before
    assert [path.name for path in older.iterdir()] == ["precious.txt"]


def repaint(folder):
    Image.new("RGB", (24, 16), (1, 2, 3)).save(folder / "images" / "0.png")


@pytest.mark.parametrize(
    "change",
    [
        repaint,
        lambda folder: (folder / "images" / "0.png").unlink(),
        lambda folder: (folder / "candidates.csv").write_text(
            "name,input_price,output_price\nsmall,0.2,0.1\nmiddle,0.5,1\nlarge,2,8\n"
        ),
        lambda folder: edit(folder, "outcomes", lambda rows: rows[0].update(input_tokens=1)),
        lambda folder: edit(folder, "samples", lambda rows: rows[0].update(question="Another?")),
    ],
    ids=["an image", "an image gone", "a price", "an outcome", "a question"],
)
def test_the_digest_follows_everything_that_a_build_reads(own_tables, change):
    before = read(own_tables).source_sha256
    change(own_tables)
    assert read(own_tables).source_sha256 != before


def test_the_digest_follows_nothing_else(own_tables, tmp_path):
    before = read(own_tables).source_sha256
    (own_tables / "notes.txt").write_text("text")
    Image.new("RGB", (8, 8)).save(own_tables / "images" / "unused.png")
    (tmp_path / "link").symlink_to(own_tables)
    moved = shutil.copytree(own_tables, tmp_path / "moved")
    assert {read(folder).source_sha256 for folder in (own_tables, tmp_path / "link", moved)} == {before}


@pytest.mark.parametrize("extension", ["csv", "jsonl"])
def test_every_format_gives_the_same_benchmark(own_tables, tmp_path, extension):
    build_benchmark(own_tables, tmp_path / "one")
    for stem in ("samples", "outcomes"):
        write_rows(own_tables, stem, rows_of(own_tables, stem), extension)
    build_benchmark(own_tables, tmp_path / "two")
    one, two = load_table(tmp_path / "one"), load_table(tmp_path / "two")
    assert one.sha256 == two.sha256
    assert one.samples.equals(two.samples)
    assert {k: v for k, v in one.report.items() if k != "source_sha256"} == {
        k: v for k, v in two.report.items() if k != "source_sha256"
    }


def test_optional_columns_reach_the_samples(own_tables):
    def change(rows):
        for row in rows:
            row.update(hint="look closely", task_group="Mine", group_id="all", split="test")

    edit(own_tables, "samples", change)
    samples = read(own_tables).samples
    assert set(samples["hint"].to_pylist()) == {"look closely"}
    assert set(samples["task_group"].to_pylist()) == {"Mine"}
    assert set(samples["split"].to_pylist()) == {"test"}
    assert samples["options"].to_pylist()[:2] == [["a", "b"], []]


def test_without_optional_columns_the_folder_names_the_dataset(own_tables):
    rows = [{"sample_id": row["sample_id"], "question": row["question"]} for row in rows_of(own_tables, "samples")]
    write_rows(own_tables, "samples", rows)
    source = read(own_tables)
    assert set(source.samples["dataset"].to_pylist()) == {"own"}
    assert set(source.samples["task_group"].to_pylist()) == {"Other"}
    assert source.images == [None] * 12
    assert source.left_out == []


def test_a_known_dataset_has_its_own_task_group(own_tables):
    edit(own_tables, "samples", lambda rows: [row.update(dataset="OCRBench") for row in rows])
    assert set(read(own_tables).samples["task_group"].to_pylist()) == {"Charts & OCR"}


@pytest.mark.parametrize("extension", ["parquet", "csv", "jsonl"])
def test_ids_that_look_like_numbers_stay_text(own_tables, extension):
    def renumber(rows):
        for row in rows:
            row["sample_id"] = row["sample_id"].replace("s", "00")

    edit(own_tables, "samples", renumber, extension)
    # Only text keeps leading zeros: an outcome must still find its sample.
    edit(own_tables, "outcomes", renumber, extension)
    assert read(own_tables).samples["sample_id"].to_pylist()[:2] == ["0000", "0001"]


def test_integer_ids_in_both_tables_meet(own_tables):
    def renumber(rows):
        for row in rows:
            row["sample_id"] = int(row["sample_id"].removeprefix("s"))

    edit(own_tables, "samples", renumber)
    edit(own_tables, "outcomes", renumber)
    assert read(own_tables).samples["sample_id"].to_pylist()[:3] == ["0", "1", "2"]


def test_dictionary_encoded_text_is_read(own_tables):
    table = pq.read_table(own_tables / "outcomes.parquet")
    place = table.schema.get_field_index("candidate")
    pq.write_table(
        table.set_column(place, "candidate", table["candidate"].dictionary_encode()), own_tables / "outcomes.parquet"
    )
    assert read(own_tables).outcomes["candidate"].to_pylist()[:3] == ["small", "middle", "large"]


def test_questions_with_quotes_commas_and_line_breaks_survive_csv(own_tables):
    text = 'He said "yes",\nand then\t— «non» — \\ none'
    edit(own_tables, "samples", lambda rows: rows[3].update(question=text), "csv")
    assert read(own_tables).samples["question"].to_pylist()[3] == text


def test_words_that_look_like_missing_values_are_text_in_csv(own_tables):
    def change(rows):
        rows[0]["question"], rows[1]["question"], rows[2]["hint"] = "NA", "null", "nan"
        for row in rows:
            row.setdefault("hint", "")

    edit(own_tables, "samples", change, "csv")
    samples = read(own_tables).samples
    assert samples["question"].to_pylist()[:2] == ["NA", "null"]
    assert samples["hint"].to_pylist()[2] == "nan"


@pytest.mark.parametrize("value", [1.5, -0.1, float("inf"), float("-inf")])
def test_quality_outside_0_to_1_names_file_row_and_value(own_tables, value):
    edit(own_tables, "outcomes", lambda rows: rows[4].update(quality=value))
    refuse(own_tables, rf"outcomes\.parquet, row 5: expected quality in \[0, 1\], found {value:g} \(1 such rows\)")


def test_an_unlisted_candidate_is_answered_with_the_nearest_listed_one(own_tables):
    edit(own_tables, "outcomes", lambda rows: rows[7].update(candidate="midle"))
    refuse(
        own_tables, r'outcomes\.parquet, row 8 "midle"\. Did you mean "middle"\? Known: small', kind=UnknownNameError
    )


def test_an_empty_candidate_is_an_error(own_tables):
    edit(own_tables, "outcomes", lambda rows: rows[7].update(candidate=None))
    refuse(own_tables, r"outcomes\.parquet, row 8", kind=(SourceError, UnknownNameError))


def test_a_listed_candidate_without_a_price_is_an_error(own_tables):
    (own_tables / "candidates.csv").write_text("name,input_price,output_price\nsmall,0.1,0.1\nmiddle,,1\nlarge,2,8\n")
    refuse(own_tables, r'candidates\.csv, line 3, candidate "middle": expected a price in "input_price"')


@pytest.mark.parametrize("value", ["../secret.png", "images/../../secret.png", "/etc/hostname", "ABSOLUTE"])
def test_an_image_path_that_leaves_the_folder_is_refused(own_tables, value):
    (own_tables.parent / "secret.png").write_bytes(b"secret")
    value = str(own_tables.parent / "secret.png") if value == "ABSOLUTE" else value
    edit(own_tables, "samples", lambda rows: rows[2].update(image=value))
    refuse(own_tables, rf'samples\.parquet, row 3: the image path "{re.escape(value)}" leaves the folder')


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_an_image_link_that_points_outside_is_refused(own_tables, kind):
    outside = own_tables.parent / "outside"
    outside.mkdir()
    (outside / "0.png").write_bytes((own_tables / "images" / "0.png").read_bytes())
    link = own_tables / "images" / ("link.png" if kind == "file" else "link")
    link.symlink_to(outside / "0.png" if kind == "file" else outside)
    value = os.path.relpath(link if kind == "file" else link / "0.png", own_tables)
    edit(own_tables, "samples", lambda rows: rows[0].update(image=value))
    refuse(own_tables, rf'row 1: the image path "{re.escape(value)}" leaves the folder')


def test_an_image_path_with_a_null_byte_is_a_source_error_or_left_out(own_tables):
    edit(own_tables, "samples", lambda rows: rows[0].update(image="images/\0.png"))
    try:
        source = read(own_tables)
    except SourceError as error:
        assert "row 1" in str(error)
    else:
        assert [entry.sample_id for entry in source.left_out] == ["s00"]


def test_an_image_link_that_stays_inside_is_followed(own_tables):
    (own_tables / "images" / "link.png").symlink_to(own_tables / "images" / "0.png")
    edit(own_tables, "samples", lambda rows: rows[5].update(image="images/link.png"))
    assert read(own_tables).images[5].read_bytes() == (own_tables / "images" / "0.png").read_bytes()


@pytest.mark.parametrize(
    ("stem", "column"),
    [("outcomes", "quality"), ("outcomes", "candidate"), ("outcomes", "sample_id"), ("samples", "question")],
)
@pytest.mark.parametrize("extension", ["parquet", "csv", "jsonl"])
def test_a_missing_column_is_named_with_what_was_found(own_tables, stem, column, extension):
    edit(own_tables, stem, lambda rows: [row.pop(column) for row in rows], extension)
    refuse(own_tables, rf"{stem}\.{extension}: expected the columns .* found .*Missing: {column}\.")


@pytest.mark.parametrize("column", ["sample_id", "question"])
def test_an_empty_cell_where_a_value_must_stand_names_its_row(own_tables, column):
    edit(own_tables, "samples", lambda rows: rows[6].update({column: None}))
    refuse(own_tables, rf'samples\.parquet, row 7: expected a value in "{column}", found none')


def test_a_doubled_sample_is_an_error(own_tables):
    edit(own_tables, "samples", lambda rows: rows.append(dict(rows[3])))
    refuse(own_tables, r"samples\.parquet, row 13: expected each sample_id once, found s03 in row 4 already")


def test_a_doubled_pair_is_an_error(own_tables):
    edit(own_tables, "outcomes", lambda rows: rows.append(dict(rows[4])))
    refuse(own_tables, r"outcomes\.parquet, row 37: .*sample_id and candidate once, found s01, middle in row 5 already")


def test_an_outcome_of_an_unknown_sample_is_an_error(own_tables):
    edit(own_tables, "outcomes", lambda rows: rows[1].update(sample_id="s99"))
    refuse(own_tables, r'outcomes\.parquet, row 2: sample "s99" is not in the samples table')


@pytest.mark.parametrize("column", ["input_tokens", "output_tokens", "cost_usd"])
def test_a_negative_count_or_cost_is_an_error(own_tables, column):
    def change(rows):
        for row in rows:
            row.setdefault("cost_usd", 0.5)
        rows[9][column] = -3

    edit(own_tables, "outcomes", change)
    refuse(own_tables, rf"outcomes\.parquet, row 10: expected a number >= 0 in {column}, found -3")


@pytest.mark.parametrize(("column", "value"), [("cost_usd", 1e300), ("cost_usd", 1e7), ("latency_s", 1e9)])
def test_an_amount_that_no_answer_can_take_is_an_error_with_the_most_that_is_read(own_tables, column, value):
    def change(rows):
        for row in rows:
            row.setdefault("cost_usd", 0.5)
            row.setdefault("latency_s", 0.5)
        rows[9][column] = value

    edit(own_tables, "outcomes", change)
    refuse(own_tables, rf"outcomes\.parquet, row 10: expected a number >= 0 in {column} and at most 1[0,]+ \(")


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_cost_that_is_no_finite_number_never_becomes_a_bound(own_tables, tmp_path, value):
    def change(rows):
        for row in rows:
            row["cost_usd"] = 0.5
        rows[9]["cost_usd"] = value

    edit(own_tables, "outcomes", change)
    if value == float("inf"):
        refuse(own_tables, r"outcomes\.parquet, row 10: .*cost_usd")
    else:
        build_benchmark(own_tables, tmp_path / "out")
        assert np.isfinite(load_table(tmp_path / "out").cost).all()


@pytest.mark.parametrize("column", ["quality", "input_tokens"])
def test_text_where_a_number_should_stand_is_an_error(own_tables, column):
    edit(own_tables, "outcomes", lambda rows: [row.update({column: "many"}) for row in rows])
    refuse(own_tables, rf'outcomes\.parquet: column "{column}" is not readable as')


def test_a_decimal_comma_in_quotation_marks_names_its_row_and_what_to_write(own_tables):
    rows = [("sample_id", "candidate", "quality"), ("s00", "small", "1"), ("s01", "small", "0,5")]
    (own_tables / "outcomes.parquet").unlink()
    with (own_tables / "outcomes.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows(rows)
    refuse(own_tables, r'"quality" is not readable as float: row 2 holds \'0,5\'\. Write decimals with a point\.')


def test_a_fraction_of_a_token_is_an_error_not_cut_off(own_tables):
    edit(own_tables, "outcomes", lambda rows: [row.update(output_tokens=10.5) for row in rows])
    refuse(own_tables, r'column "output_tokens" is not readable as int32')


@pytest.mark.parametrize("value", ["a or b", '{"a": 1}', "3"])
def test_options_that_are_no_list_name_their_row(own_tables, value):
    edit(
        own_tables, "samples", lambda rows: [row.update(options=value if i == 1 else "") for i, row in enumerate(rows)]
    )
    refuse(own_tables, r'samples\.parquet, row 2: expected a list in "options"')


@pytest.mark.parametrize("stem", ["samples", "outcomes"])
def test_two_tables_of_one_stem_are_refused(own_tables, stem):
    (own_tables / f"{stem}.csv").write_text("anything")
    refuse(own_tables, rf"expected one {stem} table .* found {stem}\.parquet, {stem}\.csv\. Keep one")


def test_two_candidates_files_are_refused(own_tables):
    (own_tables / "candidates.yaml").write_text("[]")
    refuse(own_tables, r"expected one candidates file .* found candidates\.csv, candidates\.yaml")


@pytest.mark.parametrize("stem", ["samples", "outcomes"])
def test_one_table_without_the_other_is_an_error(own_tables, stem):
    (own_tables / f"{stem}.parquet").unlink()
    refuse(own_tables, rf"expected {stem}\.parquet, \.csv, \.jsonl, \.tsv, .* in .*own, found none of them")


@pytest.mark.parametrize("stem", ["samples", "outcomes"])
@pytest.mark.parametrize(
    ("extension", "content"),
    [
        ("parquet", b""),
        ("parquet", b"PAR1 but nothing else"),
        ("csv", b""),
        ("csv", b'sample_id,question\n"never closed\n'),
        ("csv", b"sample_id,question\n1,2,3\n"),
        ("csv", b"sample_id,question,candidate,quality\n\xff\xfe,a,small,1\n"),
        ("jsonl", b"{not json"),
        ("jsonl", b""),
        ("jsonl", b"[1, 2]"),
    ],
)
def test_an_unreadable_table_is_named(own_tables, stem, extension, content):
    (own_tables / f"{stem}.parquet").unlink()
    (own_tables / f"{stem}.{extension}").write_bytes(content)
    refuse(own_tables, rf"{stem}\.{extension}")


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("stem", ["samples", "outcomes"])
def test_a_truncated_parquet_file_is_named(own_tables, stem, cut):
    path = own_tables / f"{stem}.parquet"
    content = path.read_bytes()
    path.write_bytes(content[: int(cut * len(content))])
    refuse(own_tables, rf"{stem}\.parquet is not readable as parquet")


def test_a_table_without_rows_is_an_error(own_tables):
    for stem in ("samples", "outcomes"):
        pq.write_table(pq.read_table(own_tables / f"{stem}.parquet").slice(0, 0), own_tables / f"{stem}.parquet")
    refuse(own_tables, "nothing to build")


def test_a_folder_is_own_tables_when_either_table_stands_in_it(own_tables, tmp_path):
    assert OwnTables().matches(own_tables).is_match
    assert not OwnTables().matches(tmp_path).is_match
    (own_tables / "outcomes.parquet").unlink()
    assert OwnTables().matches(own_tables).is_match
    assert find_table(own_tables, "outcomes") is None


def test_a_missing_image_is_left_out_and_named_but_the_sample_stays(own_tables):
    edit(own_tables, "samples", lambda rows: rows[4].update(image="images/gone.png"))
    source = read(own_tables)
    assert source.samples.num_rows == 12
    assert [(e.file, str(e.reason), e.sample_id) for e in source.left_out] == [("images/gone.png", "image", "s04")]
    assert source.missing_images == {"s04"}


@pytest.mark.parametrize("cell", [{"content": b"\x89PNG"}, "iVBORw0KGgo" * 400, 7])
def test_an_image_cell_that_is_no_path_names_its_row(own_tables, cell):
    def change(rows):
        for row in rows:
            row["image"] = None
        rows[2]["image"] = cell

    edit(own_tables, "samples", change)
    refuse(own_tables, r'samples\.parquet, row 3: expected a path relative to .* in "image"')


def test_a_column_that_stands_twice_is_an_error(own_tables):
    (own_tables / "samples.parquet").unlink()
    (own_tables / "samples.csv").write_text("sample_id,question,question\ns00,one?,two?\n")
    refuse(own_tables, r"samples\.csv: expected each column once, found question more than once")


def test_a_sample_that_no_candidate_was_measured_on_is_named(own_tables, tmp_path):
    edit(own_tables, "samples", lambda rows: rows.append(dict(rows[0], sample_id="lonely")))
    report = build_benchmark(own_tables, tmp_path / "out")
    assert report["samples"] == 12
    assert [(e["file"], e["reason"], e["sample_id"]) for e in report["left_out"]] == [
        ("samples.parquet", "no_label", "lonely")
    ]


def incomplete(rows):
    """Of 36 pairs in rows of three: one without quality, one without tokens, a candidate without any."""
    rows[3].update(quality=None)
    rows[4].update(input_tokens=None)
    rows[:] = [row for row in rows if row["candidate"] != "large"]


def test_pairs_without_quality_or_cost_and_candidates_without_pairs_are_named(own_tables, tmp_path):
    names = [row["candidate"] for row in rows_of(own_tables, "outcomes")[:3]]
    edit(own_tables, "outcomes", incomplete)
    left_out = build_benchmark(own_tables, tmp_path / "out")["left_out"]
    assert [(e["reason"], e["candidate"], e["sample_id"]) for e in left_out] == [
        ("no_label", "large", None),
        ("no_label", names[0], "s01"),
        ("no_cost", names[1], "s01"),
    ]
    assert left_out[1]["detail"] == "no quality, so not kept: 1 pairs, first in row 3"
    with pytest.raises(SourceError, match="--strict: 3 entries"):
        build_benchmark(own_tables, tmp_path / "strict", BuildOptions(strict=True))
    imputed = build_benchmark(own_tables, tmp_path / "imputed", BuildOptions(impute=True))
    assert imputed["imputed"] == {"input_tokens": 1}
    assert [e["reason"] for e in imputed["left_out"]] == ["no_label", "no_label"]


@pytest.mark.parametrize("left", [[], ["input_tokens"]], ids=["none", "input alone"])
def test_outcomes_without_tokens_or_costs_say_what_is_missing_and_how_to_give_it(own_tables, tmp_path, left):
    path = own_tables / "outcomes.parquet"
    table = pq.read_table(path)
    lacking = [name for name in ("input_tokens", "output_tokens") if name not in left]
    pq.write_table(table.drop_columns(lacking), path)
    without = ", ".join([*lacking, "cost_usd"])
    with pytest.raises(SourceError, match=rf"with either, and no column {without}\. Its columns: .*--cost-column"):
        build_benchmark(own_tables, tmp_path / "out")
