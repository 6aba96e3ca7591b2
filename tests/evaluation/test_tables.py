"""The table of results as Markdown and LaTeX: the same cells, escaped, and marked where simulated."""

import re

import pytest

from vlrouterbench.evaluation.ranking import Rank
from vlrouterbench.evaluation.tables import latex_table, markdown_table

RANKS = {"a_b|c&d": Rank(1, 1, 2, ("mixture",)), "mixture": Rank(2, 1, 2, ())}


def record(router, score, **config):
    return {
        "router": router,
        "router_config": config,
        "split": "test",
        "num_samples": 1234,
        "accuracy": 0.75,
        "average_cost_usd": 0.00012,
        "rank_score": score,
        "objective_value": score,
        "ci95": {"rank_score": [score - 1, score + 1]},
        "vs_mixture": {"rank_score": 0.0, "ci95": [-0.5, 0.5]},
        "benchmark": {"name": "mine", "simulated": True},
    }


RECORDS = [record("mixture", 70.0, name="mixture"), record("a_b|c&d", 71.0), record("oracle", 90.0, name="oracle")]


def test_markdown_has_a_row_per_router_in_order_with_escaped_names():
    text = markdown_table(RECORDS, RANKS)
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("| ")]
    assert [row[0].strip() for row in rows] == ["router", "oracle", r"a_b\|c&d", "mixture"]
    assert [cell.strip() for cell in rows[2][1:]] == [
        "1 to 2",
        "75.00",
        "1.200",
        "71.00",
        "70.0 to 72.0",
        "-0.5 to +0.5",
    ]
    assert len({len(row) for row in rows}) == 1


def test_latex_has_the_same_cells_with_its_own_escapes():
    text = latex_table(RECORDS, RANKS)
    assert r"a\_b|c\&d & 1 to 2 & 75.00 & 1.200 & 71.00 & 70.0 to 72.0 & -0.5 to +0.5 \\" in text
    assert text.count(r"\\") == 4 and text.count(r"\begin") == text.count(r"\end") == 2


@pytest.mark.parametrize("write", [markdown_table, latex_table])
def test_simulated_data_are_called_so(write):
    assert "mine (simulated data), test split, 1,234 samples" in write(RECORDS, RANKS)
    real = [r | {"benchmark": {"name": "mine", "simulated": False}} for r in RECORDS]
    assert "simulated" not in write(real, RANKS)


@pytest.mark.parametrize("write", [markdown_table, latex_table])
def test_another_objective_than_the_score_is_named(write):
    assert "Judged by" not in write(RECORDS, RANKS)
    assert "Judged by the objective accuracy:" in write([r | {"objective": "accuracy"} for r in RECORDS], RANKS)
