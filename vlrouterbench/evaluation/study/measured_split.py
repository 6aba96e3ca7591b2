"""A benchmark under one split of which only some outcomes of train and validation are measured, round by round.

Decisions
- Choices need validation samples that are measured for every candidate: whatever is measured of train, as large a share
  of validation is, in whole samples drawn at random, the same ones for every plan.
- A router chooses its next pairs by its own estimates; one that makes none by those of a flagship.
- What was trained on the same outcomes is trained once: plans begin alike, and what chooses is mostly what is scored.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

import numpy as np

from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.study.context import StudyContext, family_and_variant, scored
from vlrouterbench.evaluation.study.measuring_plans import PLANS, Expected, Round, expected_by
from vlrouterbench.evaluation.study.over_splits import Outcomes, outcomes_of
from vlrouterbench.routers.base.estimating import EstimatingRouter
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.registry import FAMILIES

CHOOSER = "flagship"
"""Family whose estimates choose the next pairs of a router that makes none."""
LEAST_VALIDATION = 10
"""Validation samples that are measured at least."""


def check_sizes(context: StudyContext, least_share: float) -> None:
    """Stop where a split is too small for the smallest share to hold a train sample measured for every candidate.

    Raises:
        BenchmarkError: it is, or has fewer validation samples than are measured at least.
    """
    least = {"train": math.ceil(1 / least_share), "validation": LEAST_VALIDATION}
    for seed, split in context.splits():
        found = Counter(split.column("split"))
        if any(found[side] < count for side, count in least.items()):
            raise BenchmarkError(
                f"measuring: expected at least {least['train']} train and {least['validation']} validation samples in "
                f"every split, so that a share of {least_share:.1%} can be learnt from; found {found['train']} and "
                f"{found['validation']} in the one of seed {seed}. Build from more samples, or leave this part out."
            )


@dataclass(frozen=True)
class Measured:
    """What is measured at a share of the pairs.

    Attributes:
        share: that was allowed.
        pairs: measured ones of train, (num_train, num_candidates) bool.
    """

    share: float
    pairs: np.ndarray


@dataclass(frozen=True)
class MeasuredSplit:
    """One split.

    Attributes:
        context: of the study, which trains.
        split: the benchmark under the split, with all outcomes.
        seed: of everything that draws.
        trained: routers by name and outcomes.
    """

    context: StudyContext
    split: RoutingTable
    seed: int
    trained: dict[tuple[str, float, bytes], PreTrainedRouter] = field(default_factory=dict)

    def rows(self, side: str) -> np.ndarray:
        """Rows of train, validation or test, (num_samples,)."""
        return np.flatnonzero(np.array(self.split.column("split")) == side)

    def whole(self) -> Measured:
        """All pairs."""
        return Measured(1.0, np.ones((len(self.rows("train")), len(self.split.pool)), dtype=bool))

    def measured(self, plan: str, shares: Sequence[float], name: str = CHOOSER) -> list[Measured]:
        """What a plan measures for a router at growing shares of the pairs, each by what those before taught it."""
        family, _ = family_and_variant(name)
        chooser = name if issubclass(FAMILIES[family], EstimatingRouter) else CHOOSER
        train = self.rows("train")
        last, found = Measured(0.0, np.zeros((len(train), len(self.split.pool)), dtype=bool)), []
        order = np.random.default_rng(self.seed).permutation(len(train))
        rng = np.random.default_rng((self.seed, 1))
        for share in shares:
            before = last
            now = Round(
                pairs=before.pairs,
                cost=self.split.cost[train],
                count=round(share * before.pairs.size),
                order=order,
                rng=rng,
                expected=partial(self._expected, chooser, before),
            )
            last = Measured(share, PLANS[plan](now))
            found.append(last)
        return found

    def part(self, known: Measured) -> RoutingTable:
        """The split with what is measured; samples of which nothing is are left out."""
        of_validation = np.random.default_rng(self.seed).permutation(self.rows("validation"))
        shown: np.ndarray = np.ones((len(self.split), len(self.split.pool)), dtype=bool)
        shown[of_validation[max(LEAST_VALIDATION, round(known.share * len(of_validation))) :]] = False
        shown[self.rows("train")] = known.pairs
        matrices = {name: np.where(shown, matrix, np.nan) for name, matrix in self.split.matrices.items()}
        return replace(self.split, matrices=matrices).take(np.flatnonzero(shown.any(axis=1)))

    def paid(self, known: Measured) -> float:
        """What the outcomes of train and validation cost, USD."""
        part = self.part(known)
        return float(np.nansum(part.cost[np.array(part.column("split")) != "test"]))

    def outcomes(self, name: str, known: Measured, said: str) -> Outcomes:
        """Outcomes on the test split of a router that learnt from what is measured.

        Args:
            name: of the router.
            known: what is measured.
            said: what it is called, for progress.
        """
        test = scored(self.split)
        with self.context.stage(f"split {self.seed}: {name} on {known.share:.1%} of the pairs, {said}"):
            router = self._router(name, known)
            return outcomes_of(router.decide(self.context.features.of(test)).cpu().numpy(), test)

    def _router(self, name: str, known: Measured) -> PreTrainedRouter:
        key = name, known.share, known.pairs.tobytes()
        if key not in self.trained:
            self.trained[key] = self.context.train(name, self.part(known), self.seed)
        return self.trained[key]

    def _expected(self, chooser: str, known: Measured) -> Expected:
        router = cast(EstimatingRouter, self._router(chooser, known))
        return expected_by(router, self.context.features.of(self.split.take(self.rows("train"))))
