"""The data of a training: features and outcomes of train and validation, and the score that choices are made by.

Decisions
- Only train and validation are used here; test is the evaluator's alone.
- Selection is by Rank Score on the validation samples measured for every candidate, under the benchmark's own bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from vlrouterbench.core.constants import Unsolved
from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.mapped import new_matrix
from vlrouterbench.data.sample_contents import content_digests
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.features.encode import FeatureSet, encode_benchmark
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.features.packed import PackedSet
from vlrouterbench.metrics.trade_off import chosen_values
from vlrouterbench.routers.base.configuration_router import CandidateEntry
from vlrouterbench.routers.base.learning import MOST_IN_MEMORY, TrainingSet
from vlrouterbench.routers.encoders.block import TEXT_ONLY
from vlrouterbench.training.margins import sure_averages
from vlrouterbench.training.partly_measured import LEAST_SAMPLES, doubly_robust
from vlrouterbench.training.soft_labels import COST_SCALE, build_soft_labels


@dataclass(frozen=True)
class Problem:
    """One benchmark with its features, as a trainer uses it."""

    table: RoutingTable
    features: FeatureSet | PackedSet

    @cached_property
    def train(self) -> RoutingTable:
        """The train split."""
        return self.table.split("train")

    @cached_property
    def validation(self) -> RoutingTable:
        """The completely measured validation samples, or, where there are none, `doubly_robust` ones.

        Raises:
            RouterError: there are neither, so nothing could be chosen.
        """
        split = self.table.split("validation")
        complete = split.take(split.complete)
        if len(complete):
            return complete
        features = None
        if isinstance(self.features, FeatureSet):
            features = self.train_features.numpy(), self.features.of(split).numpy()
        estimated = doubly_robust(self.train, split, features)
        if estimated is None:
            raise RouterError(
                f"expected validation samples measured for every candidate of {self.table.folder}, "
                f"found none of {len(split)}: measure more pairs, rate more requests of a gateway's log, or build with "
                "a smaller --candidates file. "
                f"Partly measured ones count from {LEAST_SAMPLES} on where their outcomes state a propensity."
            )
        return estimated

    @cached_property
    def validation_outcomes(self) -> RoutingTable:
        """The samples of `validation` with what was measured of them alone."""
        split = self.table.split("validation")
        return split.take(np.isin(split.rows, self.validation.rows))

    @property
    def validation_note(self) -> str:
        """How choices on validation were made, where no sample of it is measured for every candidate; else ""."""
        count = len(self.validation)
        if self.validation_outcomes.complete.any():
            return ""
        return (
            f"No validation sample is measured for every candidate: choices were made by doubly robust estimates over "
            f"{count:,} partly measured ones, with the probabilities that their outcomes state."
        )

    @cached_property
    def train_features(self) -> torch.Tensor:
        """(num_train, dim) float32; for an end-to-end family rows that are taken and moved in the same way."""
        return cast(torch.Tensor, self.features.of(self.train))

    @cached_property
    def validation_features(self) -> torch.Tensor:
        """(num_validation, dim) float32; for an end-to-end family as `train_features`."""
        return cast(torch.Tensor, self.features.of(self.validation))

    @cached_property
    def train_dataset_ids(self) -> torch.Tensor:
        """Number of each training sample's dataset, (num_train,) int64, in the order of names."""
        return _numbers(self.train.samples["dataset"])

    @cached_property
    def train_groups(self) -> torch.Tensor:
        """Number of each training sample's group, (num_train,) int64, in the order of ids."""
        return _numbers(self.train.samples["group_id"])

    @cached_property
    def validation_groups(self) -> torch.Tensor:
        """As `train_groups`, of the validation samples, (num_validation,) int64."""
        return _numbers(self.validation.samples["group_id"])

    @cached_property
    def train_text_features(self) -> torch.Tensor:
        """(num_train, text_dim) float32 by the built-in text encoder, whatever the router reads."""
        return encode_benchmark(self.table, FeatureOptions(fusion=TEXT_ONLY)).of(self.train)

    @cached_property
    def train_digests(self) -> torch.Tensor:
        """Digests of the content of the training samples that can be told apart, (num_known,) int64, sorted."""
        # Images are read in the folder's order; a study may hold the rows in another one.
        train = self.train.take(np.unique(self.train.rows, return_index=True)[1])
        return torch.from_numpy(np.unique(content_digests(train.samples, train.iter_images(), train.further_images())))

    def soft_labels(self, *, cost_weight: float, unsolved: Unsolved) -> torch.Tensor:
        """Targets of the train split, (num_train, num_candidates) float32; rows of dropped samples are zero.

        Raises:
            RouterError: no training sample has a correct candidate.
        """
        quality, cost = self.train.quality, self.train.cost
        labels = new_matrix(quality.shape, np.float32)
        for part in _parts(len(labels)):
            labels[part] = build_soft_labels(quality[part], cost[part], cost_weight=cost_weight, unsolved=unsolved)
        if not labels.any():
            raise RouterError("no training sample has a correct candidate: there is nothing to learn from.")
        return torch.from_numpy(labels)

    def training_set(self, *, cost_weight: float, unsolved: Unsolved, seed: int) -> TrainingSet:
        """The train split as a family learns from it.

        Raises:
            RouterError: no training sample has a correct candidate.
        """
        quality = new_matrix(self.train.quality.shape, np.float32)
        for part in _parts(len(quality)):
            quality[part] = self.train.quality[part]
        return TrainingSet(
            features=self.train_features,
            quality=torch.from_numpy(quality),
            cost=torch.from_numpy(self.train.cost),
            soft_labels=self.soft_labels(cost_weight=cost_weight, unsolved=unsolved),
            cost_rate=cost_weight * COST_SCALE,
            seed=seed,
            dataset_ids=self.train_dataset_ids,
            groups=self.train_groups,
            tokens=(
                torch.from_numpy(self.train.matrices["input_tokens"]),
                torch.from_numpy(self.train.matrices["output_tokens"]),
            ),
            latency=None if self.train.latency is None else torch.from_numpy(self.train.latency),
        )

    def validation_score(self, decisions: torch.Tensor) -> float:
        """Rank Score, 0 to 100, of decisions on the validation samples (num_validation,); NaN without cost bounds."""
        return float(self.table.goal.rank_score(*self.validation_averages(decisions)))

    def validation_merit(self, decisions: torch.Tensor) -> float:
        """What decisions on the validation samples (num_validation,) are judged by."""
        indices, table = decisions.cpu().numpy(), self.validation
        quality, cost = (chosen_values(matrix, indices) for matrix in (table.quality, table.cost))
        best = table.quality[:, int(table.quality.mean(axis=0).argmax())]
        groups = np.array(table.column("group_id"))
        return float(self.table.goal.merit(*sure_averages(self.table.goal, quality, cost, best, groups)))

    def held_out_merit(self, decisions: torch.Tensor, train_averages: tuple[float, float]) -> float:
        """What decisions are judged by on validation and train together; Rank Score where that is the objective.

        Args:
            decisions: on the validation samples, (num_validation,).
            train_averages: accuracy and cost (USD per sample) that are expected of decisions on the train split.
        """
        sizes = len(self.validation), len(self.train)
        pairs = zip(self.validation_averages(decisions), train_averages, strict=True)
        averages = [(sizes[0] * measured + sizes[1] * expected) / sum(sizes) for measured, expected in pairs]
        accuracy, cost = averages
        return float(self.table.goal.merit(accuracy, cost, self._best_held_out))

    @cached_property
    def _best_held_out(self) -> float:
        """Accuracy of the best single candidate on validation and train together."""
        sizes = len(self.validation), len(self.train)
        means = self.validation.quality.mean(axis=0), np.nan_to_num(self.train.mean_quality)
        return float(((sizes[0] * means[0] + sizes[1] * means[1]) / sum(sizes)).max())

    def validation_averages(self, decisions: torch.Tensor) -> tuple[float, float]:
        """Accuracy and cost (USD per sample) of decisions on the validation samples (num_validation,)."""
        indices = decisions.cpu().numpy()
        matrices = (self.validation.quality, self.validation.cost)
        accuracy, average_cost = (float(chosen_values(matrix, indices).mean()) for matrix in matrices)
        # Doubly robust means may lie a little outside of what outcomes can be; measured ones never do.
        return min(max(accuracy, 0.0), 1.0), max(average_cost, 0.0)

    def candidates(self) -> list[CandidateEntry]:
        """The pool as a router's configuration states it."""
        means = self.train.mean_cost.tolist()
        return [
            {
                "name": candidate.name,
                "input_price": candidate.input_price if candidate.is_priced else None,
                "output_price": candidate.output_price if candidate.is_priced else None,
                "mean_cost_usd": None if math.isnan(mean_cost) else mean_cost,
            }
            for candidate, mean_cost in zip(self.table.pool.candidates, means, strict=True)
        ]


def _parts(count: int) -> list[slice]:
    return [slice(start, start + MOST_IN_MEMORY) for start in range(0, count, MOST_IN_MEMORY)]


def _numbers(names: pa.ChunkedArray) -> torch.Tensor:
    """Number of each name, (num_names,) int64, in the order of the names that occur."""
    found = pc.unique(names)
    found = found.take(pc.sort_indices(found))
    return torch.from_numpy(pc.index_in(names, value_set=found).to_numpy().astype(np.int64))
