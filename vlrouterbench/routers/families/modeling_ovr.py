"""OVR: one logistic regression per candidate on whether it is right.

Source: the paper's OVR router (arXiv 2512.23562), which is the reference variant: balanced classes, 1000 iterations,
the largest probability wins. The default keeps the classes as they are, so that probabilities mean something, chooses
the strength of the penalty, and decides by probability less weighted mean cost.
Requirements: features and quality of the training split; pairs that were not measured do not count.
Relations: the two-stage form of Linear; Ridge-MF fits the same in closed form and shares directions among candidates.

Decisions
- The penalty is scikit-learn's: half the squared weights beside the summed loss times `inverse_penalty`, none on the
  intercept, fitted by L-BFGS in float64.
- A candidate that is always right or always wrong on train gets its smoothed share and no slope.
- The reference drops samples that no candidate answers, as the paper's code does; the default keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from vlrouterbench.routers.base.configuration_router import MANY
from vlrouterbench.routers.base.estimating import EstimatingRouter, EstimatingRouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet
from vlrouterbench.routers.base.modeling_router import frozen

INVERSE_PENALTIES = (0.0003, 0.003, 0.03, 0.3)


class OVRRouterConfig(EstimatingRouterConfig):
    """Configuration of an OVR router.

    Args:
        inverse_penalty: weight of the loss against the penalty.
        balanced: whether right and wrong answers of a candidate weigh the same in total.
        drop_unsolved: whether samples that no candidate answers are left out.
        kwargs: the shared part.
    """

    model_type = "vlrouter-ovr"
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"inverse_penalty": (0, MANY)}

    def __init__(
        self, inverse_penalty: float = 0.03, balanced: bool = False, drop_unsolved: bool = False, **kwargs: Any
    ) -> None:
        self.inverse_penalty = inverse_penalty
        self.balanced = balanced
        self.drop_unsolved = drop_unsolved
        super().__init__(**kwargs)


class OVRRouter(EstimatingRouter):
    """Quality is the probability of each candidate's own logistic regression."""

    config: OVRRouterConfig
    config_class = OVRRouterConfig
    title = "OVR"
    from_sample = "the regressions"
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "default": Recipe(cost_weights=(), fit_grid={"inverse_penalty": INVERSE_PENALTIES}),
        "reference": Recipe(
            cost_weights=(),
            fixed={"inverse_penalty": 1.0, "balanced": True, "drop_unsolved": True, "usd_weight": 0.0},
        ),
    }

    def __init__(self, config: OVRRouterConfig) -> None:
        super().__init__(config)
        self.slopes = frozen(self.num_candidates, self.feature_dim)
        self.intercepts = frozen(self.num_candidates)
        self.post_init()

    def fit(self, training_set: TrainingSet) -> None:
        """Fit all candidates at once."""
        super().fit(training_set)
        training_set = training_set.sampled
        correct = training_set.correct
        if self.config.drop_unsolved:
            correct = correct.masked_fill(~(correct == 1).any(dim=1, keepdim=True), torch.nan)
        slopes, intercepts = logistic_regressions(
            training_set.features, correct, inverse_penalty=self.config.inverse_penalty, balanced=self.config.balanced
        )
        self.slopes.copy_(slopes)
        self.intercepts.copy_(intercepts)

    def estimate(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Probability of a correct answer, and mean cost."""
        return torch.sigmoid(features @ self.slopes.T + self.intercepts), self.mean_cost


def logistic_regressions(
    features: torch.Tensor, correct: torch.Tensor, *, inverse_penalty: float, balanced: bool, max_steps: int = 1000
) -> tuple[torch.Tensor, torch.Tensor]:
    """One penalised logistic regression per candidate.

    Args:
        features: (num_samples, dim).
        correct: (num_samples, num_candidates), 1 or 0, NaN = does not count.
        inverse_penalty: weight of the loss against half the squared slopes.
        balanced: weigh classes inversely to their counts.
        max_steps: of L-BFGS.

    Returns:
        Slopes (num_candidates, dim) and intercepts (num_candidates,), float64.
    """
    features = features.double()
    measured = ~correct.isnan()
    target = correct.nan_to_num(0.0).double()
    total, right = measured.sum(dim=0).double(), target.sum(dim=0)
    mixed = (right > 0) & (right < total)
    weights = measured.double() * mixed
    if balanced:
        per_class = [total / (2 * count.clamp(min=1)) for count in (total - right, right)]
        weights = weights * torch.where(target == 1, per_class[1], per_class[0])
    slopes = torch.zeros(correct.shape[1], features.shape[1], dtype=torch.float64, requires_grad=True)
    intercepts = torch.zeros(correct.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [slopes, intercepts],
        max_iter=max_steps,
        tolerance_grad=1e-8,
        tolerance_change=1e-12,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        logits = features @ slopes.T + intercepts
        losses = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, weight=weights, reduction="sum")
        loss = (losses + slopes.square().sum() / (2 * inverse_penalty)) / len(features)
        loss.backward()
        return loss

    with torch.enable_grad():
        optimizer.step(closure)
    # One class only: the share of right answers with half an answer of each kind added; never measured is never right.
    share = (right + 0.5) / (total + 1)
    constant = torch.where(total > 0, torch.logit(share), torch.full_like(share, -10.0))
    return slopes.detach(), torch.where(mixed, intercepts.detach(), constant)
