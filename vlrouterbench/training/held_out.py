"""What a router that estimates keeps of samples that it did not learn from: to choose a trade-off by, then and later.

Decisions
- Kept is validation, and, of a family with out-of-fold estimates, the train split: what was estimated, and what was
  measured there.
- A candidate that joined later has no outcomes there: it counts with its estimates. New prices scale its costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from vlrouterbench.core.errors import RouterError
from vlrouterbench.metrics.objectives import ACCURACY_SHARE, BUDGET, Goal
from vlrouterbench.metrics.trade_off import chosen_values
from vlrouterbench.routers.base.budget import Estimates
from vlrouterbench.routers.base.estimating import EstimatingRouter
from vlrouterbench.routers.base.familiarity import familiar
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.base.saved_router import HELD_OUT_FILE
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter
from vlrouterbench.training.margins import sure_averages
from vlrouterbench.training.problem import Problem

KEPT = ("accuracy", "cost_usd", "standard_error", "quality", "measured_cost", "groups", "is_train", "cost_bounds")
"""Names of the tensors that a router keeps."""


@dataclass(frozen=True)
class HeldOut:
    """Held-out samples, for the pool as it is now.

    Attributes:
        made: estimates, (num_samples, num_candidates) each.
        quality, cost: outcomes of that shape; estimates where nothing was measured.
        groups: (num_samples,) int64.
        is_train: (num_samples,) bool, samples of train, whose estimates are out of fold.
    """

    made: Estimates
    quality: np.ndarray
    cost: np.ndarray
    groups: np.ndarray
    is_train: np.ndarray

    def validation(self) -> HeldOut:
        """Those of validation alone."""
        rows = ~self.is_train
        picked, error = torch.from_numpy(rows), self.made.standard_error
        made = Estimates(
            self.made.accuracy[picked], self.made.cost_usd[picked], None if error is None else error[picked]
        )
        return HeldOut(made, self.quality[rows], self.cost[rows], self.groups[rows], self.is_train[rows])


@torch.no_grad()
def held_out_of(router: PreTrainedRouter, problem: Problem) -> dict[str, torch.Tensor] | None:
    """What a router that estimates keeps of held-out samples; None for other families.

    Args:
        router: as it was fitted, in memory.
        problem: what it was trained on.
    """
    if not isinstance(router, EstimatingRouter):
        return None
    made = router.held_out_estimates or router.estimates(problem.validation_features.to(router.device))
    parts, tables = [made], [problem.validation_outcomes]
    if router.out_of_fold is not None:
        rows = router.out_of_fold_rows
        train = problem.train if rows is None else problem.train.take(rows.numpy())
        parts, tables = [made, router.out_of_fold], [problem.validation_outcomes, train]
    sizes = [len(table) for table in tables]
    groups = np.unique([name for table in tables for name in table.column("group_id")], return_inverse=True)[1]
    errors = [torch.zeros_like(p.accuracy) if p.standard_error is None else p.standard_error for p in parts]
    kept = {
        "accuracy": torch.cat([part.accuracy.cpu() for part in parts]),
        "cost_usd": torch.cat([part.cost_usd.cpu() for part in parts]),
        "quality": torch.from_numpy(np.concatenate([table.quality for table in tables]).astype(np.float32)),
        "measured_cost": torch.from_numpy(np.concatenate([table.cost for table in tables])),
        "groups": torch.from_numpy(groups.astype(np.int64)),
        "is_train": torch.arange(sum(sizes)) >= sizes[0],
        "cost_bounds": torch.tensor(problem.table.goal.measured, dtype=torch.float64),
    }
    if not router.end_to_end:
        unseen = problem.validation_features, problem.validation_groups
        kept |= familiar((problem.train_features, problem.train_groups), unseen, problem.features.encoder)
    return kept | ({"standard_error": torch.cat([e.cpu() for e in errors])} if router.calibrated else {})


@torch.no_grad()
def held_out_now(router: EstimatingRouter) -> HeldOut | None:
    """What a router keeps of samples that it did not learn from, for its pool; None for nothing, or none that fits.

    Raises:
        RouterError: it is damaged, or of another router.
    """
    kept = router.held_out
    if kept is None:
        return None
    _check_kept(router, kept)
    made = router.of_pool(Estimates(kept["accuracy"], kept["cost_usd"], kept.get("standard_error")))
    if made.accuracy.shape[1] != router.num_candidates:
        return None
    quality, cost = kept["quality"].double(), kept["measured_cost"]
    if isinstance(router, OpenPoolRouter):
        joined = torch.full((len(quality), max(0, max(router.columns) + 1 - quality.shape[1])), torch.nan)
        columns, then = router.columns, torch.cat([router.trained_cost, router.joined_cost])[router.columns]
        quality, cost = (torch.cat([side, joined.double()], dim=1)[:, columns] for side in (quality, cost))
        ratio = torch.where(then > 0, router.mean_cost / then.clamp(min=torch.finfo(then.dtype).tiny), 1.0).double()
        cost = torch.where(ratio == 1, cost, cost * ratio)
    return HeldOut(
        replace(made, output_tokens=None),
        torch.where(quality.isnan(), made.accuracy.double(), quality).numpy(),
        torch.where(cost.isnan(), made.cost_usd.double(), cost).numpy(),
        kept["groups"].numpy(),
        kept["is_train"].numpy(),
    )


def averages(kept: HeldOut, chosen: torch.Tensor, goal: Goal, single: int) -> tuple[float, float, float]:
    """As `sure_averages`; what neither a share nor a budget binds is the expectation on train, out of fold."""
    decisions = chosen.cpu().numpy()
    quality, cost = chosen_values(kept.quality, decisions), chosen_values(kept.cost, decisions)
    sure = sure_averages(goal, quality, cost, kept.quality[:, single], kept.groups)
    if goal.objective.kind == ACCURACY_SHARE or not kept.is_train.any():
        return sure
    rows = torch.from_numpy(kept.is_train)
    picked, sizes = chosen[rows].unsqueeze(1), (int((~kept.is_train).sum()), int(kept.is_train.sum()))
    measured = [float(values[~kept.is_train].mean()) for values in (quality, cost)]
    expected = [float(v[rows].double().gather(1, picked).mean()) for v in (kept.made.accuracy, kept.made.cost_usd)]
    accuracy, average_cost = (
        (sizes[0] * m + sizes[1] * e) / sum(sizes) for m, e in zip(measured, expected, strict=True)
    )
    return accuracy, sure[1] if goal.objective.kind == BUDGET else average_cost, sure[2]


def _check_kept(router: EstimatingRouter, kept: Mapping[str, torch.Tensor]) -> None:
    """Refuse held-out values that are damaged, or of another router."""
    width = router.num_trained if isinstance(router, OpenPoolRouter) else router.num_candidates
    lacking = [name for name in KEPT if name not in kept and name != "standard_error"]
    sizes = {name: kept[name].shape for name in ("accuracy", "cost_usd", "quality", "measured_cost") if name in kept}
    rows = len(kept.get("groups", ()))
    # A family that is not calibrated may estimate an accuracy below 0: a linear one is not cut off.
    least = {name: 0.0 if router.calibrated or name != "accuracy" else -torch.inf for name in sizes}
    wrong = [name for name, size in sizes.items() if tuple(size) != (rows, width) or (kept[name] < least[name]).any()]
    if lacking or wrong or len(kept["is_train"]) != rows:
        raise RouterError(
            f"{HELD_OUT_FILE}: expected {', '.join(KEPT)} of one router, none below 0, for {width} candidates and as "
            f"many samples each; missing: {', '.join(lacking) or 'none'}, wrong: {', '.join(wrong) or 'none'}. It is "
            "damaged or of another router: fetch the folder again, or train again."
        )
