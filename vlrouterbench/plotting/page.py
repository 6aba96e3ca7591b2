"""A page: one HTML file that needs no network, from a package's template on the frame that all pages share.

Decisions
- A template extends `frame.html` (style sheet, the words on simulated data) and draws figures with `figure.html`.
- Everything is escaped unless a template says `safe`, which only figures do; a missing value is an error.
"""

from __future__ import annotations

from typing import Any

from vlrouterbench.core.output_text import visible
from vlrouterbench.core.simulated import SIMULATED_DATA, marked


def render_page(package: str, name: str, **values: Any) -> str:
    """Render a page.

    Args:
        package: that has the template, below `vlrouterbench`, as "data.inspection".
        name: file in its `templates` folder.
        values: what the template shows.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loader = ChoiceLoader([PackageLoader(f"vlrouterbench.{one}") for one in (package, "plotting")])
    environment = Environment(
        loader=loader,
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.filters["marked"] = marked
    environment.globals["simulated_data"] = SIMULATED_DATA
    return environment.get_template(name).render(**values)
