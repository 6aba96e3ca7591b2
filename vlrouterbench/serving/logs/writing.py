"""What was asked and answered, written behind the answers: what was decided, what it cost, how it went.

Decisions
- Written by a thread of its own, several entries a transaction: no answer waits for a disk. What cannot be written
  is counted and said once, and answers go on.
- Rows are added by any number of processes (WAL); feedback finds its request in whichever process it comes to.
- What was asked is kept only where that was wished. Features are numbers that a prompt cannot simply be read from, and
  yet tell of it: `log_features: false` keeps their digest alone.
- The encoder of features lies beside them, once: without it a router that learns from them could read nothing new.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder
from vlrouterbench.serving.logs.encoders import keep_encoder
from vlrouterbench.serving.logs.entry import Entry, packed_messages, row_of
from vlrouterbench.serving.logs.parts import INSERT, forget_before, opened, part_at, parts_of, prepare
from vlrouterbench.serving.settings import ServingError
from vlrouterbench.serving.telling import tell

_MOST_WAITING = 10_000
_TOGETHER = 200
_PAUSE_S = 0.05


@dataclass(frozen=True)
class LogOptions:
    """What a log keeps.

    Attributes:
        content: whether what was asked is kept.
        features: whether features are, beside their digest.
        days: how long, None for ever; whole days (UTC).
    """

    content: bool = False
    features: bool = True
    days: int | None = None


class RequestLog:
    """Writes entries behind the answers.

    Args:
        folder: where its files are.
        lost: called with the number of entries that could not be written.
        options: see LogOptions.

    Raises:
        ServingError: what lies there cannot be used.
    """

    def __init__(self, folder: Path, lost: Callable[[int], None], options: LogOptions | None = None) -> None:
        self.options = options or LogOptions()
        self._folder, self._lost = folder, lost
        self._waiting: queue.Queue[Entry | None] = queue.Queue(_MOST_WAITING)
        self._said = False
        prepare(folder)
        self._day = ""
        self._forget(time.time())
        self._thread = threading.Thread(target=self._write, name="request log", daemon=True)
        self._thread.start()

    def add(self, entry: Entry) -> None:
        """Log a request; never waits."""
        try:
            self._waiting.put_nowait(entry)
        except queue.Full:
            self._lost(1)

    def keep_encoder(self, encoder: FeatureEncoder, digest: str) -> None:
        """Keep the encoder of features that are to come, beside them."""
        try:
            keep_encoder(self._folder, encoder, digest)
        except OSError as error:
            self._say(f"the encoder of its router cannot be kept ({error})")

    def rate(self, request_id: str, quality: float, key: str | None = None) -> str | None:
        """Note feedback; the candidate that it speaks of, None for an unknown request, or one of another key."""
        self._waiting.join()
        for path in reversed(parts_of(self._folder)):
            with opened(path) as connection:
                query = "select candidate from requests where id = ? and key = coalesce(?, key)"
                found = connection.execute(query, (request_id, key)).fetchone()
                if found is not None:
                    connection.execute("insert into feedback values (?, ?, ?)", (request_id, time.time(), quality))
                    return str(found[0])
        return None

    def close(self) -> None:
        """Write what waits, and end."""
        self._waiting.put(None)
        self._thread.join()

    def _write(self) -> None:
        is_ending = False
        while not is_ending:
            waiting = [self._waiting.get()]
            time.sleep(_PAUSE_S if waiting[0] is not None else 0)
            while len(waiting) < _TOGETHER and not self._waiting.empty():
                waiting.append(self._waiting.get_nowait())
            is_ending = None in waiting
            entries = [entry for entry in waiting if entry is not None]
            for path, of_day in groupby(entries, key=lambda entry: part_at(self._folder, entry.time)):
                self._try(path, list(of_day))
            for _ in waiting:
                self._waiting.task_done()

    def _try(self, path: Path, entries: Sequence[Entry]) -> None:
        try:
            self._put(path, entries)
            self._forget(entries[-1].time)
        except (sqlite3.Error, OSError, ServingError) as error:
            self._lost(len(entries))
            self._say(str(error))

    def _put(self, path: Path, entries: Sequence[Entry]) -> None:
        contents = [(entry.id, packed_messages(entry)) for entry in entries if self.options.content]
        with opened(path) as connection:
            connection.execute("begin immediate")
            rows = [row_of(entry, with_features=self.options.features) for entry in entries]
            connection.executemany(INSERT, rows)
            kept = [content for content in contents if content[1] is not None]
            connection.executemany("insert or ignore into content values (?, ?)", kept)
            connection.execute("commit")

    def _forget(self, now: float) -> None:
        day = part_at(self._folder, now).name
        if self.options.days is not None and day != self._day:
            forget_before(self._folder, self.options.days, now)
        self._day = day

    def _say(self, why: str) -> None:
        if not self._said:
            tell("warning", f"the log {self._folder} cannot be written ({why}); answers go on.")
            self._said = True
