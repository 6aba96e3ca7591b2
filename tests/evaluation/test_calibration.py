"""What records and files say of a calibrated router: by hand on a small table, and end to end by files alone."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.evaluation.recompute import recompute
from tests.evaluation.test_results import NOT_RECOMPUTED, differing
from tests.tables import hand_table
from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.evaluation.calibration import calibration_of
from vlrouterbench.evaluation.estimates import CandidateEstimates, ask_estimates
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.paired import RoutedSplit, ScoringContext
from vlrouterbench.routers.base.budget import Estimates

UNTIMED = EvaluationOptions(time_routers=False, seed=5)


@pytest.fixture(scope="module")
def evaluated(simulated_folder, trained_folders, tmp_path_factory):
    """Folder of an evaluation of a policy, a calibrated router and one that is not."""
    out = tmp_path_factory.mktemp("evaluated")
    routers = ["strongest", str(trained_folders["flagship"]), str(trained_folders["knn"])]
    evaluate_routers(simulated_folder, routers, out, UNTIMED)
    return out


@pytest.fixture(scope="module")
def records(evaluated):
    return json.loads((evaluated / "results.json").read_text())


@pytest.fixture
def by_hand(golden_matrices):
    """Estimates of a router on the golden table that chose 0, 1, 2, 0, 0, and were 0.9, 0.6, 0.6, 0.2, 0.8 of those."""
    table = hand_table(*golden_matrices, datasets=["a", "a", "b", "b", "b"])
    decisions = np.array([0, 1, 2, 0, 0])
    accuracy = np.full((5, 3), 0.5)
    accuracy[np.arange(5), decisions] = [0.9, 0.6, 0.6, 0.2, 0.8]
    estimates = CandidateEstimates(accuracy, np.tile([0.001, 0.003, 0.006], (5, 1)))
    context = ScoringContext(table, "test", 0, {"mixture": decisions, "oracle": decisions})
    return calibration_of(RoutedSplit("one", decisions, {"kind": "router"}, estimates=estimates), context)


def test_figures_of_decisions_are_those_by_hand(by_hand):
    # Qualities of the decisions: 1, 1, 1, 0, 1.
    assert by_hand["estimated_accuracy"] == pytest.approx(3.1 / 5)
    assert by_hand["estimated_cost_usd"] == pytest.approx((3 * 0.001 + 0.003 + 0.006) / 5)
    # 0.01 + 0.16 + 0.16 + 0.04 + 0.04
    assert by_hand["brier"] == pytest.approx(0.41 / 5)
    low, high = by_hand["brier_ci95"]
    assert 0.01 <= low < 0.082 < high <= 0.16
    # Fifteen bins: 0.2, 0.6 (twice), 0.8 and 0.9 each in one of its own.
    assert [found[0] for found in by_hand["bins"]] == [1, 2, 1, 1]
    assert by_hand["ece"] == pytest.approx((0.2 + 2 * 0.4 + 0.2 + 0.1) / 5)
    # Each sample a group of its own and 0.6 twice in one bin: 0.8 or 0 of that bin beside 0.2 + 0.2 + 0.1, over 5.
    assert by_hand["ece_null"]["p95"] == pytest.approx((0.5 + 0.8) / 5)
    assert by_hand["ece_null"]["mean"] == pytest.approx((0.5 + 0.4) / 5, abs=0.02)
    # The wrong one is the least sure.
    assert by_hand["risk_coverage"] == pytest.approx(np.array([[0.2, 0], [0.4, 0], [0.6, 0], [0.8, 0], [1, 0.2]]))
    assert by_hand["aurc"] == pytest.approx(0.2 / 5)


def test_a_dataset_counts_its_decisions_and_a_candidate_all_samples(by_hand):
    assert {name: found["num_samples"] for name, found in by_hand["per_dataset"].items()} == {"a": 2, "b": 3}
    assert by_hand["per_dataset"]["a"]["brier"] == pytest.approx((0.01 + 0.16) / 2)
    # c0 has qualities 1, 0, 0, 0, 1 at estimates 0.9, 0.5, 0.5, 0.2, 0.8.
    assert by_hand["per_candidate"]["c0"]["num_samples"] == 5
    assert by_hand["per_candidate"]["c0"]["brier"] == pytest.approx((0.01 + 0.25 + 0.25 + 0.04 + 0.04) / 5)


def test_only_a_calibrated_router_has_calibration_and_estimates(records, evaluated):
    assert [bool(record["calibration"]) for record in records] == [False, True, False]
    decisions = pq.read_table(evaluated / "decisions.parquet").to_pylist()
    assert {row["router"] for row in decisions if row["estimated_accuracy"] is not None} == {"flagship"}
    estimates = pq.read_table(evaluated / "estimates.parquet")
    assert estimates.column_names == [
        "router",
        "sample_id",
        "candidate",
        "estimated_accuracy",
        "estimated_cost_usd",
        "standard_error",
    ]
    assert set(estimates["router"].to_pylist()) == {"flagship"}


def test_what_is_expected_of_the_chosen_is_what_is_expected_of_all_there(evaluated):
    columns = ("estimated_accuracy", "estimated_cost_usd")
    of_all = {
        (row["sample_id"], row["candidate"]): [row[name] for name in columns]
        for row in pq.read_table(evaluated / "estimates.parquet").to_pylist()
    }
    rows = [r for r in pq.read_table(evaluated / "decisions.parquet").to_pylist() if r["router"] == "flagship"]
    assert len({row["candidate"] for row in rows}) > 1
    for row in rows:
        assert [row[name] for name in columns] == of_all[row["sample_id"], row["candidate"]]


def test_every_figure_of_calibration_follows_from_the_files_alone(evaluated, records, simulated_folder):
    expected = recompute(evaluated, simulated_folder, "test")
    found = {n: value for n, value in records[1].items() if n in expected["flagship"] or value is not None}
    found = {n: value for n, value in found.items() if n not in NOT_RECOMPUTED}
    assert found["calibration"]
    assert not differing(found, expected["flagship"], "flagship")


def test_estimates_of_an_earlier_evaluation_do_not_stay(simulated_folder, trained_folders, tmp_path):
    evaluate_routers(simulated_folder, [str(trained_folders["flagship"])], tmp_path, UNTIMED)
    assert (tmp_path / "estimates.parquet").is_file()
    evaluate_routers(simulated_folder, ["strongest"], tmp_path, UNTIMED)
    assert not (tmp_path / "estimates.parquet").exists()
    assert pq.read_table(tmp_path / "decisions.parquet").column_names == ["router", "sample_id", "candidate"]


class Says:
    """A router that is asked for estimates alone."""

    calibrated, device = True, "cpu"

    def __init__(self, accuracy, cost):
        self.made = accuracy, cost

    def estimates(self, features):
        return Estimates(*self.made)


def test_estimates_come_in_the_benchmarks_order():
    import torch

    router = Says(torch.tensor([[0.1, 0.2, 0.3]]), torch.tensor([[1.0, 2.0, 3.0]]))
    found = ask_estimates("one", router, torch.zeros(1, 2), np.array([2, 0, 1]))
    assert found.accuracy[0] == pytest.approx([0.2, 0.3, 0.1]) and found.cost_usd[0] == pytest.approx([2, 3, 1])
    assert found.standard_error is None


@pytest.mark.parametrize(("accuracy", "cost"), [(1.5, 1.0), (float("nan"), 1.0), (0.5, -1.0), (0.5, float("inf"))])
def test_what_is_no_probability_or_no_cost_is_refused(accuracy, cost):
    import torch

    router = Says(torch.tensor([[accuracy]]), torch.tensor([[cost]]))
    with pytest.raises(EvaluationError, match="one: expected calibrated estimates"):
        ask_estimates("one", router, torch.zeros(1, 2), np.array([0]))
