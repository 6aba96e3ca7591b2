"""What a study says of datasets left out and of new candidates: on the terminal, on the page and as JSON."""

import json
import re

import pyarrow.parquet as pq
import pytest

from tests.evaluation.study.workspaces import DATASETS, small_context
from vlrouterbench.cli import console
from vlrouterbench.cli.study import terminal_line
from vlrouterbench.evaluation.study.part import TextTable
from vlrouterbench.evaluation.study.study import study, write_study


@pytest.fixture(scope="module")
def context(simulated_problem):
    return small_context(simulated_problem)


@pytest.fixture(scope="module")
def result(context):
    return study(context, ("flagship", "knn"), ("left-out", "new-candidates"))


@pytest.fixture(scope="module")
def content(result):
    return result.content()


def test_tables_fit_80_columns_and_hold_the_figures(result, content, capsys):
    console.show(content, *map(terminal_line, result.tables()))
    shown = capsys.readouterr().out.splitlines()
    assert max(len(line.rstrip()) for line in shown) <= 80
    assert not [line for line in shown if "…" in line]
    cells = [line.split() for line in shown]
    (row,) = (row for row in content["left-out"]["routers"] if row["router"] == "knn")
    ranks = [f"{row[side]['rank_score']:.2f}" for side in ("inside", "outside")]
    assert any(line[:3] == ["knn", *ranks] for line in cells)
    for guard in content["left-out"]["guards"]:
        assert any(line[:2] == ["flagship", f"{guard['guard']:g}"] for line in cells)
    assert {line[0] for line in cells if line} >= set(DATASETS)
    for entry in content["new_candidates"]["routers"][0]["anchor_set"]:
        expected = [str(entry["num_anchors"]), "by", "router", f"{100 * entry['brier']:.2f}"]
        assert any(line[:4] == expected for line in cells)
    assert "no candidate can join: knn" in shown


def test_no_two_columns_of_a_table_have_one_title_and_the_sides_are_explained(result):
    lines = result.tables()
    tables = [line for line in lines if isinstance(line, TextTable)]
    assert [table.columns for table in tables if len(set(table.columns)) < len(table.columns)] == []
    sides = lines[lines.index(next(table for table in tables if "Rank w/o" in table.columns)) + 1]
    assert sides.startswith("with: the router was trained on all datasets; w/o: on all but the one of the samples")
    told = lines[lines.index(next(table for table in tables if table.title == "unfamiliar")) + 1]
    assert "0.95 and more" in told and "AUROC" in told


def test_no_two_columns_of_the_page_have_one_title(result):
    heads = re.findall(r"<thead><tr>(.*?)</tr></thead>", result.page())
    titles = [re.findall(r"<th>(.*?)</th>", head) for head in heads]
    of_sides = [row for row in titles if any("without" in title for title in row)]
    assert len(of_sides) == 5 and not [row for row in of_sides if "without" in row]


def test_the_page_and_the_json_hold_both_parts(result, content, tmp_path):
    write_study(result, tmp_path / "study")
    assert json.loads((tmp_path / "study" / "study.json").read_text()) == json.loads(json.dumps(content))
    page = (tmp_path / "study" / "study.html").read_text()
    for words in (
        "Datasets left out",
        "Guards",
        "New candidates",
        "No candidate can join knn",
        "Simulated data.",
        *DATASETS,
    ):
        assert words in page
    assert page.count("<svg") == 1


def test_a_benchmark_of_one_dataset_is_refused(program, own_tables, tmp_path):
    samples = own_tables / "samples.parquet"
    pq.write_table(pq.read_table(samples).drop_columns(["dataset"]), samples)
    built = program("build", own_tables, "--out", tmp_path / "benchmark")
    assert built.status == 0, built.err
    run = program("study", tmp_path / "benchmark", "--part", "left-out", "--router", "strongest", "--num-proc", "1")
    assert run.status == 1 and "at least two datasets" in run.err
