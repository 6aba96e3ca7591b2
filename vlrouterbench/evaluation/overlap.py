"""Training samples of a router among the samples that it is scored on.

Decisions
- Samples are compared by content (question, options, image), so that a copy of a benchmark under other ids or split
  anew is seen for what it is.
- An overlap is refused before anything is decided. Where it is allowed, the number stands beside the figures.
- Of several images a router of 0.x saw the first alone, and its digests are of that: both kinds are looked for.
- A router that was saved without digests of its training samples is scored, and said to be unknown in this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.data.sample_contents import content_digests
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.records import ResultRecord
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter


@dataclass(frozen=True)
class OverlapCheck:
    """Counts training samples of routers among the samples of an evaluation.

    Attributes:
        table: the scored samples.
        split: their split.
        allow_leaks: count an overlap instead of refusing it.
    """

    table: RoutingTable
    split: str
    allow_leaks: bool

    @cached_property
    def digests(self) -> np.ndarray:
        """Digests of the scored samples that can be told apart, (2, num_known) int64: by all images, by the first."""
        samples, images = self.table.samples, list(self.table.iter_images())
        whole, further = content_digests(samples, images), self.table.further_images()
        return np.stack([content_digests(samples, images, further) if further else whole, whole])

    def count(self, name: str, router: PreTrainedRouter) -> int | None:
        """How many scored samples a router was trained on; None where it does not say what it was trained on.

        Args:
            name: the router's name in messages.
            router: trained.

        Raises:
            EvaluationError: there is an overlap, and it is not allowed.
        """
        if router.training_digests is None:
            return None
        overlap = int(np.isin(self.digests, router.training_digests.numpy()).any(axis=0).sum())
        if overlap and not self.allow_leaks:
            raise EvaluationError(
                f"expected samples that the router {name} was not trained on, found {overlap:,} of its training "
                f"samples among the {len(self.table):,} scored ones of the {self.split} split of {self.table.folder} "
                "(same question, options and image). Score it on a split or a benchmark that it has not seen, train it "
                "on this one, or pass --allow-leaks (allow_leaks=True), which states the number beside the figures."
            )
        return overlap


def overlap_notes(records: Sequence[ResultRecord]) -> list[str]:
    """What is to be said beside figures: routers scored on their own training samples, and those that do not say."""
    routers = [record for record in records if record["router_config"].get("kind") == "router"]
    notes = [
        f"{record['router']} was trained on {overlap:,} of the {record['num_samples']:,} scored samples (allowed by "
        "--allow-leaks): its figures do not tell how it does on new ones."
        for record in routers
        if (overlap := record.get("training_overlap"))
    ]
    unknown = [record["router"] for record in routers if record.get("training_overlap") is None]
    if unknown:
        notes.append(
            f"Not known whether scored samples were training samples of {', '.join(unknown)}: no digests of "
            "its training samples are at hand."
        )
    return notes
