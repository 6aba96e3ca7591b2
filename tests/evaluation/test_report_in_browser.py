"""`report.html` in a real browser: it fits a phone, works in light and dark, and asks for nothing."""

import shutil

import pytest

from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.evaluate import evaluate_routers
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.report import write_report

BINARIES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
SIZES = {"desk": (1280, 800), "phone": (390, 844)}

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    binary = next(filter(None, map(shutil.which, BINARIES)), None)
    if binary is None:
        pytest.skip(f"no browser: none of {', '.join(BINARIES)} is on PATH")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=binary, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(simulated_folder, trained_folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("browser")
    records = evaluate_routers(simulated_folder, [*POLICIES, *map(str, trained_folders.values())], out)
    return write_report(records, load_table(simulated_folder).split("test"), out)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_report_shows_whole_and_asks_for_nothing(browser, report, size, scheme):
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    try:
        requests, complaints = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(report.as_uri())
        assert not complaints
        assert [url for url in requests if not url.startswith("data:")] == [report.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("h1").is_visible()
        figures = page.locator("figure svg")
        assert figures.count() == 2
        for place in range(2):
            assert figures.nth(place).is_visible()
            box = figures.nth(place).bounding_box()
            assert box["width"] >= 300 and box["height"] >= 100
        paper, ink = (page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color"))
        brightness = [sum(map(int, colour[4:-1].split(","))) for colour in (paper, ink)]
        assert (brightness[0] > brightness[1]) == (scheme == "light")
    finally:
        page.close()
