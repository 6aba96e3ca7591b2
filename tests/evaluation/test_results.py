"""What an evaluation writes: fields, arithmetic, counts, and that files alone are enough to compute it again."""

import json
from types import NoneType

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.evaluation.recompute import fixed_policies, read_decisions, recompute
from tests.tables import hand_table, write_own_tables
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.paired import RoutedSplit, ScoringContext
from vlrouterbench.evaluation.results import bounds_degenerate, score_routers

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


# Areas are recomputed as sums over a fine grid.
TOLERANCES = {"aiq": 1e-4, "nauc": 1e-4, "hypervolume": 1e-4}
# What a clock measured, what a model said on another trade-off, and what names things.
NOT_RECOMPUTED = {"router", "router_config", "split", "num_left_out", "beta", "throughput", "benchmark", "features"}
NOT_RECOMPUTED |= {"seed", "version", "frontier", "rank_score_reason", "objective", "headline", "candidates"}
NOT_RECOMPUTED |= {"candidates_left_out", "pool_changes"}
# Counted from digests in the router's folder, which an evaluation does not copy.
NOT_RECOMPUTED |= {"training_overlap"}


def differing(found, expected, where=""):
    """Names of the figures in which a record is not what was recomputed."""
    if isinstance(expected, dict) and isinstance(found, dict):
        if set(found) != set(expected):
            return [f"{where}: {set(found) ^ set(expected)}"]
        return [name for key in expected for name in differing(found[key], expected[key], f"{where}/{key}")]
    if expected is None:
        return [] if found is None else [f"{where}: {found} != None"]
    if isinstance(expected, list) and expected and isinstance(expected[0], list):
        if len(found) != len(expected):
            return [f"{where}: {len(found)} rows != {len(expected)}"]
        return [name for pair in zip(found, expected, strict=True) for name in differing(*pair, where)]
    if isinstance(expected, list) and expected and isinstance(expected[0], str):
        return [] if sorted(found) == sorted(expected) else [where]
    tolerance = TOLERANCES.get(where.rsplit("/", 1)[-1], 1e-12)
    return [] if found == pytest.approx(expected, rel=1e-9, abs=tolerance) else [f"{where}: {found} != {expected}"]


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


def test_every_figure_follows_from_what_was_written_and_the_benchmark_folder_alone(simulated_folder, trained_folders):
    """`recompute.py` knows nothing of ours; a figure that it does not recompute must be listed above."""
    out = simulated_folder.parent / "recomputed"
    routers = ["random", "mixture", "oracle", str(trained_folders["mlp"]), str(trained_folders["ridge-mf"])]
    evaluate_routers(
        simulated_folder, routers, out, EvaluationOptions(time_routers=False, shuffled_labels=True, seed=3)
    )
    expected = recompute(out, simulated_folder, "test")
    records = json.loads((out / "results.json").read_text())
    assert [record["router"] for record in records] == list(expected)
    assert records[3]["shuffled_labels"] and records[4]["frontier_measures"], "both kinds must be there to be compared"
    for record in records:
        own = expected[record["router"]]
        figures = {n: value for n, value in record.items() if n in own or value is not None}
        figures = {n: value for n, value in figures.items() if n not in NOT_RECOMPUTED}
        assert not differing(figures, own, record["router"])


def test_controls_with_a_rule_are_what_the_rule_says(evaluated, simulated_folder, records):
    written = read_decisions(evaluated / "controls.parquet")
    ids = list(written["oracle"])
    for name, chosen in fixed_policies(simulated_folder, ids, "test", records[0]["seed"]).items():
        assert chosen == written[name], name


def test_a_changed_figure_is_found():
    expected = {"a": 1.0, "b": {"c": [1.0, 2.0]}, "d": ["x"]}
    assert not differing(expected, expected)
    assert differing({**expected, "a": 1.00001}, expected) == ["/a: 1.00001 != 1.0"]
    assert differing({**expected, "b": {"c": [1.0, 2.1]}}, expected) and differing({**expected, "d": ["y"]}, expected)
    assert differing({"a": 1.0}, expected)
    assert not differing({"e": [[1, 2.0]]}, {"e": [[1, 2.0]]}) and differing({"e": [[1, 2.1]]}, {"e": [[1, 2.0]]})
    assert differing({"e": [[1, 2.0]]}, {"e": [[1, 2.0], [3, 4.0]]})


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
    spans = {record["router"]: record["oracle_gap_ci95"] for record in records}
    assert spans["oracle"] == pytest.approx([1, 1]) and spans["mixture"] == pytest.approx([0, 0], abs=1e-9)
    assert all(low <= gap[name] <= high for name, (low, high) in spans.items() if name not in ("oracle", "mixture"))


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
        expected = recompute(out, partial_benchmark, "test")[record["router"]]
        assert not differing({name: record[name] for name in expected}, expected)


