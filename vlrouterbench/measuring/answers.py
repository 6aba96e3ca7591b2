"""What candidates answered, kept in a SQLite file: an answer is on disk before it is counted as done.

Decisions
- One file beside the tables, in WAL mode with `synchronous=FULL`: what is committed survives kill -9 and a power cut.
- One thread writes; answers that come while it writes go into its next transaction together, so that a slow disk costs
  time of its own and not of every answer.
- An answer's key is the digest of all that it depends on: prompt, images, model, address and options of generation. A
  changed one of these is another answer; the old one stays in the file and is not shown.
- Where money is limited, what a request may cost is written down before it is asked: of a run that was killed, the
  requests under way count as paid.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vlrouterbench.core.errors import VLRouterBenchError

ANSWERS_FILE = "answers.sqlite"
_VERSION = 1


@dataclass(frozen=True)
class Answer:
    """What became of a question that a candidate was asked, or a judge.

    Attributes:
        key: digest of all that the answer depends on.
        text: what was written; "" where there is a failure.
        error: why there is no answer; "" where there is one.
        passing: whether the failure may pass, so that a rerun asks again.
        finish_reason, refused: as the server said.
        input_tokens, output_tokens: tokens; None of a failure.
        counted: whether they were counted here, since the server gave no usage.
        latency_s: seconds of the attempt that gave the answer; None of a failure.
        attempts: times that was asked.
        encoded_anew: whether an image had to be encoded anew.
        cost_usd: what it cost at the prices of the time, USD.
        maybe_usd: what its failed attempts may have cost, at most, USD.
    """

    key: str
    text: str = ""
    error: str = ""
    passing: bool = False
    finish_reason: str = ""
    refused: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None
    counted: bool = False
    latency_s: float | None = None
    attempts: int = 1
    encoded_anew: bool = False
    cost_usd: float = 0.0
    maybe_usd: float = 0.0


_NAMES = tuple(field.name for field in fields(Answer))
_BOOLEANS = tuple(field.name for field in fields(Answer) if field.type == "bool")
_INSERT = f"INSERT OR REPLACE INTO answers ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"
_SELECT = f"SELECT {', '.join(_NAMES)} FROM answers WHERE key = ?"


def digest_of(*parts: Any) -> str:
    """Digest of JSON-ready content."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class AnswerStore:
    """The answers of a folder, open in one process; to be closed, or used through `opened`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="answers")
        self._pending: list[tuple[Answer | tuple[str, float], asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None
        with _explained(path):
            self._writing = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._writing.execute("PRAGMA journal_mode=WAL")
            self._writing.execute("PRAGMA synchronous=FULL")
            version = self._writing.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise VLRouterBenchError(
                    f"expected answers of version {_VERSION} in {path}, found {version}. Give another --out."
                )
            self._writing.execute("BEGIN IMMEDIATE")
            self._writing.execute(f"CREATE TABLE IF NOT EXISTS answers ({', '.join(_NAMES)}, PRIMARY KEY (key))")
            self._writing.execute("CREATE TABLE IF NOT EXISTS begun (key PRIMARY KEY, reserved_usd)")
            self._writing.execute("CREATE TABLE IF NOT EXISTS cut_off (usd)")
            self._writing.execute("INSERT INTO cut_off SELECT reserved_usd FROM begun")
            self._writing.execute("DELETE FROM begun")
            self._writing.execute(f"PRAGMA user_version={_VERSION}")
            self._writing.execute("COMMIT")
            self._reading = sqlite3.connect(path, isolation_level=None)

    def get(self, key: str) -> Answer | None:
        """The answer of a key; None where there is none."""
        with _explained(self._path):
            row = self._reading.execute(_SELECT, (key,)).fetchone()
        return None if row is None else _answer(row)

    def is_done(self, key: str) -> bool:
        """Whether a question need not be asked: it was answered, or refused for good."""
        answer = self.get(key)
        return answer is not None and not answer.passing

    def spent_usd(self) -> tuple[float, float]:
        """What answers cost, and what failures and requests without answer may have cost; while nobody is asked."""
        with _explained(self._path):
            cost, maybe = self._reading.execute("SELECT total(cost_usd), total(maybe_usd) FROM answers").fetchone()
            cut_off = self._reading.execute("SELECT total(usd) FROM cut_off").fetchone()[0]
            begun = self._reading.execute("SELECT total(reserved_usd) FROM begun").fetchone()[0]
        return float(cost), float(maybe) + float(cut_off) + float(begun)

    async def put(self, answer: Answer) -> None:
        """Keep an answer; it is on disk when this returns."""
        await self._write(answer)

    async def begin(self, key: str, reserved_usd: float) -> None:
        """Write down what a request may cost before it is asked; `put` of its answer takes the entry away."""
        await self._write((key, reserved_usd))

    async def drain(self) -> None:
        """Wait until everything that was put is on disk."""
        if self._flushing is not None:
            await asyncio.shield(self._flushing)

    async def _write(self, entry: Answer | tuple[str, float]) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((entry, done))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        await done

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pending:
            batch, self._pending = self._pending, []
            error: BaseException | None = None
            try:
                await loop.run_in_executor(self._thread, self._commit, [entry for entry, _ in batch])
            except (VLRouterBenchError, sqlite3.Error, OSError, ValueError) as found:
                error = found  # whoever waits for the answer to be kept must be told, or would wait for ever
            for _, done in batch:
                if done.cancelled():
                    continue
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)

    def _commit(self, entries: Sequence[Answer | tuple[str, float]]) -> None:
        with _explained(self._path):
            self._writing.execute("BEGIN IMMEDIATE")
            try:
                for entry in entries:
                    if isinstance(entry, Answer):
                        # What earlier tries may have cost stays counted when a later one succeeds.
                        self._writing.execute(
                            "INSERT INTO cut_off SELECT maybe_usd FROM answers WHERE key = ? AND maybe_usd > 0",
                            (entry.key,),
                        )
                        self._writing.execute(_INSERT, astuple(entry))
                        self._writing.execute("DELETE FROM begun WHERE key = ?", (entry.key,))
                    else:
                        self._writing.execute("INSERT OR REPLACE INTO begun VALUES (?, ?)", entry)
                self._writing.execute("COMMIT")
            except sqlite3.Error:
                if self._writing.in_transaction:
                    self._writing.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Write what is pending to its end and close the file."""
        self._thread.shutdown(wait=True)
        self._reading.close()
        self._writing.close()


@contextmanager
def opened(folder: Path) -> Iterator[AnswerStore]:
    """The answers of a folder, which one process at a time may add to.

    Raises:
        VLRouterBenchError: another process has it open, or the file is none of answers.
    """
    lock = FileLock(folder / f".{ANSWERS_FILE}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise VLRouterBenchError(
            f"expected to be alone at {folder}, found another process that measures there. Wait for it, or give "
            "another --out."
        ) from error
    try:
        store = AnswerStore(folder / ANSWERS_FILE)
        try:
            yield store
        finally:
            store.close()
    finally:
        lock.release()


def _answer(row: Sequence[Any]) -> Answer:
    values = dict(zip(_NAMES, row, strict=True))
    return Answer(**values | {name: bool(values[name]) for name in _BOOLEANS})


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say what happened to the file: SQLite's own words leave out where."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        full = getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
        if full or "disk is full" in str(error):
            raise VLRouterBenchError(
                f"expected space to write {path}, found none: {error}. What was answered before is kept: make room and "
                "run the same command again."
            ) from error
        raise VLRouterBenchError(
            f"expected answers at {path}, found a file that SQLite cannot use: {error}. Give another --out, or put the "
            "file aside."
        ) from error
