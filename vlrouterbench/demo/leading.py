"""What a setting leads to over many questions: accuracy and cost of its decisions on the router's validation split.

Decisions
- Validation, never test: a visitor chooses by these figures. They are of samples that the router keeps of its training
  (`held_out.safetensors`), with what was estimated of them then and what was measured: nothing is encoded.
- The train split, which a flagship keeps too, has no part: its settings were fitted there.
- Intervals by the spread over groups of near-duplicates (`training/margins.py`), so that a move of the slider is cheap.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch

from vlrouterbench.metrics.trade_off import chosen_values
from vlrouterbench.routers.auto import is_kind
from vlrouterbench.routers.base.calibrated import CalibratedRouter
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.training.held_out import HeldOut, held_out_now
from vlrouterbench.training.margins import margin

_SIDE = 0.975
"""Of a two-sided interval of 95 %."""


@dataclass(frozen=True)
class LeadsTo:
    """Averages of a setting's decisions.

    Attributes:
        accuracy, accuracy_margin: in [0, 1], and how far it may be off with 95 % confidence.
        cost_usd, cost_margin: the same, USD per sample.
        num_samples: that were decided on.
        num_over: of them, where the cheapest candidate was chosen because none fits the budget.
    """

    accuracy: float
    accuracy_margin: float
    cost_usd: float
    cost_margin: float
    num_samples: int
    num_over: int = 0


def validation_of(router: PreTrainedRouter) -> HeldOut | None:
    """The validation samples that a router keeps; None where it has no calibrated estimates or keeps none."""
    kept = held_out_now(router) if is_kind(router, CalibratedRouter) else None
    if kept is None or kept.is_train.all():
        return None
    return kept.validation()


@torch.no_grad()
def leads_to(
    router: CalibratedRouter, known: HeldOut, budget: dict[str, float], candidates: Collection[str]
) -> LeadsTo:
    """Averages of the decisions under a budget.

    Args:
        router: that decides.
        known: its validation samples.
        budget: as `decide_one` takes it.
        candidates: names to choose from.

    Raises:
        BudgetError: a number that makes no sense.
    """
    chosen = router.choose(router.utility(known.made, router.requested(budget)), list(candidates))
    decisions = chosen.cpu().numpy()
    quality, cost = chosen_values(known.quality, decisions), chosen_values(known.cost, decisions)
    most = budget.get("max_cost_usd")
    expected = known.made.cost_usd.gather(1, chosen.unsqueeze(1))
    return LeadsTo(
        accuracy=float(quality.mean()),
        accuracy_margin=margin(quality, known.groups, _SIDE),
        cost_usd=float(cost.mean()),
        cost_margin=margin(cost, known.groups, _SIDE),
        num_samples=len(decisions),
        num_over=0 if most is None else int((expected > most).sum()),
    )
