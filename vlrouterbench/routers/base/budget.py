"""How a request may trade accuracy against cost, and the estimates that it is traded by.

Decisions
- One set of estimates serves every budget: a request changes how they are ranked, never how they are made.
- Every budget becomes scores whose largest is the decision, so that a subset of candidates, ties and explanations are
  the same for all three.
- A ceiling on cost is kept: where no candidate fits below it, that is an error. A floor under accuracy is a preference:
  where no candidate reaches it, the most accurate one is chosen, and the decision states it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Real

import torch

from vlrouterbench.routers.base.decision import KINDS, BudgetError

_LOWEST_CEILING = 1e-6
"""As a share of the mean expected cost: below it, ranks of what costs more would be lost to rounding."""


@dataclass(frozen=True)
class Estimates:
    """What a calibrated router thinks of every candidate.

    Attributes:
        accuracy: probability of a correct answer, (num_samples, num_candidates) in [0, 1].
        cost_usd: expected cost of asking, (num_samples, num_candidates), USD per sample.
        standard_error: of `accuracy`, (num_samples, num_candidates); None where a family has none.
        output_tokens: expected length of an answer, (num_samples, num_candidates); None where a family has none.
    """

    accuracy: torch.Tensor
    cost_usd: torch.Tensor
    standard_error: torch.Tensor | None = None
    output_tokens: torch.Tensor | None = None

    def drawn(self, mean_accuracy: torch.Tensor, mean_cost: torch.Tensor, share: float) -> Estimates:
        """Accuracy and cost drawn towards means (num_candidates,): a `share` of the differences is left."""
        pairs = ((mean_accuracy, self.accuracy), (mean_cost, self.cost_usd))
        accuracy, cost = (mean.to(values) + share * (values - mean.to(values)) for mean, values in pairs)
        return replace(self, accuracy=accuracy, cost_usd=cost)


@dataclass(frozen=True)
class Budget:
    """One way to trade accuracy against cost; exactly one of the first three fields is given.

    Attributes:
        usd_weight: accuracy that one USD must buy, >= 0: the decision maximises accuracy - usd_weight * cost.
        max_cost_usd: most that one answer may be expected to cost, USD: the most accurate candidate below it.
        min_accuracy: least chance of a correct answer, 0 to 1: the cheapest candidate above it.
        cost_ratios: under `max_cost_usd`, of each candidate, (num_candidates,): what an answer may cost at most over
            what it is expected to cost; None for 1.
        share: of what sets estimates of a sample apart from the candidates' means that counts, 0 to 1; below 1 at a
            router's own trade-off alone, where held-out outcomes bear out no more.
    """

    usd_weight: float | None = None
    max_cost_usd: float | None = None
    min_accuracy: float | None = None
    share: float = 1.0
    cost_ratios: torch.Tensor | None = None

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in KINDS if getattr(self, name) is not None}
        if len(given) != 1:
            raise BudgetError(f"expected one of {', '.join(KINDS)}, found {', '.join(given) or 'none'}.")
        ((name, value),) = given.items()
        # A weight that float32 cannot hold would make every candidate alike.
        most = {"min_accuracy": 1.0, "usd_weight": torch.finfo(torch.float32).max}.get(name, float("inf"))
        if not isinstance(value, Real) or not 0 <= float(value) <= most or value == float("inf"):
            end = " on" if most == float("inf") else f" to {most:.3g}"
            raise BudgetError(f"{name}: expected a number from 0{end}, found {value!r}.")

    def scores(self, estimates: Estimates) -> torch.Tensor:
        """Utility of estimates, (num_samples, num_candidates): the largest of a row is the decision.

        Below 0 under a ceiling: does not fit. Above 1 under a floor: reaches it.
        """
        accuracy, cost = estimates.accuracy, estimates.cost_usd
        if self.usd_weight is not None:
            return accuracy - self.usd_weight * cost
        if self.max_cost_usd is not None:
            cost = self.most(cost)
            # Of those that are above, the cheapest comes first; not by a ceiling so low that they would all be equal.
            unit = cost.mean(dim=1, keepdim=True) * _LOWEST_CEILING
            return torch.where(cost <= self.max_cost_usd, accuracy, -cost / (cost + unit.clamp(min=self.max_cost_usd)))
        # 2 for what is free, 1 for what is infinitely expensive.
        unit = cost.mean(dim=1, keepdim=True).clamp(min=torch.finfo(cost.dtype).tiny)
        reached = accuracy >= (self.min_accuracy or 0.0)
        return torch.where(reached, 1 + unit / (unit + cost), accuracy.clamp(max=1))

    def most(self, cost_usd: torch.Tensor) -> torch.Tensor:
        """What answers count as costing under a ceiling, of the shape of expected costs (..., num_candidates)."""
        return cost_usd if self.cost_ratios is None else cost_usd * self.cost_ratios.to(cost_usd)

    def met(self, chosen_accuracy: float, chosen_cost_usd: float) -> bool:
        """Whether what was chosen keeps to the budget.

        Args:
            chosen_accuracy: estimated probability of a correct answer.
            chosen_cost_usd: what it counts as costing (`most`).

        Raises:
            BudgetError: a ceiling that the chosen candidate, and so every other, breaks.
        """
        if self.max_cost_usd is not None and chosen_cost_usd > self.max_cost_usd:
            words = ("expected", "costs", "") if self.cost_ratios is None else ("sure", "may cost", "be less sure, ")
            raise BudgetError(
                f"max_cost_usd: no candidate is {words[0]} to cost {self.max_cost_usd:.3g} USD or less here; the "
                f"cheapest {words[1]} {chosen_cost_usd:.3g}. Raise the budget, {words[2]}or allow more candidates."
            )
        return self.min_accuracy is None or chosen_accuracy >= self.min_accuracy
