"""How Sphinx makes the pages of this folder into a site: `make docs`, which fails at the first warning.

Decisions
- The same files are read on GitHub, so pages are plain Markdown. What a site needs beside them stands here and in a few
  `.rst` files: groups of pages, pages from docstrings, and pages that show a file from outside of this folder.
- Links are written for GitHub; those that the site needs to lead elsewhere are led there (`site_links.py`).
- The site asks for nothing from elsewhere: furo brings its style and script, and search runs in the page.
"""

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

from site_links import led  # noqa: E402

from vlrouterbench.version import __version__  # noqa: E402

project = "vlrouterbench"
author = "the authors of vlrouterbench"
copyright = f"2026, {author}"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["examples/**", "notebooks/**"]
myst_heading_anchors = 4
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["wide_tables.css"]
html_title = f"vlrouterbench {__version__}"
html_copy_source = False
html_show_sourcelink = False
autodoc_member_order = "bysource"
napoleon_use_ivar = True


def _read(_: Sphinx, __: str, content: list[str]) -> None:
    content[0] = led(content[0], "docs")


def setup(app: Sphinx) -> None:
    """Have links led as pages are read."""
    app.connect("source-read", _read)
