"""Neighbours are those of a plain float64 search, whatever screens them, and whatever batch a query comes in."""

import importlib.util

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.series import examples
from vlrouterbench.routers.base import neighbors
from vlrouterbench.routers.base.neighbors import NeighborIndex, nearest, unit_rows

needs_faiss = pytest.mark.skipif(importlib.util.find_spec("faiss") is None, reason="needs the extra faiss")
SCREENS = ("rounded", "full")


def screen_with(patch, screen):
    """Let a product screen, whatever this processor can do."""
    patch.setattr(neighbors, "PAYS_FOR_COPY", 0)
    patch.setattr(neighbors, "SINGLES_FOR_COPY", 0)
    for able in ("multiplies_bfloat16", "converts_float16"):
        patch.setattr(neighbors, able, lambda: screen == "rounded")


def plain_search(queries, memory, k):
    """Places and cosines by sorting float64 products, ties to the lower place."""
    queries = queries.double().numpy()
    lengths = np.sqrt((queries * queries).sum(axis=1, keepdims=True))
    cosine = np.array([(row * memory.double().numpy()).sum(axis=1) for row in queries / np.maximum(lengths, 1e-12)])
    order = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(cosine, order, axis=1)


@pytest.fixture
def screened_by(monkeypatch):
    """Choose the product that screens."""
    return lambda screen: screen_with(monkeypatch, screen)


