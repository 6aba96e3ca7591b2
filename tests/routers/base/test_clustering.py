"""k-means finds what lies apart; group means by hand, shrunk by hand."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from vlrouterbench.routers.base.clustering import assign, group_sums, kmeans, one_hot, shrunk_means
from vlrouterbench.routers.base.neighbors import unit_rows

NAN = float("nan")


@pytest.fixture(scope="module")
def heaps():
    """Forty samples around each of four directions."""
    rng = np.random.default_rng(0)
    rows = np.repeat(np.eye(4, 6), 40, axis=0) + 0.1 * rng.normal(size=(160, 6))
    return torch.tensor(rows, dtype=torch.float32)


@pytest.mark.parametrize("seed", range(5))
def test_heaps_that_lie_apart_are_found_from_any_seed(heaps, seed):
    centers = kmeans(heaps, num_clusters=4, seed=seed)
    clusters = assign(heaps, centers).reshape(4, 40)
    assert (clusters == clusters[:, :1]).all() and len(set(clusters[:, 0].tolist())) == 4
    theirs = KMeans(4, n_init=5, random_state=0).fit(unit_rows(heaps).numpy()).cluster_centers_
    np.testing.assert_allclose(sorted(centers.numpy().tolist()), sorted(theirs.tolist()), atol=1e-5)


def test_same_seed_gives_the_same_centers(heaps):
    assert torch.equal(kmeans(heaps, num_clusters=9, seed=3), kmeans(heaps, num_clusters=9, seed=3))
    assert not torch.equal(kmeans(heaps, num_clusters=9, seed=3), kmeans(heaps, num_clusters=9, seed=4))


def test_as_many_clusters_as_samples_and_equal_samples_work():
    rows = torch.eye(3)
    assert sorted(assign(rows, kmeans(rows, num_clusters=3, seed=0)).tolist()) == [0, 1, 2]
    assert torch.isfinite(kmeans(torch.ones(5, 2), num_clusters=3, seed=0)).all()


def test_group_sums_leave_unmeasured_pairs_out():
    values = torch.tensor([[1.0, NAN], [3.0, 5.0], [7.0, NAN]])
    sums, counts = group_sums(values, one_hot(torch.tensor([0, 0, 1]), 3))
    assert sums.tolist() == [[4, 5], [7, 0], [0, 0]] and counts.tolist() == [[2, 1], [1, 0], [0, 0]]


def test_shrunk_means_by_hand():
    sums, counts, prior = torch.tensor([[4.0, 0.0]]), torch.tensor([[5.0, 0.0]]), torch.tensor([0.2, 0.6])
    # (4 + 5 * 0.2) / (5 + 5), and the prior where nothing was seen.
    torch.testing.assert_close(shrunk_means(sums, counts, prior, strength=5.0), torch.tensor([[0.5, 0.6]]))
    torch.testing.assert_close(shrunk_means(sums, counts, prior, strength=0.0), torch.tensor([[0.8, 0.6]]))
