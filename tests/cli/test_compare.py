"""`compare`: families trained on each benchmark, saved routers scored as they are, one table over all."""

import json

import pytest

from tests.pages import assert_fetches_nothing
from vlrouterbench.evaluation.compare.view import page
from vlrouterbench.evaluation.records import read_records


@pytest.fixture(scope="module")
def compared(program, simulated_folder, chain_folder, tmp_path_factory):
    """Two benchmarks, a family, a policy and the oracle on two splits of each; how it ended and where it wrote."""
    out = tmp_path_factory.mktemp("compare") / "out"
    routers = ("--router", "context-mean", "--router", "cheapest", "--router", "oracle")
    folders = (simulated_folder, chain_folder / "benchmark")
    return program("compare", *folders, *routers, "--seed", "0", "--seed", "1", "--num-proc", "1", "--out", out), out


def test_it_shows_tables_of_80_columns_with_the_mark_of_simulated_data(compared):
    run, _ = compared
    assert run.status == 0, run.err
    *shown, told = run.out.splitlines()
    assert max(len(line.rstrip()) for line in shown) <= 80 and told.endswith("compare.html")
    assert "(simulated data): mean of 2 test splits" in shown[0]
    assert any(line.startswith("router") and "[2]" in line for line in shown)


def test_routers_are_rows_and_benchmarks_columns_of_all_its_files(compared):
    _, out = compared
    record = json.loads((out / "compare.json").read_text())
    labels = [one["label"] for one in record["benchmarks"]]
    assert len(labels) == 2 and record["objective"] == "rank-score"
    rows = {row["router"]: row for row in record["routers"]}
    assert set(rows) == {"context-mean", "cheapest", "oracle", "mixture"}
    assert all(list(row["benchmarks"]) == labels for row in rows.values())
    assert rows["oracle"]["mean_rank"] is None and rows["oracle"]["versus_mixture"]["losses"] == 0
    ranked = [row for row in record["routers"] if row["mean_rank"] is not None]
    assert sum(row["mean_rank"] for row in ranked) == pytest.approx(6)
    for row in ranked:
        for cell in row["benchmarks"].values():
            low, high = cell["vs_mixture"]["ci95"]
            assert low <= cell["vs_mixture"]["value"] <= high and len(cell["rank_scores"]) == 2
            assert cell["objective_value"] == pytest.approx(cell["rank_score"])
    html, markdown, latex = ((out / f"compare.{kind}").read_text() for kind in ("html", "md", "tex"))
    assert_fetches_nothing(html)
    assert "Simulated data." in html and markdown.count("simulated data") >= 2
    assert latex.count(r"\\") == 1 + len(rows) and "(simulated data)" in latex
    header = markdown.splitlines()[0]
    assert header.startswith("| router | mean rank (95 %) | wins/ties/losses |") and header.count("|") == 6


def test_where_some_benchmarks_are_simulated_the_page_says_which_and_speaks_of_no_other(compared):
    record = json.loads((compared[1] / "compare.json").read_text())
    for one, simulated in zip(record["benchmarks"], (True, False), strict=True):
        one["benchmark"]["simulated"] = simulated
    text = page(record)
    drawn, measured = (one["label"] for one in record["benchmarks"])
    assert f"Of {drawn}, images" in text and "No number here" not in text and "</h1>" in text
    assert f"{measured} (simulated" not in text
    record["benchmarks"][1]["benchmark"]["simulated"] = True
    assert "No number here says anything" in page(record)


def test_a_saved_router_is_scored_on_the_split_it_was_not_trained_on_as_evaluate_scores_it(
    program, chain_folder, tmp_path
):
    ask = ("--router", chain_folder / "router", "--seed", "0", "--seed", "1", "--num-proc", "1")
    run = program("compare", chain_folder / "benchmark", *ask, "--out", tmp_path / "out")
    assert run.status == 0, run.err
    record = json.loads((tmp_path / "out" / "compare.json").read_text())
    (benchmark,), row = record["benchmarks"], next(row for row in record["routers"] if row["router"] == "router")
    assert benchmark["seeds"] == [0] and "own split alone: router was trained on it" in benchmark["notes"][0]
    (evaluated,) = [r for r in read_records(chain_folder / "evaluation" / "results.json") if r["router"] == "router"]
    (cell,) = row["benchmarks"].values()
    assert row["kind"] == "saved"
    assert [cell[name] for name in ("accuracy", "average_cost_usd", "rank_score")] == [
        pytest.approx(evaluated[name], abs=1e-12) for name in ("accuracy", "average_cost_usd", "rank_score")
    ]


def test_what_cannot_be_compared_is_named_before_anything_is_trained(program, chain_folder, simulated_folder, tmp_path):
    own, end = chain_folder / "benchmark", ("--num-proc", "1", "--out", tmp_path / "out")
    router = ("--router", chain_folder / "router")
    for arguments, words in (
        ((own, own, "--router", "knn"), "the same tables"),
        ((own, "--router", "kn"), 'Did you mean "knn"'),
        ((own, *router, *router), "each router once"),
        ((own, *router, "--seed", "1"), "Add --seed 0"),
        ((simulated_folder, *router), "have different candidates"),
        ((own, "--router", chain_folder / "evaluation" / "decisions.parquet"), "decisions, which are of one benchmark"),
        ((own, tmp_path / "none", "--router", "knn"), "expected a benchmark folder"),
    ):
        run = program("compare", *arguments, *end)
        assert run.status == 1 and words in run.errors[0] and not (tmp_path / "out").exists()
