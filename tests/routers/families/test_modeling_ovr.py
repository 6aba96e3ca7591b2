"""OVR: the same slopes as scikit-learn's logistic regression, masks respected, one-class candidates by hand."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from tests.families import small_router, training_set, widened
from vlrouterbench.routers.families.modeling_ovr import logistic_regressions

NAN = float("nan")


@pytest.fixture(scope="module")
def answers():
    """Features of 80 samples, and which of two candidates is right; a quarter of the second was not measured."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(80, 3))
    correct = (features @ rng.normal(size=(3, 2)) + rng.normal(size=(80, 2)) > 0.6).astype(float)
    correct[::4, 1] = np.nan
    return features, correct


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("inverse_penalty", [0.03, 1.0])
def test_slopes_are_those_of_scikit_learn_on_the_measured_pairs(answers, balanced, inverse_penalty):
    features, correct = answers
    slopes, intercepts = logistic_regressions(
        torch.tensor(features), torch.tensor(correct), inverse_penalty=inverse_penalty, balanced=balanced
    )
    for place in range(2):
        known = np.isfinite(correct[:, place])
        theirs = LogisticRegression(
            C=inverse_penalty, class_weight="balanced" if balanced else None, max_iter=1000, tol=1e-9
        ).fit(features[known], correct[known, place])
        np.testing.assert_allclose(slopes[place], theirs.coef_[0], atol=1e-4)
        np.testing.assert_allclose(intercepts[place], theirs.intercept_[0], atol=1e-4)


def test_one_class_gets_its_smoothed_share_and_no_slope():
    correct = torch.tensor([[1.0, 0, NAN], [1, 0, NAN], [1, 0, NAN]])
    slopes, intercepts = logistic_regressions(torch.eye(3), correct, inverse_penalty=1.0, balanced=True)
    assert not slopes.any()
    # 3.5 of 4 and 0.5 of 4; never measured is as good as never right.
    torch.testing.assert_close(torch.sigmoid(intercepts[:2]), torch.tensor([0.875, 0.125], dtype=torch.float64))
    assert torch.sigmoid(intercepts[2]) < 1e-4


def test_score_is_probability_less_weighted_mean_cost():
    router = small_router("ovr", num_candidates=2, usd_weight=50.0)
    features = widened([[1.0], [-1.0], [2.0]], router)
    router.fit(training_set(features, [[1, 1], [1, 1], [1, 1]], [[0.001, 0.003], [0.001, 0.005], [0.001, 0.004]]))
    torch.testing.assert_close(router.score(features[:1]), torch.tensor([[0.875 - 0.05, 0.875 - 0.2]]))


def test_unsolved_samples_are_dropped_where_asked_for():
    quality = [[1, 0], [0, 1], [0, 0], [0, 0]]
    intercepts = {}
    for drop in (False, True):
        router = small_router("ovr", num_candidates=2, drop_unsolved=drop)
        router.fit(training_set(torch.zeros(4, router.feature_dim), quality, [[0.001, 0.001]] * 4))
        intercepts[drop] = torch.sigmoid(router.intercepts)
    torch.testing.assert_close(intercepts[False], torch.tensor([0.25, 0.25]), atol=1e-5, rtol=0)
    torch.testing.assert_close(intercepts[True], torch.tensor([0.5, 0.5]), atol=1e-5, rtol=0)
