"""VLC that estimates: a backbone with a head of one sigmoid per candidate, calibrated, and each candidate's cost.

Source: the backbone and its fine-tuning are VLC's (arXiv 2512.23562); binary cross-entropy per measured pair, as in the
families over features that estimate; Platt scaling per candidate; costs by ridge regression, as the flagship's.
Requirements: images and texts as rows of bytes, quality and cost (num_samples, num_candidates), NaN = not measured.
Relations: `vlc` learns which candidate to choose under one cost weight; this learns how likely each is to be right, so
one router serves every trade-off, budget and objective. Its estimates are made as the flagship's are used.

Decisions
- The backbone learns quality alone. Costs are linear functions of its vectors, in one pass after the best epoch: a few
  very long answers would rule a loss that both share.
- Calibrated on validation, which no gradient has seen. The trade-off is chosen on estimates of validation that were
  calibrated without each sample's own fold; folds keep groups whole.
- How unlike its training samples a request is, is not said: that is a matter of features.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from vlrouterbench.routers.backbones.router import BLOCK, EndToEndConfig, EndToEndRouter
from vlrouterbench.routers.backbones.sample_encoder import shortened
from vlrouterbench.routers.base.budget import Estimates
from vlrouterbench.routers.base.calibrated import CalibratedRouter
from vlrouterbench.routers.base.estimating import EstimatingRouter, EstimatingRouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet, masked_binary_cross_entropy
from vlrouterbench.routers.base.modeling_router import frozen
from vlrouterbench.routers.families.modeling_vlc import FINE_TUNED
from vlrouterbench.routers.flagship.base_learners import LEAST_RELATIVE, LinearLearner
from vlrouterbench.routers.flagship.stacking import NUM_FOLDS, calibrated, calibration_curve, fold_of, log_odds


class VLCEstimatesConfig(EstimatingRouterConfig, EndToEndConfig):
    """Configuration of a VLC router that estimates.

    Args:
        kwargs: those of families that estimate and of end-to-end ones, and the shared part.
    """

    model_type = "vlrouter-vlc-estimates"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)


class VLCEstimatesRouter(CalibratedRouter, EndToEndRouter):
    """Estimates are calibrated sigmoids of one linear layer over the pooled vector, and linear costs."""

    config: VLCEstimatesConfig
    config_class = VLCEstimatesConfig
    title = "VLC that estimates"
    recipes: ClassVar[Mapping[str, Recipe]] = {"default": FINE_TUNED.with_values(cost_weights=())}

    def __init__(self, config: VLCEstimatesConfig) -> None:
        super().__init__(config)
        self.head = nn.Linear(self.backbone.dim, self.num_candidates)
        self.costs = LinearLearner(self.backbone.dim, self.num_candidates)
        self.curve = frozen(2, self.num_candidates)
        self.post_init()

    def fit(self, training_set: TrainingSet) -> None:
        """Start at the candidates' mean quality and mean cost, not calibrated."""
        EndToEndRouter.fit(self, training_set)
        EstimatingRouter.fit(self, training_set)
        with torch.no_grad():
            self.curve[0] = 1
            self.head.weight.zero_()
            self.head.bias.copy_(log_odds(training_set.quality.nanmean(dim=0).nan_to_num(0.0)))

    def training_targets(self, training_set: TrainingSet) -> torch.Tensor:
        """Quality, (num_samples, num_candidates)."""
        return training_set.quality

    def targets_of(self, soft_labels: torch.Tensor) -> torch.Tensor:
        """With what has a share taken for correct; a sample that must not count has none."""
        correct = (soft_labels > 0).to(soft_labels)
        return correct.masked_fill(soft_labels.sum(dim=1, keepdim=True) == 0, torch.nan)

    def loss_and_scores(self, features: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Binary cross-entropy over the measured pairs, and the logits."""
        logits = self.head(self.pooled(features))
        return masked_binary_cross_entropy(logits, targets), logits

    @torch.no_grad()
    def complete(
        self, training_set: TrainingSet, features: Any, quality: torch.Tensor, groups: torch.Tensor
    ) -> Estimates:
        """Learn costs from the train split, and the calibration from held-out samples.

        Args:
            training_set: the train split.
            features: of the held-out samples.
            quality: theirs, (num_samples, num_candidates), NaN = not measured.
            groups: (num_samples,) int64, theirs.

        Returns:
            Estimates of the held-out samples, each calibrated without its fold.
        """
        relative = (training_set.cost / training_set.mean_cost - 1).nan_to_num(0.0, 0.0, 0.0)
        relative = torch.where(training_set.cost.isnan(), torch.nan, relative)
        vectors = self._vectors(training_set.features)
        self.costs.fit(lambda: iter([(vectors, relative)]))
        held_out = self._vectors(features)
        raw, folds = torch.sigmoid(self.head(held_out)).cpu(), fold_of(groups, seed=training_set.seed)
        accuracy = raw.clone()
        for fold in range(NUM_FOLDS):
            own = folds == fold
            accuracy[own] = calibrated(raw[own], calibration_curve(raw[~own], quality[~own]).to(raw))
        self.curve.copy_(calibration_curve(raw, quality))
        return Estimates(accuracy, self._cost(held_out).cpu())

    def estimates(self, features: Any) -> Estimates:
        """Calibrated estimates for rows (num_samples, width) uint8, a block at a time."""
        vectors = self._vectors(features)
        return Estimates(calibrated(torch.sigmoid(self.head(vectors)), self.curve), self._cost(vectors))

    def _vectors(self, features: Any) -> torch.Tensor:
        """The backbone's vectors, (num_samples, backbone dim) float32, of rows (num_samples, width) uint8."""
        parts = [torch.zeros(0, self.backbone.dim, device=self.device)]
        for start in range(0, len(features), BLOCK):
            rows = features[torch.arange(start, min(start + BLOCK, len(features)))]
            parts.append(self.pooled(shortened(rows, self.encoder)).float())
        return torch.cat(parts)

    def _cost(self, vectors: torch.Tensor) -> torch.Tensor:
        return (1 + self.costs.predict(vectors)).clamp(min=LEAST_RELATIVE) * self.mean_cost
