"""Rendering a template of this folder. One environment, strict: a missing value is an error, never an empty cell."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any

from vlrouterbench.core.simulated import SIMULATED_DATA, marked


def render_template(name: str, **values: Any) -> str:
    """Render `templates/<name>` with `values`."""
    from jinja2 import Environment, StrictUndefined

    source = resources.files("vlrouterbench.cards").joinpath("templates", name).read_text(encoding="utf-8")
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"cell": _cell, "marked": marked}
    environment.globals["simulated_data"] = SIMULATED_DATA
    return environment.from_string(source).render(**values)


def _cell(text: str) -> str:
    """A name as it stands in a cell of a Markdown table: in one line, never ending the cell, never markup."""
    return re.sub(r"([\\|`*\[\]<])", r"\\\1", " ".join(text.split()))
