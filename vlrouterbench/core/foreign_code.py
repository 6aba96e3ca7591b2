"""Running code of others: whatever it raises becomes one message of this package's.

The one place that catches every exception of such code, since nothing is known of what it may raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vlrouterbench.core.errors import VLRouterBenchError


@contextmanager
def foreign_code(explained: Callable[[str], VLRouterBenchError]) -> Iterator[None]:
    """Report what is raised inside by an error of this package, with the original as its cause.

    Args:
        explained: the error, given the type and the first line of what was raised.
    """
    try:
        yield
    except Exception as error:
        reason = (str(error).strip().splitlines() or [""])[0].rstrip(".")
        raise explained(f"{type(error).__name__}: {reason}") from error
