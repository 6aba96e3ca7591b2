"""What a family learns from, the losses that several learn by, and how it wants to be trained.

Decisions
- A family gets the whole train split as tensors, unmeasured pairs as NaN, and takes from it what it needs: soft labels,
  quality, cost. It never sees validation.
- What is tried and with which optimiser is data, not code, so that every family runs through the same selection.
- Settings that change decisions alone (neighbours, shrinkage, trade-off) are separate from those that need a new fit:
  the first are tried on one fitted router.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers.utils import cached_file

Setting = dict[str, Any]
"""Configuration fields by name, with the values that are given or tried: numbers, names, lists of them."""
CORRECT_THRESHOLD = 0.5
"""Where a family needs 0/1, quality at or above this counts as correct."""
DIGESTS_FILE = "training_samples.safetensors"
"""Sorted digests of the samples that a router was trained on, so that nobody scores it on them unawares."""
_WHERE = ("revision", "token", "cache_dir", "local_files_only", "subfolder")


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
        means = self.cost.nanmean(dim=0)
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


def settings_of(grid: Mapping[str, tuple[Any, ...]]) -> Iterator[Setting]:
    """Every combination of a grid's values, the last field fastest; one empty setting for an empty grid."""
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


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


def write_digests(digests: torch.Tensor | None, folder: Path) -> None:
    """Write digests of training samples (num_samples,) beside a router's weights; None removes an older file."""
    if digests is None:
        (folder / DIGESTS_FILE).unlink(missing_ok=True)
    else:
        save_file({"digests": digests}, folder / DIGESTS_FILE)


def read_digests(source: str | Path, options: Mapping[str, Any]) -> torch.Tensor | None:
    """Digests of training samples, (num_samples,) int64; None for a router that was saved without them.

    Args:
        source: folder or Hub id of the router.
        options: as `from_pretrained` takes them; those that say where to look count.
    """
    where = {name: options[name] for name in _WHERE if name in options}
    path = cached_file(
        str(source),
        DIGESTS_FILE,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
        **where,
    )
    return None if path is None else load_file(path)["digests"]
