"""What a family learns from, the losses that several learn by, and how it wants to be trained.

Decisions
- A family gets the whole train split as tensors, unmeasured pairs as NaN, and takes from it what it needs: soft labels,
  quality, cost. It never sees validation.
- What is tried and with which optimiser is data, not code, so that every family runs through the same selection.
- Settings that change decisions alone (neighbours, shrinkage, trade-off) are separate from those that need a new fit:
  the first are tried on one fitted router.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import product
from typing import Any, NotRequired, TypedDict

import torch
from torch import nn

Blocks = Callable[[], Iterator[tuple[torch.Tensor, ...]]]
"""Features (num_rows, dim) with what is learnt of them, block after block; called once per pass over the rows."""
Setting = dict[str, Any]
"""Configuration fields by name, with the values that are given or tried: numbers, names, lists of them."""
CORRECT_THRESHOLD = 0.5
"""Where a family needs 0/1, quality at or above this counts as correct."""
NO_LABEL_LOGIT = -20.0
"""Where the logit of a candidate starts that no training sample should get; its gradient is next to nothing there."""
MOST_IN_MEMORY = 65_536
"""Rows of the train split up to which it is learnt from whole: longer ones are read in blocks of as many, and what must
hold its samples takes a sample of as many."""
IGNORED = -100
"""The index that stands for no label, as everywhere in transformers."""


class FeatureDescription(TypedDict):
    """What features are, as results and cards state it: encoder names, fusion, version of the built-in, length.

    Where a whole benchmark was encoded, `masked_images` counts samples without a usable image, and `fewer_images`
    those that have more images than were taken in. `image_pooling` says how all are. `fitted_on` are the train samples
    that encoders were fitted on, where these are not all.
    """

    text: str | None
    image: str | None
    fusion: str
    version: NotRequired[int]
    dim: int
    image_pooling: NotRequired[str]
    masked_images: NotRequired[int]
    fewer_images: NotRequired[int]
    fitted_on: NotRequired[int]


@dataclass(frozen=True)
class TrainingSet:
    """The train split.

    Attributes:
        features: (num_samples, dim) float32.
        quality: (num_samples, num_candidates) float32 in [0, 1], NaN = not measured.
        cost: (num_samples, num_candidates) float64, USD per sample, NaN = not measured.
        soft_labels: (num_samples, num_candidates) float32; rows sum to 1, or to 0 for a sample that must not count.
        cost_rate: cost weight times the paper's cost scale, per USD; infinity allowed.
        seed: of everything that draws.
        dataset_ids: (num_samples,) int64: number of each sample's dataset, from 0 on; None where it is not known.
        text_features: (num_samples, text_dim) float32, for families that ask for them; else None.
        groups: (num_samples,) int64: number of each sample's group of near-duplicates; None: every sample is its own.
        tokens: input and output tokens, each (num_samples, num_candidates) float64, NaN = not measured; None where they
            are not known.
        latency: seconds until an answer was there, (num_samples, num_candidates) float64, NaN = not measured; None
            where no answer was timed.
        max_samples: the most rows that a block and `sampled` have.
    """

    features: torch.Tensor
    quality: torch.Tensor
    cost: torch.Tensor
    soft_labels: torch.Tensor
    cost_rate: float
    seed: int
    dataset_ids: torch.Tensor | None = None
    text_features: torch.Tensor | None = None
    groups: torch.Tensor | None = None
    tokens: tuple[torch.Tensor, torch.Tensor] | None = None
    latency: torch.Tensor | None = None
    max_samples: int = MOST_IN_MEMORY

    def blocks(self) -> list[slice]:
        """The rows as stretches of at most `max_samples`, in order."""
        count, size = len(self.features), self.max_samples
        return [slice(start, min(start + size, count)) for start in range(0, max(count, 1), size)]

    @cached_property
    def sampled_rows(self) -> torch.Tensor:
        """Rows that what must hold its samples learns from, ascending: all, or `max_samples` drawn by the seed."""
        count = len(self.features)
        if count <= self.max_samples:
            return torch.arange(count)
        order = torch.randperm(count, generator=torch.Generator().manual_seed(self.seed))
        return order[: self.max_samples].sort().values

    @cached_property
    def sampled(self) -> TrainingSet:
        """The training set of `sampled_rows`: itself where these are all."""
        if len(self.sampled_rows) == len(self.features):
            return self
        rows = self.sampled_rows
        parts = {one.name: getattr(self, one.name) for one in fields(self)}
        taken: Setting = {name: value[rows] for name, value in parts.items() if isinstance(value, torch.Tensor)}
        if self.tokens is not None:
            taken["tokens"] = (self.tokens[0][rows], self.tokens[1][rows])
        return replace(self, **taken)

    @property
    def counted(self) -> torch.Tensor:
        """(num_samples,) bool: samples that have a soft label."""
        return self.soft_labels.sum(dim=1) > 0

    @property
    def correct(self) -> torch.Tensor:
        """(num_samples, num_candidates) float32: 1 correct, 0 wrong, NaN not measured."""
        return torch.where(self.quality.isnan(), self.quality, (self.quality >= CORRECT_THRESHOLD).float())

    @property
    def mean_cost(self) -> torch.Tensor:
        """(num_candidates,) float64, USD per sample over measured pairs.

        A candidate that was never measured counts as the most expensive.
        """
        means = mean_of_blocks(self.cost[part] for part in self.blocks())
        return means.nan_to_num(means.nan_to_num(0.0).max().item())


@dataclass(frozen=True)
class Recipe:
    """How a family is trained.

    Attributes:
        cost_weights: lambdas to try; None is the trainer's own grid, empty says that targets have no cost weight.
        fixed: configuration fields of this variant.
        fit_grid: configuration fields that need a new fit, with the values to try.
        decision_grid: configuration fields that change decisions alone, with the values to try.
        optimizer: "adamw" or "adam" (weight decay as an L2 term).
        learning_rate, weight_decay: of the optimiser.
        num_epochs, batch_size, patience: of gradient training, as in the training arguments.
        warmup: share of all steps in which the learning rate rises from 0; where above 0 it then falls to 0 again, in
            a straight line; 0 holds it constant.
        lora_rank: of adapters that are trained instead of the backbone; None where it is trained itself, or frozen.
    """

    cost_weights: tuple[float, ...] | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    fit_grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    decision_grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    optimizer: str = "adamw"
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    num_epochs: int = 60
    batch_size: int = 256
    patience: int = 10
    warmup: float = 0.0
    lora_rank: int | None = None

    def with_values(self, **values: Any) -> Recipe:
        """The recipe with other values."""
        return replace(self, **values)

    def pinned(self, options: Mapping[str, Any]) -> Recipe:
        """The recipe with some configuration fields given instead of tried."""
        fit_grid, decision_grid = (
            {name: values for name, values in grid.items() if name not in options}
            for grid in (self.fit_grid, self.decision_grid)
        )
        return replace(self, fixed={**self.fixed, **options}, fit_grid=fit_grid, decision_grid=decision_grid)


def mean_of_blocks(blocks: Iterable[torch.Tensor]) -> torch.Tensor:
    """Mean over all rows of blocks (num_rows, ...), NaN = does not count; NaN where nothing does."""
    sums, counts = torch.zeros(()), torch.zeros((), dtype=torch.int64)
    for block in blocks:
        sums, counts = sums + block.nansum(dim=0), counts + (~block.isnan()).sum(dim=0)
    return sums / counts


def settings_of(grid: Mapping[str, tuple[Any, ...]]) -> Iterator[Setting]:
    """Every combination of a grid's values, the last field fastest; one empty setting for an empty grid."""
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def as_soft_labels(labels: torch.Tensor, num_samples: int, num_candidates: int) -> torch.Tensor:
    """Soft labels, (num_samples, num_candidates): float ones as they are, indices of candidates as rows of 0 and 1.

    Args:
        labels: (num_samples, num_candidates) float, or (num_samples,) int64 with IGNORED for what must not count.
        num_samples: size of the batch.
        num_candidates: size of the pool.

    Raises:
        ValueError: another shape, another type, or an index that no candidate has.
    """
    shape = tuple(labels.shape)
    if labels.is_floating_point() and shape == (num_samples, num_candidates):
        return labels
    if labels.dtype != torch.int64 or shape != (num_samples,):
        raise ValueError(
            f"labels: expected soft labels ({num_samples}, {num_candidates}) in floating point, or indices of "
            f"candidates ({num_samples},) in int64; found {shape} {str(labels.dtype).removeprefix('torch.')}."
        )
    counted = labels != IGNORED
    wrong = counted & ((labels < 0) | (labels >= num_candidates))
    if wrong.any():
        raise ValueError(
            f"labels: expected indices of candidates from 0 to {num_candidates - 1}, or {IGNORED} for a sample that "
            f"must not count; found {int(labels[wrong][0])}."
        )
    rows = torch.nn.functional.one_hot(labels.masked_fill(~counted, 0), num_candidates).float()
    return rows * counted.unsqueeze(1)


