"""Every trade-off that one trained router offers, as decisions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from vlrouterbench.routers.estimating_router import EstimatingRouter
from vlrouterbench.routers.learning import Recipe
from vlrouterbench.routers.modeling_router import PreTrainedRouter


@torch.no_grad()
def decisions_by_weight(
    router: PreTrainedRouter, features: torch.Tensor, order: np.ndarray, parts: Sequence[float] | None = None
) -> list[tuple[float, np.ndarray]] | None:
    """Decisions at every trade-off of a family that estimates quality and cost apart, its own among them.

    Args:
        router: of any family; it is left at its own trade-off.
        features: (num_samples, dim) by the router's own encoder.
        order: place in the benchmark's pool of each of the router's candidates.
        parts: trade-offs as accuracy that asking the dearest candidate instead of a free one must gain; None for those
            that the family tries in training.

    Returns:
        (usd_weight, decisions (num_samples,) as places in the benchmark's pool) by rising weight; None for a family
        with one trade-off alone.
    """
    if not isinstance(router, EstimatingRouter):
        return None
    own = router.config.usd_weight
    if parts is None:
        offered = [setting["usd_weight"] for setting in router.decision_settings(Recipe())]
    else:
        offered = [part / float(router.mean_cost.max()) for part in parts]
    weights = sorted({own, *offered})
    settings = [{"usd_weight": weight} for weight in weights]
    scores = router.scores_for(features.to(router.device), settings)
    decided = [
        (weight, order[router.choose(found).cpu().numpy()]) for weight, found in zip(weights, scores, strict=True)
    ]
    router.config.update({"usd_weight": own})
    return decided