def test_the_upper_bound_gap_is_a_share_only_where_the_estimate_is_above_the_mixture_beyond_chance():
    """Candidate c1 is right on half of the samples and c0 on none; costs lie at a tenth and at all of the range."""
    halves = np.arange(200) % 2
    table = hand_table(
        np.column_stack([np.zeros(200), halves]), np.tile((0.001, 0.002), (200, 1)), cost_bounds=(0.0005, 0.016)
    )
    cheap, dear = np.zeros(200, dtype=int), np.ones(200, dtype=int)
    kinds = [RoutedSplit(str(name), chosen, {"kind": "policy"}) for name, chosen in enumerate((cheap, dear))]
    references = {"mixture": cheap, "oracle": dear, "upper-bound": dear}
    low, high = score_routers(kinds, ScoringContext(table, "test", 0, references))
    assert (low["upper_bound_gap_closed"], high["upper_bound_gap_closed"]) == (0, 1)
    assert high["upper_bound_gap_ci95"] == [1, 1]
    (level, _) = score_routers(kinds, ScoringContext(table, "test", 0, references | {"upper-bound": cheap}))
    assert level["upper_bound_gap_closed"] is None


def test_without_a_gap_between_mixture_and_oracle_the_share_closed_is_null():
    table = hand_table([[1, 1], [1, 1]], [[0.001, 0.01], [0.001, 0.01]])
    cheapest = np.zeros(2, dtype=int)
    context = ScoringContext(table, "test", 0, {"mixture": cheapest, "oracle": cheapest})
    record = score_routers([RoutedSplit("one", cheapest, {"kind": "policy"})], context)[0]
    assert record["oracle_gap_closed"] is None and record["oracle_gap_ci95"] is None
    assert record["upper_bound_gap_closed"] is None and record["upper_bound_gap_ci95"] is None
    assert record["vs_mixture"] == {"rank_score": 0, "ci95": [0, 0]}
    assert record["candidate_shares"] == {"c0": 1.0}


@pytest.fixture
def golden_records(golden_matrices):
    """Three routers on the golden table of 5 x 3: always the first, always the last, and a good choice each time."""
    quality, cost = golden_matrices
    table = hand_table(quality, cost, datasets=["a", "a", "a", "b", "b"])
    choices = {"first": [0] * 5, "last": [2] * 5, "chooser": [0, 1, 2, 0, 0]}
    routed = [RoutedSplit(name, np.array(places), {"kind": "policy"}) for name, places in choices.items()]
    context = ScoringContext(table, "test", 0, {"mixture": np.zeros(5, int), "oracle": np.array([0, 1, 2, 0, 0])})
    return {record["router"]: record for record in score_routers(routed, context)}


def test_figures_of_the_golden_table_are_those_by_hand(golden_records):
    # Bounds 0.001 and 0.008. The chooser: (1 + 2 + 8 + 1 + 1) / 5 = 2.6 thousandths, 4 of 5 right,
    # C = log2(8 / 2.6) / 3 = 0.540496, S = 1.1 * 0.8 * C / (0.08 + C) = 0.766542.
    chooser = golden_records["chooser"]
    assert (chooser["accuracy"], chooser["average_cost_usd"]) == pytest.approx((0.8, 0.0026))
    assert chooser["rank_score"] == pytest.approx(76.6542, abs=1e-4)
    # Always the first: 2 of 5 at cmin, S = 1.1 * 0.4 / 1.04; always the last is at cmax: S = 0.
    assert golden_records["first"]["rank_score"] == pytest.approx(100 * 0.44 / 1.04)
    assert (golden_records["last"]["accuracy"], golden_records["last"]["rank_score"]) == (0.8, 0)
    assert chooser["oracle_gap_closed"] == pytest.approx(1)
    assert chooser["candidate_shares"] == {"c0": 0.6, "c1": 0.2, "c2": 0.2}
    assert chooser["per_dataset"]["a"]["accuracy"] == 1 and chooser["per_dataset"]["b"]["accuracy"] == 0.5


