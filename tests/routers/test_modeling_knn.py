"""kNN: exact cosine neighbours, a vote by hand, and a memory that is saved and never trained."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vlrouterbench.routers import modeling_knn
from vlrouterbench.routers.modeling_knn import (
    KNNRouter,
    KNNRouterConfig,
    by_similarity,
    nearest,
    unit_rows,
    vote,
)

ENCODER = {"text": "builtin", "image": "builtin", "version": 3, "text_dim": 4, "image_dim": 2}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 60), st.integers(1, 12))
def test_neighbours_equal_a_brute_force_cosine_search(seed, num_queries, num_memories, k):
    rng = np.random.default_rng(seed)
    queries, memory = rng.normal(size=(num_queries, 6)), rng.normal(size=(num_memories, 6))
    similarity, places = nearest(torch.tensor(queries), unit_rows(torch.tensor(memory)), num_neighbors=k)
    assert places.shape == (num_queries, min(k, num_memories))
    for query, found, values in zip(queries, places.numpy(), similarity.numpy(), strict=True):
        cosine = [query @ row / np.linalg.norm(query) / np.linalg.norm(row) for row in memory]
        order = sorted(range(num_memories), key=lambda place: -cosine[place])[:k]
        assert found.tolist() == order
        np.testing.assert_allclose(values, np.array(cosine)[order], atol=1e-12)


def test_blocks_of_queries_do_not_change_the_neighbours(monkeypatch):
    rng = np.random.default_rng(0)
    queries, memory = torch.tensor(rng.normal(size=(50, 6))), unit_rows(torch.tensor(rng.normal(size=(80, 6))))
    _, expected = nearest(queries, memory, num_neighbors=7)
    monkeypatch.setattr(modeling_knn, "ROWS_PER_BLOCK", 8)
    assert torch.equal(nearest(queries, memory, num_neighbors=7)[1], expected)


def test_length_of_a_feature_vector_does_not_matter():
    rng = np.random.default_rng(1)
    queries, memory = torch.tensor(rng.normal(size=(9, 6))), unit_rows(torch.tensor(rng.normal(size=(30, 6))))
    assert torch.equal(nearest(queries, memory, num_neighbors=5)[1], nearest(8 * queries, memory, num_neighbors=5)[1])


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


def test_zero_row_has_no_direction_and_no_nan():
    assert unit_rows(torch.zeros(1, 3)).tolist() == [[0, 0, 0]]


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
    asked = torch.tensor(rng.normal(size=(40, router.feature_dim)), dtype=torch.float32)
    router.remember(features, labels)
    before = router.decide(asked)
    order = torch.tensor([2, 0, 1])
    router.remember(features, labels[:, order])
    assert torch.equal(order[router.decide(asked)], before)
