"""A command with many options takes them as one dataclass; this spreads its fields out as the command's parameters."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any


def options_of(request: type) -> Callable[[Callable[[Any], None]], Callable[..., None]]:
    """Turn a function of one `request` (a dataclass) into one whose parameters are the dataclass's fields.

    Args:
        request: dataclass whose fields are annotated as typer parameters; a field's default is the option's.
    """
    hints = typing.get_type_hints(request, include_extras=True)

    def spread(command: Callable[[Any], None]) -> Callable[..., None]:
        @functools.wraps(command)
        def flat(**values: Any) -> None:
            command(request(**values))

        kind = inspect.Parameter.KEYWORD_ONLY
        flat.__signature__ = inspect.Signature(
            [
                inspect.Parameter(
                    field.name,
                    kind,
                    annotation=hints[field.name],
                    default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
                )
                for field in dataclasses.fields(request)
            ]
        )
        flat.__annotations__ = {field.name: hints[field.name] for field in dataclasses.fields(request)}
        return flat

    return spread
