"""SOURCE -> benchmark folder, through the one public function."""

import json
import os
import re
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tests.data.sources.editing import edit, rows_of, write_rows
from vlrouterbench.cli.main import main
from vlrouterbench.core.errors import BenchmarkError, SourceError, UnknownNameError
from vlrouterbench.data.build import BuildOptions, build_benchmark, home_folder, registered_benchmark
from vlrouterbench.data.candidates import PUBLISHED_POOL, published_pool
from vlrouterbench.data.splits import SplitBy, reference_split
from vlrouterbench.data.table import load_table


def build(source, out, **options):
    build_benchmark(source, out, BuildOptions(**options))
    return load_table(out, verify=True)


def test_the_report_is_returned_and_written(own_tables, tmp_path):
    report = build_benchmark(str(own_tables), str(tmp_path / "out"))
    assert json.loads((tmp_path / "out" / "build_report.json").read_text()) == report
    assert (report["samples"], report["candidates"], report["pairs_read"], report["pairs_kept"]) == (12, 3, 36, 36)
    assert report["left_out"] == []
    assert report["images"] == {"ok": 12, "bad": 0}
    assert report["datasets"] == {"animals": 6, "plants": 6}
    assert report["price_sheet"] == "candidates.csv"
    assert report["cost_bounds_usd"]["cmax"] == pytest.approx(451e-6)


@pytest.mark.parametrize("damage", ["missing", "corrupt", "truncated", "empty", "folder"])
def test_a_bad_image_keeps_its_row_and_is_named(own_tables, tmp_path, damage):
    path = own_tables / "images" / "5.png"
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes({"corrupt": b"rubbish", "truncated": content[:-30], "empty": b""}[damage])
    table = build(own_tables, tmp_path / "out")
    assert [(e["file"], e["reason"], e["sample_id"]) for e in table.report["left_out"]] == [
        ("images/5.png", "image", "s05")
    ]
    images = dict(zip(table.column("sample_id"), table.iter_images(), strict=True))
    flags = dict(zip(table.column("sample_id"), table.column("image_ok"), strict=True))
    assert images.pop("s05") is None and flags.pop("s05") is False
    assert all(images.values()) and all(flags.values()) and len(flags) == 11
    assert table.report["images"] == {"ok": 11, "bad": 1}
    assert table.report["pairs_kept"] == 36


@pytest.mark.parametrize("column", ["absent", "empty", "null"])
def test_text_only_tables_build(own_tables, tmp_path, column):
    def change(rows):
        for row in rows:
            row["image"] = "" if column == "empty" else None
            if column == "absent":
                del row["image"]

    edit(own_tables, "samples", change)
    table = build(own_tables, tmp_path / "out", strict=True)
    assert list(table.iter_images()) == [None] * 12
    assert all(table.column("image_ok"))
    assert table.report["images"] == {"ok": 0, "bad": 0}


def test_quality_is_binary_when_asked_for(own_tables, tmp_path):
    edit(own_tables, "outcomes", lambda rows: [row.update(quality=v) for row, v in zip(rows, (0.5, 0.49, 0.9))])  # noqa: B905
    assert build(own_tables, tmp_path / "graded").quality.min() == 0.0
    table = build(own_tables, tmp_path / "binary", graded=False)
    row = table.column("sample_id").index("s00")
    assert table.quality[row].tolist() == [1.0, 0.0, 1.0]
    assert set(np.unique(table.quality)) == {0.0, 1.0}


def test_given_costs_stand_whatever_the_prices(own_tables, tmp_path):
    edit(own_tables, "outcomes", lambda rows: [row.update(cost_usd=0.001 * (n % 3 + 1)) for n, row in enumerate(rows)])
    table = build(own_tables, tmp_path / "out")
    assert table.cost.tolist() == [[0.001, 0.002, 0.003]] * 12
    assert table.cost_bounds == pytest.approx((0.001, 0.003))


def test_tables_with_costs_need_no_token_counts(own_tables, tmp_path):
    def change(rows):
        for number, row in enumerate(rows):
            del row["input_tokens"], row["output_tokens"]
            row["cost_usd"] = 0.001 * (number % 3 + 1)

    edit(own_tables, "outcomes", change)
    table = build(own_tables, tmp_path / "out")
    assert table.complete.all()
    assert np.isnan(table.matrices["output_tokens"]).all()


