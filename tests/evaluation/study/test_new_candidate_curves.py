"""Learning curves: means over new candidates and splits, by hand, and a figure of them."""

import numpy as np
import pytest

from vlrouterbench.evaluation.study.new_candidate_curves import (
    ANCHOR_SET,
    RANDOM,
    TRAINED_ON,
    WITHOUT,
    NewCandidateCurves,
    Trial,
)
from vlrouterbench.evaluation.study.new_candidate_plot import new_candidate_plot
from vlrouterbench.metrics.trade_off import rank_score

BOUNDS = (1.0, 4.0)
GROUPS = ["a", "b"]


def trial(quality, squared=None, constant=None):
    """A router that always chooses a candidate for 2 USD."""
    as_array = (None if values is None else np.array(values) for values in (squared, constant))
    return Trial((np.array(quality, dtype=float), np.array([2.0, 2.0])), *as_array)


@pytest.fixture(scope="module")
def row():
    """Two new candidates on one split, and the same with other errors on another."""
    curves = NewCandidateCurves(BOUNDS)
    for seed, more in ((0, 0.0), (1, 0.2)):
        curves.add(
            {
                name: {
                    TRAINED_ON: trial([1, 1], [0.1, 0.1 + more]),
                    WITHOUT: trial([0, right]),
                    (ANCHOR_SET, 50): trial([1, right], [0.2, 0.2], [0.3, 0.5]),
                    (RANDOM, 50): trial([right, 0], [0.2, 0.4 + more], [0.6, 0.6]),
                }
                for name, right in (("one", 1), ("other", 0))
            },
            GROUPS,
            seed=seed,
        )
    return {"router": "flagship", **curves.row()}


def test_figures_are_means_over_new_candidates_and_splits(row):
    score = {accuracy: float(rank_score(accuracy, 2.0, cost_bounds=BOUNDS)) for accuracy in (0.0, 0.5, 1.0)}
    assert row["trained_on"] == pytest.approx({"brier": (0.1 + 0.2) / 2, "rank_score": score[1.0]})
    assert row["without"]["rank_score"] == pytest.approx((score[0.5] + score[0.0]) / 2)
    (chosen,), (random,) = row[ANCHOR_SET], row[RANDOM]
    assert chosen["num_anchors"] == random["num_anchors"] == 50
    assert (chosen["brier"], chosen["constant_brier"]) == pytest.approx((0.2, 0.4))
    assert (random["brier"], random["constant_brier"]) == pytest.approx(((0.3 + 0.4) / 2, 0.6))
    assert chosen["rank_score"] == pytest.approx((score[1.0] + score[0.5]) / 2)
    assert chosen["minus_trained_on"]["rank_score"] == pytest.approx(chosen["rank_score"] - score[1.0])


def test_a_difference_of_brier_scores_is_paired(row):
    """Of two groups a resample has the first alone, both, or the second alone: differences are 0, -0.1, -0.2 on one
    split and 0, -0.2, -0.4 on the other."""
    (gap,) = row["anchor_set_minus_random"]
    assert gap["brier"] == pytest.approx(-0.15)
    assert gap["ci95"] == pytest.approx([-0.3, 0.0])


def test_every_router_has_a_figure_that_names_its_curves(row):
    without = {key: value for key, value in row.items() if key != ANCHOR_SET} | {"router": "uniroute"}
    first, second = (new_candidate_plot(shown, simulated=True) for shown in (row, without))
    for name in (
        "joined by the anchor set",
        "joined by random anchor samples",
        "mean of the anchor samples",
        "trained on",
    ):
        assert f"<!-- {name} -->" in first
    assert "<!-- joined by the anchor set -->" not in second and "uniroute" in second
    assert "simulated data" in first and "simulated data" not in new_candidate_plot(row, simulated=False)
