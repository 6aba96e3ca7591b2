"""Two-tower: targets by hand, profiles that tell candidates apart, and towers that meet in an inner product."""

import math

import pytest
import torch

from tests.families import small_router, training_set, widened
from vlrouterbench.core.constants import Unsolved
from vlrouterbench.routers.families.modeling_two_tower import discounted_targets

NAN = float("nan")
QUALITY = [[0, 1, 1], [1, 1, NAN], [0, 0, 0]]
COST = [[0.001, 0.002, 0.005], [0.001, 0.004, NAN], [0.001, 0.002, 0.003]]


def _targets(cost_weight, unsolved=Unsolved.DROP):
    return discounted_targets(
        training_set(torch.zeros(3, 1), QUALITY, COST, cost_weight=cost_weight, unsolved=unsolved)
    ).nan_to_num(9.0)


def test_targets_discount_what_is_paid_above_the_cheapest_correct_candidate():
    # lambda 10, scale 100: exp(-1000 * extra) with extra 0.003 in both cases.
    e3 = math.exp(-3)
    torch.testing.assert_close(_targets(10.0), torch.tensor([[0, 1, e3], [1, e3, 9], [9, 9, 9]]))


@pytest.mark.parametrize(("weight", "dearer"), [(0.0, 1.0), (float("inf"), 0.0)])
def test_limits_of_the_cost_weight(weight, dearer):
    assert _targets(weight).tolist() == [[0, 1, dearer], [1, dearer, 9], [9, 9, 9]]


def test_unsolved_sample_is_dropped_or_the_cheapests():
    assert _targets(10.0, Unsolved.CHEAPEST)[2].tolist() == [1, 0, 0]


def test_loss_is_pairwise_cross_entropy_and_the_weighted_contrast():
    router = small_router("two-tower", num_candidates=2, contrastive_weight=0.5)
    with torch.no_grad():
        router.query_out.weight.zero_()
        router.query_out.bias.zero_()
        router.bias.fill_(1.0)
    nothing = torch.zeros(1, router.feature_dim)
    assert router.logits(nothing).tolist() == [[1.0, 1.0]]
    loss = router.training_loss(nothing, torch.tensor([[1.0, 0.5]]))
    pairs = -(
        math.log(1 / (1 + math.exp(-1))) + 0.5 * math.log(1 / (1 + math.exp(-1))) + 0.5 * math.log(1 / (1 + math.e))
    )
    # Equal logits: the contrast is ln 2 whatever the shares 2/3 and 1/3.
    assert loss.item() == pytest.approx(pairs / 2 + 0.5 * math.log(2), rel=1e-5)


def test_profiles_are_centred_and_tell_candidates_apart():
    router = small_router("two-tower", num_candidates=3, num_clusters=2)
    features = widened([[1.0, 0], [1, 0], [0, 1], [0, 1]], router)
    quality = [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]]
    router.fit(training_set(features, quality, [[0.001, 0.002, 0.004]] * 4))
    profiles = router.profiles
    torch.testing.assert_close(profiles.sum(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    # Cost goes up from a to c by the same factor each time.
    assert profiles[0, 2] < profiles[1, 2] < profiles[2, 2] and profiles[1, 2].abs() < 1e-5
    assert profiles[:, :2].argmax(dim=0).sort().values.tolist() == [0, 1]


def test_candidates_with_one_profile_have_one_score():
    router = small_router("two-tower", num_candidates=3)
    with torch.no_grad():
        router.profiles.normal_(generator=torch.Generator().manual_seed(0))
        router.profiles[2] = router.profiles[0]
    scores = router.score(torch.randn(4, router.feature_dim))
    torch.testing.assert_close(scores[:, 0], scores[:, 2])
    assert not torch.allclose(scores[:, 0], scores[:, 1])


def test_one_dropout_mask_serves_all_candidates():
    router = small_router("two-tower", num_candidates=2).train()
    with torch.no_grad():
        router.profiles.fill_(1.0)
    logits = router.logits(torch.randn(6, router.feature_dim))
    torch.testing.assert_close(logits[:, 0], logits[:, 1])
