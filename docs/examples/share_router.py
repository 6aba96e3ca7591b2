"""A router of one's own: it answers with each candidate's share of correct answers on train.

vlrouterbench train my_benchmark --plugin docs/examples/share_router.py --router share --out my_router
"""

from typing import Any

import torch

from vlrouterbench import register_router
from vlrouterbench.routers import PreTrainedRouter, Recipe, RouterConfig, TrainingSet, frozen


class ShareRouterConfig(RouterConfig):
    """The smallest share that is believed."""

    model_type = "vlrouter-share"
    ranges = {"floor": (0, 1)}

    def __init__(self, floor: float = 0.0, **kwargs: Any) -> None:
        self.floor = floor
        super().__init__(**kwargs)


class ShareRouter(PreTrainedRouter):
    """The same scores for every sample."""

    config_class = ShareRouterConfig
    title = "Share"
    recipes = {"default": Recipe(decision_grid={"floor": (0.0, 0.1)})}  # tried on validation

    def __init__(self, config: ShareRouterConfig) -> None:
        super().__init__(config)
        self.shares = frozen(self.num_candidates)  # saved, not trained
        self.post_init()

    def fit(self, training_set: TrainingSet) -> None:
        """Learn what takes one pass over train."""
        self.shares.copy_(training_set.soft_labels.mean(dim=0))

    def score(self, features: torch.Tensor) -> torch.Tensor:
        """Scores (num_samples, num_candidates)."""
        return self.shares.clamp(min=self.config.floor).expand(len(features), -1)


register_router("share", ShareRouter)
