"""Published figures: as printed, and beside the real benchmark only."""

import dataclasses

import numpy as np
import pytest

from tests.tables import hand_table
from vlrouterbench.constants import DATASETS
from vlrouterbench.data.candidates import CandidatePool, published_pool
from vlrouterbench.errors import EvaluationError
from vlrouterbench.evaluation.published import PUBLISHED_RESULTS, published_results
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
