"""IRT: likelihood and gradient of one answer by hand."""

import math

import pytest
import torch

from tests.families import small_router, training_set, widened

NAN = float("nan")


@pytest.fixture
def router():
    """Two candidates, two dimensions; discrimination softplus(0) = ln 2 in both, difficulty 0.5 of a unit feature."""
    router = small_router("irt", num_candidates=2, num_dimensions=2)
    with torch.no_grad():
        for layer in (router.discrimination, router.difficulty):
            layer.weight.zero_()
            layer.bias.zero_()
        router.difficulty.weight[0, 0] = 0.5
        router.abilities.copy_(torch.tensor([[1.0, 2.0], [0.0, -1.0]]))
    return router


def test_log_odds_by_hand(router):
    features = widened([[1.0], [2.0]], router)
    # ln 2 * (1 + 2) - 0.5 x, and ln 2 * -1 - 0.5 x.
    ln2 = math.log(2)
    torch.testing.assert_close(
        router.logits(features), torch.tensor([[3 * ln2 - 0.5, -ln2 - 0.5], [3 * ln2 - 1, -ln2 - 1]])
    )
    quality, _ = router.estimate(widened([[0.0]], router))
    # Odds of 2 ** 3 and of a half.
    torch.testing.assert_close(quality, torch.tensor([[8 / 9, 1 / 3]]))


def test_likelihood_and_gradient_by_hand(router):
    features = widened([[0.0]], router)
    loss = router.training_loss(features, torch.tensor([[1.0, 1.0]]))
    assert loss.item() == pytest.approx(-(math.log(8 / 9) + math.log(1 / 3)) / 2)
    loss.backward()
    # Per pair (p - y) times discrimination, over two pairs.
    ln2 = math.log(2)
    expected = torch.tensor([[-ln2 / 9, -ln2 / 9], [-2 * ln2 / 3, -2 * ln2 / 3]]) / 2
    torch.testing.assert_close(router.abilities.grad, expected)
    assert router.difficulty.bias.grad.item() == pytest.approx((1 / 9 + 2 / 3) / 2)


def test_unmeasured_pairs_have_no_part_in_loss_and_gradient(router):
    loss = router.training_loss(widened([[0.0]], router), torch.tensor([[1.0, NAN]]))
    assert loss.item() == pytest.approx(-math.log(8 / 9))
    loss.backward()
    assert not router.abilities.grad[1].any() and torch.isfinite(router.abilities.grad).all()


def test_more_ability_never_hurts(router):
    features = torch.randn(20, router.feature_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        router.discrimination.weight.normal_(generator=torch.Generator().manual_seed(1))
        before = router.estimate(features)[0]
        router.abilities[1, 0] += 0.5
        after = router.estimate(features)[0]
    assert (after[:, 1] > before[:, 1]).all() and torch.equal(after[:, 0], before[:, 0])


def test_targets_are_quality_and_all_candidates_start_alike(router):
    samples = training_set(torch.zeros(2, router.feature_dim), [[1, NAN], [0.3, 0]], [[0.001, NAN], [0.001, 0.002]])
    assert router.training_targets(samples).nan_to_num(9).tolist() == [[1, 9], [pytest.approx(0.3), 0]]
    router.fit(samples)
    logits = router.logits(torch.randn(5, router.feature_dim))
    assert torch.equal(logits[:, 0], logits[:, 1])