def test_the_same_shares_blind_to_the_sample_are_the_expectation_by_hand(golden_records):
    # 0.6 of (0.4, 1), 0.2 of (0.4, 2), 0.2 of (0.8, 8): accuracy 0.48 at 2.6 thousandths, the chooser's own cost.
    blind = golden_records["chooser"]["same_shares"]
    assert (blind["accuracy"], blind["average_cost_usd"]) == pytest.approx((0.48, 0.0026))
    # S = 1.1 * 0.48 * 0.540496 / (0.048 + 0.540496) = 0.484936
    assert blind["rank_score"] == pytest.approx(48.4935, abs=1e-3)
    assert blind["difference"] == pytest.approx(76.6542 - 48.4935, abs=1e-3)
    for name in ("first", "last"):
        same = golden_records[name]["same_shares"]
        assert (same["difference"], same["ci95"]) == (pytest.approx(0), pytest.approx([0, 0]))


def test_a_difference_is_paired(simulated_table):
    """Two routers that agree but for one group differ by that group alone, however wide each interval is."""
    table = simulated_table.split("test")
    same = np.zeros(len(table), dtype=int)
    other = same.copy()
    row = int(np.flatnonzero(table.quality[:, 0] < table.quality[:, -1])[0])
    other[row] = len(table.pool) - 1
    routed = [RoutedSplit(name, chosen, {"kind": "policy"}) for name, chosen in (("same", same), ("other", other))]
    records = score_routers(routed, ScoringContext(table, "test", 0, {"mixture": same, "oracle": other}))
    found = records[1]["differences"]["same"]
    low, high = found["ci95"]
    assert -0.5 < low <= found["rank_score"] <= high < 5
    assert found["rank_score"] > 0 and low >= 0
    assert high - low < 0.5 * (records[0]["ci95"]["rank_score"][1] - records[0]["ci95"]["rank_score"][0])


def test_ranks_share_a_place_where_five_samples_cannot_tell(golden_records):
    # "last" scores 0 always, "first" where neither s0 nor s4 is drawn: in 0.6^5 = 8 % of resamples, so they are tied.
    # "chooser" scores 0 only where s3 alone is drawn, in 0.03 %: it is clearly better than "last".
    ranks = {name: record["rank"] for name, record in golden_records.items()}
    assert ranks["last"] == {"rank": 2, "range": [2, 3], "tied_with": ["first"]}
    assert ranks["chooser"]["rank"] == 1 and "last" not in ranks["chooser"]["tied_with"]


def test_controls_stand_in_every_record_and_their_decisions_beside(evaluated, records, simulated_table):
    written = pq.read_table(evaluated / "controls.parquet")
    assert written.column_names == ["router", "sample_id", "candidate"]
    assert set(written["router"].to_pylist()) == {"strongest", "cheapest", "mixture", "oracle", "upper-bound"}
    by_name = {record["router"]: record for record in records}
    for record in records:
        for name in ("strongest", "cheapest", "mixture", "oracle"):
            assert record["controls"][name]["rank_score"] == pytest.approx(by_name[name]["rank_score"])


def test_the_frontier_holds_the_router_itself_at_its_own_weight(records, trained_folders):
    with_frontier = [record for record in records if record["frontier"]]
    assert {record["router"] for record in with_frontier} == {
        "ovr",
        "ridge-mf",
        "uniroute",
        "irt",
        "two-tower",
        "flagship",
        "context-mean",
        "context-nn",
    }
    for record in with_frontier:
        config = json.loads((trained_folders[record["router"]] / "config.json").read_text())
        cost, accuracy, _ = next(point for point in record["frontier"] if point[2] == config["usd_weight"])
        assert (cost, accuracy) == pytest.approx((record["average_cost_usd"], record["accuracy"]))


def test_a_router_on_shuffled_labels_learns_nothing_that_pays(simulated_folder, trained_folders, tmp_path):
    options = EvaluationOptions(time_routers=False, shuffled_labels=True)
    plain, twin = (
        evaluate_routers(simulated_folder, [str(trained_folders["kmeans"])], tmp_path / str(o is options), o)[0]
        for o in (UNTIMED, options)
    )
    assert plain["shuffled_labels"] is None
    assert twin["shuffled_labels"]["difference"] == pytest.approx(
        twin["rank_score"] - twin["shuffled_labels"]["rank_score"]
    )
    assert {**twin, "shuffled_labels": None} == plain


def test_bounds_within_a_tenth_of_each_other_separate_nothing():
    quality, cost = [[1, 0]], [[0.001, 0.01]]
    assert bounds_degenerate(hand_table(quality, cost, cost_bounds=(0.001, 0.00105)))
    assert not bounds_degenerate(hand_table(quality, cost, cost_bounds=(0.001, 0.00115)))