def test_strict_makes_anything_left_out_fatal_and_writes_nothing(own_tables, tmp_path):
    (own_tables / "images" / "5.png").write_bytes(b"rubbish")
    with pytest.raises(SourceError, match=r"--strict: 1 entries would be left out, first: images/5\.png: image"):
        build_benchmark(own_tables, tmp_path / "out", BuildOptions(strict=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own"]


def test_strict_accepts_what_is_whole(own_tables, tmp_path):
    assert len(build(own_tables, tmp_path / "out", strict=True)) == 12


def test_a_rebuild_replaces_the_whole_folder(own_tables, tmp_path):
    build(own_tables, tmp_path / "out")
    (tmp_path / "out" / "data" / "train-stale-00000-of-00001.parquet").write_bytes(b"stale")
    build(own_tables, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*stale*"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "own"]


def test_a_failure_while_writing_leaves_the_old_benchmark_whole(own_tables, tmp_path):
    report = build_benchmark(own_tables, tmp_path / "out")
    edit(
        own_tables, "samples", lambda rows: [r.update(task_group="A b" if n % 2 else "a B") for n, r in enumerate(rows)]
    )
    with pytest.raises(SourceError):
        build_benchmark(own_tables, tmp_path / "out")
    assert load_table(tmp_path / "out", verify=True).report == report
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "own"]


def test_the_pool_file_of_the_options_goes_before_the_sources_own(own_tables, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("name,input_price,output_price\nlarge,1,1\nsmall,1,1\nmiddle,1,1\n")
    table = build(own_tables, tmp_path / "out", candidates=other)
    assert table.pool.names == ("large", "small", "middle")


def test_a_price_sheet_changes_costs_and_nothing_else(own_tables, tmp_path):
    sheet = tmp_path / "prices.csv"
    sheet.write_text("name,input_price,output_price\nlarge,4,16\n")
    before, after = build(own_tables, tmp_path / "one"), build(own_tables, tmp_path / "two", prices=sheet)
    assert np.array_equal(after.quality, before.quality)
    assert np.array_equal(after.cost[:, :2], before.cost[:, :2])
    assert after.cost[:, 2] == pytest.approx(2 * before.cost[:, 2])
    assert "prices.csv" in after.report["price_sheet"]


def test_a_price_sheet_with_an_unlisted_candidate_is_an_error(own_tables, tmp_path):
    sheet = tmp_path / "prices.csv"
    sheet.write_text("name,input_price,output_price\nlarg,4,16\n")
    with pytest.raises(UnknownNameError, match=r'prices\.csv "larg"\. Did you mean "large"'):
        build_benchmark(own_tables, tmp_path / "out", BuildOptions(prices=sheet))


def test_without_any_pool_the_published_one_holds(own_tables, tmp_path):
    (own_tables / "candidates.csv").unlink()
    names = {"small": "SmolVLM2", "middle": "Pixtral-12B", "large": "GPT-4o"}
    edit(own_tables, "outcomes", lambda rows: [row.update(candidate=names[row["candidate"]]) for row in rows])
    assert build(own_tables, tmp_path / "out").pool.names == published_pool().names


def test_the_reference_split_can_be_asked_for(own_tables, tmp_path):
    table = build(own_tables, tmp_path / "out", split_by=SplitBy.REFERENCE)
    ids = table.column("sample_id")
    assert table.column("split") == reference_split(ids)


@pytest.mark.parametrize("num_proc", [1, 4])
def test_the_number_of_threads_changes_nothing(own_tables, tmp_path, num_proc):
    (own_tables / "images" / "5.png").write_bytes(b"rubbish")
    one, two = build(own_tables, tmp_path / "one"), build(own_tables, tmp_path / "two", num_proc=num_proc)
    assert one.report == two.report


def test_the_order_of_rows_changes_no_split(own_tables, tmp_path):
    before = build(own_tables, tmp_path / "one")
    for stem in ("samples", "outcomes"):
        write_rows(own_tables, stem, rows_of(own_tables, stem)[::-1])
    after = build(own_tables, tmp_path / "two")
    sides = [dict(zip(t.column("sample_id"), t.column("split"), strict=True)) for t in (before, after)]
    assert sides[0] == sides[1]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("absent", "found nothing at"),
        ("file", "found a file"),
        ("empty", r"expected own tables \(.*outcomes as \.parquet.*\) or VLMEvalKit logs .*, found none of these"),
        ("no logs", r"VLMEvalKit logs: found no file that begins with its folder's name in notes"),
    ],
)
def test_a_source_that_is_none_is_an_error_and_nothing_is_written(tmp_path, kind, message):
    source = tmp_path / "source"
    if kind == "file":
        source.write_text("text")
    elif kind != "absent":
        source.mkdir()
    if kind == "no logs":
        (source / "notes").mkdir()
        (source / "notes" / "a.txt").write_text("text")
    with pytest.raises(SourceError, match=message):
        build_benchmark(source, tmp_path / "out")
    assert not [path for path in tmp_path.iterdir() if path.name != "source"]


def test_the_home_folder_follows_the_variable_then_the_users_cache(monkeypatch):
    monkeypatch.setenv("VLROUTERBENCH_HOME", "/somewhere")
    assert registered_benchmark() == Path("/somewhere/vl-routerbench")
    monkeypatch.delenv("VLROUTERBENCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert home_folder() == Path("/cache/vlrouterbench")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/people/me")
    assert home_folder() == Path("/people/me/.cache/vlrouterbench")


@pytest.fixture
def nested(own_tables, tmp_path):
    """Own tables two folders below the one that is given, with what programs leave beside them."""
    shutil.copytree(own_tables, tmp_path / "up" / "mid" / "tables")
    (tmp_path / "up" / "__MACOSX").mkdir()
    (tmp_path / "up" / "README.txt").write_text("")
    return tmp_path / "up"


def pack(folder, archive):
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, arcname=folder.name)
    return archive


