"""Ridge-MF: the closed form of numpy, its best low-rank part, and masks."""

import numpy as np
import pytest
import torch

from tests.families import small_router, training_set, widened
from vlrouterbench.routers.families.modeling_ridge_mf import reduced_rank_ridge

PENALTY = 3.0


@pytest.fixture(scope="module")
def regression():
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(40, 5)), rng.normal(size=(40, 4))
    return features - features.mean(axis=0), targets - targets.mean(axis=0)


def _fit(features, targets, rank):
    directions, loadings = reduced_rank_ridge(torch.tensor(features), torch.tensor(targets), penalty=PENALTY)
    return (directions[:, :rank] @ loadings[:rank]).numpy()


def test_all_directions_give_ridge_regression(regression):
    features, targets = regression
    ridge = np.linalg.solve(features.T @ features + PENALTY * np.eye(5), features.T @ targets)
    np.testing.assert_allclose(_fit(features, targets, 4), ridge, atol=1e-10)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_low_rank_is_the_singular_value_cut_of_the_fitted_values_with_penalty_rows(regression, rank):
    features, targets = regression
    tall = np.vstack([features, np.sqrt(PENALTY) * np.eye(5)])
    ridge = np.linalg.lstsq(tall, np.vstack([targets, np.zeros((5, 4))]), rcond=None)[0]
    _, _, right = np.linalg.svd(tall @ ridge, full_matrices=False)
    np.testing.assert_allclose(_fit(features, targets, rank), ridge @ right[:rank].T @ right[:rank], atol=1e-10)


def test_each_target_is_fitted_on_its_measured_samples(regression):
    features, targets = regression
    masked = targets.copy()
    masked[:13, 2] = np.nan
    masked[20:, 3] = np.nan
    found = _fit(features, masked, 4)
    for column in range(4):
        known = np.isfinite(masked[:, column])
        gram = features[known].T @ features[known] + PENALTY * np.eye(5)
        expected = np.linalg.solve(gram, features[known].T @ targets[known, column])
        np.testing.assert_allclose(found[:, column], expected, atol=1e-10)


def test_one_feature_by_hand():
    router = small_router("ridge-mf", num_candidates=2, strength=1.0, rank=4, usd_weight=100.0)
    features = widened([[1.0], [-1.0], [1.0], [-1.0]], router)
    router.fit(training_set(features, [[1, 0], [0, 1], [1, 0], [0, 1]], [[0.001, 0.003], [0.003, 0.001]] * 2))
    quality, cost = router.estimate(features[:1])
    # Slope 4 * 0.5 / (4 + 4) of quality and of relative cost, which is 0.5 and 1.5 of the mean 0.002.
    torch.testing.assert_close(quality, torch.tensor([[0.75, 0.25]]))
    torch.testing.assert_close(cost, torch.tensor([[0.0015, 0.0025]]))
    torch.testing.assert_close(router.score(features[:1]), torch.tensor([[0.75 - 0.15, 0.25 - 0.25]]))


def test_cost_is_never_below_zero():
    router = small_router("ridge-mf", num_candidates=2, strength=0.01, rank=4)
    features = widened([[1.0], [-1.0]], router)
    router.fit(training_set(features, [[1, 1], [1, 1]], [[0.001, 0.002], [0.009, 0.002]]))
    assert (router.estimate(widened([[50.0], [-50.0]], router))[1] >= 0).all()
