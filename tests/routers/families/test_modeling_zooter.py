"""ZOOTER: labels are mixed with the mean label of their dataset."""

import math

import pytest
import torch

from tests.families import packed_problem
from vlrouterbench.core.errors import RouterError
from vlrouterbench.routers.base.learning import kl_divergence
from vlrouterbench.routers.families.modeling_zooter import reward_shares, tag_smoothed
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router


def test_smoothed_labels_by_hand():
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    smoothed = tag_smoothed(labels, torch.tensor([0, 0, 1, 0]), beta=0.3)
    # Tag 0 means (0.5, 0.5) over its two samples that count; tag 1 is one sample.
    expected = torch.tensor([[0.65, 0.35], [0.35, 0.65], [1.0, 0.0], [0.0, 0.0]])
    assert torch.allclose(smoothed, expected)


def test_all_own_leaves_labels_as_they_are():
    labels = torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    assert torch.equal(tag_smoothed(labels, torch.tensor([3, 3]), beta=1.0), labels)


def test_shares_of_rewards_by_hand():
    shares = reward_shares(torch.tensor([[1.0, 0.0, 0.0], [math.log(3), 0.0, math.nan], [math.nan] * 3]))
    expected = torch.tensor([[math.e, 1.0, 1.0], [0.75, 0.25, 0.0], [0.0, 0.0, 0.0]])
    expected[0] /= math.e + 2
    assert torch.allclose(shares, expected)


def test_the_whole_objective_by_hand():
    """Two samples of one tag, rewards log 3 and 0, then 0 and 0; the router holds both candidates for equal."""
    shares = reward_shares(torch.tensor([[math.log(3), 0.0], [0.0, 0.0]]))
    smoothed = tag_smoothed(shares, torch.tensor([0, 0]), beta=0.3)
    # Shares 3/4 and 1/2 of the first candidate; their mean is 5/8.
    first = [0.3 * 0.75 + 0.7 * 0.625, 0.3 * 0.5 + 0.7 * 0.625]
    expected = sum(p * math.log(2 * p) + (1 - p) * math.log(2 * (1 - p)) for p in first) / 2
    assert kl_divergence(torch.zeros(2, 2), smoothed).item() == pytest.approx(expected, rel=1e-4)


def test_the_original_variant_learns_from_quality_alone(easy_folder):
    problem = packed_problem(easy_folder, "tiny-siglip")
    router = train_router("zooter", problem, RouterTrainingArguments(variant="original", num_epochs=1)).router
    assert router.config.rewards == "quality" and router.config.training["unsolved"] is None
    with pytest.raises(RouterError, match="--cost-weight: zooter in its original variant has no training cost weight"):
        train_router("zooter", problem, RouterTrainingArguments(variant="original", cost_weights=(10.0,)))
    refusal = "ZOOTER cannot be trained with these options: rewards of quality have no cost weight"
    with pytest.raises(RouterError, match=refusal):
        train_router("zooter", problem, RouterTrainingArguments(options={"rewards": "quality"}))
    with pytest.raises(RouterError, match='rewards: expected one of soft_labels, quality; found "stars"'):
        train_router("zooter", problem, RouterTrainingArguments(options={"rewards": "stars"}))
