"""Doubly robust values in the place of pairs that nobody measured."""

import numpy as np
import pytest

from tests.tables import hand_table
from vlrouterbench.training.partly_measured import LEAST_SAMPLES, doubly_robust


def partial(quality, asked, share):
    """A table of which one pair a sample is measured."""
    shown = np.where(np.arange(quality.shape[1]) == asked[:, None], quality, np.nan)
    table = hand_table(shown, np.where(np.isnan(shown), np.nan, 0.5), cost_bounds=(0.1, 1.0))
    table.matrices["propensity"] = np.where(np.isnan(shown), np.nan, share)
    return table


def test_the_value_of_an_asked_pair_is_the_expectation_and_its_weighted_error():
    train = hand_table([[1, 0], [0, 0]], [[0.5, 0.5]] * 2, cost_bounds=(0.1, 1.0))
    quality = np.tile([1.0, 0.0], (LEAST_SAMPLES, 1))
    asked = np.zeros(LEAST_SAMPLES, int)
    found = doubly_robust(train, partial(quality, asked, 0.25), None)
    # Expected: the means of train, 0.5 and 0. Asked with probability 1/4: 0.5 + (1 - 0.5) / 0.25.
    np.testing.assert_allclose(found.quality, np.tile([2.5, 0.0], (LEAST_SAMPLES, 1)))
    np.testing.assert_allclose(found.cost, 0.5)


def test_means_are_those_of_all_outcomes_however_wrong_the_expectation_is():
    rng = np.random.default_rng(0)
    count = 20_000
    quality = (rng.random((count, 2)) < [0.8, 0.3]).astype(float)
    asked = (rng.random(count) < 0.2).astype(int)
    share = np.where(np.arange(2) == 1, 0.2, 0.8)
    wrong = hand_table([[0, 1], [0, 1]], [[0.5, 0.5]] * 2, cost_bounds=(0.1, 1.0))
    found = doubly_robust(wrong, partial(quality, asked, share), None)
    np.testing.assert_allclose(found.quality.mean(axis=0), [0.8, 0.3], atol=0.02)


@pytest.mark.parametrize("reason", ["few", "not stated"])
def test_without_enough_stated_probabilities_there_is_no_estimate(reason):
    count = LEAST_SAMPLES - 1 if reason == "few" else LEAST_SAMPLES
    table = partial(np.ones((count, 2)), np.zeros(count, int), 0.5)
    if reason == "not stated":
        table.matrices["propensity"][:] = np.nan
    assert doubly_robust(table, table, None) is None
