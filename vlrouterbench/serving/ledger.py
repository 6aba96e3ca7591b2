"""What keys have spent today, in SQLite: charged before a request is asked, settled by what it did cost.

Decisions
- One transaction sums what is charged and adds the next charge, so that several processes share a budget and cannot
  pass it together. A process that is killed leaves its open charges at their reserve: nothing is counted twice, and
  nothing that may have been paid is forgotten.
- WAL with `synchronous=NORMAL`: a commit is with the operating system when a request is asked, which outlives a kill.
- A clock that goes back gives no new day: what was charged on later days counts too. One that was ahead for a while
  takes from the days to come what was spent meanwhile, and nothing else.
"""

from __future__ import annotations

import time
from pathlib import Path

from vlrouterbench.core.files import make_folder
from vlrouterbench.serving.shared_file import open_shared, usable

FILE = "ledger.sqlite"
_SCHEMA = """
create table if not exists charges (
    id text primary key, key text not null, day integer not null, reserved_usd real not null, paid_usd real
) strict;
create index if not exists charges_of_day on charges (key, day);
create table if not exists begun (key text not null, time real not null) strict;
create index if not exists begun_of_key on begun (key, time);
"""
_DAY_S, _MINUTE_S = 86_400, 60.0
_KEPT_DAYS = 32


class Ledger:
    """What keys spend; of one thread at a time, of any number of processes.

    Args:
        folder: where its file is.
    """

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        with usable(folder / FILE):
            self._connection = open_shared(folder / FILE, any_thread=True)
            self._connection.executescript(_SCHEMA)
            # The latest days that were seen, whatever the clock says now: one that is ahead forgets nothing.
            kept = "select min(day) from (select distinct day from charges order by day desc limit ?)"
            self._connection.execute(f"delete from charges where day < ({kept})", (_KEPT_DAYS,))

    def charge(self, request_id: str, key: str, reserved_usd: float, usd_per_day: float) -> bool:
        """Charge a request before it is asked.

        Returns:
            Whether the reserve fitted; nothing is charged else.
        """
        with self._connection as connection:  # commits, or rolls back where something is raised
            connection.execute("begin immediate")
            day = _today()
            fits = self._spent(key, day) + reserved_usd <= usd_per_day
            if fits:
                row = (request_id, key, day, reserved_usd)
                connection.execute("insert into charges (id, key, day, reserved_usd) values (?, ?, ?, ?)", row)
        return fits

    def begin(self, key: str, requests_per_minute: int) -> float:
        """Count a request of a key.

        Returns:
            Seconds to wait where it comes too soon after others; 0 where it does not, and then it is counted.
        """
        now = time.time()
        with self._connection as connection:
            connection.execute("begin immediate")
            # What a clock that went back left in the future has no part in it either.
            connection.execute("delete from begun where key = ? and abs(time - ?) >= ?", (key, now, _MINUTE_S))
            times = [row[0] for row in connection.execute("select time from begun where key = ? order by time", (key,))]
            if len(times) >= requests_per_minute:
                return max(1.0, float(times[0]) + _MINUTE_S - now)
            connection.execute("insert into begun values (?, ?)", (key, now))
        return 0.0

    def settle(self, request_id: str, paid_usd: float | None) -> None:
        """Count what a request did cost in the place of its reserve; None leaves it at that."""
        if paid_usd is not None:
            self._connection.execute("update charges set paid_usd = ? where id = ?", (paid_usd, request_id))

    def spent_today(self, key: str) -> float:
        """What a key has paid and reserved today, USD."""
        return self._spent(key, _today())

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _spent(self, key: str, day: int) -> float:
        query = "select coalesce(sum(coalesce(paid_usd, reserved_usd)), 0) from charges where key = ? and day >= ?"
        return float(self._connection.execute(query, (key, day)).fetchone()[0])


def _today() -> int:
    return int(time.time() // _DAY_S)
