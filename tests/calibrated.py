"""A small calibrated family for tests: linear in the features, each candidate at its mean cost."""

from contextlib import contextmanager

import pytest
import torch

from vlrouterbench.routers.budgets import Estimates
from vlrouterbench.routers.calibrated_router import CalibratedRouter
from vlrouterbench.routers.estimating_router import EstimatingRouterConfig
from vlrouterbench.routers.modeling_router import frozen
from vlrouterbench.routers.registry import ROUTERS

NAME = "straight"


class StraightRouterConfig(EstimatingRouterConfig):
    """Nothing of its own."""

    model_type = "vlrouter-test-straight"


class StraightRouter(CalibratedRouter):
    """Accuracy by ridge regression, cut at 0 and 1."""

    config_class = StraightRouterConfig
    title = "Straight"
    recipes = {"default": ROUTERS["ridge-mf"].recipes["default"].with_values(fit_grid={}, decision_grid={})}

    def __init__(self, config):
        super().__init__(config)
        self.weights = frozen(self.feature_dim + 1, self.num_candidates)
        self.post_init()

    def fit(self, training_set):
        super().fit(training_set)
        rows, quality = self._rows(training_set.features), training_set.quality.nan_to_num(0.5)
        ridge = len(rows) / 10 * torch.eye(rows.shape[1])
        ridge[-1, -1] = 0
        self.weights.data.copy_(torch.linalg.solve(rows.T @ rows + ridge, rows.T @ quality))

    def estimates(self, features):
        accuracy = (self._rows(features) @ self.weights).clamp(0, 1)
        return Estimates(accuracy, self.mean_cost.expand_as(accuracy), (accuracy * (1 - accuracy) / 100).sqrt())

    @staticmethod
    def _rows(features):
        return torch.cat([features, torch.ones(len(features), 1)], dim=1)


@contextmanager
def known_family():
    """The family stands in the registry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ROUTERS, NAME, StraightRouter)
        yield NAME


def train_calibrated(problem, folder):
    """Train one and save it as a router folder."""
    from vlrouterbench.training.fit import save_router, train_router

    with known_family() as name:
        save_router(train_router(name, problem), folder)
    return folder
