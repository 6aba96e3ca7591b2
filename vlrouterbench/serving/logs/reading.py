"""A log as commands read it: its requests in order, each with the last feedback on it.

Decisions
- Every part is looked at before the first request is given, so that nothing is made of half a log.
- Feedback that came again replaces what came before: a reviewer may correct a first rating.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.serving.logs.entry import COLUMNS, Entry, entry_of_row
from vlrouterbench.serving.logs.parts import existing_parts, read_part
from vlrouterbench.serving.settings import ServingError

_LAST = "(select quality from feedback where feedback.id = requests.id order by rowid desc limit 1)"
_QUERY = (
    f"select {', '.join(COLUMNS)}, {_LAST}, (select messages from content where content.id = requests.id) "
    "from requests order by rowid"
)


@dataclass(frozen=True)
class Logged:
    """A request and what was said of its answer.

    Attributes:
        entry: the request.
        quality: of its answer by the last feedback, 0 to 1; None where there is none.
    """

    entry: Entry
    quality: float | None


def read_log(folder: Path) -> Iterator[Logged]:
    """The requests of a log, the oldest day first.

    Raises:
        ServingError: there is none, or a part is damaged, cut off or of another version.
    """
    parts = existing_parts(folder)
    for path in parts:
        with read_part(path):
            pass
    for path in parts:
        with read_part(path) as connection:
            for *row, quality, content in connection.execute(_QUERY):
                try:
                    entry = entry_of_row(row, content)
                except ValueError as error:
                    raise ServingError(f"{path}, request {row[0]}: {error}. Restore the file, or delete it.") from error
                yield Logged(entry, quality)
