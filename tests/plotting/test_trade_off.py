"""Accuracy against cost: who is on the frontier, what the interactive form holds, and that it repeats itself."""

import json

import numpy as np
import pytest

from tests.payloads import ACTING, PAYLOADS
from vlrouterbench.plotting.interactive import interactive_json
from vlrouterbench.plotting.trade_off import Mark, TradeOff

MARKS = (
    Mark("oracle", "policy", 0.99, 1e-5, attainable=False),
    Mark("small", "candidate", 0.5, 1e-5),
    Mark("worse", "candidate", 0.4, 2e-5),
    Mark("mine", "router", 0.7, 4e-5, (0.65, 0.75), (3e-5, 5e-5), [(6e-5, 0.72), (2e-5, 0.6)]),
    Mark("equal", "candidate", 0.7, 8e-5),
)


def test_the_frontier_is_of_what_no_other_beats_and_can_be_had():
    trade_off = TradeOff("t", MARKS)
    assert [mark.name for mark in trade_off.frontier()] == ["small", "mine"]
    np.testing.assert_allclose(trade_off.steps(), [[0.1, 50], [0.4, 50], [0.4, 70]])


def test_the_scale_is_linear_where_something_is_free():
    assert TradeOff("t", MARKS).logarithmic
    free = TradeOff("t", [*MARKS, Mark("free", "candidate", 0.1, 0.0)])
    assert not free.logarithmic and "log" not in free.cost_label
    free.drawing().svg()


def test_a_curve_has_its_points_by_rising_cost():
    np.testing.assert_allclose(MARKS[3].curve_points(), [[0.2, 60], [0.6, 72]])


def columns_of(item):
    """The columns of every source of an interactive figure."""
    if isinstance(item, dict):
        if item.get("name") == "ColumnDataSource":
            yield {key: value for key, value in item["attributes"]["data"]["entries"]}
        for value in item.values():
            yield from columns_of(value)
    elif isinstance(item, list):
        for value in item:
            yield from columns_of(value)


def test_what_is_shown_beside_the_pointer_is_the_figure_and_its_interval():
    items = json.loads(interactive_json(TradeOff("t", MARKS)))
    for item in items.values():
        (router,) = [c for c in columns_of(item) if c.get("name", [""])[0].startswith("mine (")]
        assert [*router["x"], *router["y"]] == pytest.approx([0.4, 70.0])
        assert router["name"] == ["mine (trained router)"]
        assert router["accuracy"] == ["70.00 % (65.0 to 75.0)"]
        assert router["cost"] == ["0.4 USD per 10,000 (0.3 to 0.5)"]


def test_each_scheme_has_its_own_colours_and_a_name_that_reads_like_one_stays():
    marks = [*MARKS, Mark("#000001", "router", 0.6, 3e-5), Mark("colour", "router", 0.61, 3e-5)]
    items = json.loads(interactive_json(TradeOff("t", marks)))
    for name, own, other in (("light", "#B34E00", "#F4893B"), ("dark", "#F4893B", "#B34E00")):
        dumped = json.dumps(items[name])
        assert own in dumped and other not in dumped and dumped.count("#00000") == dumped.count("#000001") == 2
        (names,) = [columns for columns in columns_of(items[name]) if "colour" in columns]
        assert {"#000001", "colour"} < set(names["name"]) and set(names["colour"]) >= {own}


def test_the_same_figure_is_the_same_json_and_names_of_every_kind_are_harmless_in_it():
    marks = [Mark(payload, "candidate", 0.5, 1e-5 * (n + 1)) for n, payload in enumerate(PAYLOADS)]
    dumped = interactive_json(TradeOff("t", marks))
    assert dumped == interactive_json(TradeOff("t", marks))
    assert "<" not in dumped and "&" not in dumped and dumped.isascii()
    assert not ACTING.search(str(json.loads(dumped)))


def test_two_hundred_candidates_take_little_more_space_than_a_few():
    marks = [Mark(f"candidate {n}", "candidate", 0.2 + 0.003 * n, 1e-5 * (n + 1)) for n in range(200)]
    assert len(interactive_json(TradeOff("t", marks))) < 200_000
    assert len(TradeOff("t", marks).drawing().svg()) < 1_000_000
