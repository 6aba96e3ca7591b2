"""Running code of others: whatever it raises becomes one message of this package's.

The one place that catches every exception of such code, since nothing is known of what it may raise.

Decisions
- A `SystemExit` is a failure too: a command must not end as if it were done because some code called `exit()`. Only an
  interrupt, and what ends a generator, pass.
- Errors of this package pass as they are: they say what is wrong already.
- What such code prints goes to stderr, for stdout may be a summary that a program reads. The working folder is as
  before afterwards, so that results are written where they were asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stdout

from vlrouterbench.core.errors import VLRouterBenchError


@contextmanager
def foreign_code(explained: Callable[[str], VLRouterBenchError]) -> Iterator[None]:
    """Report what is raised inside by an error of this package, with the original as its cause.

    Args:
        explained: the error, given the type and the first line of what was raised.
    """
    try:
        with chdir("."), redirect_stdout(sys.stderr):
            yield
    except (VLRouterBenchError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        reason = (str(error).strip().splitlines() or [""])[0].rstrip(".")
        raise explained(f"{type(error).__name__}: {reason}" if reason else type(error).__name__) from error
