"""The metric's page in a real browser, run as the Space runs it."""

import os
import re
import subprocess
import sys
from threading import Timer

import pytest

from tests.browsing import SIZES
from vlrouterbench.cards.space_card import GRADIO_VERSION
from vlrouterbench.hub.metric_space import stage_metric

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the Space's app.py answers, started as a process of its own."""
    gradio = pytest.importorskip("gradio", reason="gradio is not installed, on which the Space runs")
    if gradio.__version__ != GRADIO_VERSION:
        pytest.skip(f"the Space runs on gradio {GRADIO_VERSION}, installed is {gradio.__version__}")
    folder = stage_metric("rank_score", tmp_path_factory.mktemp("space") / "rank_score", "owner/rank_score")
    quiet = {"GRADIO_ANALYTICS_ENABLED": "False", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "app.py"]
    with subprocess.Popen(command, cwd=folder, env=os.environ | quiet, stdout=subprocess.PIPE, text=True) as running:
        limit = Timer(120, running.kill)
        limit.start()
        try:
            said = iter(running.stdout.readline, "")
            found = next(filter(None, (re.search(r"http://[\d.]+:\d+", line) for line in said)), None)
            assert found, "the page did not start"
            limit.cancel()
            yield found[0]
        finally:
            limit.cancel()
            running.terminate()


@pytest.mark.parametrize("size", SIZES)
def test_the_page_computes_its_example_and_asks_for_nothing_outside(browser, address, size):
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height})
    requests, complaints = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        page.goto(address)
        page.get_by_role("button", name="Submit").click()
        # Mean cost 0.011 / 3, all right: C = log2(0.024 / 0.011) / 3 = 0.375177, S = 110 C / (0.1 + C).
        page.get_by_text("86.850").wait_for(timeout=30_000)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not complaints
        assert not [url for url in requests if not url.startswith((address, "data:", "blob:"))]
    finally:
        page.close()
