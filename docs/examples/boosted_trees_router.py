"""A router of boosted trees: LightGBM grows them, tensors hold them, so that a saved router needs no LightGBM.

    pip install lightgbm
    vlrouterbench train my_benchmark --plugin docs/examples/boosted_trees_router.py --router boosted-trees --out mine

For every candidate one booster learns whether its answer is correct. Each tree is kept as a complete binary tree: the
children of node i are 2 i + 1 and 2 i + 2, and a leaf above the last level is repeated below itself. Features are
float32, so a threshold may be rounded down to float32 without any sample changing sides; leaves are rounded to float32,
so probabilities are LightGBM's within 1e-6.
"""

from typing import Any

import numpy as np
import torch

from vlrouterbench import register_router
from vlrouterbench.routers import EstimatingRouter, EstimatingRouterConfig, Recipe, TrainingSet, frozen

try:  # for training alone: what a saved router imports outside of `try` must be installed wherever it is loaded
    import lightgbm
except ImportError:
    lightgbm = None

SETTINGS = {"objective": "binary", "learning_rate": 0.1, "min_data_in_leaf": 10, "lambda_l2": 1.0}
REPEATABLE = {"deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1}


class BoostedTreesConfig(EstimatingRouterConfig):
    """How deep trees are, how many are grown for a candidate, and how many of them decide."""

    model_type = "vlrouter-boosted-trees"
    ranges = {"depth": (1, 16), "num_grown": (1, 10_000), "num_trees": (1, 10_000)}

    def __init__(self, depth: int = 3, num_grown: int = 60, num_trees: int = 60, **kwargs: Any) -> None:
        self.depth = depth
        self.num_grown = num_grown
        self.num_trees = num_trees
        super().__init__(**kwargs)


class BoostedTreesRouter(EstimatingRouter):
    """Quality is the probability of each candidate's own booster, cost its mean cost on train."""

    config_class = BoostedTreesConfig
    title = "Boosted trees"
    recipes = {
        "default": Recipe(
            cost_weights=(),  # it estimates quality and cost apart: lambda has no part in its training
            fit_grid={"depth": (2, 4)},  # each is a fit of its own
            decision_grid={"num_trees": (10, 20, 40, 60)},  # tried on one fit
        )
    }

    def __init__(self, config: BoostedTreesConfig) -> None:
        super().__init__(config)
        trees = self.num_candidates * config.num_grown
        self.register_buffer("split_features", torch.zeros(trees, 2**config.depth - 1, dtype=torch.int64))
        self.thresholds = frozen(trees, 2**config.depth - 1)
        self.leaves = frozen(trees, 2**config.depth)
        self.post_init()

    @torch.no_grad()
    def fit(self, training_set: TrainingSet) -> None:
        """Grow the trees of every candidate on the samples that it was measured on."""
        super().fit(training_set)  # mean costs, and who was never measured
        for candidate, correct in enumerate(training_set.correct.T):
            measured = ~correct.isnan()
            if measured.any():
                booster = boost(training_set.features[measured], correct[measured], self.config, training_set.seed)
                for number, tree in enumerate(booster.dump_model()["tree_info"]):
                    self._keep(tree["tree_structure"], candidate * self.config.num_grown + number)

    def estimate(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Probability of a correct answer (num_samples, num_candidates), and mean cost (num_candidates,) in USD."""
        trees = torch.arange(len(self.leaves), device=features.device)
        node = trees.new_zeros(len(features), len(trees))
        for _ in range(self.config.depth):
            value = features.gather(1, self.split_features[trees, node])
            node = 2 * node + 1 + (value > self.thresholds[trees, node]).long()
        leaves = self.leaves[trees, node - self.thresholds.shape[1]].double()
        by_candidate = leaves.unflatten(1, (self.num_candidates, self.config.num_grown))
        return by_candidate[..., : self.config.num_trees].sum(dim=2).sigmoid().float(), self.mean_cost

    def _keep(self, node: dict[str, Any], tree: int, place: int = 0) -> None:
        """Write a node of LightGBM's at a place in a tree, and what hangs below it."""
        num_splits = self.thresholds.shape[1]
        if place >= num_splits:
            self.leaves[tree, place - num_splits] = node["leaf_value"]
            return
        if "leaf_value" not in node:
            self.split_features[tree, place] = node["split_feature"]
            self.thresholds[tree, place] = rounded_down(node["threshold"])
        self._keep(node.get("left_child", node), tree, 2 * place + 1)
        self._keep(node.get("right_child", node), tree, 2 * place + 2)


def boost(features: torch.Tensor, correct: torch.Tensor, config: BoostedTreesConfig, seed: int) -> Any:
    """One candidate's booster, on features (num_measured, dim) and whether its answers are correct (num_measured,)."""
    if lightgbm is None:
        raise ImportError("boosted trees are grown by LightGBM, which is not installed: pip install lightgbm")
    settings = SETTINGS | REPEATABLE | {"max_depth": config.depth, "num_leaves": 2**config.depth, "seed": seed}
    data = lightgbm.Dataset(features.numpy(), np.ascontiguousarray(correct.numpy()))
    return lightgbm.train(settings, data, num_boost_round=config.num_grown)


def rounded_down(threshold: float) -> float:
    """The largest float32 that is not above a threshold: a float32 is above the one where it is above the other."""
    near = np.float32(threshold)
    return float(near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf)))


register_router("boosted-trees", BoostedTreesRouter)
