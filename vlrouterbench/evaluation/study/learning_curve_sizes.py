"""Sizes of a learning curve: the parts of every split's train samples that routers are trained on.

Decisions
- A smaller part holds whole groups of the larger, drawn at random for each split: a size is reached, or passed by
  less than a group.
"""

from __future__ import annotations

import numpy as np

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.study.context import StudyContext
from vlrouterbench.evaluation.study.learning_curve import MIN_TRAIN

MOST_SIZES = 7
"""Where sizes are halvings."""


def part_of_split(split: RoutingTable, share: float, seed: int) -> RoutingTable:
    """A split with a share of its train and validation samples, in whole groups; a smaller share holds no others.

    Args:
        split: the benchmark under one split.
        share: of the samples, above 0 and up to 1.
        seed: of the order of groups.
    """
    sides, groups = np.array(split.column("split")), np.array(split.column("group_id"))
    kept = sides == "test"
    for side in ("train", "validation"):
        of_side = np.flatnonzero(sides == side)
        _, index = np.unique(groups[of_side], return_inverse=True)
        place = np.random.default_rng(seed).permutation(int(index.max()) + 1 if len(index) else 0)[index]
        order = np.argsort(place, kind="stable")
        last = max(1, round(share * len(of_side))) - 1
        kept[of_side[place <= place[order[last]]]] = True
    return split.take(kept)


def _least(context: StudyContext) -> int:
    """Training samples of the split that has the fewest."""
    return min(len(split.split("train")) for _, split in context.splits())


def check_sizes(context: StudyContext) -> None:
    """Stop where sizes were asked for that not every split has, or that are too small for a router."""
    if beyond := [size for size in context.train_samples if not MIN_TRAIN <= size < _least(context)]:
        raise EvaluationError(
            f"learning-curves: expected --train-samples from {MIN_TRAIN} to below {_least(context):,}, which the "
            f"smallest train split has, found {', '.join(f'{size:,}' for size in beyond)}. All are trained on anyway."
        )


def train_shares(context: StudyContext, split: RoutingTable) -> list[float]:
    """Shares of a split's train samples, the smallest first: the sizes asked for, or halvings, and the whole."""
    if context.train_samples:
        return [*(size / len(split.split("train")) for size in sorted(set(context.train_samples))), 1.0]
    least = _least(context)
    return [2.0**-halving for halving in reversed(range(MOST_SIZES)) if least * 2.0**-halving >= MIN_TRAIN] or [1.0]
