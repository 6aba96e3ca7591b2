"""Training options are checked when they are made."""

import math
from pathlib import Path

import pytest

from vlrouterbench.core.constants import DEFAULT_COST_WEIGHTS, Unsolved
from vlrouterbench.core.errors import RouterError
from vlrouterbench.routers.base.learning import Recipe
from vlrouterbench.training.arguments import RouterTrainingArguments


def test_what_is_not_asked_for_is_the_familys_own_or_the_trainers_grid():
    arguments, recipe = RouterTrainingArguments(), Recipe(num_epochs=7)
    assert arguments.applied_to(recipe, "mlp") == Recipe(cost_weights=DEFAULT_COST_WEIGHTS, num_epochs=7)
    assert arguments.applied_to(Recipe(cost_weights=(3.0,)), "mlp").cost_weights == (3.0,)


def test_what_is_asked_for_stands_in_the_place_of_the_familys_own():
    recipe = Recipe(cost_weights=(3.0,), decision_grid={"num_neighbors": (5, 10)}, fixed={"weighting": "distance"})
    arguments = RouterTrainingArguments(cost_weights=(1.0,), num_epochs=2, options={"num_neighbors": 7})
    assert arguments.applied_to(recipe, "knn") == Recipe(
        cost_weights=(1.0,), num_epochs=2, fixed={"weighting": "distance", "num_neighbors": 7}
    )


@pytest.mark.parametrize(
    ("given", "name"), [({"cost_weights": (1.0,)}, "--cost-weight"), ({"unsolved": Unsolved.DROP}, "--unsolved")]
)
def test_a_family_without_a_cost_weight_says_so_by_name(given, name):
    with pytest.raises(RouterError, match=f"{name}: uniroute in its default variant has no training cost weight"):
        RouterTrainingArguments(**given).applied_to(Recipe(cost_weights=()), "uniroute")


@pytest.mark.parametrize("weights", [(), (-1.0,), (10.0, math.nan), (-math.inf,)])
def test_wrong_cost_weights_are_refused(weights):
    with pytest.raises(RouterError, match="cost weights >= 0"):
        RouterTrainingArguments(cost_weights=weights)


@pytest.mark.parametrize("weights", [(0.0,), (math.inf,), (0.0, 1e6, math.inf)])
def test_zero_and_infinite_cost_weights_are_accepted(weights):
    assert RouterTrainingArguments(cost_weights=weights).cost_weights == weights


def test_lists_and_texts_are_normalised_so_that_equal_arguments_are_equal():
    given = {"cost_weights": [1.0, math.inf], "unsolved": "cheapest", "checkpoint_folder": "folder", "log_to": []}
    same = {"cost_weights": (1.0, math.inf), "unsolved": Unsolved.CHEAPEST, "checkpoint_folder": Path("folder")}
    assert RouterTrainingArguments(**given) == RouterTrainingArguments(**same)


@pytest.mark.parametrize("name", ["num_epochs", "batch_size", "patience", "checkpoint_every", "gradient_accumulation"])
@pytest.mark.parametrize("value", [0, -3])
def test_counts_below_one_are_refused_by_name(name, value):
    with pytest.raises(RouterError, match=f"{name} >= 1, found {value}"):
        RouterTrainingArguments(**{name: value})
