"""What a report says of controls and of pairs of routers: everything in words, with intervals."""

import pytest

from tests.tables import hand_table
from vlrouterbench.evaluation.comparisons import CONTROLS, compare
from vlrouterbench.evaluation.paired import RoutedSplit, ScoringContext
from vlrouterbench.evaluation.ranking import Rank
from vlrouterbench.evaluation.results import score_routers


@pytest.fixture
def ranked(golden_matrices):
    """Three routers on the golden table, the best first; one has a label-permutation control."""
    import numpy as np

    table = hand_table(*golden_matrices)
    first, last, good = np.zeros(5, int), np.full(5, 2), np.array([0, 1, 2, 0, 0])
    routed = [
        RoutedSplit("chooser", good, {"kind": "router"}, shuffled=last),
        RoutedSplit("mixture", first, {"kind": "policy", "name": "mixture"}),
        RoutedSplit("last", last, {"kind": "policy", "name": "last"}),
    ]
    references = {"mixture": first, "oracle": good, "strongest": last, "cheapest": first, "upper-bound": good}
    return score_routers(routed, ScoringContext(table, "test", 0, references))


RANKS = {"chooser": Rank(1, 1, 1, ()), "mixture": Rank(2, 2, 3, ("last",)), "last": Rank(2, 2, 3, ("mixture",))}


def test_every_control_has_its_own_figures_those_of_a_trained_router_by_its_name(ranked):
    found = compare(ranked, RANKS)
    figures = {row.title: row.figures["rank_score"] for row in found.controls}
    # As tests/evaluation/test_results.py has them by hand.
    assert figures == pytest.approx(
        {
            "best static mixture": 42.3077,
            "strongest": 0,
            "cheapest": 42.3077,
            "cross-fitted upper-bound estimate": 76.6542,
            "oracle": 76.6542,
            "random matched on routing distribution: chooser": 48.4935,
            "label-permutation control: chooser": 0,
        },
        abs=1e-3,
    )
    for row in found.controls:
        low, high = row.figures["own_ci95"]["rank_score"]
        assert low <= row.figures["rank_score"] <= high


def test_every_router_stands_against_every_control_but_the_one_that_it_is(ranked):
    headings, rows = compare(ranked, RANKS).versus_controls
    assert headings == [title for title, _ in CONTROLS.values()]
    cells = {row.router: dict(zip(headings, row.cells, strict=True)) for row in rows}
    # The chooser's 76.6542 less 42.3077, less 0, less itself; less 48.4935 at its own shares.
    chooser = {name: cell["rank_score"] for name, cell in cells["chooser"].items()}
    assert chooser["best static mixture"] == pytest.approx(34.3465, abs=1e-3)
    assert chooser["label-permutation control"] == chooser["strongest"] == pytest.approx(76.6542, abs=1e-4)
    assert (chooser["oracle"], chooser["random matched on routing distribution"]) == pytest.approx(
        (0, 28.1607), abs=1e-3
    )
    assert cells["mixture"]["best static mixture"] is None and cells["mixture"]["cheapest"]["rank_score"] == 0
    assert cells["last"]["label-permutation control"] is None


def test_routers_stand_against_each_other_but_not_against_the_oracle(ranked):
    ranks = {name: rank for name, rank in RANKS.items() if name != "last"}
    headings, rows = compare(ranked, ranks).pairs
    assert list(headings) == [row.router for row in rows] == ["chooser", "mixture"]
    values = [[cell and round(cell["rank_score"], 3) for cell in row.cells] for row in rows]
    assert values == [[None, 34.347], [-34.347, None]]


def test_a_control_that_nobody_has_is_not_listed(ranked):
    ranked[0]["shuffled_labels"] = None
    found = compare(ranked, RANKS)
    assert "label-permutation control" not in found.versus_controls[0]
    assert "label-permutation control" not in dict(found.notes)


def test_ties_are_those_of_the_ranks(ranked):
    assert compare(ranked, RANKS).tied == {"chooser": (), "mixture": ("last",), "last": ("mixture",)}
