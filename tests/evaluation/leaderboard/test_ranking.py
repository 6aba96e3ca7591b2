"""Standings: every figure from the decisions and the benchmark alone, refusals by name, policies unranked."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.leaderboard.ranking import rank_submissions
from vlrouterbench.evaluation.leaderboard.submissions import SubmissionError, find_benchmark, find_submissions
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.metrics.objectives import Goal, Objective


def standings(benchmark, *given):
    return rank_submissions(find_submissions([str(path) for path in given]), benchmark)


def by_name(found):
    return {record["router"]: record for record in found.records}


def test_figures_are_those_of_the_decisions(benchmark, scored, submit):
    path = submit("large", lambda place: ("large", "small")[place % 2])
    record = by_name(standings(benchmark, path))["mine"]
    chosen = np.array([scored.pool.index[("large", "small")[place % 2]] for place in range(len(scored))])
    rows = np.arange(len(scored))
    assert record["accuracy"] == pytest.approx(scored.quality[rows, chosen].mean())
    assert record["average_cost_usd"] == pytest.approx(scored.cost[rows, chosen].mean())
    assert (record["kind"], record["submission"], record["file"]) == ("submission", "large", str(path))


def test_they_are_the_evaluators_figures_and_results_json_is_not_believed(benchmark, evaluation):
    folder, records = evaluation
    praised = [record | {"rank_score": 99.0, "accuracy": 1.0} for record in records]
    (folder / "results.json").write_text(json.dumps(praised))
    found = by_name(standings(benchmark, folder))
    for record in records:
        for figure in ("accuracy", "average_cost_usd", "rank_score", "ci95", "per_group"):
            assert found[record["router"]][figure] == record[figure]


def test_policies_stand_unranked_and_once(benchmark, evaluation, submit):
    found = standings(benchmark, evaluation[0], submit("one", lambda place: "middle"))
    names = [record["router"] for record in found.records]
    assert sorted(names) == sorted([*POLICIES, "mine"])
    assert {r["router"] for r in found.records if r["rank"] is None} == set(POLICIES)


def test_a_router_that_takes_a_policys_name_is_an_entry_of_its_own(benchmark, submit):
    found = by_name(standings(benchmark, submit("cheat", lambda place: "small", router="mixture")))
    assert found["cheat/mixture"]["kind"] == "submission" and found["mixture"]["kind"] == "policy"


def test_entries_stand_by_rank_score_and_those_alike_are_a_tie(benchmark, submit):
    files = [submit(name, lambda place: "middle") for name in ("a", "b")]
    files.append(submit("dear", lambda place: "large", router="dear"))
    found = standings(benchmark, files[0].parent.parent)
    scores = [record["rank_score"] for record in found.records]
    assert scores == sorted(scores, reverse=True)
    first, second = (by_name(found)[name] for name in ("a/mine", "b/mine"))
    assert first["rank"] == second["rank"] and first["rank_range"] == second["rank_range"]
    assert "b/mine" in first["tied_with"]


def test_submissions_of_one_name_are_told_apart_by_their_files(benchmark, submit, tmp_path):
    path = submit("a", lambda place: "middle")
    shutil.copytree(path.parent, tmp_path / "other" / "a")
    names = {r["router"] for r in standings(benchmark, path, tmp_path / "other" / "a").records} - set(POLICIES)
    assert names == {f"{path}: mine", f"{tmp_path / 'other' / 'a' / 'decisions.parquet'}: mine"}


def test_every_refused_submission_is_named(benchmark, submit):
    good = submit("good", lambda place: "small")
    bad = [submit(name, lambda place: "gpt") for name in ("bad", "worse")]
    with pytest.raises(SubmissionError) as caught:
        standings(benchmark, good, *bad)
    assert "2 submissions refused" in str(caught.value) and str(good) not in str(caught.value)
    assert all(f'{path}: router "mine", sample' in str(caught.value) for path in bad)


def test_decisions_on_another_split_are_refused_with_the_sample(benchmark, submit, scored):
    path = submit("one", lambda place: "small")
    with pytest.raises(SubmissionError, match=scored.column("sample_id")[0]):
        rank_submissions(find_submissions([str(path)]), benchmark, split="validation")


def test_another_benchmarks_digest_is_refused(benchmark, evaluation):
    folder, records = evaluation
    records[0]["benchmark"] = records[0]["benchmark"] | {"sha256": "0" * 64}
    (folder / "results.json").write_text(json.dumps(records[:1]))
    with pytest.raises(SubmissionError, match="found another in its results.json"):
        standings(benchmark, folder)


def test_a_benchmark_whose_tables_were_changed_is_refused(benchmark, submit, tmp_path):
    shutil.copytree(benchmark, tmp_path / "benchmark")
    path = next((tmp_path / "benchmark" / "outcomes").glob("*.parquet"))
    table = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist([row | {"quality": 1.0} for row in table.to_pylist()], table.schema), path)
    with pytest.raises(BenchmarkError, match="not the ones"):
        standings(tmp_path / "benchmark", submit("one", lambda place: "small"))


def test_the_benchmark_is_found_by_the_digest_in_results_json(own_tables, tmp_path, benchmark, evaluation):
    run = tmp_path / "run"
    shutil.copytree(benchmark, run / "zz")
    build_benchmark(own_tables, run / "another")
    shutil.copytree(evaluation[0], run / "evaluation")
    found = find_submissions([str(run / "evaluation")])
    assert find_benchmark(found) == run / "zz"
    (run / "evaluation" / "results.json").unlink()
    with pytest.raises(SubmissionError, match="Give --benchmark"):
        find_benchmark(find_submissions([str(run / "evaluation")]))


def test_a_benchmark_that_is_nowhere_in_reach_is_named_by_its_digest(evaluation, scored, tmp_path, monkeypatch):
    apart = tmp_path / "a" / "b" / "c" / "d"
    shutil.copytree(evaluation[0], apart)
    monkeypatch.chdir(apart)
    with pytest.raises(SubmissionError, match=scored.sha256):
        find_benchmark(find_submissions([str(apart)]))


def test_hidden_folders_are_passed_over_and_a_file_counts_once(submit):
    path = submit("one", lambda place: "small")
    shutil.copytree(path.parent, path.parent.parent / ".cache" / "one")
    found = find_submissions([str(path.parent.parent), str(path), str(path.parent)])
    assert [submission.path for submission in found] == [path]


def test_a_hub_repository_without_a_network_is_said_at_once():
    with pytest.raises(SubmissionError, match="the Hub cannot be reached"):
        find_submissions(["somebody/submissions"])


def test_a_folder_without_submissions_is_named(tmp_path):
    with pytest.raises(SubmissionError, match=str(tmp_path)):
        find_submissions([str(tmp_path)])


@pytest.fixture
def under_accuracy(benchmark, tmp_path):
    """An evaluation of policies under another objective, whose mixture is another."""
    goal = Goal(Objective.parse("accuracy"))
    options = EvaluationOptions(time_routers=False, goal=goal)
    evaluate_routers(benchmark, ["oracle", "mixture", "strongest"], tmp_path / "accurate", options)
    return tmp_path / "accurate"


def test_an_evaluations_own_baselines_are_no_entries_whatever_they_were_chosen_for(benchmark, under_accuracy, submit):
    found = standings(benchmark, under_accuracy, submit("one", lambda place: "middle"))
    assert [record["router"] for record in found.records if record["kind"] == "submission"] == ["mine"]


def test_what_was_decided_for_something_else_than_it_is_judged_by_is_said(benchmark, under_accuracy):
    path = under_accuracy / "results.json"
    records = json.loads(path.read_text())
    # As `evaluate` states a router that decided as the mixture for accuracy does, at prices of its own.
    records[1] |= {"router": "mine", "router_config": {"kind": "router"}, "prices": {"small": [1.0, 1.0]}}
    path.write_text(json.dumps(records))
    rows = pq.read_table(under_accuracy / "decisions.parquet").to_pylist()
    for row in rows:
        row["router"] = {"mixture": "mine"}.get(row["router"], row["router"])
    pq.write_table(pa.Table.from_pylist(rows), under_accuracy / "decisions.parquet")
    notes = standings(benchmark, under_accuracy).notes
    assert notes == [
        "mine was decided under accuracy, and is judged by rank-score here (--objective).",
        "mine was evaluated at other prices; costs here are the benchmark's.",
    ]


def test_a_results_json_that_is_nested_too_deeply_is_named(submit):
    path = submit("deep", lambda place: "small")
    (path.parent / "results.json").write_text("[" * 200_000)
    with pytest.raises(SubmissionError, match="results.json: expected records"):
        find_submissions([str(path)])
