"""Exception types: each message says what was expected, what was found, where, and how to fix it.

Decisions
- Everything a user can cause is a `VLRouterBenchError`; the command line prints it as one message and exits with 1.
- A wrong name is answered with the nearest right one (`unknown_name`).
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable

_NAMES_LISTED = 40
_LONGEST_LIST = 2_000

SHOWN_CHARACTERS = 200
"""Characters of a value of others that a message shows; here and not in `limits`, so that this file, which the metric's
Space copies, imports nothing of the package."""


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


class _Short(reprlib.Repr):
    """Representations of the outermost entries alone."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxlist, self.maxtuple, self.maxdict = 2, 4, 4, 4
        self.maxstring = self.maxother = self.maxlong = 60


def shown(value: object) -> str:
    """A value of others as a message shows it: in one line, with control characters escaped, and cut where it is long.

    What a value holds is never expanded: a list in a list in a list is shown by its outermost entries.
    """
    if isinstance(value, str) and len(value) > SHOWN_CHARACTERS:
        return f"{value[:SHOWN_CHARACTERS]!r} and {len(value) - SHOWN_CHARACTERS:,} more characters"
    text = repr(value) if isinstance(value, str | float | None) else _Short().repr(value)
    return text if len(text) <= 4 * SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def quoted(name: str) -> str:
    """A name of others as a message shows it: in quotation marks, or as `shown` where it is long or unprintable."""
    return f'"{name}"' if len(name) <= SHOWN_CHARACTERS and name.isprintable() else shown(name)


def said(error: BaseException) -> str:
    """What a library's error says: in one line, cut where it is long, without a full stop at its end."""
    text = " ".join(str(error).split()).rstrip(" .:") or type(error).__name__
    return text if len(text) <= 2 * SHOWN_CHARACTERS else f"{text[: 2 * SHOWN_CHARACTERS]}..."


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> UnknownNameError:
    """An error for a wrong name that offers the nearest right one and lists all of them, or the first of very many."""
    names = list(valid)
    nearest = nearest_name(name, names)
    hint = f' Did you mean "{nearest}"?' if nearest else ""
    listed = ", ".join(names)
    if len(listed) > _LONGEST_LIST:
        listed = f"{', '.join(names[:_NAMES_LISTED])[:_LONGEST_LIST]} and others, {len(names):,} in all"
    return UnknownNameError(f"unknown {kind} {quoted(name)}.{hint} Known: {listed}.")


def nearest_name(name: str, valid: Iterable[str], *, cutoff: float = 0.5) -> str:
    """The valid name that is most like a wrong one, "" where none is as like it as `cutoff` (0 to 1)."""
    names: dict[str, str] = {}
    for valid_name in valid:
        names.setdefault(valid_name.lower(), valid_name)
    asked = name[:SHOWN_CHARACTERS].lower()
    close = [asked] if asked in names else difflib.get_close_matches(asked, names, n=1, cutoff=cutoff)
    return names[close[0]] if close else ""
