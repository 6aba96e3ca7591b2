"""Soft cross-entropy: plain cross-entropy for one-hot rows, and rows of zeros do not count."""

import math

import pytest
import torch

from vlrouterbench.routers.base.learning import kl_divergence, masked_binary_cross_entropy, soft_cross_entropy
from vlrouterbench.routers.families.contrastive import sample_candidate_loss, sample_sample_loss


@pytest.fixture
def logits():
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_one_hot_rows_give_plain_cross_entropy(logits):
    classes = torch.tensor([0, 3, 1, 1, 2, 0])
    one_hot = torch.nn.functional.one_hot(classes, 4).double()
    assert soft_cross_entropy(logits, one_hot).item() == pytest.approx(
        torch.nn.functional.cross_entropy(logits, classes).item(), rel=1e-12
    )


def test_soft_rows_give_torch_cross_entropy_with_probabilities(logits):
    soft = torch.rand(6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    soft /= soft.sum(dim=1, keepdim=True)
    assert soft_cross_entropy(logits, soft).item() == pytest.approx(
        torch.nn.functional.cross_entropy(logits, soft).item(), rel=1e-12
    )


def test_value_by_hand():
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], dtype=torch.float64))
    soft = torch.tensor([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
    expected = (0.5 * math.log(2) + 0.5 * math.log(4) - math.log(0.8)) / 2
    assert soft_cross_entropy(logits, soft).item() == pytest.approx(expected)


def test_rows_of_zeros_do_not_count(logits):
    soft = torch.full((6, 4), 0.25, dtype=torch.float64)
    padded = soft.clone()
    padded[2:] = 0
    assert soft_cross_entropy(logits, padded).item() == pytest.approx(soft_cross_entropy(logits[:2], soft[:2]).item())


def test_nothing_but_zeros_gives_no_loss_and_no_gradient(logits):
    logits.requires_grad_()
    loss = soft_cross_entropy(logits, torch.zeros(6, 4, dtype=torch.float64))
    loss.backward()
    assert loss.item() == 0 and not logits.grad.any()


def test_gradient_is_probability_minus_label(logits):
    logits.requires_grad_()
    soft = torch.nn.functional.one_hot(torch.tensor([0, 3, 1, 1, 2, 0]), 4).double()
    soft_cross_entropy(logits, soft).backward()
    torch.testing.assert_close(logits.grad, (torch.softmax(logits.detach(), dim=1) - soft) / 6)


def test_far_apart_logits_do_not_overflow():
    loss = soft_cross_entropy(torch.tensor([[1e4, -1e4]]), torch.tensor([[0.0, 1.0]]))
    assert loss.item() == pytest.approx(2e4)


def test_masked_binary_cross_entropy_by_hand():
    logits = torch.tensor([[0.0, math.log(3), 5.0], [0.0, 1.0, 2.0]])
    targets = torch.tensor([[1.0, 0.5, math.nan], [math.nan] * 3])
    # ln 2 for even odds; half of -ln 3/4 and half of -ln 1/4; the rest does not count.
    expected = (math.log(2) - 0.5 * math.log(3 / 16)) / 2
    assert masked_binary_cross_entropy(logits, targets).item() == pytest.approx(expected)
    assert masked_binary_cross_entropy(logits, torch.full((2, 3), math.nan)).item() == 0


def test_divergence_by_hand():
    logits = torch.tensor([[math.log(2), 0.0], [0.0, 0.0]])
    targets = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    # Shares are 2/3 and 1/3, then 1/2 and 1/2.
    first = 0.5 * math.log(0.5 / (2 / 3)) + 0.5 * math.log(0.5 / (1 / 3))
    assert kl_divergence(logits, targets).item() == pytest.approx((first + math.log(2)) / 2, rel=1e-6)


def test_divergence_is_zero_where_shares_are_the_targets_and_rows_of_zeros_do_not_count():
    logits = torch.tensor([[1.0, 2.0, 3.0], [5.0, -5.0, 0.0]])
    targets = torch.stack([torch.softmax(logits[0], dim=0), torch.zeros(3)])
    assert kl_divergence(logits, targets).item() == pytest.approx(0.0, abs=1e-6)


def _candidate_loss(similarities, labels, quality, kept=(3, 3)):
    rows = [torch.tensor([row], dtype=torch.float32) for row in (similarities, labels, quality)]
    return sample_candidate_loss(*rows, kept).item()


def test_candidate_contrast_by_hand():
    # Two correct candidates at 1 and 0, two incorrect ones at 0 and log 2: driven from 1 + 2 = 3.
    loss = _candidate_loss([1.0, 0.0, 0.0, math.log(2)], [0.7, 0.3, 0.0, 0.0], [1, 1, 0, 0])
    assert loss == pytest.approx(-math.log(math.e / (math.e + 3)) - math.log(1 / (1 + 3)), rel=1e-5)


def test_candidate_contrast_is_a_mean_over_samples_of_sums_over_positives():
    similarities = torch.tensor([[0.0, 0.0, 0.0], [0.0, math.log(3), 0.0]])
    quality = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    # The first sample: twice -log 1/2; the second: -log 3/(3 + 1 + 1).
    loss = sample_candidate_loss(similarities, torch.full((2, 3), 0.5), quality, (3, 3))
    assert loss.item() == pytest.approx((2 * math.log(2) + math.log(5 / 3)) / 2, rel=1e-5)


def test_candidate_contrast_keeps_the_largest_labels_and_of_equal_negatives_those_that_score_highest():
    loss = _candidate_loss([1.0, 9.0, 0.0, math.log(2)], [0.7, 0.3, 0.0, 0.0], [1, 1, 0, 0], kept=(1, 1))
    assert loss == pytest.approx(-math.log(math.e / (math.e + 2)), rel=1e-5)


def test_candidate_contrast_keeps_the_negatives_of_the_least_quality():
    loss = _candidate_loss([0.0, 9.0, 0.0], [1.0, 0.0, 0.0], [1, 0.4, 0.1], kept=(1, 1))
    assert loss == pytest.approx(math.log(2), rel=1e-5)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_of_equal_labels_the_one_that_scores_highest_is_kept_however_far_scores_lie(scale):
    loss = _candidate_loss([0.9 * scale, scale, 0.0], [0.5, 0.5, 0.0], [1, 1, 0], kept=(1, 3))
    assert loss == pytest.approx(math.log1p(math.exp(-scale)), abs=1e-6)


def test_candidate_contrast_never_takes_a_wrong_or_unmeasured_candidate_for_a_positive():
    loss = _candidate_loss([0.0, 5.0, 7.0], [1.0, 0.0, 0.0], [1, 0, float("nan")])
    assert loss == pytest.approx(-math.log(1 / (1 + math.exp(5))), rel=1e-5)


@pytest.mark.parametrize("correct", [[1, 1], [0, 0]])
def test_candidate_contrast_is_nothing_without_positives_or_negatives_and_has_a_gradient(correct):
    similarities = torch.tensor([[0.3, -0.2]], requires_grad=True)
    labels = torch.tensor([[0.5, 0.5]])
    loss = sample_candidate_loss(similarities, labels, torch.tensor([correct]).float(), (3, 3))
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    assert torch.equal(similarities.grad, torch.zeros(1, 2))


def test_sample_contrast_by_hand():
    # Samples 0 and 1 are of one cluster, 2 is alone in its own: it adds nothing.
    similarities = torch.tensor([[9.0, 1.0, 0.5], [1.0, 9.0, 0.0], [0.5, 0.0, 9.0]], requires_grad=True)
    loss = sample_sample_loss(similarities, torch.tensor([0, 0, 4]), 3, torch.rand(2, 3, 3))
    first = -math.log(math.e / (math.e + math.exp(0.5)))
    second = -math.log(math.e / (math.e + 1))
    assert loss.item() == pytest.approx((first + second) / 3, rel=1e-5)
    loss.backward()
    assert similarities.grad.isfinite().all() and (similarities.grad[2] == 0).all()


def test_sample_contrast_takes_the_like_and_the_unlike_samples_that_were_drawn():
    # Sample 0 is like 1 and 2, unlike 3, 4 and 5; 2 is drawn, and 4 and 5 of the others.
    similarities = torch.zeros(6, 6)
    similarities[0] = torch.tensor([7.0, 5.0, math.log(2), 6.0, math.log(3), math.log(5)])
    clusters = torch.tensor([0, 0, 0, 1, 1, 1])
    draw = torch.full((2, 6, 6), 0.5)
    draw[0, 0], draw[1, 0] = torch.tensor([0.9, 0.1, 0.8, 0, 0, 0]), torch.tensor([0, 0, 0, 0.1, 0.2, 0.3])
    # The five other samples: -log 1/(1 + 1 + 1).
    expected = (-math.log(2 / (2 + 3 + 5)) + 5 * math.log(3)) / 6
    assert sample_sample_loss(similarities, clusters, 2, draw).item() == pytest.approx(expected, rel=1e-5)
