"""RouterDC: what its loss is made of, and that several processes see the batch that one would."""

import math

import pytest
import torch

from tests.families import packed_problem
from vlrouterbench.core.constants import Unsolved
from vlrouterbench.routers.families.modeling_routerdc import RouterDCConfig, RouterDCRouter
from vlrouterbench.routers.families.shared_batch import shared_loss
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router


@pytest.fixture(scope="module")
def problem(easy_folder):
    return packed_problem(easy_folder, "tiny-siglip")


def _router(problem, **own):
    torch.manual_seed(0)
    encoder = problem.features.encoder
    return RouterDCRouter(RouterDCConfig(candidates=problem.candidates(), encoder=encoder.config, dropout=0.0, **own))


def _targets(router, labels, quality, clusters):
    return torch.cat([torch.tensor(labels), torch.tensor(quality), torch.tensor(clusters)[:, None]], dim=1)


def test_the_loss_by_hand(problem, monkeypatch):
    """Two like samples and an unlike one at right angles; candidates along the axes; no temperature."""
    router = _router(problem, temperature=1.0, sample_weight=2.0)
    dim, count = router.backbone.dim, router.num_candidates
    axes = torch.eye(dim)
    monkeypatch.setattr(router, "pooled", lambda rows: 5 * axes[[0, 0, 1]])
    router.candidate_vectors.data = 3 * axes[:count]
    quality = torch.zeros(3, count)
    quality[0, 0] = quality[1, 1] = quality[2, 2] = 1.0
    targets = torch.cat([quality, quality, torch.tensor([[0.0], [0.0], [1.0]])], dim=1)
    # Candidates: a hit at cosine 1 against three at 0; a miss at 0 against the three highest, of which one is at 1.
    hit, miss = -math.log(math.e / (math.e + 3)), -math.log(1 / (1 + math.e + 2))
    # Samples: two at cosine 1 against the third at 0; the third is alone in its cluster.
    among = 2 * -math.log(math.e / (math.e + 1)) / 3
    assert router.training_loss(None, targets).item() == pytest.approx((hit + 2 * miss) / 3 + 2 * among, rel=1e-5)


def test_targets_are_soft_labels_quality_and_clusters_of_the_texts(problem):
    from dataclasses import replace

    samples = problem.training_set(cost_weight=10.0, unsolved=Unsolved.DROP, seed=0)
    samples = replace(samples, text_features=problem.train_text_features)
    targets, size = _router(problem).training_targets(samples), len(problem.table.pool)
    counted = samples.counted
    assert torch.equal(targets[counted, :size], samples.soft_labels[counted])
    assert torch.equal(targets[counted, size : 2 * size], samples.quality[counted])
    assert set(targets[counted, -1].tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert targets[~counted].isnan().all()


def test_the_original_variant_has_no_temperature_and_no_cost(problem):
    router = train_router("routerdc", problem, RouterTrainingArguments(variant="original", num_epochs=1)).router
    with torch.no_grad():
        scores = router.score(problem.validation_features)
    assert router.config.temperature == 1.0 and scores.abs().max() <= 1 + 1e-5
    assert "cost_weight" not in router.config.training


def test_one_process_leaves_a_loss_as_it_is():
    value = torch.tensor(3.0, requires_grad=True)
    shared_loss(value).backward()
    assert value.grad.item() == 1.0
