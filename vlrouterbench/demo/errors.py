"""Errors as a visitor sees them: in plain words, without the paths of files on the server."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from vlrouterbench.core.output_text import markup_text
from vlrouterbench.routing.limits import QuestionError

_LONGEST_MESSAGE = 600


class DemoError(QuestionError):
    """Something that a visitor asked for and the app does not do; the message is for the visitor."""


class NobodyFitsError(DemoError):
    """No candidate fits the budget, or no trade-off keeps the objective."""


def message_of(error: Exception, folders: Iterable[Path] = ()) -> str:
    """What a visitor reads of an error: its message, escaped, without paths of this machine.

    Args:
        error: one of INPUT_ERRORS.
        folders: folders whose path the visitor must not see; a file in one keeps its name.
    """
    text = str(error)
    for folder in sorted({str(folder) for folder in folders}, key=len, reverse=True):
        text = re.sub(re.escape(folder) + r"/([0-9a-f]{32,}/)?", "", text)
    return markup_text(text[:_LONGEST_MESSAGE])
