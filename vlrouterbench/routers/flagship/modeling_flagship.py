"""Flagship: one calibrated router for every budget and an open pool, a stack of simple base learners.

Source: the plain recipe that comparative studies found strong: simple base learners (kernel ridge regression, and means
per dataset), stacked on out-of-fold predictions (Wolpert, Neural Networks 5(2), 1992) and Platt-scaled per candidate;
the decision, accuracy less the weighted cost, is CARROT's (arXiv 2502.03261).
Requirements: features, quality and cost of the training split; dataset ids, groups and tokens where they are known.
Relations: kNN, K-means, Ridge-MF and MLP were base learners once; none of them added anything to the two that are left.

Decisions
- Stacking, calibration and the choice of the trade-off use predictions for samples whose group no base learner was
  fitted on.
- The trade-off is chosen on those and validation together: validation alone is too small to tell.
- Which dataset a sample is of is read off its features; its name has no part in a decision.
- Features longer than `MAX_DIM` are cut to their leading directions, so that landmarks stay small and quick.
- Of a train split too long for memory the kernel, the stack, the calibration and the trade-off are learnt from a
  sample; dataset effects and linear functions, also those without a fold, from all rows, in blocks.
- Some training samples are remembered, to choose anchor samples from and to predict what a stream will spend.
- The guard leaves the best fixed candidate only for one that is better by that many standard errors. 0, the default,
  guards nothing: it did not pay on the tables of its training; out of distribution it may.
- With `shrink`, decisions at the router's own trade-off draw estimates towards the candidates' means as far as held-out
  outcomes bear out no more (`training/shrinking.py`). What is stated, and a budget in a request, are not shrunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch

from vlrouterbench.routers.base.budget import Budget, Estimates
from vlrouterbench.routers.base.configuration_router import MANY
from vlrouterbench.routers.base.learning import Recipe, Setting, TrainingSet
from vlrouterbench.routers.base.modeling_router import frozen
from vlrouterbench.routers.flagship.base_learners import LEAST_RELATIVE, BaseLearners, LinearLearner, StackSizes
from vlrouterbench.routers.flagship.stacking import (
    NUM_FOLDS,
    calibrated,
    calibration_curve,
    fold_of,
    stack_weights,
    stacked,
)
from vlrouterbench.routers.flagship.training_blocks import TrainingBlocks, leading_directions
from vlrouterbench.routers.pool.configuration_open_pool import OpenPoolRouterConfig
from vlrouterbench.routers.pool.costs import cost_ratios
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter

MEMORY_SIZE = 2_000
NUM_LANDMARKS = 600
STRENGTHS = (0.003, 0.01)
MAX_DIM = 256
TRADE_OFFS = (*(30.0 * 0.8**step for step in range(40)), 0.0)
"""Accuracy that asking the most expensive candidate instead of a free one must gain, the heaviest first."""
ALIKE = 100
"""Training samples that are much alike: a standard error counts the sampling error of their mean."""
PARTS = ("kernel", "datasets", "costs", "calibration", "expectation")
"""What can be left out, to see what it is good for; `without-NAME` is the variant that does."""


class FlagshipRouterConfig(OpenPoolRouterConfig):
    """Configuration of a flagship router.

    Args:
        memory_size: number of remembered training samples.
        num_landmarks: training samples that the kernel is made of.
        strengths: of the kernel's penalty, as multiples of the number of samples.
        num_datasets: datasets of the train split.
        guard: standard errors by which a candidate must be better than the best fixed one.
        shrink: whether training chooses `share`.
        share: of what sets estimates of a sample apart from the candidates' means that counts at the router's own
            trade-off.
        without: names of PARTS that are left out: a base learner; expected costs, which means replace; calibration; or
            the expected outcomes that the trade-off is chosen on, so that validation alone decides.
        kwargs: the shared part, and the pool's state.
    """

    model_type = "vlrouter-flagship"
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {
        "memory_size": (0, MANY),
        "num_landmarks": (1, 1_000_000),
        "strengths": (0, MANY),
        "num_datasets": (1, 1_000_000),
        "guard": (0, MANY),
        "share": (0, 1),
    }
    choices: ClassVar[Mapping[str, Sequence[str]]] = {"without": PARTS}

    def __init__(
        self,
        memory_size: int = 0,
        num_landmarks: int = NUM_LANDMARKS,
        strengths: list[float] | None = None,
        num_datasets: int = 1,
        guard: float = 0.0,
        shrink: bool = False,
        share: float = 1.0,
        without: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.memory_size = memory_size
        self.num_landmarks = num_landmarks
        self.strengths = strengths or list(STRENGTHS)
        self.num_datasets = num_datasets
        self.guard = guard
        self.shrink = shrink
        self.share = share
        self.without = without or []
        if {"kernel", "datasets"} <= set(self.without):
            raise ValueError(
                f"without: expected some of {', '.join(PARTS)}, not both base learners; found {self.without}."
            )
        super().__init__(**kwargs)


class FlagshipRouter(OpenPoolRouter):
    """Estimates are a calibrated stack of a kernel and dataset effects."""

    config: FlagshipRouterConfig
    config_class = FlagshipRouterConfig
    title = "Flagship"
    from_sample = "the kernel, the stack, the calibration and the trade-off"
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "default": Recipe(cost_weights=()),
        "shrunk": Recipe(cost_weights=(), fixed={"shrink": True}),
        **{f"without-{part}": Recipe(cost_weights=(), fixed={"without": [part]}) for part in PARTS},
    }

    def __init__(self, config: FlagshipRouterConfig) -> None:
        super().__init__(config)
        self.basis = frozen(self.feature_dim, self._dim) if self._dim < self.feature_dim else None
        self.memory = frozen(config.memory_size, self._dim)
        # Indices in the train split; the name is that of the tensor in saved routers.
        self.memory_places = frozen(config.memory_size)
        self.stack = BaseLearners(self._sizes)
        self.costs = LinearLearner(self._dim, self.num_trained)
        self.tokens = LinearLearner(self._dim, 2 * self.num_trained)
        self.weights = frozen(2 * self._sizes.num_predictions)
        self.curve = frozen(2, self.num_trained)
        self.post_init()

    @classmethod
    def sizes(cls, training_set: TrainingSet, setting: Mapping[str, Any]) -> dict[str, int]:
        """At most as many memories and landmarks as training samples, and as many datasets as these are of."""
        dataset_ids, count = training_set.dataset_ids, len(training_set.features)
        return {
            "memory_size": min(MEMORY_SIZE, count),
            "num_landmarks": min(setting.get("num_landmarks", NUM_LANDMARKS), count),
            "num_datasets": 1 if dataset_ids is None else int(dataset_ids.max()) + 1,
        }

    @torch.no_grad()
    def fit(self, training_set: TrainingSet) -> None:
        """Fit the base learners without each fold, then stack and calibration, then the base learners on everything."""
        super().fit(training_set)
        if self.basis is not None:
            features = (training_set.features[part] for part in training_set.blocks())
            self.basis.copy_(leading_directions(features, self._dim))
        count, seed, sampled = len(training_set.features), training_set.seed, training_set.sampled
        has_costs = "costs" not in self.config.without
        blocks = TrainingBlocks(training_set, self.reduced, self.mean_quality, self.trained_cost, has_costs)
        rows, residuals = self.reduced(sampled.features), sampled.quality - self.mean_quality
        self.stack.fit((rows, residuals), blocks.effects(), seed=seed)
        self.costs.fit(blocks.relative_costs())
        predictions, held_out_cost = self._out_of_fold(blocks, rows, residuals)
        self.weights.copy_(stack_weights(predictions, residuals))
        self.curve[0] = 1
        if "calibration" not in self.config.without:
            self.curve.copy_(calibration_curve(self._quality(predictions), sampled.quality))
        # Out of fold, so that they lie as far from the measured costs as on new samples.
        expected_cost = self._cost(held_out_cost)
        self.config.pool["cost_ratios"] = [*cost_ratios(sampled.cost, expected_cost)]
        if (means := blocks.mean_tokens()) is not None:
            self.mean_tokens.copy_(means)
            self.tokens.fit(blocks.relative_tokens(means))
        indices = torch.randperm(count, generator=torch.Generator().manual_seed(seed))[: self.config.memory_size]
        self.memory_places.copy_(indices)
        self.memory.copy_(self.reduced(training_set.features[indices]))
        if "expectation" not in self.config.without:
            self.out_of_fold = Estimates(calibrated(self._quality(predictions), self.curve), expected_cost)
            self.out_of_fold_rows = None if sampled is training_set else training_set.sampled_rows

    def _out_of_fold(
        self, blocks: TrainingBlocks, rows: torch.Tensor, residuals: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Predictions for the sample, and relative costs (num_sampled, num_trained), made without each row's fold.

        Args:
            blocks: of all rows.
            rows: the sample's, reduced (num_sampled, reduced_dim).
            residuals: the sample's, (num_sampled, num_trained).
        """
        training_set, count = blocks.training_set, len(blocks.training_set.features)
        groups = torch.arange(count) if training_set.groups is None else training_set.groups
        folds, places = fold_of(groups, seed=training_set.seed), training_set.sampled_rows
        predictions = torch.zeros(len(rows), self.num_trained, self._sizes.num_predictions)
        relative_cost = torch.zeros(len(rows), self.num_trained)
        for fold in range(NUM_FOLDS):
            held_out = folds == fold
            asked = held_out[places]
            if not asked.any():
                continue
            # A split that lies in one fold has no other to learn from.
            kept = ~held_out if (~held_out[places]).any() else held_out
            stack = BaseLearners(self._sizes)
            sample = rows[kept[places]], residuals[kept[places]]
            stack.fit(sample, blocks.effects(kept), seed=training_set.seed)
            predictions[asked] = stack.predict(rows[asked])
            costs = LinearLearner(self._dim, self.num_trained)
            costs.fit(blocks.relative_costs(kept))
            relative_cost[asked] = costs.predict(rows[asked])
        return predictions, relative_cost

    def estimates_of_trained(self, rows: torch.Tensor) -> Estimates:
        """As the base's."""
        predictions = self.stack.predict(rows)
        accuracy = calibrated(self._quality(predictions), self.curve)
        sampling = accuracy * (1 - accuracy) / ALIKE
        # One prediction alone says nothing of how far predictions lie apart.
        spread = predictions.var(dim=2, correction=min(1, predictions.shape[2] - 1))
        error = (sampling + spread / predictions.shape[2]).sqrt()
        return Estimates(accuracy, self._cost(self.costs.predict(rows)), error)

    def tokens_of_trained(self, rows: torch.Tensor) -> torch.Tensor:
        """As the base's."""
        relative = (1 + self.tokens.predict(rows)).clamp(min=LEAST_RELATIVE)
        return relative.unflatten(1, (2, self.num_trained)) * self.mean_tokens

    def reduced(self, features: torch.Tensor) -> torch.Tensor:
        """As the base's."""
        return features if self.basis is None else features @ self.basis

    @property
    def remembered(self) -> tuple[torch.Tensor, torch.Tensor]:
        """As the base's."""
        return self.memory.detach(), self.memory_places.detach().long()

    @property
    def own_budget(self) -> Budget:
        """As the base's, with the share that counts there."""
        return Budget(usd_weight=self.config.usd_weight, share=self.config.share)

    def utility(self, made: Estimates, budget: Budget) -> torch.Tensor:
        """As the base's, of estimates as far as they count."""
        return super().utility(self.drawn(made, budget.share), budget)

    def drawn(self, made: Estimates, share: float) -> Estimates:
        """Estimates drawn towards the candidates' means, of which `share` of what sets a sample apart is left."""
        return made if share == 1 else made.drawn(self.pool_quality, self.mean_cost, share)

    def caution(self, made: Estimates, budget: Budget) -> torch.Tensor | float:
        """As the base's: the guard's standard errors, for every candidate but the best fixed one."""
        if not self.config.guard or made.standard_error is None or budget.usd_weight is None:
            return 0.0
        fixed = int((self.pool_quality - budget.usd_weight * self.mean_cost - self.handicap).argmax())
        others = torch.ones(self.num_candidates, device=made.accuracy.device)
        others[fixed] = 0
        return self.config.guard * made.standard_error * others

    def decision_settings(self, recipe: Recipe) -> list[Setting]:
        """As the base's, in finer steps: expectations can tell them apart."""
        if "usd_weight" in recipe.fixed:
            return [{}]
        return [{"usd_weight": part / self.largest_mean_cost} for part in TRADE_OFFS]

    def out_of_fold_averages_for(self, settings: Sequence[Mapping[str, Any]]) -> Iterator[tuple[float, float]] | None:
        """As the base's, while the router that was fitted is in memory."""
        if self.out_of_fold is None:
            return None
        made, own = self.out_of_fold, self.config.usd_weight
        return (self._expected(made, setting.get("usd_weight", own)) for setting in settings)

    def _expected(self, made: Estimates, usd_weight: float) -> tuple[float, float]:
        """Mean expected accuracy and mean expected cost of the decisions that estimates lead to."""
        chosen = self.choose(self.utility(made, Budget(usd_weight=usd_weight))).unsqueeze(1)
        pairs = (made.accuracy, made.cost_usd)
        accuracy, cost = (float(values.double().gather(1, chosen).mean()) for values in pairs)
        return accuracy, cost

    @property
    def _dim(self) -> int:
        return min(self.feature_dim, MAX_DIM)

    @property
    def _sizes(self) -> StackSizes:
        config = self.config
        strengths = [] if "kernel" in config.without else config.strengths
        num_datasets = 0 if "datasets" in config.without else config.num_datasets
        return StackSizes(self._dim, self.num_trained, num_datasets, config.num_landmarks, strengths)

    def _quality(self, predictions: torch.Tensor) -> torch.Tensor:
        return self.mean_quality + stacked(predictions, self.weights)

    def _cost(self, relative_cost: torch.Tensor) -> torch.Tensor:
        return (1 + relative_cost).clamp(min=LEAST_RELATIVE) * self.trained_cost
