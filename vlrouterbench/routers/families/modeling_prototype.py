"""Prototype: one direction per candidate, the mean of the training samples it should get; the closest one wins.

Source: what the paper (arXiv 2512.23562) calls K-means, which is the reference variant: the plain mean of the samples a
candidate answers correctly, and cosine alone. The default weighs samples by soft labels, so that cost counts, and adds
a multiple of the log share of label mass, chosen on validation: cosine alone forgets how good a candidate is overall.
Requirements: features (num_samples, dim), soft labels or quality (num_samples, num_candidates) of the training split.
Relations: the smallest memory of all, one row per candidate; K-means and kNN keep more of the split.

Decisions
- A candidate that is never right has no direction: its cosine is -1, below all others.
- The reference has no cost weight: its lambda is 0 by definition, and another is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch

from vlrouterbench.routers.base.configuration_router import MANY, RouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter, frozen
from vlrouterbench.routers.base.neighbors import unit_rows

SHARE_WEIGHTS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)
SHARE_FLOOR = 1e-6


class PrototypeRouterConfig(RouterConfig):
    """Configuration of a prototype router.

    Args:
        weighting: what samples weigh in a prototype: "soft_labels", or "correct" for 1 where the candidate is right.
        share_weight: what the log share of label mass counts for beside the cosine.
        kwargs: the shared part.
    """

    model_type = "vlrouter-prototype"
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"share_weight": (0, MANY)}
    choices: ClassVar[Mapping[str, Sequence[str]]] = {"weighting": ("soft_labels", "correct")}

    def __init__(self, weighting: str = "soft_labels", share_weight: float = 0.0, **kwargs: Any) -> None:
        self.weighting = weighting
        self.share_weight = share_weight
        super().__init__(**kwargs)


class PrototypeRouter(PreTrainedRouter):
    """Scores are cosines with the prototypes, and a share of how often each is right."""

    config: PrototypeRouterConfig
    config_class = PrototypeRouterConfig
    title = "Prototype"
    from_sample = "the prototypes"
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "default": Recipe(decision_grid={"share_weight": SHARE_WEIGHTS}),
        "reference": Recipe(cost_weights=(), fixed={"weighting": "correct", "share_weight": 0.0}),
    }

    def __init__(self, config: PrototypeRouterConfig) -> None:
        super().__init__(config)
        self.prototypes = frozen(self.num_candidates, self.feature_dim)
        self.shares = frozen(self.num_candidates)
        self.post_init()

    def fit(self, training_set: TrainingSet) -> None:
        """Average unit-length features by candidate."""
        training_set = training_set.sampled
        weights = training_set.soft_labels
        if self.config.weighting == "correct":
            weights = training_set.correct.nan_to_num(0.0)
        mass = weights.sum(dim=0)
        means = (weights.T @ unit_rows(training_set.features)) / mass.clamp(min=SHARE_FLOOR).unsqueeze(1)
        self.prototypes.copy_(means)
        self.shares.copy_(mass / mass.sum())

    def score(self, features: torch.Tensor) -> torch.Tensor:
        """Cosine with each prototype and the weighted log share, (num_samples, num_candidates)."""
        cosine = unit_rows(features) @ unit_rows(self.prototypes).T
        cosine = torch.where(self.shares > 0, cosine, -torch.ones_like(cosine))
        return cosine + self.config.share_weight * torch.log(self.shares + SHARE_FLOOR)
