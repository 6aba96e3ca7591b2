"""How long answers to decisions took: percentiles of those that were timed, and the router's own time beside."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.tables import hand_table, write_own_tables
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.saved_tables.form import TableForm
from vlrouterbench.data.saved_tables.read import read_saved_table
from vlrouterbench.evaluation.answer_time import latency_of
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.records import read_records


def table_of(seconds):
    table = hand_table(np.ones(np.shape(seconds)), np.ones(np.shape(seconds)), cost_bounds=(1.0, 2.0))
    return replace(table, matrices=table.matrices | {"latency_s": np.array(seconds, dtype=float)})


def test_percentiles_are_of_the_chosen_candidates_answers_that_were_timed():
    table = table_of([[1, 9], [2, 9], [np.nan, 9], [3, 5]])
    found = latency_of(np.array([0, 0, 0, 1]), table, {"latency_ms_p50": 40.0})
    assert found == {"num_timed": 3, "p50_s": 2.0, "p95_s": pytest.approx(4.7), "router_p50_s": 0.04}
    assert latency_of(np.array([0, 0, 0, 1]), table)["router_p50_s"] is None


def test_where_nothing_was_timed_there_is_no_figure():
    assert latency_of(np.array([0]), table_of([[np.nan, 1.0]])) is None
    assert latency_of(np.array([0]), hand_table([[1.0, 0.0]], [[1.0, 2.0]])) is None


def test_results_state_the_time_of_answers_and_older_ones_none(tmp_path):
    write_own_tables(tmp_path / "own", images=False)
    path = next((tmp_path / "own").glob("outcomes.*"))
    outcomes = read_saved_table(path, TableForm(("sample_id", "candidate"))).to_pylist()
    seconds = {"small": 0.5, "middle": 1.0, "large": 4.0}
    path.unlink()
    lines = [json.dumps(row | {"latency_s": seconds[row["candidate"]]}) for row in outcomes]
    (tmp_path / "own" / "outcomes.jsonl").write_text("\n".join(lines))
    build_benchmark(tmp_path / "own", tmp_path / "benchmark")
    evaluate_routers(tmp_path / "benchmark", ["cheapest", "strongest"], tmp_path / "out", EvaluationOptions())
    records = {record["router"]: record for record in read_records(tmp_path / "out" / "results.json")}
    assert records["cheapest"]["latency"]["p95_s"] == 0.5 and records["strongest"]["latency"]["p50_s"] == 4.0
    older = [{name: value for name, value in record.items() if name != "latency"} for record in records.values()]
    (tmp_path / "older.json").write_text(json.dumps(older))
    assert {record["latency"] for record in read_records(tmp_path / "older.json")} == {None}
