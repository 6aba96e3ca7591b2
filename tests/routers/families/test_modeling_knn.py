"""kNN: a vote by hand, and a memory that is saved and never trained."""

import numpy as np
import pytest
import torch

from vlrouterbench.routers.families.modeling_knn import (
    KNNRouter,
    KNNRouterConfig,
    by_similarity,
    vote,
)

ENCODER = {"text": "builtin", "image": "builtin", "version": 3, "text_dim": 4, "image_dim": 2}


def test_vote_by_hand():
    similarity = torch.tensor([[0.9, 0.3, -0.5]], dtype=torch.float64)
    labels = torch.tensor([[[1, 0, 0], [0, 0.5, 0.5], [0, 0, 1]]], dtype=torch.float64)
    # Weights 0.9, 0.3 and nothing for the neighbour that points the other way.
    torch.testing.assert_close(
        vote(by_similarity(similarity), labels),
        torch.tensor([[0.75, 0.125, 0.125]], dtype=torch.float64),
        atol=2e-6,
        rtol=0,
    )


def test_neighbours_that_all_point_away_vote_alike():
    labels = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    torch.testing.assert_close(vote(by_similarity(torch.tensor([[-0.2, -0.9]])), labels), torch.tensor([[0.5, 0.5]]))


@pytest.fixture
def router():
    names = [{"name": name, "mean_cost_usd": 0.001} for name in "abc"]
    config = KNNRouterConfig(memory_size=4, num_neighbors=1, candidates=names, encoder=ENCODER)
    return KNNRouter(config)


def test_nearest_memory_decides(router):
    features = torch.eye(router.feature_dim)[:4] * torch.tensor([[1.0], [7.0], [0.1], [3.0]])
    labels = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]])
    router.remember(features, labels)
    assert router.decide(5 * features).tolist() == [0, 1, 2, 1]
    torch.testing.assert_close(router.score(features), labels)


def test_memory_is_saved_and_never_trained(router):
    assert {"memory", "memory_labels"} <= set(router.state_dict())
    assert not [name for name, p in router.named_parameters() if p.requires_grad]


def test_more_neighbours_than_memories_use_all_of_them(router):
    router.config.num_neighbors = 50
    router.remember(torch.ones(4, router.feature_dim), torch.tensor([[1.0, 0, 0]] * 3 + [[0, 1.0, 0]]))
    torch.testing.assert_close(router.score(torch.ones(1, router.feature_dim)), torch.tensor([[0.75, 0.25, 0]]))


def test_permuting_the_candidates_permutes_decisions_exactly(router):
    rng = np.random.default_rng(4)
    router.config.num_neighbors = 3
    features = torch.tensor(rng.normal(size=(4, router.feature_dim)), dtype=torch.float32)
    labels = torch.tensor(rng.dirichlet([1, 1, 1], size=4), dtype=torch.float32)
    queries = torch.tensor(rng.normal(size=(40, router.feature_dim)), dtype=torch.float32)
    router.remember(features, labels)
    before = router.decide(queries)
    order = torch.tensor([2, 0, 1])
    router.remember(features, labels[:, order])
    assert torch.equal(order[router.decide(queries)], before)


def test_a_memory_filled_again_is_searched_again(router):
    features = torch.eye(router.feature_dim)[:4]
    router.remember(features, torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]]))
    assert router.decide(features).tolist() == [0, 1, 2, 1]
    router.remember(features.flip(dims=[0]), torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]]))
    assert router.decide(features).tolist() == [1, 2, 1, 0]


def test_index_is_saved_and_an_unknown_one_refused(router, tmp_path):
    router.config.index = "faiss"
    router.save_pretrained(tmp_path)
    assert KNNRouterConfig.from_pretrained(tmp_path).index == "faiss"
    with pytest.raises(ValueError, match='index: expected one of exact, faiss; found "annoy"'):
        KNNRouterConfig(index="annoy")
