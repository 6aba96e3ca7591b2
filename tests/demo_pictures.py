"""The pictures of the demo in README and docs: `python -m tests.demo_pictures FOLDER`, on simulated data.

FOLDER is the app's, made at the first start. The theme is the light one, the window that of a desk.
"""

import io
import sys
from pathlib import Path

from PIL import Image

from tests.browsing import SIZES, open_browser
from vlrouterbench.demo.serving import serve, settle
from vlrouterbench.demo.workspace import prepare

ROOT = Path(__file__).parents[1]
PICTURES = {"Route": ROOT / "spaces/routing_demo/screenshot.png", "Explore": ROOT / "docs/images/demo_explore.png"}
"""Tab -> where its picture lies."""


def write(folder: Path) -> None:
    """Take every picture."""
    settle(folder)
    page = serve(prepare(folder), block=False)
    width, height = SIZES["desk"]
    try:
        with open_browser() as browser:
            shown = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
            shown.goto(page.local_url)
            shown.wait_for_selector("#choice .vrb-ask")
            for tab, path in PICTURES.items():
                shown.get_by_role("tab", name=tab).locator("visible=true").first.click()
                shown.wait_for_timeout(2_000)
                taken = Image.open(io.BytesIO(shown.screenshot()))
                # Of 256 colours: a third of the size.
                taken.convert("RGB").quantize(256).save(path, optimize=True)
    finally:
        page.close()


if __name__ == "__main__":
    write(Path(sys.argv[1]))
