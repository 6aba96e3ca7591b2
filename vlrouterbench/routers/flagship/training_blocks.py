"""What the flagship's base learners learn from, a block of the train split at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch

from vlrouterbench.routers.base.learning import Blocks, TrainingSet, mean_of_blocks


@dataclass(frozen=True)
class TrainingBlocks:
    """A train split in blocks of reduced features with what is learnt of them.

    `kept` below says which rows have a part, (num_samples,) bool; None for all.

    Attributes:
        training_set: all rows.
        reduced: makes features (num_rows, dim) what base learners read, (num_rows, reduced_dim).
        mean_quality: (num_candidates,), what residuals are taken from.
        mean_cost: (num_candidates,), USD per sample, what costs are relative to.
        has_costs: whether costs are learnt at all; else all are taken for their means.
    """

    training_set: TrainingSet
    reduced: Callable[[torch.Tensor], torch.Tensor]
    mean_quality: torch.Tensor
    mean_cost: torch.Tensor
    has_costs: bool

    def effects(self, kept: torch.Tensor | None = None) -> Blocks:
        """Residuals of quality (num_rows, num_candidates) and numbers of datasets (num_rows,)."""

        def datasets(part: slice) -> torch.Tensor:
            ids = self.training_set.dataset_ids
            return torch.zeros(part.stop - part.start, dtype=torch.int64) if ids is None else ids[part]

        return self._blocks(kept, lambda part: self.training_set.quality[part] - self.mean_quality, datasets)

    def relative_costs(self, kept: torch.Tensor | None = None) -> Blocks:
        """Costs less their means, over their means, (num_rows, num_candidates)."""
        means = self.mean_cost.double().clamp(min=torch.finfo(torch.float32).tiny)

        def relative(part: slice) -> torch.Tensor:
            made = self.training_set.cost[part] / means - 1
            return made if self.has_costs else torch.zeros_like(made)

        return self._blocks(kept, relative)

    def mean_tokens(self) -> torch.Tensor | None:
        """Mean input and output tokens, (2, num_candidates) float64, 0 where none were counted; None without counts."""
        if self.training_set.tokens is None:
            return None
        return mean_of_blocks(map(self._tokens, self.training_set.blocks())).nan_to_num(0.0)

    def relative_tokens(self, means: torch.Tensor) -> Blocks:
        """Tokens less their means (2, num_candidates), over them, (num_rows, 2 * num_candidates)."""
        return self._blocks(None, lambda part: (self._tokens(part) / means.clamp(min=1e-12) - 1).flatten(1))

    def _tokens(self, part: slice) -> torch.Tensor:
        return torch.stack([side[part].double() for side in self.training_set.tokens or ()], dim=1)

    def _blocks(self, kept: torch.Tensor | None, *targets: Callable[[slice], torch.Tensor]) -> Blocks:
        def blocks() -> Iterator[tuple[torch.Tensor, ...]]:
            for part in self.training_set.blocks():
                values = (self.reduced(self.training_set.features[part]), *(target(part) for target in targets))
                own = None if kept is None else kept[part]
                if own is None or own.any():
                    yield values if own is None else tuple(value[own] for value in values)

        return blocks


def leading_directions(blocks: Iterable[torch.Tensor], count: int) -> torch.Tensor:
    """Directions (dim, count) of blocks of features (num_rows, dim) that keep the most of their squared length."""
    gram = torch.zeros(())
    for features in blocks:
        rows = features.double()
        gram = gram + rows.T @ rows
    return torch.linalg.eigh(gram).eigenvectors.flip(dims=[1])[:, :count].float()
