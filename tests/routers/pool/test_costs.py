"""Quantiles of costs and of answer times, and whom they leave where an answer must be there in time."""

import numpy as np
import pytest
import torch

from vlrouterbench.routers.base.decision import BudgetError
from vlrouterbench.routers.pool.costs import LEVELS, cost_ratios, level_of, price_ratio, quick_enough, time_quantiles


def test_ratios_are_measured_over_expected_costs_and_one_where_nothing_was_measured():
    measured = torch.tensor([[1.0, np.nan, 0.0], [2.0, np.nan, 0.0], [3.0, np.nan, 0.0], [8.0, np.nan, 0.0]])
    expected = torch.tensor([2.0, 5.0, 0.0]).expand(4, 3)
    first, second, free = cost_ratios(measured, expected)
    assert first == [1.5, 4.0, 4.0, 4.0, 4.0, 4.0] and len(first) == len(LEVELS)
    assert second == free == [1.0] * len(LEVELS)


def test_times_are_of_the_answers_that_were_timed():
    latency = torch.tensor([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]], dtype=torch.float64)
    assert time_quantiles(latency) == [[3.0, 3.0, 3.0, 3.0, 3.0, 3.0], None]


def test_a_quantile_is_the_next_level_that_is_kept():
    assert [level_of(quantile) for quantile in (0.0, 0.5, 0.51, 0.95, 0.96, 1.0)] == [0, 0, 1, 3, 4, 5]
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="expected a quantile"):
            level_of(wrong)


def test_prices_change_costs_by_what_tokens_cost_then_and_now():
    tokens = torch.tensor([[[100.0, 100.0, 0.0], [50.0, 50.0, 0.0]]])
    ratio = price_ratio(tokens, [(2.0, 4.0), None, (1.0, 1.0)], [(1.0, 2.0), (1.0, 1.0), (2.0, 2.0)])
    assert ratio.tolist() == [[2.0, 1.0, 1.0]]


def test_those_that_answer_in_time_are_left_and_who_was_not_timed_is_not():
    times = {"a": 1.0, "b": 4.0}
    assert quick_enough(["a", "b", "new"], times, 4.0) == ["a", "b"]
    assert quick_enough(["a", "b"], times, 1.5) == ["a"]
    with pytest.raises(BudgetError, match="the quickest, b, took 4 s"):
        quick_enough(["b", "new"], times, 2.0)
    with pytest.raises(BudgetError, match="not known"):
        quick_enough(["new"], times, 2.0)
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(BudgetError, match="number of seconds"):
            quick_enough(["a"], times, wrong)
