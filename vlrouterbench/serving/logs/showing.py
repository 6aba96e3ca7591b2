"""What a log holds, in figures."""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path
from typing import TypedDict

import numpy as np

from vlrouterbench.serving.logs.reading import Logged, read_log
from vlrouterbench.serving.settings import ServingError


class CandidateFigures(TypedDict):
    """Of the answers of a candidate: their number, how many were rated, and means; None where there is nothing.

    `drift` is the accuracy that came less what had been told, over rated answers; `cost_ratio` what was paid over that.
    """

    requests: int
    rated: int
    quality: float | None
    cost_usd: float | None
    seconds: float | None
    drift: float | None
    cost_ratio: float | None


class LogSummary(TypedDict):
    """Of a log; times in UTC."""

    requests: int
    first: str
    last: str
    modes: dict[str, int]
    explored: int
    with_features: int
    with_content: int
    candidates: dict[str, CandidateFigures]


def summarise(folder: Path) -> LogSummary:
    """Figures of a log.

    Raises:
        ServingError: there is no log, no request in it, or it is damaged.
    """
    logged = list(read_log(folder))
    if not logged:
        raise ServingError(f"expected requests in the log {folder}, found none.")
    entries = [one.entry for one in logged]
    names = sorted({entry.candidate for entry in entries if entry.candidate})
    return LogSummary(
        requests=len(entries),
        first=_day_and_time(min(entry.time for entry in entries)),
        last=_day_and_time(max(entry.time for entry in entries)),
        modes=dict(Counter(entry.mode for entry in entries).most_common()),
        explored=sum(entry.explored for entry in entries),
        with_features=sum(entry.features is not None for entry in entries),
        with_content=sum(entry.messages is not None for entry in entries),
        candidates={name: _figures([one for one in logged if one.entry.candidate == name]) for name in names},
    )


def _figures(logged: list[Logged]) -> CandidateFigures:
    qualities = [one.quality for one in logged if one.quality is not None]
    costs = [one.entry.cost_usd for one in logged if one.entry.cost_usd is not None]
    seconds = [one.entry.latency["upstream"] for one in logged if "upstream" in one.entry.latency]
    return CandidateFigures(
        requests=len(logged),
        rated=len(qualities),
        quality=_mean(qualities),
        cost_usd=_mean(costs),
        seconds=_mean(seconds),
        drift=_mean(
            [one.quality - told for one in logged if one.quality is not None and (told := _told(one)) is not None]
        ),
        cost_ratio=_cost_ratio(logged),
    )


def _told(one: Logged) -> float | None:
    """The accuracy that was estimated of the candidate that answered."""
    found = (one.entry.decision.get("estimated_accuracy") or {}).get(one.entry.candidate)
    return None if found is None else float(found)


def _cost_ratio(logged: list[Logged]) -> float | None:
    pairs = [
        (one.entry.cost_usd, told)
        for one in logged
        if one.entry.cost_usd is not None
        and (told := (one.entry.decision.get("estimated_cost_usd") or {}).get(one.entry.candidate))
    ]
    return sum(paid for paid, _ in pairs) / sum(told for _, told in pairs) if pairs else None


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _day_and_time(seconds: float) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M:%S}"
