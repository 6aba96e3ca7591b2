"""Figures of a benchmark, on a table small enough to count by hand."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from vlrouterbench.data.candidates import CandidateModel, CandidatePool
from vlrouterbench.data.summary import summarize
from vlrouterbench.data.table import RoutingTable

QUALITY = np.array([[1, 1, 1], [0, 1, np.nan], [0, 0, 0], [0.6, 0.4, 0.0]])
COST = np.array([[1.0, 2.0, 4.0], [3.0, 2.0, np.nan], [1.0, 2.0, 4.0], [np.nan, 2.0, 4.0]])


def hand_table(quality=QUALITY, cost=COST):
    pool = CandidatePool(tuple(CandidateModel(name, 1.0, 1.0) for name in ("a", "b", "c")), "a test")
    report = {
        "name": "hand",
        "simulated": False,
        "splits": {"train": 4, "validation": 0, "test": 0},
        "left_out": [{"reason": "image"}, {"reason": "conflict"}, {"reason": "image"}],
        "cost_bounds_usd": {"cmin": 1.0, "cmax": 4.0, "cmin_candidate": "a", "cmax_candidate": "c"},
    }
    samples = pa.table({"sample_id": list("wxyz"), "dataset": ["two", "one", "two", "two"], "split": ["train"] * 4})
    matrices = {"quality": quality, "cost": cost, "input_tokens": 0 * cost, "output_tokens": 10 * cost}
    return RoutingTable(Path("nowhere"), report, pool, samples, matrices, np.arange(4))


def test_means_leave_out_what_was_not_measured():
    figures = summarize(hand_table())
    by_name = {row["name"]: row for row in figures["per_candidate"]}
    assert list(by_name) == ["a", "b", "c"]
    assert by_name["a"]["accuracy"] == pytest.approx(1.6 / 4)
    assert by_name["c"]["accuracy"] == pytest.approx(1 / 3)
    assert [row["num_pairs"] for row in figures["per_candidate"]] == [4, 4, 3]
    assert by_name["a"]["average_cost_usd"] == pytest.approx(5 / 3)
    assert by_name["c"]["average_output_tokens"] == pytest.approx(40)


def test_datasets_stand_in_table_order_with_their_own_means():
    figures = summarize(hand_table())
    assert [(row["dataset"], row["samples"]) for row in figures["per_dataset"]] == [("two", 3), ("one", 1)]
    assert figures["per_dataset"][0]["accuracy"] == pytest.approx({"a": 1.6 / 3, "b": 1.4 / 3, "c": 1 / 3})
    assert figures["per_dataset"][1]["accuracy"] == {"a": 0.0, "b": 1.0, "c": None}


def test_who_solves_what_by_hand():
    # w: all three. x: one of two measured. y: none. z: a alone, since 0.6 counts as correct and 0.4 does not.
    assert summarize(hand_table())["solved_by"] == {"none": 1, "one": 2, "all": 1}


def test_agreement_by_hand():
    # a, b agree on w and y of four (2/4); a, c on w and y of three (2/3); b, c on w, y and z of three (3/3).
    assert summarize(hand_table())["mean_agreement"] == pytest.approx((2 / 4 + 2 / 3 + 1) / 3)


def test_candidates_without_a_common_sample_have_no_agreement():
    quality = np.full((4, 3), np.nan)
    quality[0, 0] = quality[1, 1] = quality[2, 2] = 1.0
    assert summarize(hand_table(quality=quality))["mean_agreement"] is None


def test_a_candidate_that_was_never_measured_has_no_figures():
    quality, cost = QUALITY.copy(), COST.copy()
    quality[:, 1] = cost[:, 1] = np.nan
    row = summarize(hand_table(quality, cost))["per_candidate"][1]
    assert row == {
        "name": "b",
        "num_pairs": 0,
        "accuracy": None,
        "average_cost_usd": None,
        "average_output_tokens": None,
    }


def test_what_was_left_out_is_counted_by_reason_most_common_first():
    assert list(summarize(hand_table())["left_out"].items()) == [("image", 2), ("conflict", 1)]


def test_figures_are_strict_json(simulated_table):
    figures = summarize(simulated_table)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert figures["simulated"] is True
    assert figures["samples"] == 400 == sum(figures["splits"].values())
    assert sum(row["samples"] for row in figures["per_dataset"]) == 400
