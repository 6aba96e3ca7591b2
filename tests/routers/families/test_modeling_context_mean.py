"""Context-mean and Context-NN against numbers worked out by hand."""

import math

import pytest
import torch

from tests.families import small_router, training_set, widened
from vlrouterbench.routers.families.modeling_context_mean import context_rows, mean_outcomes

NOT = math.nan
QUALITY = [[1, 0, NOT], [1, 1, NOT], [0, 1, 0.5]]
COST = [[0.01, 0.02, NOT], [0.03, 0.02, NOT], [0.02, 0.05, 0.1]]
ROWS = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]


def _fitted(family, **own):
    router = small_router(family, usd_weight=0.0, **own)
    given = training_set(widened(ROWS, router), QUALITY, COST)
    router.fit(given)
    return router, given


def test_the_mean_over_the_measured_pairs_of_the_context_is_the_estimate_of_every_sample():
    router, _ = _fitted("context-mean")
    quality, cost = router.estimate(widened([[0.3, 0.4], [9.0, -1.0]], router))
    assert quality.tolist() == [pytest.approx([2 / 3, 2 / 3, 0.5])] * 2
    assert cost.tolist() == pytest.approx([0.02, 0.03, 0.1])
    assert router.decide(widened([[0.3, 0.4]], router)).tolist() == [0]
    router.config.usd_weight = 30.0  # 0.667 - 0.6, 0.667 - 0.9, 0.5 - 3
    assert router.score(widened([[0.3, 0.4]], router)).tolist() == [
        pytest.approx([2 / 3 - 0.6, 2 / 3 - 0.9, -2.5], abs=1e-6)
    ]


def test_the_outcomes_of_the_nearest_sample_are_the_estimate_and_unmeasured_ones_are_the_mean():
    router, _ = _fitted("context-nn", memory_size=3)
    quality, cost = router.estimate(widened([[0.9, 0.1], [-0.8, 0.1], [0.1, 2.0]], router))
    assert quality.flatten().tolist() == pytest.approx([1, 0, 0.5, 0, 1, 0.5, 1, 1, 0.5])
    assert cost.flatten().tolist() == pytest.approx([0.01, 0.02, 0.1, 0.02, 0.05, 0.1, 0.03, 0.02, 0.1])


def test_a_context_is_drawn_without_replacement_by_the_seed_and_never_larger_than_train():
    drawn = context_rows(100, 8, seed=3)
    assert len(set(drawn.tolist())) == 8 and torch.equal(drawn, context_rows(100, 8, seed=3))
    assert not torch.equal(drawn, context_rows(100, 8, seed=4))
    assert context_rows(5, 0, seed=1).tolist() == context_rows(5, 9, seed=1).tolist() == [0, 1, 2, 3, 4]


def test_a_candidate_that_the_context_lacks_has_the_mean_of_train():
    _, given = _fitted("context-mean")
    quality, cost = mean_outcomes(given, torch.tensor([0, 1]))
    assert quality.tolist() == pytest.approx([1.0, 0.5, 0.5]) and cost.tolist() == pytest.approx([0.02, 0.02, 0.1])
