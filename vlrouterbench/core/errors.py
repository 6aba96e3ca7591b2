"""Exception types: each message says what was expected, what was found, where, and how to fix it.

Decisions
- Everything a user can cause is a `VLRouterBenchError`; the command line prints it as one message and exits with 1.
- A wrong name is answered with the nearest right one (`unknown_name`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class VLRouterBenchError(Exception):
    """Base of every error that a user's input can cause."""


class SourceError(VLRouterBenchError):
    """Logs or own tables that cannot be read as a benchmark."""


class BenchmarkError(VLRouterBenchError):
    """A benchmark folder that is missing, incomplete or inconsistent."""


class RouterError(VLRouterBenchError):
    """A router that cannot be trained, loaded or queried as requested."""


class EvaluationError(VLRouterBenchError):
    """Decisions or metrics that cannot be computed as requested."""


class UnknownNameError(VLRouterBenchError):
    """A name outside a fixed list."""


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> UnknownNameError:
    """An error for a wrong name that offers the nearest right one and lists all of them."""
    names, name = list(valid), name if name.isprintable() else repr(name)[1:-1]
    close = difflib.get_close_matches(name.lower(), [n.lower() for n in names], n=1, cutoff=0.5)
    hint = next((f' Did you mean "{n}"?' for n in names if close and n.lower() == close[0]), "")
    return UnknownNameError(f'unknown {kind} "{name}".{hint} Known: {", ".join(names)}.')
