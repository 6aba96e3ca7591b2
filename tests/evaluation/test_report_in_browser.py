"""`report.html` in a real browser: it fits a phone, works in light and dark, and asks for nothing."""

import pytest

from tests.browsing import assert_figures_are_reachable, on_every_screen, shown, unfold

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(evaluated):
    return evaluated / "report.html"


@on_every_screen
def test_the_report_shows_whole_and_asks_for_nothing(browser, report, size, scheme):
    with shown(browser, report, size, scheme) as page:
        unfold(page, size)
        assert_figures_are_reachable(page, 8)


@pytest.mark.parametrize(("size", "beside"), [("desk", True), ("phone", False)])
def test_contents_stand_beside_the_report_on_a_wide_screen_and_lead_to_its_parts(browser, report, size, beside):
    with shown(browser, report, size, "light") as page:
        assert page.locator("nav.contents").is_visible() is beside
        if beside:
            page.get_by_role("link", name="Published figures").click()
            box = page.locator("h2", has_text="Published figures").bounding_box()
            assert 0 <= box["y"] < page.viewport_size["height"]


def test_in_print_nothing_is_folded_and_paper_is_white(browser, report):
    with shown(browser, report, "desk", "dark") as page:
        table = page.get_by_role("region", name="Difference of Rank Score between routers")
        visible = "element => element.checkVisibility()"
        (folded,) = page.locator("[aria-label='Difference of Rank Score between routers']").all()
        assert not table.count() and not folded.evaluate(visible)
        page.emulate_media(media="print")
        assert folded.evaluate(visible)
        assert not page.locator("nav.contents").is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_a_table_wider_than_a_phone_scrolls_in_its_own_box_under_a_bar_that_is_always_there(browser, report):
    with shown(browser, report, "phone", "light") as page:
        unfold(page, "phone")
        boxes = "[...document.querySelectorAll('.scroll')]"
        wide = f"{boxes}.filter(box => box.scrollWidth > box.clientWidth)"
        assert page.evaluate(f"{wide}.length") > 0
        # What chromium draws of a styled bar takes room, which an overlay that fades does not.
        height = "getComputedStyle(box, '::-webkit-scrollbar').height"
        assert page.evaluate(f"[...new Set({wide}.map(box => {height}))]") == ["10px"]
        shadows = page.evaluate(f"{wide}.map(box => getComputedStyle(box).backgroundAttachment)")
        assert all(shadow.count("local") == 2 and shadow.count("scroll") == 2 for shadow in shadows)
