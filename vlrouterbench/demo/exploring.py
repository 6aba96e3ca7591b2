"""The benchmark, sample by sample: which candidates are right at what cost, what the router estimated and did.

Decisions
- Filters are masks over rows, so that they combine; the columns that they read stay in their compact form.
- "No candidate right" and "router wrong" are different outcomes: a router is wrong where another candidate would have
  been right.
- An image is read when it is looked at, and sent inside the page: no file is written for it.
- On the test split the decisions are the evaluation's own. On the others they are the router's, which learnt from them:
  each such sample says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from vlrouterbench.core.constants import CORRECT_THRESHOLD, SAMPLES_PER_COST_UNIT, SPLITS
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.demo.html import escaped, row, table, usd_per_10k
from vlrouterbench.demo.sample_estimates import SampleEstimates
from vlrouterbench.demo.workspace import Workspace
from vlrouterbench.evaluation.examples import data_address
from vlrouterbench.routers.base.familiarity import SAID_FROM, unfamiliar_text
from vlrouterbench.routers.encoders.sample_input import RouterInputError

ALL, TEST = "all", "test"
NONE_RIGHT, WRONG, RIGHT, TOO_EXPENSIVE = (
    "no candidate right",
    "router wrong",
    "router right",
    "right, but too expensive",
)
OUTCOMES = (ALL, NONE_RIGHT, WRONG, RIGHT, TOO_EXPENSIVE)
IMAGE_PIXELS = 640
LONGEST_SEARCH = 200
_LONGEST_QUESTION = 900
_ASKED = '<b class="vrb-chosen" aria-hidden="true" title="asked">◆</b><span class="vrb-unseen">asked</span>'
_LEARNT = {"train": "it learnt from this sample", "validation": "its settings were chosen on this split"}


@dataclass(frozen=True)
class Filter:
    """Which samples to show; `ALL` applies no filter.

    Attributes:
        split, dataset, group, outcome: as the columns and OUTCOMES name them.
        text: what a question or a sample's id must hold, in any case; "" for anything.
        unfamiliar: only samples that are unlike the training samples.
    """

    split: str = ALL
    dataset: str = ALL
    group: str = ALL
    outcome: str = ALL
    text: str = ""
    unfamiliar: bool = False


@dataclass(frozen=True)
class Explorer:
    """Samples with one router's decisions.

    Attributes:
        table: samples that were measured for every candidate, in folder order.
        router: name of the router.
        decisions: (num_samples,) indices into the pool.
        estimates: what the router estimates of the samples; None where it was not asked.
        calibrated: whether estimates are probabilities and not scores.
        learnt_here: whether the router was trained on this benchmark.
    """

    table: RoutingTable
    router: str
    decisions: np.ndarray
    estimates: SampleEstimates | None = None
    calibrated: bool = True
    learnt_here: bool = True

    @property
    def right(self) -> np.ndarray:
        """(num_samples, num_candidates) bool."""
        return self.table.quality >= CORRECT_THRESHOLD

    def right_of(self, index: int) -> np.ndarray:
        """(num_candidates,) bool of one sample."""
        return self.table.quality[index] >= CORRECT_THRESHOLD

    @property
    def splits(self) -> list[str]:
        """The splits that there are samples of."""
        found = set(self._values("split"))
        return [name for name in SPLITS if name in found]

    def values_of(self, column: str) -> list[str]:
        """The choices of a filter on a column, `ALL` first."""
        return [ALL, *sorted(self._values(column))]

    def rows(self, chosen: Filter) -> np.ndarray:
        """Rows of the table that pass a filter, in order; an unknown value passes none."""
        mask = self._outcome(chosen.outcome)
        for column, value in (("split", chosen.split), ("dataset", chosen.dataset), ("task_group", chosen.group)):
            if value != ALL:
                mask &= pc.equal(self.table.samples[column], value).to_numpy()
        if text := chosen.text.strip()[:LONGEST_SEARCH]:
            mask &= self._holds("question", text) | self._holds("sample_id", text)
        if chosen.unfamiliar:
            mask &= self._unlike() >= SAID_FROM
        return np.flatnonzero(mask)

    def _values(self, column: str) -> list[str]:
        return pc.unique(self.table.samples[column]).to_pylist()

    def _holds(self, column: str, text: str) -> np.ndarray:
        found = pc.match_substring(self.table.samples[column], text, ignore_case=True)
        return pc.fill_null(found, False).to_numpy()

    def _unlike(self) -> np.ndarray:
        known = None if self.estimates is None else self.estimates.unfamiliar
        return np.zeros(len(self.table)) if known is None else known.numpy()

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
        question = self._cell("question", index)
        question = question if len(question) <= _LONGEST_QUESTION else f"{question[:_LONGEST_QUESTION]}…"
        options = "".join(f"<li>{escaped(option)}</li>" for option in self._cell("options", index) or ())
        listed = f'<ol type="A">{options}</ol>' if options else ""
        known = [self._cell(name, index) for name in ("split", "dataset", "task_group")]
        notes = "".join(f"<p>{escaped(note)}</p>" for note in self.notes(index))
        return (
            f"<p><small>{escaped(self._cell('sample_id', index))} ({escaped(', '.join(known))})</small></p>"
            f"<p>{escaped(question)}</p>{listed}<p>{escaped(self.verdict(index))}</p>{notes}"
        )

    def image_html(self, index: int) -> str:
        """The sample's image inside the page; words where there is none."""
        (address,) = self.thumbnails(np.array([index]), IMAGE_PIXELS)
        if not address:
            return '<p class="vrb-card">This sample has no readable image.</p>'
        return f'<img class="vrb-image" src="{address}" alt="Image of {escaped(self._cell("sample_id", index))}">'

    def thumbnails(self, rows: np.ndarray, pixels: int) -> list[str]:
        """Images of some rows in small, as data addresses; "" for a sample without one that can be read."""
        return [_small(image, pixels) for image in self.table.take(rows).iter_images()]

    def candidates_html(self, index: int) -> str:
        """What was estimated of each candidate beside what it did, the cheapest right one first."""
        right_ones, cost = self.right_of(index), self.table.cost[index]
        known = None if self.estimates is None else self.estimates.take(np.array([index]))
        rows = []
        for candidate in np.lexsort((cost, ~right_ones)):
            right = right_ones[candidate]
            is_asked = candidate == self.decisions[index]
            cells = (
                escaped(self.table.pool.names[candidate]),
                *(self._estimate(known, int(candidate)) if known else ()),
                f'<span class="{"vrb-yes" if right else "vrb-no"}">{"right" if right else "wrong"}</span>',
                usd_per_10k(float(cost[candidate])),
                _ASKED if is_asked else "",
            )
            rows.append(row(cells, kind="vrb-row-chosen" if is_asked else ""))
        unit = f"$/{SAMPLES_PER_COST_UNIT // 1000}K"
        height = "est. p" if self.calibrated else "score"
        estimated = (height, "est. $") if known else ()
        head = ("candidate", *estimated, "answer", unit, "")
        return table(head, rows, caption="What was estimated of each candidate, whether it was right, at what cost")

    def notes(self, index: int) -> list[str]:
        """What a reader of a sample must know beside the verdict, a sentence each."""
        learnt = _LEARNT.get(self._cell("split", index)) if self.learnt_here else None
        found = [f"Of the router's estimates here: {learnt}."] if learnt and self.estimates else []
        unlike = unfamiliar_text(float(self._unlike()[index]))
        return found + ([unlike] if unlike else [])

    def verdict(self, index: int) -> str:
        """What the router did, in a sentence."""
        names, right, cost = self.table.pool.names, self.right_of(index), self.table.cost[index]
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

    def _estimate(self, known: SampleEstimates, candidate: int) -> tuple[str, str]:
        """Cells of a candidate's estimates."""
        height, cost = float(known.height[0, candidate]), float(known.cost_usd[0, candidate])
        shown = f"{100 * height:.1f} %" if self.calibrated else f"{height:.3g}"
        if known.standard_error is not None:
            shown = f'<span title="±{100 * float(known.standard_error[0, candidate]):.1f}">{shown}</span>'
        return shown, usd_per_10k(None if np.isnan(cost) else cost)

    def _cell(self, column: str, index: int) -> Any:
        return self.table.samples[column][index].as_py()


def explorer_of(workspace: Workspace) -> Explorer:
    """What Explore shows of a workspace: all splits where the router was asked about them, else the scored samples."""
    test, decisions = workspace.test, np.asarray(workspace.decisions[workspace.explored])
    if workspace.estimates is None:
        return Explorer(test, workspace.explored, decisions)
    whole = workspace.table
    whole = whole if whole.complete.all() else whole.take(whole.complete)
    known = workspace.estimates.take(whole.rows)
    chosen = known.decisions.numpy().copy()
    chosen[np.searchsorted(whole.rows, test.rows)] = decisions
    facts = getattr(workspace.router.config, "training", None) or {}
    learnt_here = facts.get("benchmark", {}).get("sha256") == whole.sha256
    return Explorer(whole, workspace.explored, chosen, known, workspace.router.calibrated, learnt_here)


def _small(image: bytes | None, pixels: int) -> str:
    try:
        return data_address(image, pixels=pixels)
    except RouterInputError:
        return ""
