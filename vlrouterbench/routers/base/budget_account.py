"""What a stream of requests may spend: it is charged before a request is asked, and corrected by what was paid.

Decisions
- A request is charged what it may cost at most (its reserve) when it is decided, and what it did cost when it is
  settled. So requests may overlap, and be settled in any order.
- A reserve fits where all that was paid and is reserved stays within the budget per request, times the requests, plus
  a credit. The credit is the largest reserve so far unless it is given: so the running mean is at most the budget plus
  one reserve over the number of requests, whatever comes in which order.
- What never fits is for the caller to say: nothing is refused here, it is counted (`num_beyond`).
- A reservation that is never settled stays counted in full, for its answer may have been paid. Of more than `MOST_OPEN`
  the oldest is closed as if it had cost its reserve, which changes nothing but that it can no longer be settled.
- There is no clock: a saved account goes on where it stopped, whenever that was.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Real
from pathlib import Path
from threading import RLock
from typing import Any

from vlrouterbench.routers.base.decision import BudgetError

HORIZON = 50
"""Requests over which what was under- or overspent is given back, unless another number is given."""
MOST_OPEN = 10_000
SLACK = 1e-9
"""Of all that may be spent: sums of many costs are rounded."""
_COUNTS = ("num_requests", "num_beyond", "num_overrun")
_USD = ("settled_usd", "largest_reserve_usd")


SeenStates = dict[Path, Mapping[str, Any]]
"""File, by its absolute path -> the state that it held."""


class ReservationError(BudgetError):
    """A reservation that is not open: it was never made, or is settled already."""


@dataclass(frozen=True)
class Charge:
    """What is counted for a request until it is settled, USD.

    Attributes:
        reserved_usd: the most that it may cost.
        expected_usd: what it is expected to cost.
    """

    reserved_usd: float
    expected_usd: float


class BudgetAccount:
    """Counts what requests may cost and did cost; several threads may use it at once.

    Args:
        average_cost_usd: what one request may cost on average, USD, above 0.
        credit_usd: how far all requests together may be ahead of the budget, USD; None: the largest reserve so far.
        horizon: requests over which what was under- or overspent is given back.

    Attributes:
        num_requests: requests that were charged, settled or not.
        settled_usd: what settled requests cost.
        largest_reserve_usd: the largest reserve of a candidate that a request could have been asked of.
        num_beyond: requests that were charged although their reserve did not fit.
        num_overrun: requests that cost more than their reserve.
        reachable: False where the budget is known to be below what the cheapest decisions cost: there is no credit then
            unless it was given, for it would never be made up for.
        open: number of a reservation -> what is counted for it, the oldest first.
        lock: held while a request is decided and charged.
        seen: files that it was read from or written to, with what they held then.

    Raises:
        BudgetError: a budget, credit or horizon that makes no sense.
    """

    def __init__(self, average_cost_usd: float, credit_usd: float | None = None, horizon: int = HORIZON) -> None:
        check_average(average_cost_usd)
        if credit_usd is not None:
            _checked_usd("credit_usd", credit_usd)
        if not _is_count(horizon) or horizon < 1:
            raise BudgetError(f"horizon: expected a number of requests from 1 on, found {horizon}.")
        self.average_cost_usd, self.credit_usd, self.horizon = average_cost_usd, credit_usd, horizon
        self.num_requests = self.num_beyond = self.num_overrun = 0
        self.settled_usd = self.largest_reserve_usd = 0.0
        self.open: dict[int, Charge] = {}
        self.reachable = True
        self.lock = RLock()
        self.seen: SeenStates = {}

    @property
    def committed_usd(self) -> float:
        """What was paid, and what is reserved."""
        return self.settled_usd + math.fsum(charge.reserved_usd for charge in self.open.values())

    @property
    def bound_usd(self) -> float:
        """How far all requests together may be ahead of the budget, USD."""
        if self.credit_usd is not None:
            return self.credit_usd
        return self.largest_reserve_usd if self.reachable else 0.0

    @property
    def available_usd(self) -> float:
        """The largest reserve that fits for the next request."""
        allowed = self.average_cost_usd * (self.num_requests + 1) + self.bound_usd
        return allowed * (1 + SLACK) - self.committed_usd

    @property
    def pace_usd(self) -> float:
        """What the next requests should cost on average, so that the mean comes to the budget over the horizon."""
        expected = self.settled_usd + math.fsum(charge.expected_usd for charge in self.open.values())
        return (self.average_cost_usd * (self.num_requests + self.horizon) - expected) / self.horizon

    def foresee(self, reserve_usd: float) -> None:
        """Take note of a reserve that the next request may need."""
        self.largest_reserve_usd = max(self.largest_reserve_usd, _checked_usd("reserve", reserve_usd))

    def charge(self, reserved_usd: float, expected_usd: float) -> tuple[int, bool]:
        """Charge a request before it is asked.

        Returns:
            The number of its reservation, and whether the reserve fitted.
        """
        charge = Charge(_checked_usd("reserve", reserved_usd), _checked_usd("expected cost", expected_usd))
        with self.lock:
            self.foresee(reserved_usd)
            fits = reserved_usd <= self.available_usd
            self.num_requests += 1
            self.num_beyond += not fits
            self.open[self.num_requests] = charge
            if len(self.open) > MOST_OPEN:
                self._close(next(iter(self.open)))
            return self.num_requests, fits

    def settle(self, number: int, paid_usd: float) -> None:
        """Count what a request did cost in the place of its reserve; 0 for one that was not asked after all.

        Raises:
            ReservationError: no such reservation is open.
            BudgetError: the cost is negative or no number; the reservation stays open.
        """
        _checked_usd("paid_usd", paid_usd)
        with self.lock:
            if number not in self.open:
                made = _is_count(number) and 1 <= number <= self.num_requests
                raise ReservationError(
                    f"reservation {number}: "
                    + (
                        f"expected one that is open, found one that is settled, or that was closed at its reserve when "
                        f"more than {MOST_OPEN:,} were open. Settle each once."
                        if made
                        else f"expected the number of a reservation, 1 to {self.num_requests}; this was never made."
                    )
                )
            self.num_overrun += paid_usd > self.open[number].reserved_usd
            self._close(number, paid_usd)

    def correct(self, by_usd: float) -> None:
        """Add to what settled requests cost; below 0 takes off."""
        with self.lock:
            self.settled_usd += by_usd

    def state(self) -> dict[str, Any]:
        """All of it as JSON-ready content."""
        with self.lock:
            names = ("average_cost_usd", "credit_usd", "horizon", *_COUNTS, *_USD)
            charges = [{"number": number, **asdict(charge)} for number, charge in self.open.items()]
            return {name: getattr(self, name) for name in names} | {"open": charges}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> BudgetAccount:
        """The account that `state` describes.

        Raises:
            BudgetError: it is not what `state` gives.
        """
        try:
            account = cls(*(state[name] for name in ("average_cost_usd", "credit_usd", "horizon")))
            for name in _COUNTS:
                if not _is_count(state[name]):
                    raise BudgetError(f"{name}: expected a whole number from 0 on, found {state[name]!r}.")
                setattr(account, name, state[name])
            for name in _USD:
                setattr(account, name, float(_checked_usd(name, state[name])))
            for entry in state["open"]:
                reserved, expected = (_checked_usd(name, entry[name]) for name in ("reserved_usd", "expected_usd"))
                account.open[entry["number"]] = Charge(reserved, expected)
        except (KeyError, TypeError) as error:
            raise BudgetError(f"expected the state of a budget, found one that lacks or garbles {error}.") from error
        return account

    def _close(self, number: int, paid_usd: float | None = None) -> None:
        charge = self.open.pop(number)
        self.settled_usd += charge.reserved_usd if paid_usd is None else paid_usd


def write_state(path: Path | str, state: Mapping[str, Any], seen: SeenStates | None = None) -> None:
    """Write JSON whole or not at all: beside its place, then renamed.

    Args:
        path: the file.
        state: its content.
        seen: what files held when their stream last read or wrote them; this one is added. None for no stream.

    Raises:
        BudgetError: the file holds another state by now: what that one counts would be lost.
    """
    path = Path(path)
    place = path.absolute()
    seen = {} if seen is None else seen
    if place in seen and path.is_file() and read_state(path) != seen[place]:
        raise BudgetError(
            f"{path}: expected the state that this stream last read or saved there, found another one: a second "
            "process charges the same budget, and what it counts would be lost. Let one process hold the stream."
        )
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(state, file, indent=2, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
        seen[place] = state
    finally:
        Path(beside).unlink(missing_ok=True)


def read_state(path: Path | str) -> dict[str, Any]:
    """What `write_state` wrote.

    Raises:
        BudgetError: no such file, or another content.
    """
    try:
        state = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BudgetError(f"expected the saved state of a stream at {path}: {error}.") from error
    if not isinstance(state, dict):
        raise BudgetError(f"expected the saved state of a stream at {path}, found {type(state).__name__}.")
    return state


def check_average(average_cost_usd: float) -> None:
    """Raise BudgetError unless an average is a finite number above 0."""
    number = isinstance(average_cost_usd, Real) and not isinstance(average_cost_usd, bool)
    if not number or not 0 < average_cost_usd < math.inf:
        raise BudgetError(f"average_cost_usd: expected a number above 0, found {average_cost_usd!r}.")


def _checked_usd(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise BudgetError(f"{name}: expected a number of USD from 0 on, found {value!r}.")
    return value


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
