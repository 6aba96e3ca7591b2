"""The test split, sample by sample: who is right at what cost, and what the router did.

Decisions
- Filters are masks over rows, so that they combine.
- "Nobody right" and "router wrong" are apart: a router is wrong where another candidate would have been right.
- A picture is read when it is looked at, and sent inside the page: nothing is written for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vlrouterbench.core.constants import CORRECT_THRESHOLD, SAMPLES_PER_COST_UNIT
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.demo.html import escaped, row, table, usd_per_10k
from vlrouterbench.evaluation.examples import data_address

ALL = "all"
NOBODY, WRONG, RIGHT, DEAR = "nobody right", "router wrong", "router right", "right, but too expensive"
OUTCOMES = (ALL, NOBODY, WRONG, RIGHT, DEAR)
PICTURE_PIXELS = 640
_LONGEST_QUESTION = 900


@dataclass(frozen=True)
class Filter:
    """Which samples to show; `ALL` leaves a side open."""

    dataset: str = ALL
    group: str = ALL
    outcome: str = ALL


@dataclass(frozen=True)
class Explorer:
    """The scored samples with one router's decisions.

    Attributes:
        table: the scored samples.
        judged: name of the router.
        decisions: (num_samples,) places in the pool.
    """

    table: RoutingTable
    judged: str
    decisions: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """(num_samples, num_candidates) bool."""
        return self.table.quality >= CORRECT_THRESHOLD

    def values_of(self, column: str) -> list[str]:
        """What a filter on a column offers, `ALL` first."""
        return [ALL, *sorted(set(self.table.column(column)))]

    def rows(self, wanted: Filter) -> np.ndarray:
        """Rows of the table that pass a filter, in order; anything unknown passes none."""
        mask = np.ones(len(self.table), dtype=bool)
        for column, value in (("dataset", wanted.dataset), ("task_group", wanted.group)):
            if value != ALL:
                mask &= np.array(self.table.column(column)) == value
        return np.flatnonzero(mask & self._outcome(wanted.outcome))

    def _outcome(self, outcome: str) -> np.ndarray:
        places = np.arange(len(self.table))
        solved, ok = self.right.any(axis=1), self.right[places, self.decisions]
        least = np.where(self.right, self.table.cost, np.inf).min(axis=1)
        masks = {
            ALL: np.ones(len(places), dtype=bool),
            NOBODY: ~solved,
            WRONG: solved & ~ok,
            RIGHT: ok,
            DEAR: ok & (self.table.cost[places, self.decisions] > least),
        }
        return masks.get(outcome, np.zeros(len(places), dtype=bool))

    def sample_html(self, place: int) -> str:
        """One sample in words: dataset, question, options, and what the router did."""
        columns = {name: self.table.column(name)[place] for name in ("sample_id", "dataset", "question", "options")}
        question = columns["question"]
        question = question if len(question) <= _LONGEST_QUESTION else f"{question[:_LONGEST_QUESTION]}…"
        options = "".join(f"<li>{escaped(option)}</li>" for option in columns["options"] or ())
        listed = f'<ol type="A">{options}</ol>' if options else ""
        return (
            f"<p><small>{escaped(columns['sample_id'])}</small></p><p>{escaped(question)}</p>{listed}"
            f"<p>{escaped(self.verdict(place))}</p>"
        )

    def picture_html(self, place: int) -> str:
        """The sample's picture inside the page; words where there is none."""
        image = next(self.table.take(np.array([place])).iter_images())
        address = data_address(image, pixels=PICTURE_PIXELS)
        if not address:
            return '<p class="vrb-card">This sample has no picture.</p>'
        return f'<img class="vrb-picture" src="{address}" alt="Picture of {escaped(self._id(place))}">'

    def candidates_html(self, place: int) -> str:
        """Who is right at what cost, the cheapest right one first."""
        quality, cost = self.table.quality[place], self.table.cost[place]
        order = np.lexsort((cost, -(quality >= CORRECT_THRESHOLD).astype(int)))
        rows = []
        for candidate in order:
            right = quality[candidate] >= CORRECT_THRESHOLD
            asked = "asked" if candidate == self.decisions[place] else ""
            kind = "vrb-row-chosen" if asked else ""
            cells = (
                escaped(self.table.pool.names[candidate]),
                f'<span class="{"vrb-yes" if right else "vrb-no"}">{"right" if right else "wrong"}</span>',
                usd_per_10k(float(cost[candidate])),
                asked,
            )
            rows.append(row(cells, kind=kind))
        head = ("candidate", "answer", f"$/{SAMPLES_PER_COST_UNIT // 1000}K", "")
        return table(head, rows, caption="Who is right at what cost")

    def verdict(self, place: int) -> str:
        """What the router did, in a sentence."""
        names, right, cost = self.table.pool.names, self.right[place], self.table.cost[place]
        chosen = int(self.decisions[place])
        said = f"{self.judged} asked {names[chosen]} at ${usd_per_10k(float(cost[chosen]))} per 10K"
        if not right.any():
            return f"{said}; nobody is right here."
        best = int(np.argmin(np.where(right, cost, np.inf)))
        cheapest = f"{names[best]} at ${usd_per_10k(float(cost[best]))}"
        count = f"{int(right.sum())} of {len(names)} are right"
        if not right[chosen]:
            return f"{said}: wrong. {count}, the cheapest is {cheapest}."
        if cost[chosen] > cost[best]:
            return f"{said}: right, but {cheapest} would have done. {count}."
        return f"{said}: right, at the lowest price. {count}."

    def _id(self, place: int) -> str:
        return self.table.column("sample_id")[place]
