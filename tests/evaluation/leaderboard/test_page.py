"""The leaderboard as page and CSV: places as ranges, names as text, a browser without complaints."""

import csv

import pytest

from tests.browsing import assert_figures_are_reachable, on_every_screen, shown
from tests.pages import assert_fetches_nothing
from vlrouterbench.evaluation.leaderboard.page import render_leaderboard, write_leaderboard
from vlrouterbench.evaluation.leaderboard.ranking import rank_submissions
from vlrouterbench.evaluation.leaderboard.records import rank_text
from vlrouterbench.evaluation.leaderboard.submissions import find_submissions

HOSTILE = '=1+1"><script>alert(1)</script>'


@pytest.fixture
def found(benchmark, submit):
    """Two entries that tie and one with a name that would break a page."""
    for name in ("a", "b"):
        submit(name, lambda place: "middle")
    path = submit("c", lambda place: "large", router=HOSTILE)
    return rank_submissions(find_submissions([str(path.parent.parent)]), benchmark)


def test_the_csv_has_a_row_per_record_and_no_formula(found, tmp_path):
    _, path = write_leaderboard(found, tmp_path / "out")
    with path.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == len(found.records)
    for row, record in zip(rows, found.records, strict=True):
        assert row["router"].removeprefix("'") == record["router"] and row["router"][0] != "="
        assert float(row["rank_score"]) == record["rank_score"]
        assert [row["rank_best"], row["rank_worst"]] == [str(place) for place in record["rank_range"] or ("", "")]


def test_a_tie_is_shown_as_a_range_and_a_policy_without_a_place(found):
    places = {record["router"]: rank_text(record) for record in found.records}
    assert places["a/mine"] == places["b/mine"] and " to " in places["a/mine"]
    assert places["mixture"] == "-"


def test_names_are_text_and_never_markup(found):
    page = render_leaderboard(found)
    assert_fetches_nothing(page)
    assert "&lt;script&gt;" in page
    assert "unsigned" in page


@pytest.mark.browser
@on_every_screen
def test_the_page_shows_whole_and_asks_for_nothing(browser, found, tmp_path, size, scheme):
    page, _ = write_leaderboard(found, tmp_path / "out")
    with shown(browser, page, size, scheme) as opened:
        assert_figures_are_reachable(opened, 1)  # a heat map of one task group would say nothing
