"""How `--help` is laid out: what must be given comes first, the rest stands in groups, and names are listed.

Decisions
- Plain text, as wide as the terminal: no boxes, and no markup that brackets of a help text would collide with.
- A group is the class of requests that an option comes from (its GROUP), or the option's own `rich_help_panel`.
- Names of families and policies are written here and not imported: `--help` answers at once, and a test compares them
  with the registry.
"""

from __future__ import annotations

import copy
from typing import Annotated, Any, get_args

from typer.core import TyperCommand
from typer.models import OptionInfo

FAMILIES = (
    "knn, prknn, ovr, kmeans, prototype, linear, mlp, ridge-mf, uniroute, irt, two-tower, flagship, "
    "context-mean, context-nn; through a backbone: cosine, routerdc, zooter, vlc, vlc-estimates"
)
POLICIES = "oracle, strongest, cheapest, strongest-per-dataset, random, mixture"
ARGUMENTS, REQUIRED, OPTIONS = "Arguments", "Required options", "Options"


class GroupedCommand(TyperCommand):
    """A command whose help has its options in groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, required options, the command's own options, then the groups as they come."""
        groups: dict[str, list[tuple[str, str]]] = {ARGUMENTS: [], REQUIRED: [], OPTIONS: []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            if parameter.param_type_name == "argument":
                title = ARGUMENTS
            elif parameter.required:
                title = REQUIRED
            else:
                title = getattr(parameter, "rich_help_panel", None) or OPTIONS
            groups.setdefault(title, []).append(record)
        for title, records in groups.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def grouped(hint: Any, request: type, name: str) -> Any:
    """A field's annotation with the group of the class that states the field.

    Args:
        hint: `Annotated[type, typer.Option(...)]`.
        request: the dataclass of a command's parameters, whose bases may have a GROUP.
        name: of the field.
    """
    home = next(kind for kind in request.__mro__ if name in kind.__dict__.get("__annotations__", {}))
    group = home.__dict__.get("GROUP")
    kind, *extras = get_args(hint)
    if group is None or not isinstance(extras[0], OptionInfo) or extras[0].rich_help_panel:
        return hint
    info = copy.copy(extras[0])
    info.rich_help_panel = group
    return Annotated[kind, info]
