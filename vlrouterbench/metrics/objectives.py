"""What is wanted of decisions: an objective as a user writes it, and the one figure that averages are judged by.

Decisions
- Five kinds: the benchmark's Rank Score; the cheapest policy that keeps a share of the best single candidate's
  accuracy; the most accurate one within a budget; accuracy less weighted cost; accuracy alone.
- Every kind becomes one number per policy, a function of its averages: the larger the better, in points of 0 to 100
  where that means something. What misses a budget or a share stands below everything that keeps it, the nearest
  first, so that the best is always the best that can be had.
- Rank Score needs a range of costs. Where a benchmark has none and the user states none, it is NaN, and choices fall
  back to accuracy less weighted cost: the most expensive candidate must gain FALLBACK_GAIN over a free one.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import numpy as np

from vlrouterbench.core.constants import RANK_SCORE_BETA, SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import EvaluationError, shown, unknown_name
from vlrouterbench.core.limits import ANSWER_USD
from vlrouterbench.metrics.trade_off import check_beta, check_cost_bounds, rank_score

RANK_SCORE, ACCURACY_SHARE, BUDGET, USD_WEIGHT, ACCURACY = (
    "rank-score",
    "accuracy-share",
    "budget",
    "usd-weight",
    "accuracy",
)
_NEEDED = {
    ACCURACY_SHARE: "a share of the best single candidate's accuracy above 0 and up to 1, such as 0.95",
    BUDGET: "USD per sample, 0 or more, such as 0.001",
    USD_WEIGHT: "accuracy that one USD must buy, 0 to 1e38, such as 100",
}
"""Kinds that have a value -> what it is."""
_MOST = {ACCURACY_SHARE: 1.0, USD_WEIGHT: 1e38}
"""Kinds whose value has an end: a weight that float32 cannot hold would make every candidate alike."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:nan|inf)", re.ASCII | re.IGNORECASE)
"""A plain decimal number, as prices are read: no 1_000 and no digits of other scripts."""
KINDS = (RANK_SCORE, f"{ACCURACY_SHARE}=0.95", f"{BUDGET}=USD", f"{USD_WEIGHT}=W", ACCURACY)
"""The spellings, for messages and help."""
FALLBACK_GAIN = 0.1
"""Accuracy that the most expensive candidate must gain over a free one, where there is no Rank Score to choose by."""


@dataclass(frozen=True)
class Objective:
    """An objective as a user writes it.

    Attributes:
        kind: "rank-score", "accuracy-share", "budget", "usd-weight" or "accuracy".
        value: of the kinds that have one: the share, USD per sample, accuracy per USD; else None.
    """

    kind: str = RANK_SCORE
    value: float | None = None

    def __post_init__(self) -> None:
        names = (RANK_SCORE, *_NEEDED, ACCURACY)
        if self.kind not in names:
            raise unknown_name("objective", self.kind, KINDS)
        if self.kind not in _NEEDED:
            if self.value is not None:
                raise EvaluationError(f"objective {self.kind}: expected no value, found {self.value:g}. Leave it out.")
            return
        most = _MOST.get(self.kind, math.inf)
        value = math.nan if self.value is None else self.value
        zero_is_wrong = self.kind == ACCURACY_SHARE and value == 0
        # Written so that NaN is refused too.
        if not 0 <= value <= most or value == math.inf or zero_is_wrong:
            found = "none" if self.value is None else f"{self.value:.12g}"
            raise EvaluationError(f"objective {self.kind}=VALUE: expected {_NEEDED[self.kind]}; found {found}.")

    @classmethod
    def parse(cls, text: str) -> Objective:
        """The objective of a text such as `rank-score` or `budget=0.001`.

        Raises:
            UnknownNameError: no such kind.
            EvaluationError: a value that is lacking, not wanted, no number, or makes no sense.
        """
        kind, sign, value = (part.strip() for part in text.partition("="))
        kind = kind.lower().replace("_", "-")
        if not sign:
            return cls(kind)
        if kind not in (RANK_SCORE, *_NEEDED, ACCURACY):
            raise unknown_name("objective", kind, KINDS)
        if not _NUMBER.fullmatch(value):
            wanted = _NEEDED.get(kind, "no value")
            raise EvaluationError(f"objective {kind}: expected {wanted}; found {shown(value)}.")
        return cls(kind, abs(number) if (number := float(value)) == 0 else number)

    def __str__(self) -> str:
        return self.kind if self.value is None else f"{self.kind}={self.value:.12g}"

    @property
    def words(self) -> str:
        """The objective in plain words."""
        value, per = self.value or 0.0, SAMPLES_PER_COST_UNIT
        return {
            RANK_SCORE: "the best Rank Score",
            ACCURACY_SHARE: f"at least {100 * value:g} % of the best single candidate's accuracy, as cheap as can be",
            BUDGET: f"as accurate as can be within {per * value:g} USD per {per:,} samples",
            USD_WEIGHT: f"accuracy less {value:g} times cost in USD",
            ACCURACY: "accuracy, whatever it costs",
        }[self.kind]


