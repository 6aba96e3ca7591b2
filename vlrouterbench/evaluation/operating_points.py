"""Trade-offs that one trained router offers, as decisions.

Decisions
- Every family is evaluated at the same trade-offs, the flagship's fine grid, whatever grid it is trained with: the
  hull of more points is higher, so a coarse grid would count against a family.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from vlrouterbench.routers.auto import is_kind
from vlrouterbench.routers.base.estimating import LEAST_COST, EstimatingRouter
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.flagship.modeling_flagship import TRADE_OFFS


@torch.no_grad()
def decisions_by_weight(
    router: PreTrainedRouter,
    features: torch.Tensor,
    order: np.ndarray,
    parts: Sequence[float] = TRADE_OFFS,
    *,
    candidates: Sequence[str] | None = None,
) -> list[tuple[float, np.ndarray]] | None:
    """Decisions at many trade-offs of a family that estimates quality and cost separately, its own among them.

    Args:
        router: of any family; it is left at its own trade-off.
        features: (num_samples, dim) by the router's own encoder.
        order: index in the benchmark's pool of each of the router's candidates, -1 for one that is not scored.
        candidates: names to choose from, None for the whole pool.
        parts: trade-offs, as the accuracy that the most expensive candidate must gain over a free one.

    Returns:
        (usd_weight, decisions (num_samples,) as indices in the benchmark's pool) by rising weight; None for a family
        that has a single trade-off.
    """
    if not is_kind(router, EstimatingRouter):
        return None
    own = router.config.usd_weight
    highest = max(float(router.mean_cost.max()), LEAST_COST)
    weights = sorted({own, *(part / highest for part in parts)})
    settings = [{"usd_weight": weight} for weight in weights]
    scores = router.scores_for(features.to(router.device), settings)
    decisions = [
        (weight, order[router.choose(score, candidates).cpu().numpy()])
        for weight, score in zip(weights, scores, strict=True)
    ]
    router.config.update({"usd_weight": own})
    return decisions
