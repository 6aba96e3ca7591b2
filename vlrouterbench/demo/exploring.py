"""The test split, sample by sample: which candidates are right at what cost, and what the router did.

Decisions
- Filters are masks over rows, so that they combine.
- "No candidate right" and "router wrong" are different outcomes: a router is wrong where another candidate would have
  been right.
- An image is read when it is looked at, and sent inside the page: no file is written for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vlrouterbench.core.constants import CORRECT_THRESHOLD, SAMPLES_PER_COST_UNIT
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.demo.html import escaped, row, table, usd_per_10k
from vlrouterbench.evaluation.examples import data_address

ALL = "all"
NONE_RIGHT, WRONG, RIGHT, TOO_EXPENSIVE = (
    "no candidate right",
    "router wrong",
    "router right",
    "right, but too expensive",
)
OUTCOMES = (ALL, NONE_RIGHT, WRONG, RIGHT, TOO_EXPENSIVE)
IMAGE_PIXELS = 640
_LONGEST_QUESTION = 900


@dataclass(frozen=True)
class Filter:
    """Which samples to show; `ALL` applies no filter."""

    dataset: str = ALL
    group: str = ALL
    outcome: str = ALL


@dataclass(frozen=True)
class Explorer:
    """The scored samples with one router's decisions.

    Attributes:
        table: the scored samples.
        router: name of the router.
        decisions: (num_samples,) indices into the pool.
    """

    table: RoutingTable
    router: str
    decisions: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """(num_samples, num_candidates) bool."""
        return self.table.quality >= CORRECT_THRESHOLD

    def values_of(self, column: str) -> list[str]:
        """The choices of a filter on a column, `ALL` first."""
        return [ALL, *sorted(set(self.table.column(column)))]

    def rows(self, chosen: Filter) -> np.ndarray:
        """Rows of the table that pass a filter, in order; an unknown value passes none."""
        mask = np.ones(len(self.table), dtype=bool)
        for column, value in (("dataset", chosen.dataset), ("task_group", chosen.group)):
            if value != ALL:
                mask &= np.array(self.table.column(column)) == value
        return np.flatnonzero(mask & self._outcome(chosen.outcome))

    def _outcome(self, outcome: str) -> np.ndarray:
        rows = np.arange(len(self.table))
        solved, ok = self.right.any(axis=1), self.right[rows, self.decisions]
        least = np.where(self.right, self.table.cost, np.inf).min(axis=1)
        masks = {
            ALL: np.ones(len(rows), dtype=bool),
            NONE_RIGHT: ~solved,
            WRONG: solved & ~ok,
            RIGHT: ok,
            TOO_EXPENSIVE: ok & (self.table.cost[rows, self.decisions] > least),
        }
        return masks.get(outcome, np.zeros(len(rows), dtype=bool))

    def sample_html(self, index: int) -> str:
        """One sample in words: dataset, question, options, and what the router did."""
        columns = {name: self.table.column(name)[index] for name in ("sample_id", "dataset", "question", "options")}
        question = columns["question"]
        question = question if len(question) <= _LONGEST_QUESTION else f"{question[:_LONGEST_QUESTION]}…"
        options = "".join(f"<li>{escaped(option)}</li>" for option in columns["options"] or ())
        listed = f'<ol type="A">{options}</ol>' if options else ""
        return (
            f"<p><small>{escaped(columns['sample_id'])}</small></p><p>{escaped(question)}</p>{listed}"
            f"<p>{escaped(self.verdict(index))}</p>"
        )

    def image_html(self, index: int) -> str:
        """The sample's image inside the page; words where there is none."""
        image = next(self.table.take(np.array([index])).iter_images())
        address = data_address(image, pixels=IMAGE_PIXELS)
        if not address:
            return '<p class="vrb-card">This sample has no image.</p>'
        return f'<img class="vrb-image" src="{address}" alt="Image of {escaped(self._id(index))}">'

    def candidates_html(self, index: int) -> str:
        """Which candidates are right at what cost, the cheapest right one first."""
        quality, cost = self.table.quality[index], self.table.cost[index]
        order = np.lexsort((cost, -(quality >= CORRECT_THRESHOLD).astype(int)))
        rows = []
        for candidate in order:
            right = quality[candidate] >= CORRECT_THRESHOLD
            mark = "asked" if candidate == self.decisions[index] else ""
            kind = "vrb-row-chosen" if mark else ""
            cells = (
                escaped(self.table.pool.names[candidate]),
                f'<span class="{"vrb-yes" if right else "vrb-no"}">{"right" if right else "wrong"}</span>',
                usd_per_10k(float(cost[candidate])),
                mark,
            )
            rows.append(row(cells, kind=kind))
        head = ("candidate", "answer", f"$/{SAMPLES_PER_COST_UNIT // 1000}K", "")
        return table(head, rows, caption="Which candidates are right at what cost")

    def verdict(self, index: int) -> str:
        """What the router did, in a sentence."""
        names, right, cost = self.table.pool.names, self.right[index], self.table.cost[index]
        chosen = int(self.decisions[index])
        choice = f"{self.router} asked {names[chosen]} at ${usd_per_10k(float(cost[chosen]))} per 10K"
        if not right.any():
            return f"{choice}; no candidate is right here."
        best = int(np.argmin(np.where(right, cost, np.inf)))
        cheapest = f"{names[best]} at ${usd_per_10k(float(cost[best]))}"
        count = f"{int(right.sum())} of {len(names)} are right"
        if not right[chosen]:
            return f"{choice}: wrong. {count}, the cheapest is {cheapest}."
        if cost[chosen] > cost[best]:
            return f"{choice}: right, but {cheapest} would have done. {count}."
        return f"{choice}: right, at the lowest price. {count}."

    def _id(self, index: int) -> str:
        return self.table.column("sample_id")[index]
