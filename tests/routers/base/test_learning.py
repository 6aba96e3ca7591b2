"""What a family learns from: unmeasured stays unmeasured; grids in a fixed order; fixed fields leave them."""

import torch

from tests.families import training_set
from vlrouterbench.routers.base.learning import Recipe, settings_of

NAN = float("nan")


def test_means_and_correctness_leave_unmeasured_pairs_out():
    samples = training_set(
        torch.zeros(3, 1), [[1, NAN, 0.2], [0.5, NAN, 1], [NAN, NAN, 0]], [[2, NAN, 1], [4, NAN, 1], [NAN, NAN, 7]]
    )
    assert samples.mean_cost.tolist() == [3, 3, 3]
    assert samples.correct.nan_to_num(9).tolist() == [[1, 9, 0], [1, 9, 1], [9, 9, 0]]
    assert samples.counted.tolist() == [True, True, False]


def test_a_candidate_never_measured_counts_as_the_dearest():
    samples = training_set(torch.zeros(1, 1), [[1, NAN, 1]], [[2, NAN, 5]])
    assert samples.mean_cost.tolist() == [2, 5, 5]


def test_a_grid_is_gone_through_with_its_last_field_fastest_and_an_empty_one_once():
    grid = {"a": (1, 2), "b": (3, 4)}
    assert list(settings_of(grid)) == [{"a": 1, "b": 3}, {"a": 1, "b": 4}, {"a": 2, "b": 3}, {"a": 2, "b": 4}]
    assert list(settings_of({})) == [{}]


def test_a_fixed_field_is_not_tried():
    recipe = Recipe(fit_grid={"a": (1, 2)}, decision_grid={"b": (3,)}, fixed={"c": 0}).pinned({"a": 7, "c": 1})
    assert (recipe.fit_grid, recipe.decision_grid, recipe.fixed) == ({}, {"b": (3,)}, {"c": 1, "a": 7})
