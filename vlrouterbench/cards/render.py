"""Rendering a template of this folder. One environment, strict: a missing value is an error, never an empty cell.

Decisions
- Every text that a template shows is escaped for Markdown, unless the template says `safe` (front matter, parts that
  are Markdown themselves) or `code` (between backticks).
- A template is compiled once: a sweep renders the same card for every router that it saves.
"""

from __future__ import annotations

import functools
import math
from importlib import resources
from typing import TYPE_CHECKING, Any

from vlrouterbench.core.output_text import markdown_code, markdown_text
from vlrouterbench.core.simulated import SIMULATED_DATA, marked

if TYPE_CHECKING:
    from jinja2 import Template

PICTURE_MARK = "<!-- Pushed, the picture of the candidates stands here. -->"


def three_digits(value: float) -> str:
    """A number to three significant digits, in plain figures."""
    places = 2 - math.floor(math.log10(abs(value))) if value else 2
    return f"{round(value, places):,.{max(places, 0)}f}"


def render_template(name: str, **values: Any) -> str:
    """Render `templates/<name>` with `values`."""
    return _template(name).render(**values)


@functools.cache
def _template(name: str) -> Template:
    """A template of this folder, compiled."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    source = resources.files("vlrouterbench.cards").joinpath("templates", name).read_text(encoding="utf-8")

    def escaped(value: object) -> object:
        return markdown_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=escaped,
    )
    environment.filters |= {
        "code": lambda text: Markup(markdown_code(text)),
        "marked": marked,
        "three_digits": three_digits,
    }
    environment.globals |= {"simulated_data": SIMULATED_DATA, "picture_mark": Markup(PICTURE_MARK)}
    return environment.from_string(source)
