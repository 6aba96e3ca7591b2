"""`serve --adapt`: estimates that follow what came of them, candidate by candidate, from feedback.

Decisions
- Two numbers a candidate: a shift of its accuracy on the scale of log-odds, and a factor of its cost. Both compare what
  was expected of rated answers with what came, over about the last HALF_LIFE of them, and are drawn towards "nothing
  changed" as by PRIOR answers that came as expected. What a router has learnt of samples stays.
- The shift is applied to every estimate before the decision is made anew, under the request's own budget.
- Off unless asked for: whoever rates answers then has a hand in who is asked.
- Of each process its own, in memory: feedback counts in the process that answered.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from vlrouterbench.routers.base.budget import Budget, Estimates
from vlrouterbench.routers.base.decision import RoutingDecision
from vlrouterbench.serving.chooser import Ranking

HALF_LIFE = 100.0
"""Rated answers of a candidate after which one counts half."""
PRIOR = 20.0
"""Answers that came as expected."""
_FADE = 0.5 ** (1 / HALF_LIFE)
_EDGE = 1e-3
_MOST_OPEN = 100_000


@dataclass
class _Seen:
    """Discounted sums over a candidate's rated answers: how many, what was expected, what came."""

    count: float = 0.0
    expected_accuracy: float = 0.0
    accuracy: float = 0.0
    expected_cost: float = 0.0
    cost: float = 0.0


@dataclass(frozen=True)
class Drift:
    """How far a candidate is from what was expected of it.

    Attributes:
        accuracy: came less expected, over rated answers.
        cost_ratio: paid over expected.
        rated: discounted number of rated answers.
    """

    accuracy: float
    cost_ratio: float
    rated: float


class Adaptation:
    """What has come of estimates so far."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._open: OrderedDict[str, tuple[str, float, float | None, float | None]] = OrderedDict()

    def answered(
        self, request_id: str, candidate: str, accuracy: float, expected_usd: float | None, paid_usd: float | None
    ) -> None:
        """Remember what the router itself expected of an answer until it is rated."""
        self._open[request_id] = candidate, accuracy, expected_usd, paid_usd
        if len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)

    def rated(self, request_id: str, quality: float) -> str | None:
        """Learn from feedback, once a request; the candidate, None for an answer that is not remembered."""
        found = self._open.pop(request_id, None)
        if found is None:
            return None
        candidate, accuracy, expected, paid = found
        self.learn(candidate, accuracy, quality, expected, paid)
        return candidate

    def learn(
        self, candidate: str, expected: float, quality: float, expected_usd: float | None, paid_usd: float | None
    ) -> None:
        """Learn from one rated answer of a candidate."""
        seen = self._seen.setdefault(candidate, _Seen())
        for name in vars(seen):
            setattr(seen, name, _FADE * getattr(seen, name))
        seen.count += 1
        seen.expected_accuracy += expected
        seen.accuracy += quality
        if expected_usd is not None and paid_usd is not None:
            seen.expected_cost += expected_usd
            seen.cost += paid_usd

    def drift(self, candidate: str) -> Drift:
        """How far a candidate is from what was expected of it; none where nothing was rated."""
        seen = self._seen.get(candidate, _Seen())
        if not seen.count:
            return Drift(0.0, 1.0, 0.0)
        gap = (seen.accuracy - seen.expected_accuracy) / seen.count
        return Drift(gap, seen.cost / seen.expected_cost if seen.expected_cost > 0 else 1.0, seen.count)

    def accuracy(self, candidate: str, estimate: float) -> float:
        """An estimate of the router as what came says: sigmoid(logit(estimate) + shift)."""
        seen = self._seen.get(candidate)
        if seen is None:
            return estimate
        usual = seen.expected_accuracy / seen.count
        whole = seen.count + PRIOR
        came, expected = ((part + PRIOR * usual) / whole for part in (seen.accuracy, seen.expected_accuracy))
        return 1 / (1 + math.exp(-(_logit(estimate) + _logit(came) - _logit(expected))))

    def cost_usd(self, candidate: str, estimate: float) -> float:
        """Likewise of a cost."""
        seen = self._seen.get(candidate)
        if seen is None or seen.expected_cost <= 0:
            return estimate
        prior = PRIOR * seen.expected_cost / seen.count
        return estimate * (seen.cost + prior) / (seen.expected_cost + prior)

    def applied(self, ranking: Ranking) -> Ranking:
        """A ranking by estimates as they are now; unchanged for a router without calibrated estimates."""
        decision = ranking.decision
        known = {name: cost for name, cost in decision.estimated_cost_usd.items() if cost is not None}
        if decision.estimated_accuracy is None or not self._seen or len(known) < len(decision.score):
            return ranking
        accuracy = {name: self.accuracy(name, p) for name, p in decision.estimated_accuracy.items()}
        cost = {name: self.cost_usd(name, usd) for name, usd in known.items()}
        ratios = _cost_ratios(decision)
        score = self._scores(decision, accuracy, cost, ranking.budget)
        order = sorted(score, key=lambda name: -score[name])
        if order[0] == decision.candidate:
            reason = decision.reason
        else:
            reason = f"{order[0]} by what came of earlier answers; the router alone would ask {decision.candidate}."
        changed = replace(
            decision,
            candidate=order[0],
            score=score,
            estimated_accuracy=accuracy,
            estimated_cost_usd=cost,
            cost_at_most_usd=None if ratios is None else {name: ratios[name] * cost[name] for name in cost},
            reason=reason,
        )
        return replace(ranking, decision=changed, order=tuple(order), own=decision)

    def _scores(
        self,
        decision: RoutingDecision,
        accuracy: Mapping[str, float],
        cost: Mapping[str, float],
        budget: Mapping[str, float],
    ) -> dict[str, float]:
        names = list(decision.score)
        most, least = budget.get("max_cost_usd"), budget.get("min_accuracy")
        if most is not None or least is not None:
            rows = (torch.tensor([[values[name] for name in names]]) for values in (accuracy, cost))
            ratios = _cost_ratios(decision)
            kept = None if ratios is None else torch.tensor([ratios[name] for name in names])
            bound = Budget(max_cost_usd=most, min_accuracy=least, cost_ratios=kept)
            return dict(zip(names, bound.scores(Estimates(*rows))[0].tolist(), strict=True))
        weight, before = decision.usd_weight or 0.0, decision.estimated_accuracy or {}
        # What the family takes off besides (its caution, candidates that were never measured) stays.
        return {
            name: decision.score[name]
            + (accuracy[name] - before[name])
            - weight * (cost[name] - (decision.estimated_cost_usd[name] or 0.0))
            for name in names
        }


def _cost_ratios(decision: RoutingDecision) -> dict[str, float] | None:
    """What answers cost at most over what they are expected to cost; None where no ceiling asks for it."""
    if decision.cost_at_most_usd is None:
        return None
    return {name: most / (decision.estimated_cost_usd[name] or 1.0) for name, most in decision.cost_at_most_usd.items()}


def _logit(share: float) -> float:
    held = min(max(share, _EDGE), 1 - _EDGE)
    return math.log(held / (1 - held))
