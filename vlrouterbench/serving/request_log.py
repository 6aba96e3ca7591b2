"""What was asked and answered, in SQLite: what was decided, what it cost, how it went. Never a prompt or an image.

Decisions
- Written by a thread of its own, several entries a transaction: no answer waits for a disk. What cannot be written
  is counted and said once, and answers go on.
- Rows are added by any number of processes (WAL); feedback finds its request in whichever process it comes to.
"""

from __future__ import annotations

import json
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vlrouterbench.core.files import make_folder
from vlrouterbench.serving.settings import ServingError
from vlrouterbench.serving.shared_file import open_shared, usable
from vlrouterbench.serving.telling import tell

FILE = "requests.sqlite"
SCHEMA_VERSION = 1
_SCHEMA = """
create table if not exists requests (
    id text primary key, time real not null, key text not null, conversation text not null, mode text not null,
    model text not null, chosen text not null, candidate text not null, status integer not null,
    decision text not null, attempts text not null, input_tokens integer, output_tokens integer, cost_usd real,
    latency text not null
) strict;
create table if not exists feedback (id text not null, time real not null, quality real not null) strict;
"""
_MOST_WAITING = 10_000
_TOGETHER = 200
_PAUSE_S = 0.05


@dataclass(frozen=True)
class Entry:
    """One request.

    Attributes:
        id, key, conversation, mode, model: of the request; its key by name.
        chosen: by the router, "" where it was not asked.
        candidate: who answered, "" where nobody did.
        status: of HTTP.
        decision: estimates and scores, as JSON-ready content.
        attempts: [candidate, fault] of each.
        input_tokens, output_tokens, cost_usd: by the upstream's count; None where it gives none.
        latency: seconds by part.
    """

    id: str
    key: str
    conversation: str
    mode: str
    model: str
    chosen: str
    candidate: str
    status: int
    decision: dict[str, Any] = field(default_factory=dict)
    attempts: list[list[str]] = field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    latency: dict[str, float] = field(default_factory=dict)
    time: float = field(default_factory=time.time)


class RequestLog:
    """Writes entries behind the answers.

    Args:
        folder: where its file is.
        lost: called with the number of entries that could not be written.
    """

    def __init__(self, folder: Path, lost: Callable[[int], None]) -> None:
        make_folder(folder)
        self._path, self._lost = folder / FILE, lost
        self._waiting: queue.Queue[Entry | None] = queue.Queue(_MOST_WAITING)
        self._said = False
        with usable(self._path), open_shared(self._path) as connection:
            found = connection.execute("pragma user_version").fetchone()[0]
            if found not in (0, SCHEMA_VERSION):
                raise ServingError(f"{self._path}: expected a log of version {SCHEMA_VERSION}, found version {found}.")
            connection.executescript(_SCHEMA)
            connection.execute(f"pragma user_version={SCHEMA_VERSION}")
        self._thread = threading.Thread(target=self._write, name="request log", daemon=True)
        self._thread.start()

    def add(self, entry: Entry) -> None:
        """Log a request; never waits."""
        try:
            self._waiting.put_nowait(entry)
        except queue.Full:
            self._lost(1)

    def rate(self, request_id: str, quality: float) -> str | None:
        """Note feedback; the candidate that it speaks of, None for an unknown request."""
        self._waiting.join()
        with open_shared(self._path) as connection:
            found = connection.execute("select candidate from requests where id = ?", (request_id,)).fetchone()
            if found is None:
                return None
            connection.execute("insert into feedback values (?, ?, ?)", (request_id, time.time(), quality))
            return str(found[0])

    def close(self) -> None:
        """Write what waits, and end."""
        self._waiting.put(None)
        self._thread.join()

    def _write(self) -> None:
        is_ending = False
        while not is_ending:
            entries = [self._waiting.get()]
            time.sleep(_PAUSE_S if entries[0] is not None else 0)
            while len(entries) < _TOGETHER and not self._waiting.empty():
                entries.append(self._waiting.get_nowait())
            is_ending = None in entries
            rows = [_row(entry) for entry in entries if entry is not None]
            try:
                self._put(rows)
            except (sqlite3.Error, OSError) as error:
                self._lost(len(rows))
                if not self._said:
                    tell("warning", f"the log {self._path} cannot be written ({error}); answers go on.")
                    self._said = True
            for _ in entries:
                self._waiting.task_done()

    def _put(self, rows: list[tuple[Any, ...]]) -> None:
        connection = open_shared(self._path)
        try:
            connection.execute("begin immediate")
            connection.executemany(f"insert or ignore into requests values ({', '.join('?' * 15)})", rows)
            connection.execute("commit")
        finally:
            connection.close()


def _row(entry: Entry) -> tuple[Any, ...]:
    values = asdict(entry)
    for name in ("decision", "attempts", "latency"):
        values[name] = json.dumps(values[name])
    names = (
        "id", "time", "key", "conversation", "mode", "model", "chosen", "candidate", "status", "decision", "attempts",
        "input_tokens", "output_tokens", "cost_usd", "latency",
    )  # fmt: skip
    return tuple(values[name] for name in names)
