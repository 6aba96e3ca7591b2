"""A router's decisions on a whole split under a ceiling on the cost of each answer, and how often it was kept.

Decisions
- A sample that no candidate fits is a refused request elsewhere; a split needs a decision on every sample, so the
  cheapest is asked there, and it is counted. How often the ceiling was kept is told of the others.
- Policies, functions and files of decisions know no ceiling: they stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import torch

from vlrouterbench.core.errors import EvaluationError, RouterError
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.records import FreeForm, ResultRecord
from vlrouterbench.metrics.bootstrap import interval, resampled_means
from vlrouterbench.metrics.trade_off import chosen_values
from vlrouterbench.routers.base.calibrated import CalibratedRouter
from vlrouterbench.routers.base.decision import COST_CONFIDENCE, REFUSALS
from vlrouterbench.routers.base.modeling_router import CALIBRATED_FAMILIES, PreTrainedRouter

FIELD = "cost_ceiling"
"""In a record's `router_config`."""


@dataclass(frozen=True)
class Ceiling:
    """What an answer may cost.

    Attributes:
        max_cost_usd: USD per sample; None for any.
        confidence: probability that an answer keeps to it, above 0 and below 1; None: it is expected to.
    """

    max_cost_usd: float | None = None
    confidence: float | None = None

    def __post_init__(self) -> None:
        if self.confidence is not None and self.max_cost_usd is None:
            raise EvaluationError("--cost-confidence needs --max-cost-usd, the cost that an answer is to keep to.")

    @property
    def budget(self) -> dict[str, float | None]:
        """As a request asks for it."""
        return {"max_cost_usd": self.max_cost_usd, COST_CONFIDENCE: self.confidence}


class CeilingFacts(TypedDict):
    """How a ceiling was kept.

    Attributes:
        max_cost_usd: USD per sample.
        confidence: asked for; None for none.
        num_beyond: samples that no candidate fits; the cheapest was asked.
        kept: share of the others whose measured cost is within the ceiling; None where there are none.
        kept_ci95: its interval [low, high].
    """

    max_cost_usd: float
    confidence: float | None
    num_beyond: int
    kept: float | None
    kept_ci95: list[float] | None


@torch.no_grad()
def decided_under(
    ceiling: Ceiling,
    router: PreTrainedRouter,
    features: torch.Tensor,
    order: np.ndarray,
    candidates: Sequence[str] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Decisions (num_samples,) as indices in the benchmark's pool, and which samples some candidate fits.

    Args:
        ceiling: that is kept.
        router: a calibrated one.
        features: (num_samples, dim) by its encoder.
        order: index in the benchmark's pool of each of its candidates, -1 for one that is not scored.
        candidates: names to choose from, None for the whole pool.

    Raises:
        RouterError: it cannot keep to a ceiling, or not with a probability.
    """
    try:
        router.check_budget(ceiling.budget)
        if not isinstance(router, CalibratedRouter):
            raise RouterError(
                f"--max-cost-usd: {type(router).__name__} keeps to no ceiling here; "
                f"{' and '.join(CALIBRATED_FAMILIES)} do."
            )
        scores = router.utility(router.estimates(features.to(router.device)), router.requested(ceiling.budget)).cpu()
    except REFUSALS as error:
        raise RouterError(str(error)) from error
    chosen = router.choose(scores, candidates)
    fits = scores.gather(1, chosen.unsqueeze(1))[:, 0] >= 0  # `Budget.scores`
    return order[chosen.numpy()], fits.numpy()


def ceiling_facts(
    ceiling: Ceiling, table: RoutingTable, decisions: np.ndarray, fits: np.ndarray, *, seed: int
) -> FreeForm:
    """What a record says of how the ceiling was kept by decisions (num_samples,) on a table."""
    kept = chosen_values(table.cost, decisions)[fits] <= (ceiling.max_cost_usd or 0.0)
    groups = np.array(table.column("group_id"))[fits]
    drawn = resampled_means(kept[:, None].astype(float), groups.tolist(), seed=seed) if len(kept) else None
    facts: CeilingFacts = {
        "max_cost_usd": float(ceiling.max_cost_usd or 0.0),
        "confidence": ceiling.confidence,
        "num_beyond": int((~fits).sum()),
        "kept": float(kept.mean()) if len(kept) else None,
        "kept_ci95": None if drawn is None else interval(drawn[:, 0]),
    }
    return {FIELD: facts}


def ceiling_notes(records: Sequence[ResultRecord]) -> list[str]:
    """How the ceiling was kept, in a sentence for each router that knew of it."""
    return [
        _said(record["router"], facts)
        for record in records
        if (facts := record["router_config"].get(FIELD)) is not None
    ]


def _said(router: str, facts: CeilingFacts) -> str:
    asked = "" if facts["confidence"] is None else f", where {100 * facts['confidence']:g} % was asked for"
    beyond = (
        f"; {facts['num_beyond']:,} samples fit no candidate: the cheapest was asked" if facts["num_beyond"] else ""
    )
    if facts["kept"] is None or facts["kept_ci95"] is None:
        return f"{router}: no candidate fits {facts['max_cost_usd']:.3g} USD on any sample: the cheapest was asked."
    low, high = (100 * end for end in facts["kept_ci95"])
    return (
        f"{router}: {100 * facts['kept']:.1f} % (95 % {low:.1f} to {high:.1f}) of answers cost at most "
        f"{facts['max_cost_usd']:.3g} USD{asked}{beyond}."
    )
