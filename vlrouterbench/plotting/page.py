"""A page: one HTML file that needs no network, from a room's template on the frame that all pages share.

Decisions
- A template extends `frame.html` (style sheet, the words on simulated data) and draws figures with `figure.html`.
- Everything is escaped unless a template says `safe`, which only figures do; a missing value is an error.
"""

from __future__ import annotations

from typing import Any

from vlrouterbench.core.simulated import SIMULATED_DATA, marked


def render_page(room: str, name: str, **values: Any) -> str:
    """Render `templates/<name>` of a room of this package with `values`."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loader = ChoiceLoader([PackageLoader(f"vlrouterbench.{place}") for place in (room, "plotting")])
    environment = Environment(
        loader=loader, undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["marked"] = marked
    environment.globals["simulated_data"] = SIMULATED_DATA
    return environment.get_template(name).render(**values)