def crowd(rng, num_rows, dim, *, spread):
    """Rows that all point almost the same way, some of them twice and one of them zero."""
    rows = rng.normal(size=dim) + spread * rng.normal(size=(num_rows, dim))
    rows[rng.integers(num_rows, size=num_rows // 3)] = rows[0]
    rows[num_rows // 2] = 0
    return torch.tensor(rows, dtype=torch.float32)


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@examples(25)
@given(
    st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 700), st.integers(1, 12), st.sampled_from([1e-3, 1.0])
)
def test_neighbours_are_those_of_a_plain_float64_search(screen, dtype, seed, num_queries, num_memories, k, spread):
    rng = np.random.default_rng(seed)
    queries = crowd(rng, num_queries, 24, spread=spread).to(dtype)
    memory = unit_rows(crowd(rng, num_memories, 24, spread=spread).to(dtype))
    with pytest.MonkeyPatch.context() as patch:
        screen_with(patch, screen)
        patch.setattr(neighbors, "CROWDED", 3)
        patch.setattr(neighbors, "PRODUCTS_PER_BLOCK", 5 * num_memories)
        cosine, places = nearest(queries, memory, num_neighbors=k)
    expected, values = plain_search(queries, memory, k)
    assert places.shape == (num_queries, min(k, num_memories)) and cosine.dtype == dtype
    assert np.array_equal(places.numpy(), expected)
    np.testing.assert_allclose(cosine.numpy(), values, atol=1e-6 if dtype == torch.float32 else 1e-14)


@pytest.mark.parametrize("screen", SCREENS)
def test_a_query_alone_has_the_neighbours_and_cosines_that_it_has_in_a_batch(screen, screened_by):
    rng = np.random.default_rng(0)
    queries, memory = crowd(rng, 40, 96, spread=0.1), unit_rows(crowd(rng, 900, 96, spread=0.1))
    screened_by(screen)
    cosine, places = nearest(queries, memory, num_neighbors=9)
    index = NeighborIndex(memory)
    alone = [index.search(query.unsqueeze(0), num_neighbors=9) for query in queries]
    assert torch.equal(torch.cat([found for _, found in alone]), places)
    assert torch.equal(torch.cat([values for values, _ in alone]), cosine)


def test_equal_memories_come_in_the_order_of_their_places():
    row = unit_rows(torch.randn(1, 50, generator=torch.Generator().manual_seed(0)))
    memory = torch.cat([row, -row, row, row, -row])
    assert nearest(3 * row, memory, num_neighbors=4)[1].tolist() == [[0, 2, 3, 1]]


def test_rounding_that_turns_an_order_round_is_seen_through(screened_by):
    # In bfloat16 all three are alike, and the last is nearest by less than a step.
    memory = torch.tensor([[1.0, 0.0010], [1.0, 0.0009], [1.0, 0.0008]])
    assert len(memory.bfloat16().float()[:, 0].unique()) == 1
    screened_by("rounded")
    query = torch.tensor([[1.0, 0.0]]).repeat(3, 1)
    assert nearest(query, unit_rows(memory), num_neighbors=1)[1].tolist() == [[2]] * 3


@examples(40)
@given(st.integers(0, 10_000), st.integers(1, 300), st.sampled_from([torch.bfloat16, torch.float16, torch.float32]))
def test_no_product_is_farther_from_the_exact_score_than_its_bound(seed, dim, dtype):
    rng = np.random.default_rng(seed)
    memory = unit_rows(torch.tensor(rng.normal(size=(60, dim)), dtype=torch.float32))
    queries = rng.normal(size=(8, dim))
    queries /= np.sqrt((queries * queries).sum(axis=1, keepdims=True))
    screen = neighbors._screen(memory, dtype)
    asked = torch.from_numpy(queries).to(dtype)
    bound = neighbors._product_error(screen, queries, asked.double().numpy())
    exact = queries @ memory.double().numpy().T
    product = (asked.float() @ screen.rows.float().T).double().numpy()
    assert (np.abs(product - exact) <= bound[:, None]).all()
    # A bound that says nothing would make every memory a candidate.
    assert bound.max() < {torch.bfloat16: 0.02, torch.float16: 0.003, torch.float32: 1e-3}[dtype]


def test_queries_too_crowded_for_bfloat16_are_left_to_the_full_product(monkeypatch, screened_by):
    rng = np.random.default_rng(1)
    memory = unit_rows(crowd(rng, 600, 16, spread=1e-4))
    index = NeighborIndex(memory)
    screened_by("rounded")
    used = []
    original = neighbors._candidates
    monkeypatch.setattr(
        neighbors, "_candidates", lambda screen, *rest: used.append(screen.rows.dtype) or original(screen, *rest)
    )
    monkeypatch.setattr(neighbors, "PRODUCTS_PER_BLOCK", 4 * 600)
    index.search(crowd(rng, 12, 16, spread=1e-4), num_neighbors=2)
    # Tried once, found not to pay, and not tried again for the blocks that follow.
    assert used == [torch.bfloat16, torch.float32, torch.float32, torch.float32]


@pytest.mark.parametrize("num_queries", [1, 5])
def test_a_processor_that_breaks_the_bound_is_found_out(num_queries, monkeypatch, screened_by):
    rng = np.random.default_rng(3)
    queries = torch.tensor(rng.normal(size=(num_queries, 64)), dtype=torch.float32)
    memory = unit_rows(crowd(rng, 300, 64, spread=1.0))
    screened_by("rounded")
    index = NeighborIndex(memory)
    made = neighbors._screen

    def broken(memory, dtype):
        screen = made(memory, dtype)
        screen.rows[:, ::2] = 0
        return screen

    monkeypatch.setattr(neighbors, "_screen", broken)
    assert np.array_equal(index.search(queries, num_neighbors=4)[1].numpy(), plain_search(queries, memory, 4)[0])
    assert not index._trusted and index._screen_for(num_queries) is index._full


def test_a_copy_is_made_once_enough_single_queries_came(monkeypatch):
    monkeypatch.setattr(neighbors, "converts_float16", lambda: True)
    index = NeighborIndex(torch.eye(5))
    used = [index._screen_for(1).rows.dtype for _ in range(neighbors.SINGLES_FOR_COPY + 1)]
    assert used == [torch.float32] * neighbors.SINGLES_FOR_COPY + [torch.float16]


def test_allowed_reduced_precision_widens_the_bound():
    memory = unit_rows(torch.randn(5, 8, generator=torch.Generator().manual_seed(0)))
    query = memory[:1].double().numpy()
    strict = neighbors._product_error(neighbors._screen(memory, torch.float32), query, query)
    torch.set_float32_matmul_precision("medium")
    try:
        loose = neighbors._product_error(neighbors._screen(memory, torch.float32), query, query)
    finally:
        torch.set_float32_matmul_precision("highest")
    assert loose > strict + 2**-7


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_features_that_are_not_finite_are_refused(bad):
    memory = torch.eye(4)
    with pytest.raises(ValueError, match="expected finite features, found NaN or infinity"):
        nearest(torch.full((1, 4), bad), memory, num_neighbors=1)
    with pytest.raises(ValueError, match="expected a memory of finite features"):
        NeighborIndex(memory * bad)


def test_length_of_a_feature_vector_does_not_matter():
    rng = np.random.default_rng(1)
    queries, memory = torch.tensor(rng.normal(size=(9, 6))), unit_rows(torch.tensor(rng.normal(size=(30, 6))))
    assert torch.equal(nearest(queries, memory, num_neighbors=5)[1], nearest(8 * queries, memory, num_neighbors=5)[1])


def test_zero_row_has_no_direction_and_no_nan():
    assert unit_rows(torch.zeros(1, 3)).tolist() == [[0, 0, 0]]
    assert nearest(torch.zeros(1, 3), torch.eye(3), num_neighbors=2)[1].tolist() == [[0, 1]]


def test_no_queries_have_no_neighbours():
    assert nearest(torch.zeros(0, 3), torch.eye(3), num_neighbors=2)[1].shape == (0, 2)


def test_an_unknown_index_is_refused():
    with pytest.raises(ValueError, match="expected index out of exact, faiss; found 'annoy'"):
        NeighborIndex(torch.eye(2), kind="annoy")


def test_a_missing_faiss_is_answered_with_its_extra(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(neighbors.importlib, "import_module", missing)
    with pytest.raises(ImportError, match=r'pip install "vlrouterbench\[faiss\]"'):
        NeighborIndex(torch.eye(2), kind="faiss")


@needs_faiss
def test_faiss_finds_the_same_neighbours():
    rng = np.random.default_rng(2)
    queries = torch.tensor(rng.normal(size=(20, 32)), dtype=torch.float32)
    memory = unit_rows(torch.tensor(rng.normal(size=(500, 32)), dtype=torch.float32))
    cosine, places = NeighborIndex(memory, kind="faiss").search(queries, num_neighbors=6)
    expected, values = plain_search(queries, memory, 6)
    assert np.array_equal(places.numpy(), expected)
    np.testing.assert_allclose(cosine.numpy(), values, atol=1e-6)