@dataclass(frozen=True)
class Goal:
    """An objective, with what its figure is computed under.

    Attributes:
        objective: what is wanted.
        beta: weight of cost against accuracy in the Rank Score.
        given_bounds: (cmin, cmax) of the Rank Score that the user states, USD per sample; None takes the benchmark's.
        measured: smallest and largest mean cost over the candidates of the benchmark, USD per sample.
    """

    objective: Objective = Objective()
    beta: float = RANK_SCORE_BETA
    given_bounds: tuple[float, float] | None = None
    measured: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        check_beta(self.beta)
        if self.given_bounds is not None:
            _check_given(self.given_bounds)

    def on(self, measured: tuple[float, float]) -> Goal:
        """The same on a benchmark whose candidates cost between these means, USD per sample."""
        return replace(self, measured=measured)

    @property
    def cost_bounds(self) -> tuple[float, float] | None:
        """Bounds of the Rank Score, USD per sample; None where there is no range of costs."""
        if self.given_bounds is not None:
            return self.given_bounds
        cmin, cmax = self.measured
        return (cmin, cmax) if 0 < cmin < cmax < math.inf else None

    def bounds_for(self, what: str) -> tuple[float, float]:
        """Bounds of the Rank Score for something that cannot be computed without them.

        Raises:
            EvaluationError: there is no range of costs; `what` is named.
        """
        if self.cost_bounds is None:
            raise EvaluationError(f"{what} is computed over a range of costs. {self.no_rank_score}")
        return self.cost_bounds

    @property
    def ranks_by_rank_score(self) -> bool:
        """Whether what decisions are judged by is the Rank Score."""
        return self.objective.kind == RANK_SCORE and self.cost_bounds is not None

    @property
    def no_rank_score(self) -> str:
        """Why there is no Rank Score, and what to do; empty where there is one."""
        if self.cost_bounds is not None:
            return ""
        cmin, cmax = self.measured
        why = (
            f"every candidate that costs anything costs the same on average, {SAMPLES_PER_COST_UNIT * cmax:.4g} USD "
            f"per {SAMPLES_PER_COST_UNIT:,} samples"
            if cmax > 0
            else "no candidate costs anything"
        )
        return f"No Rank Score: {why}; there is no range of costs to measure by (--cost-bounds LOW HIGH states one)."

    @property
    def dearest(self) -> float:
        """Mean cost of the most expensive candidate, USD per sample; the bounds' end where the user states them."""
        return max(self.measured[1], self.given_bounds[1] if self.given_bounds and not self.measured[1] else 0.0)

    @property
    def fallback_weight(self) -> float:
        """Accuracy that one USD must buy where there is no Rank Score; 0 where nothing costs anything."""
        return FALLBACK_GAIN / self.dearest if self.dearest else 0.0

    @property
    def fallback(self) -> str:
        """What choices are made by in the place of the Rank Score; empty where there is one, or it is not asked for."""
        if self.cost_bounds is not None or self.objective.kind != RANK_SCORE:
            return ""
        if not self.fallback_weight:
            return "Choices are made by accuracy alone."
        return (
            f"Choices are made by accuracy less {self.fallback_weight:.4g} times cost in USD: the mean cost of the "
            f"most expensive candidate counts like {100 * FALLBACK_GAIN:g} points of accuracy."
        )

    @property
    def why_no_rank_score(self) -> str:
        """Why there is no Rank Score, and what choices are made by instead; empty where there is one."""
        return " ".join(filter(None, (self.no_rank_score, self.fallback)))

    def rank_score(self, accuracy: np.ndarray | float, cost: np.ndarray | float) -> np.ndarray:
        """Rank Score, 0 to 100, of averages of any shape; NaN where there are no bounds."""
        if self.cost_bounds is None:
            return np.full(np.shape(accuracy), np.nan)
        return rank_score(accuracy, cost, cost_bounds=self.cost_bounds, beta=self.beta)

    def merit(
        self, accuracy: np.ndarray | float, cost: np.ndarray | float, best: np.ndarray | float = 1.0
    ) -> np.ndarray:
        """What policies are judged by, the larger the better.

        Args:
            accuracy: average accuracy in [0, 1], any shape.
            cost: average cost, USD per sample, same shape.
            best: accuracy of the best single candidate on the same samples, of a shape that broadcasts; only a share
                of accuracy needs it.
        """
        if self.ranks_by_rank_score:
            return self.rank_score(accuracy, cost)
        accuracy, cost, value = np.asarray(accuracy, float), np.asarray(cost, float), self.objective.value or 0.0
        unit = self.dearest or np.finfo(float).tiny
        if self.objective.kind == BUDGET:
            return np.where(cost <= value, 100 * accuracy, -100 * np.maximum(cost - value, 0) / unit)
        if self.objective.kind == ACCURACY_SHARE:
            target = value * np.asarray(best, float)
            reached = accuracy / np.where(target > 0, target, 1.0)
            return np.where(accuracy >= target, 100 + 100 * unit / (unit + cost), 100 * np.minimum(reached, 1))
        weight = {RANK_SCORE: self.fallback_weight, USD_WEIGHT: value}.get(self.objective.kind, 0.0)
        return 100 * (accuracy - weight * cost)

    def met(self, accuracy: float, cost: float, best: float) -> bool:
        """Whether averages keep the budget or the share that was asked for; arguments as for `merit`."""
        if self.objective.kind == BUDGET:
            return cost <= (self.objective.value or 0.0)
        return self.objective.kind != ACCURACY_SHARE or accuracy >= (self.objective.value or 0.0) * best


def _check_given(bounds: tuple[float, float]) -> None:
    """Refuse bounds that a user states, by the name of the option that states them."""
    try:
        cmin, cmax = check_cost_bounds(bounds)
    except EvaluationError as error:
        raise EvaluationError(f"--cost-bounds LOW HIGH (given_bounds): {error}") from error
    if cmax > ANSWER_USD:
        raise EvaluationError(
            f"--cost-bounds LOW HIGH (given_bounds): expected USD per sample, at most {ANSWER_USD:,}, found {cmax:g}."
        )


BENCHMARK_GOAL = Goal()
"""The benchmark's own: Rank Score under its own bounds."""
