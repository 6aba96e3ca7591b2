"""Published figures: as printed, and beside the real benchmark only."""

import dataclasses
import re

import numpy as np
import pytest

from tests.tables import hand_table
from vlrouterbench.core.constants import DATASETS
from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.data.candidates import CandidatePool, published_pool
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.decisions import read_decisions
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.published import PUBLISHED_RESULTS, published_results
from vlrouterbench.evaluation.report import render_report
from vlrouterbench.metrics.trade_off import rank_score

REAL = {"simulated": False, "samples": 30_540, "datasets": dict.fromkeys(DATASETS, 1), "protocol": "reference"}


def table(pool=None, **report):
    made = hand_table(np.ones((1, 17)), np.linspace(0.1, 1, 17)[None])
    return dataclasses.replace(made, pool=pool or published_pool(), report=made.report | REAL | report)


def test_the_printed_scores_follow_from_the_printed_accuracies_and_costs():
    """Bounds by inverting the table; the mean of scores is not the score of means, so two rows are further off."""
    off = [
        abs(float(rank_score(row.accuracy / 100, row.cost, cost_bounds=(0.143, 10.70))) - row.rank_score)
        for row in PUBLISHED_RESULTS
    ]
    assert len(off) == 16 and sum(gap <= 0.045 for gap in off) == 14 and max(off) < 0.2


def test_the_real_benchmark_has_them_beside_it():
    assert published_results(table(), "test") == PUBLISHED_RESULTS


@pytest.mark.parametrize(
    ("report", "split", "words"),
    [
        ({"simulated": True}, "test", "simulated"),
        ({"datasets": dict.fromkeys(DATASETS[1:], 1)}, "test", DATASETS[0]),
        ({"datasets": dict.fromkeys((*DATASETS, "DynaMath"), 1)}, "test", "DynaMath"),
        ({"samples": 6_108}, "test", "6,108 samples"),
        ({"protocol": "measured"}, "test", "protocol measured"),
        ({}, "validation", "validation split"),
    ],
)
def test_anything_else_has_not_and_hears_why(report, split, words):
    with pytest.raises(EvaluationError, match=words):
        published_results(table(**report), split)


def test_another_pool_and_other_prices_have_not():
    pool = published_pool()
    with pytest.raises(EvaluationError, match="not the published pool"):
        published_results(table(CandidatePool(pool.candidates[::-1], "")), "test")
    with pytest.raises(EvaluationError, match="prices are not"):
        published_results(table(pool.with_prices({"GPT-4o": (2.0, 8.0)}, source="new")), "test")


@pytest.fixture(scope="module")
def stand_in(simulated_folder, tmp_path_factory):
    """Records, decisions and the test split of a benchmark that says of itself what the real one says.

    Its figures are simulated; it is the page that is looked at, not they.
    """
    out = tmp_path_factory.mktemp("stand-in")
    records = evaluate_routers(simulated_folder, ["strongest", "mixture"], out, EvaluationOptions(time_routers=False))
    whole = load_table(simulated_folder)
    split = whole.split("test")
    split = dataclasses.replace(split, report=whole.report | REAL | {"name": "vl-routerbench"})
    return records, split, read_decisions(out, split)


def rows_under(page, heading):
    """Cells of every row of the first table after a heading, as text."""
    section = page[page.index(f"<h2>{heading}</h2>") :]
    body = re.search(r"<thead>(.*?)</thead>\s*<tbody>(.*?)</tbody>", section, flags=re.DOTALL)
    titles = re.findall(r"<th[^>]*>(.*?)</th>", body[1])
    return [
        dict(zip(titles, re.findall(r"<td[^>]*>(.*?)</td>", row, flags=re.DOTALL), strict=True))
        for row in re.findall(r"<tr.*?</tr>", body[2], flags=re.DOTALL)
    ]


def test_the_published_rows_stand_on_the_page_with_spread_and_source(stand_in):
    rows = {row["published method"]: row for row in rows_under(render_report(*stand_in), "Published figures")}
    assert list(rows) == [result.method for result in PUBLISHED_RESULTS]
    assert rows["MLP"] == {
        "published method": "MLP",
        "accuracy %": "77.49 ± 0.56",
        "USD per 10,000": "1.13 ± 0.13",
        "Rank Score": "74.23 ± 0.22",
        "source": "arXiv 2512.23562",
    }
    assert rows["Oracle"]["USD per 10,000"] == "0.37"
    assert (
        rows["SCOPE-Router"]["source"] == "arXiv 2608.12127" and rows["UniRoute-KM"]["source"] == "UniRoute, later work"
    )


def test_ours_stand_in_the_same_units_and_what_differs_is_said(stand_in):
    records, split, decisions = stand_in
    page = render_report(records, split, decisions)
    ours, theirs = rows_under(page, "Routers by Rank Score"), rows_under(page, "Published figures")
    assert {"accuracy %", "USD per 10,000", "Rank Score"} <= set(ours[0]) & set(theirs[0])
    cost = next(record["average_cost_usd"] for record in records if record["router"] == "strongest")
    row = next(row for row in ours if row["router"] == "strongest")
    assert float(row["USD per 10,000"]) == pytest.approx(10_000 * cost, abs=5e-4)
    assert "Its split cannot be rebuilt and its quality is 0 or 1" in page and "imulated" not in page


@pytest.mark.parametrize("change", [{"simulated": True}, {"samples": 400}, {"protocol": "measured"}])
def test_beside_another_benchmark_the_page_says_why_none_stand_there(stand_in, change):
    records, split, decisions = stand_in
    page = render_report(records, dataclasses.replace(split, report=split.report | change), decisions)
    assert "No published figures are shown here: " in page and "74.23" not in page and "SCOPE-Router" not in page
