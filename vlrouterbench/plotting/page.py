"""A page: one HTML file that needs no network, from a package's template on the frame that all pages share.

Decisions
- A template extends `frame.html` (style sheet, the words on simulated data) and draws figures with `figure.html`.
- Everything is escaped unless a template says `safe`, which only figures do; a missing value is an error.
- The page's policy lets it ask for nothing and run no script but those of `plotting/interactive.py`, named by their
  digests, and none at all where it has no interactive figure.
- Contents are read off the body's headings, so that no page can lack an entry or list one that it has not.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from vlrouterbench.core.output_text import visible
from vlrouterbench.core.simulated import SIMULATED_DATA, marked
from vlrouterbench.plotting.interactive import NO_SCRIPTS, Scripts, scripts

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_INTERACTIVE = '<figure class="trade-off">'
_HEADING = re.compile("<h2>(.*?)</h2>", re.DOTALL)


class Parts(NamedTuple):
    """A page's body with an anchor before every heading, (anchor, heading) of each, and the scripts that it needs."""

    body: Markup
    contents: list[tuple[str, Markup]]
    scripts: Scripts


def render_page(package: str, name: str, **values: Any) -> str:
    """Render a page.

    Args:
        package: that has the template, below `vlrouterbench`, as "data.inspection".
        name: file in its `templates` folder.
        values: what the template shows.
    """
    return _templates(package).get_template(name).render(**values)


@functools.cache
def _templates(package: str) -> Environment:
    """The templates of a package, each compiled once."""
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
    environment.filters["with_anchors"] = with_anchors
    environment.globals["simulated_data"] = SIMULATED_DATA
    return environment


def with_anchors(body: Markup) -> Parts:
    """Give every heading of a rendered body an anchor; what was escaped in it stays escaped."""
    from markupsafe import Markup

    contents: list[tuple[str, Markup]] = []

    def anchored(heading: re.Match[str]) -> str:
        words = re.sub("[^a-z0-9]+", "-", Markup(heading[1]).striptags().lower()).strip("-")
        taken = [anchor for anchor, _ in contents]
        anchor = f"part-{words}" if f"part-{words}" not in taken else f"part-{len(taken) + 1}-{words}"
        contents.append((anchor, Markup(heading[1])))
        return f'<span id="{anchor}"></span>{heading[0]}'

    # Text from the data has no quotation mark of its own here: it is escaped.
    needed = scripts() if _INTERACTIVE in body else NO_SCRIPTS
    return Parts(Markup(_HEADING.sub(anchored, body)), contents, needed)
