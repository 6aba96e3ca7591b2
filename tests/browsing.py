"""Looking at a page in a real browser: it fits its window, works in light and dark, and asks for nothing."""

import shutil
from contextlib import contextmanager

import pytest

BINARIES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
SIZES = {"desk": (1280, 800), "phone": (390, 844)}

on_every_screen = pytest.mark.parametrize(
    ("size", "scheme"), [(size, scheme) for size in SIZES for scheme in ("light", "dark")]
)


@contextmanager
def open_browser():
    """A chromium; skips the test where there is none."""
    binary = next(filter(None, map(shutil.which, BINARIES)), None)
    if binary is None:
        pytest.skip(f"no browser: none of {', '.join(BINARIES)} is on PATH")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=binary, args=FLAGS)
        yield opened
        opened.close()


@contextmanager
def shown(browser, path, size, scheme):
    """The page of a file, after what holds for each of ours: whole, quiet, self-contained, in the asked colours."""
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    try:
        requests, complaints = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri())
        for figure in page.locator("figure.trade-off").all():
            figure.locator("> .interactive[data-drawn]").wait_for()
        assert not complaints
        assert [url for url in requests if not url.startswith("data:")] == [path.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("h1").is_visible()
        paper, ink = (page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color"))
        brightness = [sum(map(int, colour[4:-1].split(","))) for colour in (paper, ink)]
        assert (brightness[0] > brightness[1]) == (scheme == "light")
        yield page
    finally:
        page.close()


def unfold(page, size):
    """Open every folded part by the keyboard, as one who has no mouse would; the page still fits its window."""
    for summary in page.locator("details > summary").all():
        summary.focus()
        page.keyboard.press("Enter")
    assert page.locator("details:not([open])").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]


def assert_figures_are_reachable(page, count):
    """Every figure is drawn, has an alt text, and takes the keyboard's focus."""
    drawings = page.locator("figure > [role=img]")
    assert drawings.count() == page.locator("figure > .drawing > svg").count() == count
    for place in range(count):
        drawing = drawings.nth(place)
        live = page.locator("figure").nth(place).locator("> .interactive[data-drawn]")
        if live.count():
            assert not drawing.is_visible()
            drawing = live
        assert len(drawing.get_attribute("aria-label")) > 20
        drawing.focus()
        assert drawing.evaluate("element => document.activeElement === element")
        box = drawing.locator("canvas" if live.count() else "svg").first.bounding_box()
        assert box["width"] >= 300 and box["height"] >= 100
