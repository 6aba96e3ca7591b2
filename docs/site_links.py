"""Links that are written for GitHub, led to where the site shows what they mean.

Decisions
- A link to a file that the site shows on a page goes to that page, one to another file to a copy of it, one to a folder
  is its text. What leads nowhere stays, and is a warning, which ends the build.
"""

import re
from pathlib import Path

from docutils.nodes import document
from myst_parser.parsers.sphinx_ import MystParser

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.rst",
    "CONTRIBUTING.md": "contributing.rst",
    "SECURITY.md": "security.rst",
    "vlrouterbench/routers/flagship/FLAGSHIP.md": "research_log.rst",
}
"""File outside of this folder -> the page that shows it."""
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\]\([^()]*\))*)\]\(([^()\s#]+)(#[^()\s]*)?\)")


def led(text: str, folder: str | Path) -> str:
    """A file's Markdown with links that are right on the site.

    Args:
        text: of the file.
        folder: that links of the file start from, below the repository's root.
    """

    def replaced(match: re.Match[str]) -> str:
        mark, words, target, anchor = match.groups(default="")
        path = (ROOT / folder / target).resolve()
        if re.match(r"[a-z]+:", target) or not path.is_relative_to(ROOT):
            return match[0]
        name = path.relative_to(ROOT).as_posix()
        if path.is_dir():
            return words
        shown = PAGES.get(name) or (name[5:] if name.startswith("docs/") else f"../{name}")
        return f"{mark}[{led(words, folder)}]({shown}{anchor})"

    return _LINK.sub(replaced, text)


class Parser(MystParser):
    """Markdown of a file from outside of this folder, as the site shows it."""

    def parse(self, inputstring: str, document: document) -> None:
        """As MyST's."""
        folder = Path(document["source"]).resolve().parent.relative_to(ROOT)
        super().parse(led(inputstring, folder), document)
