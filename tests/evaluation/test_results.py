"""What an evaluation writes: fields, arithmetic, counts, and that files alone are enough to compute it again."""

import json
from types import NoneType

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.tables import hand_table, write_own_tables
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.results import RoutedSplit, ScoringContext, bounds_degenerate, score_routers

UNTIMED = EvaluationOptions(time_routers=False)

# Contract, section 4.
FIELDS = {
    "router": str,
    "router_config": dict,
    "split": str,
    "num_samples": int,
    "accuracy": float,
    "average_cost_usd": float,
    "rank_score": float,
    "cost_bounds_usd": list,
    "beta": float,
    "ci95": dict,
    "oracle_gap_closed": (float, NoneType),
    "per_dataset": dict,
    "per_group": dict,
    "frontier": (list, NoneType),
    "throughput": (dict, NoneType),
    "benchmark": dict,
    "features": (dict, NoneType),
    "seed": int,
    "version": str,
}


def recompute(evaluation, benchmark, split):
    """Every figure of every router from decisions.parquet and the benchmark folder; nothing of ours is used."""
    report = json.loads((benchmark / "build_report.json").read_text())
    low, high = report["cost_bounds_usd"]["cmin"], report["cost_bounds_usd"]["cmax"]

    def figures(pairs):
        accuracy = float(np.mean([quality for quality, _ in pairs]))
        cost = float(np.mean([cost for _, cost in pairs]))
        cheap = (np.log2(high) - np.log2(np.clip(cost, low, high))) / (np.log2(high) - np.log2(low))
        both = 0.1 * accuracy + cheap
        score = 100 * 1.1 * accuracy * cheap / both if both > 0 else 0.0
        return {
            "num_samples": len(pairs),
            "accuracy": accuracy,
            "average_cost_usd": cost,
            "rank_score": score,
        }

    truth = {}
    for path in sorted((benchmark / "data").glob(f"{split}-*.parquet")):
        columns = ["sample_id", "dataset", "task_group", "quality", "cost"]
        truth |= {row["sample_id"]: row for row in pq.read_table(path, columns=columns).to_pylist()}
    chosen = {}
    for row in pq.read_table(evaluation / "decisions.parquet").to_pylist():
        sample = truth[row["sample_id"]]
        pair = sample["quality"][row["candidate"]], sample["cost"][row["candidate"]]
        chosen.setdefault(row["router"], []).append((sample, pair))
    found = {}
    for router, rows in chosen.items():
        found[router] = figures([pair for _, pair in rows])
        for key, column in (("per_dataset", "dataset"), ("per_group", "task_group")):
            names = {sample[column] for sample, _ in rows}
            found[router][key] = {n: figures([p for sample, p in rows if sample[column] == n]) for n in names}
    return found


def close(found, expected):
    if isinstance(expected, dict):
        return set(found) >= set(expected) and all(close(found[key], value) for key, value in expected.items())
    return found == pytest.approx(expected, rel=1e-9)


@pytest.fixture(scope="module")
def evaluated(simulated_folder, trained_folders, tmp_path_factory):
    """Folder of an evaluation of all policies and all trained routers."""
    out = tmp_path_factory.mktemp("evaluated")
    evaluate_routers(simulated_folder, [*POLICIES, *map(str, trained_folders.values())], out)
    return out


@pytest.fixture(scope="module")
def records(evaluated):
    return json.loads((evaluated / "results.json").read_text())


@pytest.fixture
def partial_benchmark(tmp_path):
    """A benchmark on which every seventh sample was not measured for one candidate."""
    source = write_own_tables(tmp_path / "own", num_samples=140, images=False)
    table = pq.read_table(source / "outcomes.parquet")
    rows = [row for place, row in enumerate(table.to_pylist()) if place % 21 != 1]
    pq.write_table(type(table).from_pylist(rows), source / "outcomes.parquet")
    build_benchmark(source, tmp_path / "benchmark")
    return tmp_path / "benchmark"


def test_every_figure_follows_from_decisions_and_the_benchmark_folder_alone(evaluated, records, simulated_folder):
    expected = recompute(evaluated, simulated_folder, "test")
    assert set(expected) == {record["router"] for record in records}
    for record in records:
        assert close(record, expected[record["router"]]), record["router"]
        for key in ("per_dataset", "per_group"):
            assert set(record[key]) == set(expected[record["router"]][key])


def test_a_record_has_every_field_of_the_contract_with_its_type(records):
    for record in records:
        for name, kind in FIELDS.items():
            assert isinstance(record[name], kind), f"{record['router']}: {name} is {record[name]!r}"
        assert set(record["ci95"]) == {"accuracy", "average_cost_usd", "rank_score"}
        assert set(record["benchmark"]) >= {"name", "sha256", "simulated"}
        assert len(record["cost_bounds_usd"]) == 2
        assert 0 <= record["rank_score"] <= 100


def test_a_trained_router_has_throughput_and_features_and_a_policy_has_neither(records):
    for record in records:
        trained = record["router_config"]["kind"] == "router"
        assert (record["throughput"] is not None) == (record["features"] is not None) == trained


