"""Samples on which a router was right, wrong or too expensive, for people to look at.

Decisions
- A sample is shown with its question, a thumbnail of its image, the chosen candidate and the cheapest correct one; with
  no model's answer and no answer key.
- Examples are selected by a rule, not drawn: correct where the fewest candidates are, wrong where the most are correct,
  too expensive where the excess cost is largest. Ties keep the order of the table.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlrouterbench.core.constants import CORRECT_THRESHOLD, SAMPLES_PER_COST_UNIT
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.routers.encoders.sample_input import read_image

EXAMPLES_PER_KIND = 3
RIGHT, WRONG = "correct, at the lowest cost", "wrong, though another candidate was correct"
TOO_EXPENSIVE = "correct, but too expensive"
_LONGEST_QUESTION = 320
_THUMBNAIL_PIXELS = 160


@dataclass(frozen=True)
class Example:
    """One sample with a router's decision on it.

    Attributes:
        kind: RIGHT, WRONG or TOO_EXPENSIVE.
        sample_id, dataset, question: of the sample; a long question is cut.
        chosen, chosen_cost: the decision and its cost in USD per 10,000 samples.
        best, best_cost: the cheapest correct candidate and its cost.
        num_right, num_candidates: number of correct candidates, and of all.
        image: a thumbnail as a data address, "" where there is no image.
    """

    kind: str
    sample_id: str
    dataset: str
    question: str
    chosen: str
    chosen_cost: float
    best: str
    best_cost: float
    num_right: int
    num_candidates: int
    image: str


def select_examples(table: RoutingTable, decisions: np.ndarray, *, count: int = EXAMPLES_PER_KIND) -> list[Example]:
    """Up to `count` examples of each kind.

    Args:
        table: the scored samples, all measured for every candidate, in folder order.
        decisions: (num_samples,) indices in the pool.
        count: largest number of examples of each kind.
    """
    rows = np.arange(len(table))
    right = table.quality >= CORRECT_THRESHOLD
    solved, ok, num_right = right.any(axis=1), right[rows, decisions], right.sum(axis=1)
    best = np.argmin(np.where(right, table.cost, np.inf), axis=1)
    spent = table.cost[rows, decisions] - table.cost[rows, best]
    ranked = {
        RIGHT: _first(ok & (spent <= 0), num_right, count),
        WRONG: _first(~ok & solved, -num_right, count),
        TOO_EXPENSIVE: _first(ok & (spent > 0), -spent, count),
    }
    images = _thumbnails(table, sorted({int(row) for chosen in ranked.values() for row in chosen}))
    columns = {name: table.column(name) for name in ("sample_id", "dataset", "question")}
    unit = SAMPLES_PER_COST_UNIT
    return [
        Example(
            kind=kind,
            sample_id=columns["sample_id"][row],
            dataset=columns["dataset"][row],
            question=_cut(columns["question"][row]),
            chosen=table.pool.names[decisions[row]],
            chosen_cost=float(unit * table.cost[row, decisions[row]]),
            best=table.pool.names[best[row]],
            best_cost=float(unit * table.cost[row, best[row]]),
            num_right=int(num_right[row]),
            num_candidates=len(table.pool),
            image=images[row],
        )
        for kind, chosen in ranked.items()
        for row in chosen
    ]


def _first(wanted: np.ndarray, order: np.ndarray, count: int) -> list[int]:
    rows = np.flatnonzero(wanted)
    return rows[np.argsort(order[rows], kind="stable")][:count].tolist()


def _cut(question: str) -> str:
    words = " ".join(question.split())
    return words if len(words) <= _LONGEST_QUESTION else f"{words[:_LONGEST_QUESTION]}…"


def _thumbnails(table: RoutingTable, rows: Sequence[int]) -> dict[int, str]:
    if not rows:
        return {}
    part = table.take(np.array(rows))
    return {row: data_address(image) for row, image in zip(rows, part.iter_images(), strict=True)}


def data_address(image: bytes | None, *, pixels: int = _THUMBNAIL_PIXELS) -> str:
    """A thumbnail, at most `pixels` wide and high, as a data address; "" where there is no image."""
    small = read_image(image)
    if small is None:
        return ""
    small = small.convert("RGB")
    small.thumbnail((pixels, pixels))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=70)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
