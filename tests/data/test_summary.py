"""Figures of a benchmark, on a table small enough to count by hand."""

import json
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.data.candidates import CandidateModel, CandidatePool
from vlrouterbench.data.summary import BenchmarkSummary, agreement_matrix, summarize
from vlrouterbench.data.table import RoutingTable

QUALITY = np.array([[1, 1, 1], [0, 1, np.nan], [0, 0, 0], [0.6, 0.4, 0.0]])
COST = np.array([[1.0, 2.0, 4.0], [3.0, 2.0, np.nan], [1.0, 2.0, 4.0], [np.nan, 2.0, 4.0]])


def hand_table(quality=QUALITY, cost=COST):
    pool = CandidatePool(tuple(CandidateModel(name, 1.0, 1.0) for name in ("a", "b", "c")), "a test")
    report = {
        "name": "hand",
        "simulated": False,
        "left_out": [
            {"reason": "image"},
            {"reason": "conflict", "file": "f", "detail": "d"},
            *[{"reason": "image"}] * 4,
        ],
        "cost_bounds_usd": {"cmin": 1.0, "cmax": 4.0, "cmin_candidate": "a", "cmax_candidate": "c"},
    }
    samples = pa.table(
        {
            "sample_id": list("wxyz"),
            "dataset": ["two", "one", "two", "two"],
            "task_group": ["STEM", "Other", "Other", "STEM"],
            "split": ["train", "train", "test", "test"],
        }
    )
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


def test_agreement_of_every_pair_stands_in_a_symmetric_matrix():
    agreement = summarize(hand_table())["agreement"]
    assert list(agreement) == list(agreement["a"]) == ["a", "b", "c"]
    assert agreement["a"] == pytest.approx({"a": 1, "b": 2 / 4, "c": 2 / 3})
    assert agreement["c"] == pytest.approx({"a": 2 / 3, "b": 1, "c": 1})


def test_candidates_without_a_common_sample_have_no_agreement():
    quality = np.full((4, 3), np.nan)
    quality[0, 0] = quality[1, 1] = 1.0
    figures = summarize(hand_table(quality=quality))
    assert figures["mean_agreement"] is None
    assert figures["agreement"]["a"] == {"a": 1.0, "b": None, "c": None}
    assert figures["agreement"]["c"]["c"] is None


@given(
    quality=hnp.arrays(
        float, st.tuples(st.integers(1, 8), st.integers(1, 5)), elements=st.sampled_from([0.0, 0.4, 0.5, 1.0, np.nan])
    )
)
def test_agreement_of_a_pair_is_what_counting_its_common_samples_gives(quality):
    measured = np.isfinite(quality)
    matrix = agreement_matrix(measured & (np.nan_to_num(quality) >= 0.5), measured)
    for a, b in np.ndindex(matrix.shape):
        common = [(x >= 0.5) == (y >= 0.5) for x, y in quality[:, [a, b]] if np.isfinite(x) and np.isfinite(y)]
        assert matrix[a, b] == pytest.approx(np.mean(common) if common else np.nan, nan_ok=True)


def test_samples_are_counted_by_how_many_candidates_solve_them():
    # w by all three, x by b alone, y by none, z by a alone.
    assert summarize(hand_table())["solver_counts"] == [1, 2, 0, 1]


def test_counts_and_means_of_a_dataset_and_of_a_group_are_over_their_own_rows():
    figures = summarize(hand_table())
    two, one = figures["per_dataset"]
    assert (two["dataset"], two["samples"], two["splits"]) == ("two", 3, {"train": 1, "validation": 0, "test": 2})
    assert two["average_cost_usd"] == pytest.approx({"a": 1, "b": 2, "c": 4})
    assert two["accuracy"] == pytest.approx({"a": 1.6 / 3, "b": 1.4 / 3, "c": 1 / 3})
    assert one["average_cost_usd"] == {"a": 3, "b": 2, "c": None}
    stem, other = figures["per_group"]
    assert (stem["task_group"], stem["samples"], other["task_group"]) == ("STEM", 2, "Other")
    assert stem["splits"] == {"train": 1, "validation": 0, "test": 1}
    assert other["accuracy"] == pytest.approx({"a": 0, "b": 0.5, "c": 0})


def test_a_part_of_a_benchmark_is_counted_as_itself():
    part = summarize(hand_table().take(np.array([0, 1])))
    assert part["samples"] == 2 and part["splits"] == {"train": 2, "validation": 0, "test": 0}


def test_a_few_examples_of_every_reason_are_kept():
    examples = summarize(hand_table())["left_out_examples"]
    assert examples["conflict"] == [{"file": "f", "detail": "d"}]
    assert len(examples["image"]) == 3


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
    assert list(summarize(hand_table())["left_out"].items()) == [("image", 5), ("conflict", 1)]


def test_figures_are_strict_json(simulated_table):
    figures = summarize(simulated_table)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert list(figures) == list(BenchmarkSummary.__annotations__)
    assert figures["simulated"] is True
    assert figures["samples"] == 400 == sum(figures["splits"].values())
    assert sum(row["samples"] for row in figures["per_dataset"]) == 400
