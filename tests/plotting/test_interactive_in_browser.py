"""The interactive figure in a real browser: names as text, apart at every zoom; elsewhere the static form."""

import itertools

import pytest

from tests.browsing import SIZES, shown
from tests.pages import without_scripts
from tests.payloads import PAYLOADS
from vlrouterbench.plotting.interactive import interactive_json
from vlrouterbench.plotting.page import render_page
from vlrouterbench.plotting.trade_off import Mark, TradeOff

pytestmark = pytest.mark.browser
NAMES = (*PAYLOADS, "$$x^2$$", "</script><script>alert(1)</script>", "<b>@{name}{safe}</b>")
BOXES = """() => {
  const plot = Bokeh.documents[0].roots()[0];
  const { x, y, shown, right, up, align } = plot.select_one("names").data_source.data;
  const ruler = document.createElement("canvas").getContext("2d");
  ruler.font = "12px system-ui, sans-serif";
  const [x0, x1] = [plot.x_range.start, plot.x_range.end].map(Math.log);
  return [...x].map((_, i) => {
    const wide = ruler.measureText(shown[i]).width;
    const left = (Math.log(x[i]) - x0) / (x1 - x0) * plot.inner_width + right[i]
      - (align[i] === "right" ? wide : align[i] === "center" ? wide / 2 : 0);
    const middle = (plot.y_range.end - y[i]) / (plot.y_range.end - plot.y_range.start) * plot.inner_height + up[i];
    return [shown[i], left, middle - 7, left + wide, middle + 7];
  }).filter(([name]) => name);
}"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A page of one figure: hostile names far apart, and thirty candidates close together."""
    close = [Mark(f"candidate {n}", "candidate", 0.6 + 0.001 * n, 1e-4 * 1.02**n) for n in range(30)]
    hostile = [Mark(name, "router", 0.2 + 0.02 * n, 2e-6 * 1.5**n) for n, name in enumerate(NAMES)]
    trade_off = TradeOff("Accuracy against cost", [*hostile, *close])
    section = render_page(
        "evaluation.study",
        "routers.html",
        record=[],
        header={"first": "a", "objective": "rank-score", "benchmark": {"simulated": False}},
        per=10_000,
        reference="r",
        headline="h",
        routers_svg=trade_off.drawing().svg(),
        interactive=interactive_json(trade_off),
    )
    header = {"seeds": [0], "candidates": [], "rank_score_reason": "", "version": "0", "encoder_refitted": True}
    header["features"] = {"text": "t", "image": "i", "fusion": "f"}
    page = render_page(
        "evaluation.study",
        "study.html",
        header=header,
        judged=[],
        sections=[section],
        report={"name": "n", "simulated": False, "sha256": "0"},
    )
    without_scripts(page)
    written = tmp_path_factory.mktemp("interactive") / "page.html"
    written.write_text(page, encoding="utf-8")
    return written


def covers(a, b):
    return a[1] < b[3] and b[1] < a[3] and a[2] < b[4] and b[2] < a[4]


@pytest.mark.parametrize("size", SIZES)
def test_names_never_cover_each_other_and_more_appear_in_a_part(browser, path, size):
    with shown(browser, path, size, "light") as page:
        whole = page.evaluate(BOXES)
        assert not any(covers(a, b) for a, b in itertools.combinations(whole, 2))
        page.evaluate(
            "() => { const plot = Bokeh.documents[0].roots()[0];"
            "Object.assign(plot.x_range, { start: 0.95, end: 1.3 });"
            "Object.assign(plot.y_range, { start: 59.9, end: 61.3 }); }"
        )
        more = f"least => ({BOXES})().filter(([name]) => name.startsWith('candidate')).length > least"
        page.wait_for_function(more, arg=sum(name.startswith("candidate") for name, *_ in whole))
        assert not any(covers(a, b) for a, b in itertools.combinations(page.evaluate(BOXES), 2))


def test_what_is_pointed_at_tells_its_name_as_text_and_nothing_runs_or_is_asked_for(browser, path):
    with shown(browser, path, "desk", "light") as page:
        dialogs, requests = [], []
        page.on("dialog", lambda dialog: dialogs.append(dialog.message) or dialog.dismiss())
        page.on("request", lambda request: requests.append(request.url))
        told = ""
        points = page.evaluate(
            """() => { const plot = Bokeh.documents[0].roots()[0], view = Bokeh.index.get_by_id(plot.id);
            const { x, y } = plot.select_one("names").data_source.data, { left, top } = view.frame.bbox;
            const [x0, x1] = [plot.x_range.start, plot.x_range.end].map(Math.log);
            const box = view.el.getBoundingClientRect(), [low, high] = [plot.y_range.start, plot.y_range.end];
            return [...x].map((_, i) => [box.x + left + (Math.log(x[i]) - x0) / (x1 - x0) * plot.inner_width,
              box.y + top + (high - y[i]) / (high - low) * plot.inner_height]).slice(0, 15); }"""
        )
        for x, y in points:
            page.mouse.move(x, y)
            page.locator(".bk-tooltip-content").first.wait_for()
            told += page.locator(".bk-tooltip-content").first.inner_text() + "\n"
            assert page.locator("img, b, iframe").count() == 0
        assert told.count("trained router") >= len(NAMES)
        assert "</script><script>alert(1)</script>" in told and "<b>@{name}{safe}</b>" in told and "$$x^2$$" in told
        assert not dialogs and not [url for url in requests if not url.startswith("data:")]


def test_the_figure_follows_the_screens_colours(browser, path):
    with shown(browser, path, "desk", "light") as page:
        assert page.locator(".interactive[data-drawn=light]").count() == 1
        page.emulate_media(color_scheme="dark")
        page.locator(".interactive[data-drawn=dark] canvas").first.wait_for()


def test_without_scripts_and_on_paper_the_static_form_stands_in_its_place(browser, path):
    with shown(browser, path, "desk", "light") as page:
        assert not page.locator("figure > .drawing").is_visible()
        page.emulate_media(media="print")
        assert page.locator("figure > .drawing").is_visible() and not page.locator(".interactive").is_visible()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("figure > .drawing").is_visible() and not page.locator(".interactive").is_visible()
    context.close()
