"""What keys have spent, in SQLite: charged before a request is asked, settled by what it did cost.

Decisions
- One transaction sums what is charged and adds the next charge, so that several processes share a budget and cannot
  pass it together. A process that is killed leaves its open charges at their reserve: nothing is counted twice, and
  nothing that may have been paid is forgotten.
- WAL with `synchronous=NORMAL`: a commit is with the operating system when a request is asked, which outlives a kill.
- A mean over requests has no day. It is kept by one row of each key, which changes in the transactions that charge and
  settle. A reserve lets a key be ahead while it is open, and for good once it was answered: a request that was refused
  for its size does not.
- A clock that goes back gives no new day: what was charged on later days counts too. One that was ahead for a while
  takes from the days to come what was spent meanwhile, and nothing else.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.core.files import make_folder
from vlrouterbench.serving.shared_file import open_shared, usable

FILE = "ledger.sqlite"
_SCHEMA = """
create table if not exists charges (
    id text primary key, key text not null, day integer not null, reserved_usd real not null, paid_usd real
) strict;
create index if not exists charges_of_day on charges (key, day);
create index if not exists charges_open on charges (key, reserved_usd) where paid_usd is null;
create table if not exists totals (
    key text primary key, requests integer not null, committed_usd real not null, largest_reserve_usd real not null
) strict;
create table if not exists begun (key text not null, time real not null) strict;
create index if not exists begun_of_key on begun (key, time);
"""
_OPEN = "paid_usd is null"
_DAY_S, _MINUTE_S = 86_400, 60.0
_KEPT_DAYS = 32


@dataclass(frozen=True)
class Room:
    """What the next request of a key may be charged, so that its day holds, and the mean of all but for one reserve.

    Attributes:
        left_usd: the mean times the requests until now and this one, less what is charged; below 0: ahead of it.
        largest_reserve_usd: of a request that is open or was answered: how far all together may be ahead.
        day_left_usd: of the day.
    """

    left_usd: float = math.inf
    largest_reserve_usd: float = 0.0
    day_left_usd: float = math.inf

    def takes(self, reserve_usd: float) -> bool:
        """Whether a reserve fits."""
        return self.day_takes(reserve_usd) and self.mean_takes(reserve_usd)

    def day_takes(self, reserve_usd: float) -> bool:
        """Whether it fits into the day."""
        return reserve_usd <= self.day_left_usd

    def mean_takes(self, reserve_usd: float) -> bool:
        """Whether it fits the mean; the first of its size does while nothing is ahead."""
        return reserve_usd <= self.left_usd + max(self.largest_reserve_usd, reserve_usd)

    @property
    def most_usd(self) -> float:
        """The largest reserve that fits the mean; infinite while nothing is ahead."""
        return math.inf if self.left_usd >= 0 else max(0.0, self.left_usd + self.largest_reserve_usd)


class Ledger:
    """What keys spend; of one thread at a time, of any number of processes.

    Args:
        folder: where its file is.
    """

    def __init__(self, folder: Path) -> None:
        make_folder(folder, "folder in state:")
        with usable(folder / FILE):
            self._connection = open_shared(folder / FILE, any_thread=True)
            self._connection.executescript(_SCHEMA)
            # The latest days that were seen, whatever the clock says now: one that is ahead forgets nothing.
            kept = "select min(day) from (select distinct day from charges order by day desc limit ?)"
            with self._connection as connection:
                connection.execute("begin immediate")
                opened = f"select max(reserved_usd) from charges where {_OPEN} and key = totals.key and day < ({kept})"
                larger = f"max(largest_reserve_usd, coalesce(({opened}), 0))"
                connection.execute(f"update totals set largest_reserve_usd = {larger}", (_KEPT_DAYS,))
                connection.execute(f"delete from charges where day < ({kept})", (_KEPT_DAYS,))

    def charge(
        self,
        request_id: str,
        key: str,
        reserved_usd: float,
        usd_per_day: float | None,
        mean_usd_per_request: float | None = None,
    ) -> bool:
        """Charge a request before it is asked; a bound that is None is none.

        Returns:
            Whether the reserve fitted; nothing is charged else.
        """
        with self._connection as connection:  # commits, or rolls back where something is raised
            connection.execute("begin immediate")
            fits = self.room(key, mean_usd_per_request, usd_per_day).takes(reserved_usd)
            if fits:
                row = (request_id, key, _today(), reserved_usd)
                connection.execute("insert into charges (id, key, day, reserved_usd) values (?, ?, ?, ?)", row)
                connection.execute("insert or ignore into totals values (?, 0, 0, 0)", (key,))
                added = "update totals set requests = requests + 1, committed_usd = committed_usd + ? where key = ?"
                connection.execute(added, (reserved_usd, key))
        return fits

    def room(self, key: str, mean_usd_per_request: float | None, usd_per_day: float | None = None) -> Room:
        """What the next request of a key may be charged at most; a bound that is None is none."""
        day_left = math.inf if usd_per_day is None else usd_per_day - self._spent(key, _today())
        if mean_usd_per_request is None:
            return Room(day_left_usd=day_left)
        query = "select requests, committed_usd, largest_reserve_usd from totals where key = ?"
        requests, committed, largest = self._connection.execute(query, (key,)).fetchone() or (0, 0.0, 0.0)
        query = f"select coalesce(max(reserved_usd), 0) from charges where {_OPEN} and key = ?"
        opened = self._connection.execute(query, (key,)).fetchone()[0]
        return Room(mean_usd_per_request * (requests + 1) - committed, max(largest, opened), day_left)

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

    def settle(self, request_id: str, paid_usd: float | None, *, is_answered: bool = True) -> None:
        """Count what a request did cost in the place of its reserve; to be called once.

        Args:
            request_id: as it was charged.
            paid_usd: USD; None leaves it at its reserve.
            is_answered: whether it was, or may be paid all the same.
        """
        with self._connection as connection:
            connection.execute("begin immediate")
            query = f"select key, reserved_usd from charges where id = ? and {_OPEN}"
            found = connection.execute(query, (request_id,)).fetchone()
            if found is None:
                return
            key, reserved = found
            changed = (
                "update totals set committed_usd = committed_usd + ?, "
                "largest_reserve_usd = max(largest_reserve_usd, ?) where key = ?"
            )
            less = 0.0 if paid_usd is None else paid_usd - reserved
            connection.execute(changed, (less, reserved if is_answered else 0.0, key))
            connection.execute("update charges set paid_usd = ? where id = ?", (paid_usd, request_id))

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
