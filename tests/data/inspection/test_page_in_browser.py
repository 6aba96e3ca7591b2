"""The page of `inspect --html` in a real browser: it fits a phone, works in light and dark, and asks for nothing."""

import pytest

from tests.browsing import assert_figures_are_reachable, on_every_screen, shown
from tests.tables import write_own_tables
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.inspection.page import write_inspection
from vlrouterbench.data.summary import summarize
from vlrouterbench.data.table import load_table

pytestmark = pytest.mark.browser

LONG = "averylongnamewithoutanyblank" * 4


@pytest.fixture(scope="module")
def page_of_simulated(simulated_table, tmp_path_factory):
    path = tmp_path_factory.mktemp("browser") / "simulated.html"
    return write_inspection(summarize(simulated_table), simulated_table, path)


@on_every_screen
def test_the_page_shows_whole_and_asks_for_nothing(browser, page_of_simulated, size, scheme):
    with shown(browser, page_of_simulated, size, scheme) as page:
        assert_figures_are_reachable(page, 5)
        scrolled = "elements => elements.filter(e => e.scrollWidth > e.clientWidth).length"
        assert page.locator("figure > [role=img]").evaluate_all(scrolled) == (0 if size == "desk" else 4)
        captions = page.locator("figcaption:not(.live-only)")
        assert captions.count() == 5
        assert all("Simulated data." in text for text in captions.all_inner_texts())


def test_long_names_and_damage_do_not_widen_the_page(browser, tmp_path):
    candidates = (("small", 0.1, 0.1), (LONG, 2.0, 8.0))
    source = write_own_tables(tmp_path / LONG, datasets=(LONG, "plants"), candidates=candidates)
    (source / "images" / "3.png").write_bytes(b"no image")
    build_benchmark(source, tmp_path / "benchmark")
    table = load_table(tmp_path / "benchmark")
    path = write_inspection(summarize(table), table, tmp_path / "page.html")
    with shown(browser, path, "phone", "light") as page:
        assert_figures_are_reachable(page, 6)
