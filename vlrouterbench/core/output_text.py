"""What text of others becomes in an output: one function for each kind of output, and no other place that does it.

Decisions
- Names of candidates, datasets, routers and files, sources of prices, questions: all of it comes from users or
  strangers. It is shown as it is where that is harmless, and never acts: no escape sequence of a terminal, no markup,
  no formula of a spreadsheet, no turn of the direction of writing.
- What cannot be shown is shown by its code, as Python writes it, so that a reader sees that something is there.
"""

from __future__ import annotations

import html
import re

_DIRECTION = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_DIRECTION}\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_IN_JSON = re.compile(f"[\x7f-\x9f{_DIRECTION}\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_BREAKS = re.compile("[^\\S\n]*[\n\r\t\x0b\x0c\x1c-\x1e\x85\u2028\u2029]\\s*")
_MARKDOWN = re.compile(r"([\\|`*\[\]<]|(?<![^\W_])_|_(?![^\W_]))")
"""Underscores within a word mark nothing up."""
_LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def visible(text: str) -> str:
    """Text without characters that act: controls but line feed and tab, turns of direction, half characters."""
    return _UNSAFE.sub(lambda found: ascii(found.group())[1:-1], text)


def terminal_text(text: str) -> str:
    """Text for a terminal: none of it is an escape sequence (ESC, OSC, CSI)."""
    return visible(text)


def json_text(dumped: str) -> str:
    """JSON for a terminal: what JSON leaves as it is, and a terminal acts on, stands as an escape of JSON."""
    return _IN_JSON.sub(lambda found: f"\\u{ord(found.group()):04x}", dumped)


def one_line(text: str) -> str:
    """Text in one line: a line break or tab, with the blanks around it, is one blank."""
    return visible(_BREAKS.sub(" ", text))


def markup_text(text: str) -> str:
    """Text for HTML and SVG, between tags and in attributes."""
    return html.escape(visible(text), quote=True)


def markdown_text(text: str) -> str:
    """Text for Markdown, in a cell or a sentence: in one line, never ending the cell, never markup."""
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def markdown_code(text: str) -> str:
    """Text between backticks: there no backtick can be escaped, so that an apostrophe stands for it."""
    return one_line(text).replace("`", "'")


def latex_text(text: str) -> str:
    """Text for LaTeX, in text mode."""
    return "".join(_LATEX_SPECIAL.get(letter, letter) for letter in one_line(text))


def csv_text(text: str | None) -> str:
    """A cell of a table that people open: an apostrophe precedes what a spreadsheet would take for a formula."""
    shown = visible(text or "")
    return f"'{shown}" if shown.lstrip(" ").startswith(_FORMULA) else shown


def figure_text(text: str) -> str:
    """Text that matplotlib draws: in one line, with characters that XML may hold. Drawn with `parse_math=False`."""
    return one_line(text)
