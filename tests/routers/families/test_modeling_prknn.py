"""PRkNN: pairwise wins on a table of five samples, by hand."""

import numpy as np
import pytest
import torch

from tests.families import small_router, training_set, widened
from vlrouterbench.routers.families.modeling_prknn import NOT_MEASURED, UNKNOWN_MARGIN, advantages, copeland

INF = float("inf")
NAN = float("nan")
# Three candidates, the first the cheapest; five neighbours in one direction, so that each has the same vote.
QUALITY = [[1, 1, 1], [0, 1, 1], [0, 1, 1], [0, 0, 1], [1, 1, 0]]
COST = [[0.001, 0.002, 0.004]] * 5


def _scores(cost_weight, quality=QUALITY, **own):
    router = small_router("prknn", memory_size=5, num_neighbors=5, **own)
    features = widened([[1.0, 0]] * 5, router)
    router.fit(training_set(features, quality, COST, cost_weight=cost_weight))
    return router.score(features[:1])[0]


def test_copeland_wins_by_hand_where_ties_go_to_the_cheaper():
    # a beats b on samples 1, 4, 5 and loses on 2, 3: margin +1/5. a beats c on 1, 5 and loses on 2, 3, 4: -1/5.
    # b beats c on 1, 2, 3, 5 and loses on 4: +3/5. One win each; the sums of margins 0, 2/5, -2/5 order them.
    expected = 1 + 0.24 / 3 * torch.tensor([0.0, 0.4, -0.4])
    torch.testing.assert_close(_scores(INF), expected)


def test_quality_alone_counts_at_cost_weight_zero():
    # a loses to b on 2 and 3 and never wins; a wins once and loses three times against c; b and c win once each: a tie.
    expected = torch.tensor([0.0, 1.5, 1.5]) + 0.24 / 3 * torch.tensor([-0.8, 0.4, 0.4])
    torch.testing.assert_close(_scores(0.0), expected)


def test_a_tie_goes_to_the_cheaper_by_its_scaled_saving():
    # lambda * 100 * 0.001 USD = ln 2, and exp(-ln 2) is a half.
    price = torch.tensor([[1.0, 2.0, 5.0]]) * np.log(2)
    halves = advantages(torch.tensor([[1.0, 1.0, 0.0]]), price)[0]
    torch.testing.assert_close(halves, torch.tensor([[0.0, 0.5, 1.0], [-0.5, 0, 1], [-1, -1, 0]]))


def test_unmeasured_candidate_loses_by_next_to_nothing():
    beaten = advantages(torch.tensor([[NOT_MEASURED, 0.0, NOT_MEASURED]]), torch.zeros(1, 3))[0]
    torch.testing.assert_close(beaten, UNKNOWN_MARGIN * torch.tensor([[0.0, -1, 0], [1, 0, 1], [0, -1, 0]]))


def test_one_real_vote_outweighs_all_that_was_not_measured():
    # b was measured on one sample alone, where it was right and a was wrong.
    scores = _scores(0.0, [[1, NAN, 0], [1, NAN, 0], [1, NAN, 0], [0, 1, 0], [1, NAN, 0]])
    assert scores.argmax() == 1


def test_nearer_neighbours_weigh_one_over_their_distance():
    router = small_router("prknn", num_candidates=2, memory_size=2, num_neighbors=2, weighting="distance")
    router.fit(training_set(widened([[1.0, 0], [0.6, 0.8]], router), [[1, 0], [0, 1]], [[0.001, 0.002]] * 2))
    asked = widened([[0.8, 0.6]], router)
    # Cosines 0.8 and 0.96, distances 0.2 and 0.04, weights 5 and 25: margin (5 - 25) / 30 for the first.
    expected = torch.tensor([[0.0, 1.0]]) + 0.24 / 2 * torch.tensor([[-20 / 30, 20 / 30]])
    torch.testing.assert_close(router.score(asked), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("count", [1, 3, 5, 50])
def test_votes_of_several_counts_are_those_of_each_alone(count):
    router = small_router("prknn", memory_size=5)
    rng = np.random.default_rng(0)
    features = widened(rng.normal(size=(5, 4)).tolist(), router)
    router.fit(training_set(features, QUALITY, COST, cost_weight=10.0))
    asked = widened(rng.normal(size=(7, 4)).tolist(), router)
    settings = [{"num_neighbors": number} for number in (1, 3, 5, 50)]
    together = dict(zip((1, 3, 5, 50), router.scores_for(asked, settings), strict=True))
    router.config.num_neighbors = count
    assert torch.equal(router.score(asked), together[count])


def test_wins_ties_and_losses():
    margins = torch.tensor([[[0.0, 1, 0], [-1, 0, 0.5], [0, -0.5, 0]]])
    expected = torch.tensor([[1.5, 1.0, 0.5]]) + 0.24 / 3 * torch.tensor([[1.0, -0.5, -0.5]])
    torch.testing.assert_close(copeland(margins), expected)
