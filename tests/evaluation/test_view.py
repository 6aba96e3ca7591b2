"""The one view of a record: columns by name, cells with one number format, nothing where there is nothing."""

from vlrouterbench.evaluation.ranking import Rank
from vlrouterbench.evaluation.view import (
    COLUMNS,
    few_samples_notes,
    headings,
    judged_notes,
    result_rows,
    results_caption,
)


def record(router, score, kind="policy", **others):
    spans = {"accuracy": [0.7, 0.8], "average_cost_usd": [0.0001, 0.0002], "rank_score": [score - 1, score + 1]}
    return {
        "router": router,
        "router_config": {"kind": kind, "name": router},
        "accuracy": 0.75,
        "average_cost_usd": 0.00012,
        "rank_score": score,
        "objective_value": score,
        "ci95": spans,
        "vs_mixture": {"rank_score": 2.0, "ci95": [-0.5, 4.5]},
        "oracle_gap_closed": 0.404,
        "upper_bound_gap_closed": None,
        "throughput": None,
        **others,
    }


def test_a_row_has_a_cell_for_every_column():
    (row,) = result_rows([record("mine", 71.0, "router")], {"mine": Rank(1, 1, 3, ())})
    assert dict(zip(COLUMNS, row.cells(tuple(COLUMNS)), strict=True)) == {
        "router": "mine",
        "rank": "1 to 3",
        "accuracy": "75.00",
        "cost": "1.200",
        "rank_score": "71.00",
        "interval": "70.0 to 72.0",
        "difference": "+2.00",
        "difference_interval": "-0.5 to +4.5",
        "oracle_gap": "40 %",
        "upper_bound_gap": "-",
        "latency": "-",
    }
    assert row.kind == "router"


def test_rows_are_in_the_order_of_rank_score_and_the_mixture_has_no_difference_from_itself():
    rows = result_rows([record("mixture", 70.0), record("best", 90.0)])
    assert [row.name for row in rows] == ["best", "mixture"]
    assert rows[1].cells(("rank", "difference", "difference_interval")) == ["-", "-", "-"]


def test_headings_are_short_in_a_terminal_and_may_be_a_table_s_own():
    columns = ("router", "accuracy", "difference")
    assert headings(columns) == ["router", "accuracy %", "versus mixture"]
    assert headings(columns, short=True, difference="versus first") == ["router", "acc. %", "versus first"]


def test_a_caption_says_which_data_and_marks_simulated_ones():
    first = {"benchmark": {"name": "mine", "sha256": "0", "simulated": True}, "split": "test", "num_samples": 1234}
    assert results_caption(first) == "mine (simulated data), test split, 1,234 samples"


def test_rows_that_are_judged_by_something_else_than_their_scores_say_so():
    assert judged_notes(record("mine", 71.0)) == judged_notes(record("mine", 71.0, objective="rank-score")) == []
    (said,) = judged_notes(record("mine", 71.0, objective="budget=0.001"))
    assert said.startswith("Judged by the objective budget=0.001: it orders the rows") and "Rank Score" in said


def test_intervals_of_few_samples_are_said_to_be_too_narrow():
    scored = record("mine", 71.0)
    assert few_samples_notes(scored | {"num_samples": 30}) == []
    (one,), (more,) = (few_samples_notes(scored | {"num_samples": count}) for count in (1, 29))
    assert "resample 1 sample alone" in one and "resample 29 samples alone" in more and "score more questions" in one
