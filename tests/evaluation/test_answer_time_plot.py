"""Accuracy against answer time: what is drawn where, by hand, in the page and the files where answers were timed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.tables import hand_table, write_own_tables
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.saved_tables.form import TableForm
from vlrouterbench.data.saved_tables.read import read_saved_table
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.answer_time_plot import answer_time_note, answer_time_plot
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.report import write_figures, write_report

SECONDS = [[1, 2, 8, 3], [3, 2, 8, np.nan], [np.nan, 2, 8, np.nan], [5, 2, 8, np.nan]]
QUALITY = [[1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0]]
"""Medians 3, 2, 8, 3 s; accuracies 25, 50, 100, 0 %."""


def table_of(seconds):
    table = hand_table(QUALITY, np.ones((4, 4)), cost_bounds=(1.0, 2.0))
    return replace(table, matrices=table.matrices | {"latency_s": np.array(seconds, dtype=float)})


def record(name, seconds, accuracy, kind="policy"):
    latency = None if seconds is None else {"num_timed": 3, "p50_s": seconds, "p95_s": 9.0, "router_p50_s": None}
    spans = {"accuracy": [accuracy - 0.1, accuracy + 0.05]}
    config = {"kind": kind, "name": name}
    return {
        "router": name,
        "router_config": config,
        "num_samples": 4,
        "accuracy": accuracy,
        "ci95": spans,
        "latency": latency,
    }


def drawn(records, seconds=SECONDS):
    (axes,) = answer_time_plot(records, table_of(seconds)).figure.axes
    return axes


def line(axes, label):
    return next(one for one in axes.lines if one.get_label() == label).get_xydata().tolist()


def test_single_candidates_stand_at_the_median_of_their_timed_answers():
    axes = drawn([record("a", 4.0, 0.75)])
    single = next(one for one in axes.collections if one.get_label() == "always one candidate")
    assert single.get_offsets().tolist() == [[3, 25], [2, 50], [8, 100], [3, 0]]
    untimed = [[*row[:3], np.nan] for row in SECONDS]
    (axes,) = answer_time_plot([record("a", 4.0, 0.75)], table_of(untimed)).figure.axes
    assert len(axes.collections[0].get_offsets()) == 3


def test_the_frontier_joins_what_no_other_beats_and_the_oracle_has_no_part_in_it():
    records = [record("mine", 4.0, 0.75, "router"), record("slow", 5.0, 0.7), record("oracle", 2.0, 1.0)]
    axes = drawn(records)
    assert line(axes, "Pareto frontier") == [[2, 50], [4, 75], [8, 100]]
    containers = {one.get_label(): one.lines[0].get_xydata().tolist() for one in axes.containers}
    assert containers == {"policy": [[5, 70], [2, 100]], "trained router": [[4, 75]]}
    assert [text.get_text() for text in axes.texts] == ["slow", "oracle", "mine"]


def test_an_answer_at_once_has_a_place_on_the_axis():
    seconds = np.array(SECONDS)
    assert drawn([record("a", 4.0, 0.75)]).get_xscale() == "log"
    seconds[:, 1] = 0.0
    assert drawn([record("a", 4.0, 0.75)], seconds).get_xscale() == "linear"


def test_the_note_says_how_many_were_timed_and_who_is_not_drawn():
    records = [record("mine", 4.0, 0.75, "router"), record("other", None, 0.7)]
    note = answer_time_note(records)
    assert "at least 3 of 4" in note and "Not drawn, without a timed answer: other." in note
    assert [text.get_text() for text in drawn(records).texts] == ["mine"]
    assert "Not drawn" not in answer_time_note(records[:1])


def test_where_nothing_was_timed_there_is_no_figure():
    assert answer_time_plot([record("a", None, 0.5)], table_of(SECONDS)) is None
    untimed = hand_table(QUALITY, np.ones((4, 4)), cost_bounds=(1.0, 2.0))
    assert answer_time_plot([record("a", None, 0.5)], untimed) is None


@pytest.fixture
def timed_tables(tmp_path):
    """Own tables whose outcomes have `latency_s`: small 0.5, middle 1, large 4 seconds."""
    write_own_tables(tmp_path / "own", images=False)
    path = next((tmp_path / "own").glob("outcomes.*"))
    outcomes = read_saved_table(path, TableForm(("sample_id", "candidate"))).to_pylist()
    path.unlink()
    seconds = {"small": 0.5, "middle": 1.0, "large": 4.0}
    lines = [json.dumps(row | {"latency_s": seconds[row["candidate"]]}) for row in outcomes]
    (tmp_path / "own" / "outcomes.jsonl").write_text("\n".join(lines))
    return tmp_path / "own"


def test_the_page_and_its_files_have_the_figure_where_answers_were_timed_and_not_elsewhere(timed_tables, tmp_path):
    out, options = tmp_path / "out", EvaluationOptions(time_routers=False)
    untimed = write_own_tables(tmp_path / "untimed", images=False)
    for source, present in ((timed_tables, True), (untimed, False)):
        folder = tmp_path / f"benchmark-{present}"
        build_benchmark(source, folder)
        records = evaluate_routers(folder, ["cheapest", "strongest"], out, options)
        table = load_table(folder).split("test")
        files = {path.name for path in write_figures(records, table, out)}
        assert ({"answer-time.svg", "answer-time.png"} <= files) is present
        assert (out / "figures" / "answer-time.svg").exists() is present
        page = write_report(records, table, out).read_text(encoding="utf-8")
        assert ("Accuracy against answer time</h2>" in page) is present
