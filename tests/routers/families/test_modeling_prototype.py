"""Prototype: cosine with the mean of what each candidate gets right, by hand."""

import math

import torch

from tests.families import small_router, training_set, widened

ROWS = [[2.0, 0], [0, 3], [0, 1]]
QUALITY = [[1, 0, 0], [1, 1, 0], [0, 1, 0]]
COST = [[0.001, 0.002, 0.004]] * 3


def _fitted(cost_weight=0.0, **own):
    router = small_router("prototype", **own)
    router.fit(training_set(widened(ROWS, router), QUALITY, COST, cost_weight=cost_weight))
    return router


def test_cosine_with_the_plain_mean_by_hand():
    router = _fitted(weighting="correct")
    # a: mean of (1, 0) and (0, 1); b: (0, 1) twice; c is never right.
    asked = widened([[1.0, 0], [0, 5], [-1, -1]], router)
    half = math.sqrt(0.5)
    expected = torch.tensor([[half, 0, -1], [half, 1, -1], [-1, -half, -1]])
    torch.testing.assert_close(router.score(asked), expected)
    assert router.decide(asked).tolist() == [0, 1, 1]


def test_soft_labels_weigh_the_samples():
    router = _fitted(cost_weight=float("inf"))
    # The second sample is a's alone now, being the cheaper: a is as before, b the third sample.
    asked = widened([[0.6, 0.8]], router)
    torch.testing.assert_close(router.score(asked), torch.tensor([[1.4 * math.sqrt(0.5), 0.8, -1]]))


def test_log_share_of_label_mass_is_added_at_its_weight():
    plain, shared = _fitted(), _fitted(share_weight=0.5)
    asked = widened([[1.0, 2.0]], plain)
    # Mass at lambda 0: a 1 + 1/2, b 1/2 + 1, c nothing (floored).
    gain = 0.5 * torch.log(torch.tensor([[0.5, 0.5, 0.0]]) + 1e-6)
    torch.testing.assert_close(shared.score(asked) - plain.score(asked), gain)
