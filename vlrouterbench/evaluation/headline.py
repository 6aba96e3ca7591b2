"""The sentence of every router: what it keeps of the best single candidate's accuracy, at what share of its cost.

Decisions
- The best single candidate is the most accurate one on the scored samples themselves: chosen in hindsight, it is the
  hardest to keep up with. Which it is stays fixed over resamples, and both shares are paired with it.
- A share of what is 0 does not exist: where the best candidate is free the sentence says what the router costs instead.
- The figures of simulated data say so in the sentence, which is quoted alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from vlrouterbench.core.constants import BEST_SINGLE as BEST_SINGLE_NOTE
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.simulated import marked
from vlrouterbench.evaluation.changes import changes_in_words
from vlrouterbench.evaluation.paired import BEST_SINGLE, PairedFigures, ScoringContext, best_single
from vlrouterbench.evaluation.records import FreeForm, Interval, ResultRecord, ShareIntervals
from vlrouterbench.metrics.bootstrap import interval

MOST_RESAMPLES = 0.99
"""Of the resamples must have a figure above 0 for an interval of shares of it; the others are left out."""


REFERENCE = f'{BEST_SINGLE_NOTE}; the policy "strongest" is the most accurate one on train, and may be another.'


class SharesRecord(TypedDict):
    """Shares of the best single candidate's accuracy and cost, their intervals, and the sentence of both."""

    headline: str
    accuracy_share: float | None
    cost_share: float | None
    share_ci95: ShareIntervals


def shares_of(router: str, index: int, paired: PairedFigures, context: ScoringContext) -> SharesRecord:
    """Shares of a router, by its column; None where the best candidate has 0 (an interval: in many resamples)."""
    table, column = context.table, paired.columns[BEST_SINGLE]
    shares: list[float | None] = []
    intervals: list[Interval | None] = []
    for values, name in ((paired.quality, "accuracy"), (paired.cost, "average_cost_usd")):
        own, whole = paired.draws[name][:, index], paired.draws[name][:, column]
        mean, known = values[:, column].mean(), whole > 0
        shares.append(float(values[:, index].mean() / mean) if mean > 0 else None)
        intervals.append(_rounded(interval(own[known] / whole[known])) if known.mean() >= MOST_RESAMPLES else None)
    sentence = headline(
        router, table.pool.names[best_single(table)], shares, intervals, float(paired.cost[:, index].mean())
    )
    return {
        "headline": marked(sentence + changes_in_words(context.changes), simulated=table.simulated),
        "accuracy_share": shares[0],
        "cost_share": shares[1],
        "share_ci95": {"accuracy_share": intervals[0], "cost_share": intervals[1]},
    }


def headline(
    router: str, best: str, shares: Sequence[float | None], intervals: Sequence[Interval | None], cost: float
) -> str:
    """The sentence.

    Args:
        router: its name.
        best: name of the best single candidate.
        shares: of its accuracy and of its cost; None where one does not exist.
        intervals: of the shares.
        cost: of the router, USD per sample.
    """
    per = SAMPLES_PER_COST_UNIT
    if shares[0] is None:
        return f"{router} cannot be held against a best single candidate: no candidate is right on any sample"
    kept = f"{router} keeps {100 * shares[0]:.1f} % of {best}'s accuracy"
    if shares[1] is None:
        return f"{kept} (95 % {_span(intervals[0])}) at {per * cost:.3g} USD per {per:,} samples, where {best} is free"
    return f"{kept} at {100 * shares[1]:.1f} % of its cost (95 % {_span(intervals[0])}; {_span(intervals[1])})"


def reference_notes(records: Sequence[ResultRecord]) -> list[str]:
    """How the candidate of the sentences is picked, where there is a sentence."""
    return [REFERENCE] if headlines(records) else []


def headlines(records: Sequence[ResultRecord]) -> list[str]:
    """The sentences of the routers among records; those of policies are in the records alone."""
    return [r["headline"] for r in records if r["router_config"].get("kind") == "router" and r.get("headline")]


def objective_notes(records: Sequence[ResultRecord]) -> list[str]:
    """What is to be said of an objective that was asked for: who is not at it, and what cannot be met."""
    return [note for r in records for note in objective_note(r["router"], r["router_config"], r["objective"])]


def sample_notes(records: Sequence[ResultRecord]) -> list[str]:
    """Which routers were learnt from a sample of the train split."""
    noted = [(r["router"], r["router_config"].get("sample_note")) for r in records]
    return [f"{name}: {note}" for name, note in noted if note]


def objective_note(router: str, config: FreeForm, objective: str) -> list[str]:
    """The same of one router, of which there may be nothing to say.

    Args:
        router: its name.
        config: what a record says of it.
        objective: that it is judged by.
    """
    if config.get("rechosen"):
        return [f"{router}: {config['objective_note']}"] if config.get("objective_note") else []
    own = config.get("objective", objective)
    if own == objective:
        return []
    if config.get("rechosen") is False:
        return [
            f"{router} was trained for {own} and keeps nothing to choose another trade-off by: its decisions are the "
            f"same under {objective}. Train it with --objective."
        ]
    return [
        f"{router} decides as it was trained, for {own}, and is judged by {objective}: give --objective for another."
    ]


def _rounded(ends: Interval) -> Interval:
    """Without the last bits, which depend on how many columns were resampled together."""
    return [float(f"{end:.12g}") for end in ends]


def _span(ends: Interval | None) -> str:
    if ends is None:
        return "interval unknown, too few samples"
    low, high = np.array(ends) * 100
    return f"{low:.1f} to {high:.1f} %"
