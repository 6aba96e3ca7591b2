"""The files of a log: one SQLite file a day (UTC), readable by its owner alone.

Decisions
- A file a day needs no agreement among processes, and what is too old leaves as whole files.
- Every file says its schema's version. One of another version, of an older release, damaged or cut off is refused by
  name before anything is read or written: nothing is taken for an empty log.
- What is deleted is overwritten (`secure_delete`), and the write-ahead file is emptied.
"""

from __future__ import annotations

import datetime
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from vlrouterbench.core.files import check_no_file, make_folder
from vlrouterbench.core.output_text import one_line
from vlrouterbench.serving.logs.entry import COLUMNS
from vlrouterbench.serving.settings import ServingError
from vlrouterbench.serving.shared_file import BUSY_S, open_shared, usable

SCHEMA_VERSION = 2
OLD_FILE = "requests.sqlite"
"""Where version 1 kept everything."""
_SCHEMA = """
create table if not exists requests (
    id text primary key, time real not null, key text not null, conversation text not null, mode text not null,
    model text not null, chosen text not null, candidate text not null, status integer not null, asked text not null,
    decision text not null, attempts text not null, propensity real, explored integer not null, router text not null,
    encoder text not null, features_sha256 text not null, features blob, input_tokens integer, output_tokens integer,
    cost_usd real, latency text not null
) strict;
create table if not exists feedback (id text not null, time real not null, quality real not null) strict;
create index if not exists feedback_of on feedback (id);
create table if not exists content (id text primary key, messages blob not null) strict;
"""
_DAY_S = 86_400
_OWNER = stat.S_IRUSR | stat.S_IWUSR


def part_at(folder: Path, seconds: float) -> Path:
    """The file of the day that a time falls into."""
    return folder / f"requests-{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d}.sqlite"


def parts_of(folder: Path) -> list[Path]:
    """The files of a log, the oldest first.

    Raises:
        ServingError: a file of version 1 lies there.
    """
    if (old := folder / OLD_FILE).exists():
        raise ServingError(
            f"{old}: expected a log of version {SCHEMA_VERSION}, found one of version 1, which has neither features "
            "nor propensities: nothing can be trained or estimated by it. Put the file aside, or give another folder."
        )
    return sorted(folder.glob("requests-????-??-??.sqlite"))


def existing_parts(folder: Path) -> list[Path]:
    """As `parts_of`, of a log that must be there.

    Raises:
        ServingError: there is none.
    """
    parts = parts_of(folder) if folder.is_dir() else []
    if not parts:
        raise ServingError(f"expected the log of a gateway (`serve --log {folder}`), found none at {folder}.")
    return parts


def prepare(folder: Path) -> None:
    """Make the folder of a log, for its owner alone, and look at the file that is written to next.

    Raises:
        ServingError: what lies there is no log of this version, or a file of another.
    """
    make_folder(folder, "--log")
    folder.chmod(stat.S_IRWXU)
    parts_of(folder)
    with opened(part_at(folder, time.time())):
        pass


def check_folder(folder: Path) -> None:
    """Refuse what cannot be the folder of a log, before anything is loaded; makes none.

    Raises:
        ServingError: what lies there is no log of this version.
        VLRouterBenchError: a file stands in its way.
    """
    check_no_file(folder, "--log")
    if folder.is_dir():
        prepare(folder)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A part to write to, made where it is not there.

    Raises:
        ServingError: SQLite cannot use it, or it is of another version.
        sqlite3.Error: while it is written to.
    """
    with usable(path):
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, _OWNER))
        path.chmod(_OWNER)
        connection = open_shared(path)
    with closing(connection):
        with usable(path):
            found = connection.execute("pragma user_version").fetchone()[0]
            connection.execute("pragma secure_delete=on")
            if found == 0 and not connection.execute("select 1 from sqlite_master").fetchone():
                connection.executescript(f"begin immediate; {_SCHEMA} pragma user_version={SCHEMA_VERSION}; commit;")
                found = connection.execute("pragma user_version").fetchone()[0]
            _check_version(path, found)
        yield connection


@contextmanager
def read_part(path: Path) -> Iterator[sqlite3.Connection]:
    """A part to read or delete from, after a look at all of it.

    Raises:
        ServingError: it is damaged, cut off, or of another version.
    """
    try:
        with closing(_existing(path)) as connection:
            version = connection.execute("pragma user_version").fetchone()[0]
            if not connection.execute("select 1 from sqlite_master").fetchone():
                raise _damaged(path, "it is empty, so emptied, or in the making: then run this again")
            _check_version(path, version)
            # SQLite itself passes over a last page that is cut off: it writes whole pages alone.
            if (more := path.stat().st_size % connection.execute("pragma page_size").fetchone()[0]) != 0:
                raise _damaged(path, f"its last page ends after {more:,} bytes")
            verdict = connection.execute("pragma quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise _damaged(path, verdict)
            connection.execute("pragma secure_delete=on")
            yield connection
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from error


def forget_before(folder: Path, days: int, now: float) -> list[Path]:
    """Remove the parts of days that ended more than `days` ago; gives those that were there."""
    first = part_at(folder, now - days * _DAY_S).name
    old = [path for path in parts_of(folder) if path.name < first]
    for path in old:
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            (folder / name).unlink(missing_ok=True)
    return old


def delete_requests(folder: Path, request_ids: list[str]) -> int:
    """Delete requests with their feedback and content; all of them, or none where one is not known.

    Raises:
        ServingError: there is no log, or no such request in it.
    """
    places: dict[str, Path] = {}
    for path in existing_parts(folder):
        with read_part(path) as connection:
            for name in request_ids:
                if connection.execute("select 1 from requests where id = ?", (name,)).fetchone():
                    places[name] = path
    if unknown := [name for name in request_ids if name not in places]:
        raise ServingError(
            f"expected ids of requests in {folder}, found {unknown[0]}, which is none of them. Nothing was deleted."
        )
    for path in sorted(set(places.values())):
        ids = [(name,) for name, place in places.items() if place == path]
        with read_part(path) as connection:
            connection.execute("begin immediate")
            for table in ("feedback", "content", "requests"):
                connection.executemany(f"delete from {table} where id = ?", ids)
            connection.execute("commit")
            connection.execute("pragma wal_checkpoint(truncate)")
    return len(places)


def _existing(path: Path) -> sqlite3.Connection:
    """A file that is there, as it is: looking at it changes nothing."""
    address = f"{path.resolve().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_S)


def _check_version(path: Path, found: int) -> None:
    if found != SCHEMA_VERSION:
        raise ServingError(
            f"{path}: expected a log of version {SCHEMA_VERSION}, found version {found}. Read it with the release that "
            "wrote it, or put it aside."
        )


def _damaged(path: Path, why: str) -> ServingError:
    return ServingError(
        f"expected a whole log at {path}, found one that is damaged or cut off ({one_line(why)}). Nothing was "
        "changed; put the file aside or restore it, and run the command again."
    )


INSERT = f"insert or ignore into requests ({', '.join(COLUMNS)}) values ({', '.join('?' * len(COLUMNS))})"
