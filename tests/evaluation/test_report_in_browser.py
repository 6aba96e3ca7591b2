"""`report.html` in a real browser: it fits a phone, works in light and dark, and asks for nothing."""

import pytest

from tests.browsing import assert_figures_are_reachable, on_every_screen, shown
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.evaluate import evaluate_routers
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.report import write_report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(simulated_folder, trained_folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("browser")
    records = evaluate_routers(simulated_folder, [*POLICIES, *map(str, trained_folders.values())], out)
    return write_report(records, load_table(simulated_folder).split("test"), out)


@on_every_screen
def test_the_report_shows_whole_and_asks_for_nothing(browser, report, size, scheme):
    with shown(browser, report, size, scheme) as page:
        assert_figures_are_reachable(page, 8)
