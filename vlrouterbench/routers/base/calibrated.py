"""The base of families whose estimates are calibrated: one checkpoint for every budget.

Decisions
- `estimates` is the one thing such a family adds; `score`, `route` and every budget follow from it.
- Without a budget in the request, the weight that was best on validation decides.
- A decision is explained in one plain sentence or two: what the chosen candidate promises, and why not a better one.
- A candidate that train never measured is never chosen by its estimates, only where `candidates` names it alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch

from vlrouterbench.routers.base.budget import Budget, Estimates
from vlrouterbench.routers.base.decision import KINDS, CalibrationError, RoutingDecision, considered
from vlrouterbench.routers.base.estimating import EstimatingRouter

PER_10K = 10_000


class CalibratedRouter(EstimatingRouter):
    """Decides under any budget by calibrated estimates."""

    calibrated = True
    keeps_to: ClassVar[tuple[str, ...]] = KINDS
    """What a request may ask by a number; families that know more of their candidates say so."""

    def estimates(self, features: torch.Tensor) -> Estimates:
        """Calibrated estimates for features (num_samples, dim)."""
        raise TypeError(f"{type(self).__name__} is a base of families: load one of them.")

    def caution(self, made: Estimates, budget: Budget) -> torch.Tensor | float:
        """What is taken off scores (num_samples, num_candidates) because estimates are uncertain; nothing here."""
        return 0.0

    def score(self, features: torch.Tensor) -> torch.Tensor:
        """Utility of the estimates at the configuration's trade-off, (num_samples, num_candidates)."""
        return self.utility(self.estimates(features), self.own_budget)

    def check_budget(self, budget: Mapping[str, float | None]) -> None:
        """As the base's; CalibrationError also for what needs more than estimates of accuracy and cost."""
        super().check_budget(budget)
        if others := [name for name, value in budget.items() if value is not None and name not in self.keeps_to]:
            raise CalibrationError(
                f"{', '.join(others)}: {type(self).__name__} does not keep how costs and answer times of training "
                "samples were spread, as flagship does. Leave it out, or train a flagship."
            )

    @property
    def own_budget(self) -> Budget:
        """The configuration's trade-off, which decides where a request brings none."""
        return Budget(usd_weight=self.config.usd_weight)

    def requested(self, budget: Mapping[str, float | None]) -> Budget:
        """What a request asks for by KINDS; nothing: the router's own trade-off.

        Raises:
            BudgetError: more than one of them, or a number that makes no sense.
        """
        given = {name for name, value in budget.items() if value is not None}
        if others := sorted(given - {*KINDS}):
            raise TypeError(f"unexpected keyword arguments {others}, which {type(self).__name__} cannot keep to.")
        if not given:
            return self.own_budget
        weight, most, least = (budget.get(kind) for kind in KINDS)
        return Budget(weight, most, least)

    def scores_for(self, features: torch.Tensor, settings: Sequence[Mapping[str, Any]]) -> Iterator[torch.Tensor]:
        """As the base's; estimates are made once, since settings change their utility alone."""
        made = self.estimates(features)
        for setting in settings:
            self.config.update(dict(setting))
            yield self.utility(made, Budget(usd_weight=self.config.usd_weight))

    def utility_at(self, made: Estimates, usd_weight: float) -> torch.Tensor:
        """As the base's."""
        return self.utility(made, Budget(usd_weight=usd_weight))

    def utility(self, made: Estimates, budget: Budget) -> torch.Tensor:
        """Scores (num_samples, num_candidates) of estimates under a budget: the largest of a row is the decision."""
        return budget.scores(made) - self.handicap - self.caution(made, budget)

    def estimate(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Accuracy and cost (USD per sample), each (num_samples, num_candidates)."""
        made = self.estimates(features)
        return made.accuracy, made.cost_usd

    @torch.no_grad()
    def decide_one(
        self, features: torch.Tensor, candidates: Sequence[str] | None = None, **budget: float | None
    ) -> RoutingDecision:
        """As the base's, with estimates, under any budget."""
        self.check_budget(budget)
        request = self.requested(budget)
        made = self.estimates(features.to(self.device))
        scores = self.utility(made, request)
        chosen = int(self.decided(scores, candidates)[0])
        most = request.most(made.cost_usd)
        target_met = request.met(float(made.accuracy[0, chosen]), float(most[0, chosen]))
        names = self.config.candidate_names
        indices = considered(names, candidates)

        def by_name(values: torch.Tensor) -> dict[str, float]:
            return {names[index]: float(values[0, index]) for index in indices}

        accuracy, cost = by_name(made.accuracy), by_name(made.cost_usd)
        return RoutingDecision(
            candidate=names[chosen],
            score=by_name(scores),
            estimated_accuracy=accuracy,
            estimated_cost_usd=cost,
            usd_weight=request.usd_weight,
            standard_error=None if made.standard_error is None else by_name(made.standard_error),
            target_met=target_met,
            reason=reason(names[chosen], accuracy, cost, request),
            unfamiliar=self.unfamiliarity(features),
            cost_at_most_usd=None if request.cost_ratios is None else by_name(most),
        )


def reason(
    chosen: str,
    accuracy: Mapping[str, float],
    cost_usd: Mapping[str, float],
    budget: Budget,
) -> str:
    """What the chosen candidate promises, and why not the most accurate other one.

    Args:
        chosen: name of the decision.
        accuracy: estimated probability of a correct answer per considered candidate.
        cost_usd: expected cost per considered candidate, USD per sample.
        budget: what the request asked for.
    """
    told = _reason(chosen, accuracy, cost_usd, budget)
    if budget.share == 1 or len(accuracy) == 1:
        return told
    return f"{told} Of what sets this request apart {budget.share:.0%} counts: held-out outcomes bear out no more."


def _reason(chosen: str, accuracy: Mapping[str, float], cost_usd: Mapping[str, float], budget: Budget) -> str:
    promise = f"{chosen} is expected to be right with {_chance(accuracy[chosen])} at {_price(cost_usd[chosen])}"
    others = [name for name in accuracy if name != chosen]
    if not others:
        return f"{promise}; no other candidate was considered."
    rival = max(others, key=lambda name: accuracy[name])
    gain, extra = accuracy[rival] - accuracy[chosen], cost_usd[rival] - cost_usd[chosen]
    if budget.min_accuracy is not None and accuracy[chosen] < budget.min_accuracy:
        return f"{promise}: no candidate reaches {budget.min_accuracy:.1%}, and this is the most accurate."
    if gain <= 0:
        if len(others) == 1:
            return f"{promise}: {rival} is not expected to do better{', and costs more' if extra > 0 else ''}."
        return f"{promise}: none of the {len(others)} others is expected to do better{_costs_more(extra)}."
    alternative = f"{rival} promises {_chance(accuracy[rival])} at {_price(cost_usd[rival])}"
    if budget.max_cost_usd is not None:
        above = "not sure to keep to" if budget.cost_ratios is not None else "above"
        return f"{promise}; {alternative}, {above} the budget of {_price(budget.max_cost_usd)}."
    if budget.min_accuracy is not None:
        return f"{promise}, the cheapest that reaches {budget.min_accuracy:.1%}; {alternative}."
    if extra <= 0:
        # Only a guard leads here.
        return f"{promise}; {alternative}, a lead too uncertain to leave it for."
    worth = (
        ""
        if not budget.usd_weight
        else f"; under this objective a point is worth at most {_cents(0.01 / budget.usd_weight)}"
    )
    return f"{promise}; {alternative}: {100 * gain:.1f} points more for {_cents(extra)} more a question{worth}."


def _chance(probability: float) -> str:
    return f"{probability:.1%}"


def _price(usd: float) -> str:
    return f"${PER_10K * usd:.3g} per 10K"


def _cents(usd: float) -> str:
    return f"{100 * usd:.3g} cents"


def _costs_more(extra: float) -> str:
    return ", and the best of them costs more" if extra > 0 else ""
