"""MMR-Bench's two releases: what they leave out is said, and what failed is named and never counted as wrong."""

import numpy as np
import pandas as pd
import pytest

from tests.data.sources import published
from tests.data.sources.published import MODELS, built, picture, reasons
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import BuildOptions, build_benchmark


def changed_results(source, change, model="ModelA"):
    """The results of a model, changed by a function of their frame."""
    path = source / "data" / "results" / model / "BLINK.parquet"
    change(published.mmr_v2_results(MODELS.index(model))).to_parquet(path, index=False)


@pytest.mark.parametrize("write", [published.mmr_v1, published.mmr_v2])
def test_what_costs_leave_out_is_said_in_report_and_card(write, tmp_path):
    report, table = built(write(tmp_path / "source"), tmp_path / "out")
    [note] = report["source_notes"]
    assert "leave out the tokens of the question and of the image" in note and "29 of its 44 prices" in note
    assert note in (tmp_path / "out" / "README.md").read_text()
    several = {"several": 1} if write is published.mmr_v2 else {}
    assert report["images"] == {"ok": 12, "bad": 0} | several
    assert table.column("sample_id")[0].split("/")[0] in ("SEEDBench2_Plus", "BLINK")


def test_results_that_did_not_succeed_are_named_with_their_status(tmp_path):
    def change(frame):
        frame.loc[frame.index[:2], ["status", "score"]] = ["api_error", np.nan]
        frame.loc[frame.index[2], "status"] = None
        frame.loc[frame.index[3], "cost_unit"] = "EUR"
        frame.loc[frame.index[4], "score"] = np.nan
        return frame

    source = published.mmr_v2(tmp_path / "source")
    changed_results(source, change)
    report, table = built(source, tmp_path / "out")
    assert report["pairs_kept"] == 32
    said = [(reason, detail) for reason, _, detail in reasons(report)]
    assert said == [
        ("failed_call", 'status "None": 1 results, neither right nor wrong'),
        ("failed_call", 'status "api_error": 2 results, neither right nor wrong'),
        ("no_cost", 'cost_unit "EUR" is not USD: 1 costs are not read'),
        ("no_label", "no score, so no label: 1 pairs, first of BLINK/4"),
    ]
    assert np.isnan(table.cost[table.column("sample_id").index("BLINK/3"), 0])


@pytest.mark.parametrize("column, own, value", [("model_id", "ModelA", "ModelX"), ("benchmark", "BLINK", "ERQA")])
def test_rows_of_another_model_or_benchmark_than_their_place_says_are_named_and_not_read(tmp_path, column, own, value):
    def change(frame):
        frame.loc[frame.index[:2], column] = value
        return frame

    source = published.mmr_v2(tmp_path / "source")
    changed_results(source, change)
    report, _ = built(source, tmp_path / "out")
    said = f'{column} "{value}" where its place says "{own}": 2 rows are not read'
    assert ("conflict", "data/results/ModelA/BLINK.parquet", said) in reasons(report)
    assert report["pairs_kept"] == 34


def test_results_of_unknown_instances_and_benchmarks_are_named(tmp_path):
    source = published.mmr_v2(tmp_path / "source")
    extra = published.mmr_v2_results(0).tail(1).assign(sample_id="BLINK_99")
    changed_results(source, lambda frame: pd.concat([frame, extra]))
    published.mmr_v2_results(1).to_parquet(source / "data" / "results" / "ModelB" / "ERQA.parquet", index=False)
    report, _ = built(source, tmp_path / "out")
    assert [(reason, detail) for reason, _, detail in reasons(report) if reason == "not_found"] == [
        ("not_found", "no instances of ERQA: its results belong to no sample"),
        ("not_found", "no sample of this id: 1 pairs, first of BLINK/99"),
    ]


def test_images_that_are_not_there_are_missing_and_come_from_a_folder_beside_the_source(tmp_path):
    source = published.mmr_v2(tmp_path / "source")
    (source / "LMUData").rename(tmp_path / "LMUData")
    with pytest.raises(SourceError, match="found 12 of 12 that are not"):
        build_benchmark(source, tmp_path / "out")
    report, _ = built(source, tmp_path / "out", images=tmp_path / "LMUData")
    assert report["images"] == {"ok": 12, "bad": 0, "several": 1}


def test_the_image_of_v1_is_the_path_in_its_column_first(tmp_path):
    source = published.mmr_v1(tmp_path / "source")
    frame = pd.read_csv(source / "MMR_Bench.csv").assign(img_path="other/one.png")
    frame.to_csv(source / "MMR_Bench.csv", index=False)
    picture(source / "other" / "one.png", 99)
    report, _ = built(source, tmp_path / "out")
    assert report["images"]["ok"] == 12
    (source / "other" / "one.png").unlink()
    report, _ = built(source, tmp_path / "out", allow_missing_images=True)
    assert report["images"] == {"ok": 0, "bad": 12}


@pytest.mark.parametrize(
    "damage, said",
    [
        (lambda path, frame: path.write_bytes(b"no table"), "is not readable"),
        (lambda path, frame: frame.drop(columns="status").to_parquet(path), "no column status; found sample_id"),
        (lambda path, frame: frame.assign(score="good").to_parquet(path), 'expected numbers in "score"'),
        (lambda path, frame: frame.assign(sample_id=None).to_parquet(path), "sample_id"),
    ],
    ids=["no table", "no status", "no numbers", "no ids"],
)
def test_one_table_of_results_that_cannot_be_used_is_named_and_the_others_are_read(tmp_path, damage, said):
    source = published.mmr_v2(tmp_path / "source")
    damage(source / "data" / "results" / "ModelA" / "BLINK.parquet", published.mmr_v2_results(0))
    report, table = built(source, tmp_path / "out")
    [(file, detail)] = [entry[1:] for entry in reasons(report) if entry[0] == "unreadable"]
    assert file == "data/results/ModelA/BLINK.parquet" and said in detail and str(tmp_path) not in detail
    assert report["pairs_kept"] == 24 and np.isnan(table.quality[:, 0]).all()


def test_where_no_table_can_be_used_the_first_reasons_are_told(tmp_path):
    source = published.mmr_v2(tmp_path / "source")
    for path in source.glob("data/results/*/*.parquet"):
        path.write_bytes(b"no table")
    with pytest.raises(SourceError, match="BLINK.parquet"):
        build_benchmark(source, tmp_path / "out", BuildOptions())
    for path in source.glob("data/instances/*.parquet"):
        path.write_bytes(b"no table")
    with pytest.raises(SourceError, match="none that can be read. data/instances/BLINK.parquet: is not"):
        build_benchmark(source, tmp_path / "out", BuildOptions())
