"""Examples: right, wrong and too expensive by a rule, without a key or an answer."""

import dataclasses

import numpy as np

from tests.tables import hand_table
from vlrouterbench.evaluation import examples
from vlrouterbench.evaluation.examples import RIGHT, TOO_EXPENSIVE, WRONG, select_examples

QUALITY = [[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0], [1, 0, 1]]
COST = np.tile([0.001, 0.002, 0.008], (5, 1))


def told(monkeypatch, decisions, count=3):
    monkeypatch.setattr(examples, "_thumbnails", lambda table, rows: dict.fromkeys(rows, ""))
    table = hand_table(QUALITY, COST)
    questions = [["word " * 100] * 5]
    table = dataclasses.replace(table, samples=table.samples.append_column("question", questions))
    return select_examples(table, np.array(decisions), count=count)


def test_each_kind_holds_what_it_says_and_nobody_is_blamed_for_what_none_can(monkeypatch):
    found = told(monkeypatch, [2, 1, 1, 0, 1])
    kinds = {kind: [e.sample_id for e in found if e.kind == kind] for kind in (RIGHT, WRONG, TOO_EXPENSIVE)}
    assert kinds == {RIGHT: ["s1"], WRONG: ["s4", "s2"], TOO_EXPENSIVE: ["s0"]}


def test_the_most_telling_come_first_and_no_more_than_asked_for(monkeypatch):
    found = told(monkeypatch, [1, 2, 2, 0, 2], count=1)
    assert [(e.kind, e.sample_id) for e in found] == [(RIGHT, "s2"), (TOO_EXPENSIVE, "s4")]


def test_an_example_names_the_choice_and_the_cheapest_right_one_with_their_costs(monkeypatch):
    (dear,) = [e for e in told(monkeypatch, [2, 0, 0, 0, 0]) if e.kind == TOO_EXPENSIVE]
    assert (dear.chosen, dear.chosen_cost, dear.best, dear.best_cost) == ("c2", 80.0, "c0", 10.0)
    assert (dear.num_right, dear.num_candidates) == (3, 3)
    assert len(dear.question) < 330 and dear.question.endswith("…")
