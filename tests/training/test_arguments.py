"""Training options are checked when they are made."""

import math

import pytest

from vlrouterbench.constants import DEFAULT_COST_WEIGHTS
from vlrouterbench.errors import RouterError
from vlrouterbench.training.arguments import RouterTrainingArguments


def test_defaults_are_valid_and_try_the_default_grid():
    assert RouterTrainingArguments().cost_weights == DEFAULT_COST_WEIGHTS


@pytest.mark.parametrize("weights", [(), (-1.0,), (10.0, math.nan), (-math.inf,)])
def test_wrong_cost_weights_are_refused(weights):
    with pytest.raises(RouterError, match="cost weights >= 0"):
        RouterTrainingArguments(cost_weights=weights)


@pytest.mark.parametrize("weights", [(0.0,), (math.inf,), (0.0, 1e6, math.inf)])
def test_zero_and_infinite_cost_weights_are_accepted(weights):
    assert RouterTrainingArguments(cost_weights=weights).cost_weights == weights


@pytest.mark.parametrize("name", ["num_epochs", "batch_size", "patience"])
@pytest.mark.parametrize("value", [0, -3])
def test_counts_below_one_are_refused_by_name(name, value):
    with pytest.raises(RouterError, match=f"{name} >= 1, found {value}"):
        RouterTrainingArguments(**{name: value})