def test_decisions_hold_every_scored_sample_once_per_router(evaluated, records, simulated_table):
    decisions = pq.read_table(evaluated / "decisions.parquet")
    expected = sorted(simulated_table.split("test").column("sample_id"))
    for record in records:
        mask = np.array(decisions["router"].to_pylist()) == record["router"]
        assert sorted(np.array(decisions["sample_id"].to_pylist())[mask]) == expected
        assert record["num_samples"] == mask.sum()


def test_groups_and_datasets_add_up_to_the_whole(records):
    for record in records:
        for key in ("per_dataset", "per_group"):
            parts = record[key].values()
            assert sum(part["num_samples"] for part in parts) == record["num_samples"]
            for name in ("accuracy", "average_cost_usd"):
                total = sum(part["num_samples"] * part[name] for part in parts)
                assert total / record["num_samples"] == pytest.approx(record[name])


def test_intervals_contain_their_point(records):
    for record in records:
        for name, (low, high) in record["ci95"].items():
            assert low <= record[name] <= high, f"{record['router']}: {name}"
        low, high = record["vs_mixture"]["ci95"]
        assert low <= record["vs_mixture"]["rank_score"] <= high


def test_the_gap_runs_from_the_mixture_to_the_oracle(records):
    gap = {record["router"]: record["oracle_gap_closed"] for record in records}
    assert gap["oracle"] == pytest.approx(1)
    assert gap["mixture"] == pytest.approx(0)
    assert all(value <= 1 for value in gap.values())


def test_the_oracle_is_the_most_accurate(records):
    accuracy = {record["router"]: record["accuracy"] for record in records}
    assert max(accuracy, key=accuracy.get) == "oracle"


def test_the_expectation_stands_beside_the_draw(records):
    for record in records:
        assert (record["expected"] is not None) == (record["router"] in ("random", "mixture"))


def test_the_expectation_of_random_is_the_mean_over_all_candidates(records, simulated_table):
    random = next(record for record in records if record["router"] == "random")
    table = simulated_table.split("test")
    assert random["expected"]["accuracy"] == pytest.approx(table.quality.mean())
    assert random["expected"]["average_cost_usd"] == pytest.approx(table.cost.mean())


def test_results_are_strict_json(evaluated):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    json.loads((evaluated / "results.json").read_text(), parse_constant=refuse)


def test_the_same_seed_gives_the_same_files(simulated_folder, trained_folders, tmp_path):
    routers = ["random", "mixture", str(trained_folders["knn"])]
    for name in ("first", "second"):
        evaluate_routers(simulated_folder, routers, tmp_path / name, UNTIMED)
    for file in ("results.json", "decisions.parquet"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_timing_changes_nothing_but_throughput(simulated_folder, trained_folders, tmp_path):
    router = [str(trained_folders["linear"])]
    timed = evaluate_routers(simulated_folder, router, tmp_path / "a")
    untimed = evaluate_routers(simulated_folder, router, tmp_path / "b", UNTIMED)
    assert timed[0]["throughput"] and untimed[0]["throughput"] is None
    assert [r | {"throughput": None} for r in timed] == untimed


def test_another_seed_gives_another_draw_and_other_intervals(simulated_folder, tmp_path):
    first, second = (
        evaluate_routers(simulated_folder, ["random"], tmp_path / str(s), EvaluationOptions(seed=s)) for s in (0, 1)
    )
    assert first[0]["candidate_shares"] != second[0]["candidate_shares"]
    assert first[0]["ci95"] != second[0]["ci95"]


def test_partially_measured_samples_are_left_out_and_counted(partial_benchmark, tmp_path):
    out = tmp_path / "evaluation"
    records = evaluate_routers(partial_benchmark, ["oracle", "strongest"], out, UNTIMED)
    rows = [
        row
        for path in (partial_benchmark / "data").glob("test-*.parquet")
        for row in pq.read_table(path, columns=["sample_id", "quality"]).to_pylist()
    ]
    whole = {row["sample_id"] for row in rows if not np.isnan(list(row["quality"].values())).any()}
    assert 0 < len(whole) < len(rows), "the fixture must have both kinds"
    decisions = pq.read_table(out / "decisions.parquet")
    assert set(decisions["sample_id"].to_pylist()) == whole
    for record in records:
        assert record["num_samples"] == len(whole)
        assert record["num_left_out"] == len(rows) - len(whole)
        assert close(record, recompute(out, partial_benchmark, "test")[record["router"]])


def test_without_a_gap_between_mixture_and_oracle_the_share_closed_is_null():
    table = hand_table([[1, 1], [1, 1]], [[0.001, 0.01], [0.001, 0.01]])
    cheapest = np.zeros(2, dtype=int)
    context = ScoringContext(table, "test", 0, {"mixture": cheapest, "oracle": cheapest})
    record = score_routers([RoutedSplit("one", cheapest, {"kind": "policy"})], context)[0]
    assert record["oracle_gap_closed"] is None
    assert record["vs_mixture"] == {"rank_score": 0, "ci95": [0, 0]}
    assert record["candidate_shares"] == {"c0": 1.0}


def test_bounds_within_a_tenth_of_each_other_separate_nothing():
    quality, cost = [[1, 0]], [[0.001, 0.01]]
    assert bounds_degenerate(hand_table(quality, cost, cost_bounds=(0.001, 0.00105)))
    assert not bounds_degenerate(hand_table(quality, cost, cost_bounds=(0.001, 0.00115)))
