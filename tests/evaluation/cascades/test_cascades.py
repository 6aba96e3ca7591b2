"""Cascades: they look at an answer, every call is charged, and who reads their decisions counts both calls."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.conftest import run_program
from tests.tables import CANDIDATES, write_own_tables
from vlrouterbench.core.errors import EvaluationError, RouterError, UnknownNameError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.cascades.names import steps_of
from vlrouterbench.evaluation.decisions import read_calls, read_decisions
from vlrouterbench.evaluation.evaluate import evaluate_routers
from vlrouterbench.evaluation.evaluation_options import EvaluationOptions
from vlrouterbench.metrics.trade_off import values_of_calls

NAMES = [name for name, *_ in CANDIDATES]
PAIR = "cascade:small,large"


def told_tables(folder, *, num_samples=160):
    """Own tables on which nothing but the small candidate's answer tells whether it is right."""
    write_own_tables(folder, num_samples=num_samples, images=False)
    rng = np.random.default_rng(1)
    samples = pq.read_table(folder / "samples.parquet").to_pylist()
    outcomes = pq.read_table(folder / "outcomes.parquet").to_pylist()
    right = {row["sample_id"]: bool(rng.integers(2)) for row in samples}
    for row in samples:
        row["question"] = f"What is it, number {row['sample_id'][1:]}?"
    for row in outcomes:
        row |= {"input_tokens": 100, "output_tokens": 20}
        if row["candidate"] == "small":
            row["quality"] = float(right[row["sample_id"]])
            row["prediction"] = "It is a cat." if right[row["sample_id"]] else "I am not sure, it is not visible."
        else:
            row["quality"] = 1.0 if row["candidate"] == "large" else float(right[row["sample_id"]])
            row["prediction"] = "A cat."
    pq.write_table(pa.Table.from_pylist(samples), folder / "samples.parquet")
    pq.write_table(pa.Table.from_pylist(outcomes), folder / "outcomes.parquet")
    return folder


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A benchmark whose answers say whether they are right."""
    root = tmp_path_factory.mktemp("told")
    build_benchmark(told_tables(root / "tables"), root / "benchmark")
    return root / "benchmark"


@pytest.fixture(scope="module")
def scored(told, tmp_path_factory):
    """The evaluation of a cascade on it: its folder and its record."""
    out = tmp_path_factory.mktemp("scored")
    ended = run_program("evaluate", told, "--router", PAIR, "--out", out)
    assert ended.status == 0, ended.err
    return out, json.loads((out / "results.json").read_text())[0]


def test_a_cascade_asks_again_where_the_answer_says_that_it_is_wrong_and_pays_for_both(told, scored):
    out, record = scored
    test = load_table(told).split("test")
    small, large = (test.pool.index[name] for name in ("small", "large"))
    wrong = test.quality[:, small] == 0
    assert 0.2 < wrong.mean() < 0.8
    assert record["accuracy"] == 1.0
    by_hand = (test.cost[:, small] + np.where(wrong, test.cost[:, large], 0)).mean()
    assert record["average_cost_usd"] == pytest.approx(by_hand)
    assert record["router_config"]["asked_again"] == pytest.approx(wrong.mean())
    assert record["router_config"]["answer_weight"] > 0
    rows = [r for r in pq.read_table(out / "decisions.parquet").to_pylist() if r["router"] == PAIR]
    assert [row["candidate"] for row in rows] == ["large" if flag else "small" for flag in wrong]
    assert [row["asked_before"] for row in rows] == ["small" if flag else None for flag in wrong]


def test_nothing_before_is_said_of_routers_that_ask_once(scored):
    rows = pq.read_table(scored[0] / "decisions.parquet").to_pylist()
    assert {row["asked_before"] for row in rows if row["router"] != PAIR} == {None}


def test_parts_ranks_and_the_report_count_both_calls(told, scored):
    out, record = scored
    parts = record["per_dataset"].values()
    whole = sum(part["num_samples"] * part["average_cost_usd"] for part in parts) / record["num_samples"]
    assert whole == pytest.approx(record["average_cost_usd"])
    calls = read_calls(out, load_table(told).split("test"))
    assert list(calls) == [PAIR] and (calls[PAIR] >= 0).mean() == record["router_config"]["asked_again"]
    assert PAIR in (out / "report.html").read_text()


def test_its_file_of_decisions_is_scored_the_same(told, scored, tmp_path):
    out, record = scored
    rows = pq.read_table(out / "decisions.parquet")
    kept = rows.filter(np.array(rows["router"]) == PAIR)
    for name, write in (("d.parquet", pq.write_table), ("d.csv", None)):
        path = tmp_path / name
        write(kept, path) if write else kept.to_pandas().to_csv(path, index=False)
        (again,) = evaluate_routers(told, [path], tmp_path / f"{name}-out")
        assert again["average_cost_usd"] == pytest.approx(record["average_cost_usd"])
        assert again["rank_score"] == pytest.approx(record["rank_score"])


def test_readers_that_count_one_call_refuse_decisions_with_two(told, scored, tmp_path):
    table = load_table(told).split("test")
    with pytest.raises(EvaluationError, match="asks a candidate before the one it takes"):
        read_decisions(scored[0], table)
    ended = run_program("leaderboard", scored[0], "--benchmark", told, "--out", tmp_path / "board")
    assert ended.status == 1 and "asked_before" in ended.err
    ended = run_program("study", told, "--router", scored[0] / "decisions.parquet", "--out", tmp_path / "study")
    assert ended.status == 1 and "asked_before" in ended.err


def test_who_was_asked_before_must_be_a_candidate(told, scored, tmp_path):
    rows = pq.read_table(scored[0] / "decisions.parquet")
    named = ["smal" if name else None for name in rows["asked_before"].to_pylist()]
    column = rows.schema.get_field_index("asked_before")
    pq.write_table(rows.set_column(column, "asked_before", pa.array(named)), tmp_path / "d.parquet")
    with pytest.raises(EvaluationError, match="unknown candidate in asked_before"):
        evaluate_routers(told, [tmp_path / "d.parquet"], tmp_path / "out")


def test_where_the_second_is_never_better_nobody_is_asked_again(told, tmp_path):
    (record,) = evaluate_routers(told, ["cascade:large,small"], tmp_path / "out")
    assert record["router_config"]["asked_again"] == 0
    table = load_table(told).split("test")
    assert record["average_cost_usd"] == pytest.approx(table.cost[:, table.pool.index["large"]].mean())


def test_auto_takes_the_pair_whose_answers_tell(told, tmp_path):
    (record,) = evaluate_routers(told, ["cascade:auto"], tmp_path / "out")
    assert record["router_config"]["steps"] == ["small", "large"]


def test_changed_prices_change_what_a_cascade_does(told, tmp_path):
    changed = ["--price", "large=200,800", "--price", "small=0.001,0.001"]
    objective = ["--objective", "usd-weight=1000"]
    ended = run_program("evaluate", told, "--router", PAIR, *objective, "--out", tmp_path, *changed)
    assert ended.status == 0, ended.err
    assert json.loads((tmp_path / "results.json").read_text())[0]["router_config"]["asked_again"] == 0


def test_without_texts_and_tokens_there_is_nothing_to_look_at(tmp_path):
    write_own_tables(tmp_path / "tables", images=False)
    rows = pq.read_table(tmp_path / "tables" / "outcomes.parquet").drop_columns(["input_tokens", "output_tokens"])
    rows = rows.append_column("cost_usd", pa.array(np.linspace(1e-4, 1e-3, len(rows))))
    pq.write_table(rows, tmp_path / "tables" / "outcomes.parquet")
    build_benchmark(tmp_path / "tables", tmp_path / "benchmark")
    with pytest.raises(EvaluationError, match="neither their texts"):
        evaluate_routers(tmp_path / "benchmark", [PAIR], tmp_path / "out")


def test_a_cascade_is_scored_on_the_candidates_asked_for_alone(told, tmp_path):
    (record,) = evaluate_routers(told, ["cascade:auto"], tmp_path, EvaluationOptions(candidates="middle,large"))
    assert record["router_config"]["steps"] == ["middle", "large"]
    with pytest.raises(UnknownNameError, match="small"):
        evaluate_routers(told, [PAIR], tmp_path, EvaluationOptions(candidates="middle,large"))


@pytest.mark.parametrize(
    "name", ["cascade:", "cascade:small", "cascade:small,small", "cascade:,large", "cascade:a,b,c"]
)
def test_other_than_two_candidates_are_refused_in_one_line(name):
    with pytest.raises(RouterError, match="expected two different candidates") as error:
        steps_of(name, NAMES)
    assert "\n" not in str(error.value)


def test_names_of_cascades_may_hold_commas_and_typos_are_told():
    assert steps_of("cascade:auto", NAMES) is None
    assert steps_of("cascade:small,large", NAMES) == ("small", "large")
    assert steps_of("cascade:a,b,c", ["a,b", "c"]) == ("a,b", "c")
    with pytest.raises(UnknownNameError, match="large"):
        steps_of("cascade:small,lage", NAMES)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_cost_of_calls_is_the_sum_over_all_who_were_asked(data):
    size, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 4))
    matrix = np.array(data.draw(st.lists(st.floats(0, 1), min_size=size * width, max_size=size * width)))
    matrix = matrix.reshape(size, width)
    kept = matrix.copy()
    chosen = np.array(data.draw(st.lists(st.integers(0, width - 1), min_size=size, max_size=size)))
    before = np.array(data.draw(st.lists(st.integers(-1, width - 1), min_size=size, max_size=size)))
    found = values_of_calls(matrix, chosen, before)
    by_hand = [matrix[row, chosen[row]] + (matrix[row, b] if b >= 0 else 0) for row, b in enumerate(before)]
    assert found == pytest.approx(by_hand) and (matrix == kept).all()
    assert values_of_calls(matrix, chosen) == pytest.approx(matrix[np.arange(size), chosen])
