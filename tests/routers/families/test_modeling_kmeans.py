"""K-means: the best candidate of a cluster by shrunken mean label, by hand."""

import torch

from tests.families import small_router, training_set, widened

# Two clusters of two samples; candidate a answers the first, b the second, c nothing.
QUALITY = [[1, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]
COST = [[0.001, 0.002, 0.004]] * 4


def _router(shrinkage, num_clusters=2):
    router = small_router("kmeans", num_clusters=num_clusters, shrinkage=shrinkage)
    features = widened([[1.0, 0], [1, 0.01], [0, 1], [0.01, 1]], router)
    router.fit(training_set(features, QUALITY, COST))
    return router, features


def test_means_of_a_cluster_are_shrunk_by_hand():
    router, features = _router(2.0)
    # Labels at lambda 0: a, a, b, half each. Overall (2.5, 1.5, 0) / 4; two samples of it beside two of the cluster.
    prior = torch.tensor([0.625, 0.375, 0.0])
    clusters = torch.tensor([[2.0, 0, 0], [0.5, 1.5, 0]])
    expected = (clusters + 2 * prior) / 4
    torch.testing.assert_close(router.score(features[[0, 2]]), expected)


def test_without_shrinkage_the_clusters_own_best_wins_and_with_much_the_overall_best():
    router, features = _router(0.0)
    assert router.decide(features).tolist() == [0, 0, 1, 1]
    router, features = _router(1000.0)
    assert router.decide(features).tolist() == [0, 0, 0, 0]


def test_more_clusters_than_samples_are_not_made():
    router = small_router("kmeans")
    samples = training_set(widened([[1.0], [2.0]], router), [[1, 0, 0], [0, 0, 0]], COST[:2])
    assert type(router).sizes(samples, {"num_clusters": 20}) == {"num_clusters": 1}