@pytest.mark.parametrize("form", ["folder", "folder with the candidates above", "archive"])
def test_the_only_folder_in_a_folder_or_an_archive_is_looked_into(own_tables, nested, tmp_path, form):
    if form == "folder with the candidates above":
        (nested / "mid" / "tables" / "candidates.csv").rename(nested / "candidates.csv")
    source = pack(nested / "mid", tmp_path / "logs.tar.gz") if form == "archive" else nested
    table, plain = build(source, tmp_path / "out"), build(own_tables, tmp_path / "plain")
    assert table.column("sample_id") == plain.column("sample_id") and np.array_equal(table.quality, plain.quality)
    assert table.pool.names == plain.pool.names and list(table.iter_images()) == list(plain.iter_images())


def test_of_several_folders_those_that_can_be_built_from_are_named(own_tables, nested, tmp_path):
    shutil.copytree(own_tables, nested / "other")
    shutil.copytree(own_tables, nested / "third")
    with pytest.raises(SourceError) as error:
        build_benchmark(nested, tmp_path / "out")
    assert str(error.value).endswith(f"Give one of the folders in it: {nested / 'other'}, {nested / 'third'}.")


def test_an_error_names_the_archive_and_not_where_it_was_unpacked(tmp_path):
    (tmp_path / "logs" / "a").mkdir(parents=True)
    (tmp_path / "logs" / "a" / "some.csv").write_text("")
    archive = pack(tmp_path / "logs", tmp_path / "logs.tar.gz")
    with pytest.raises(SourceError, match="found none of these") as error:
        build_benchmark(archive, tmp_path / "out")
    assert f"in {archive}, found" in str(error.value) and "unpacked" not in str(error.value)


@pytest.mark.parametrize("name", ["candidates.CSV", "Candidates.csv", "CANDIDATES.csv"])
def test_own_prices_are_read_in_any_case_of_letters(own_tables, tmp_path, name):
    plain = build(own_tables, tmp_path / "plain")
    (own_tables / "candidates.csv").rename(own_tables / name)
    table = build(own_tables, tmp_path / "out")
    assert table.report["pool_source"] == name and table.cost.tolist() == plain.cost.tolist()


@pytest.mark.parametrize(
    "name",
    ["candidates.tsv", "candidates.txt", "candidate.csv", "candidates.xlsx", "candidates.csv.gz", "pipe", "loop"],
)
def test_own_prices_that_cannot_be_read_are_named_and_never_replaced_by_the_published_ones(own_tables, tmp_path, name):
    path = own_tables / (name if "." in name else "candidates.csv")
    content = (own_tables / "candidates.csv").read_bytes()
    (own_tables / "candidates.csv").unlink()
    if name == "pipe":
        os.mkfifo(path)
    elif name == "loop":
        path.symlink_to(path.name)
    else:
        path.write_bytes(content)
    # The embedded pool would fit: its names stand in the outcomes.
    names = dict(zip(("small", "middle", "large"), published_pool().names, strict=False))
    edit(own_tables, "outcomes", lambda rows: [row.update(candidate=names[row["candidate"]]) for row in rows])
    with pytest.raises(SourceError, match=rf"found {re.escape(path.name)}.*Save it as candidates\.csv") as caught:
        build_benchmark(own_tables, tmp_path / "out")
    assert ("no regular file" in str(caught.value)) == ("." not in name)
    path.unlink()
    table = build(own_tables, tmp_path / "out")
    assert len(table.pool) == 17 and table.report["pool_source"] == PUBLISHED_POOL


def test_a_given_split_without_a_side_is_named_at_build_and_when_the_side_is_asked_for(own_tables, tmp_path, capsys):
    edit(own_tables, "samples", lambda rows: [row.update(split="train") for row in rows])
    assert main(["build", str(own_tables), "--out", str(tmp_path / "out")]) == 0
    assert 'note: the column "split" has no sample in validation and test' in " ".join(capsys.readouterr().out.split())
    with pytest.raises(BenchmarkError, match=r'split validation .* found none\. Its column "split" has none'):
        load_table(tmp_path / "out").split("validation")