def soft_cross_entropy(logits: torch.Tensor, soft_labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy between soft labels and softmax(logits), both (batch, num_candidates).

    Rows of soft labels sum to 1, or to 0 for a sample that must not count; the mean is over the rows that count.
    """
    per_row = -(soft_labels * torch.log_softmax(logits, dim=-1)).sum(dim=-1)
    return per_row.sum() / soft_labels.sum().clamp(min=1.0)


def masked_binary_cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean binary cross-entropy over the pairs that count, both (batch, num_candidates); a NaN target does not."""
    counted = ~targets.isnan()
    per_pair = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets.nan_to_num(0.0), reduction="none")
    return (per_pair * counted).sum() / counted.sum().clamp(min=1)


def kl_divergence(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean Kullback-Leibler divergence of softmax(logits) from targets, both (batch, num_candidates).

    Rows of targets sum to 1, or to 0 for a sample that must not count; the mean is over the rows that count.
    """
    per_row = (torch.xlogy(targets, targets) - targets * torch.log_softmax(logits, dim=-1)).sum(dim=-1)
    return per_row.sum() / targets.sum().clamp(min=1.0)


@torch.no_grad()
def start_alike(layer: nn.Linear, training_set: TrainingSet) -> None:
    """Set an output layer so that candidates with labels begin equal, and those without are out of reach."""
    layer.weight.zero_()
    layer.bias.copy_(NO_LABEL_LOGIT * (training_set.soft_labels.sum(dim=0) == 0))
