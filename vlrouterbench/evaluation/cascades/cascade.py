"""A cascade of two candidates: ask the first, look at its answer, ask the second where that is expected to pay.

Every call is charged: a sample whose first answer is not kept costs both. The rule is post-hoc deferral,
arXiv 2307.02764: defer where the second candidate's expected quality, given the sample and the
first one's answer, exceeds the first one's by more than a threshold.

Decisions
- The threshold is the one with the best merit on out-of-fold estimates of the train split and on the validation
  samples together, by the goal of the evaluation; test has no part in it. To never and to always ask again are among
  its values.
- `auto` takes the pair with the best merit on the same samples, among those whose first is on the train split's
  accuracy-cost front and whose second is more accurate: others cannot be better at both ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.cascades.answers import answer_features
from vlrouterbench.evaluation.cascades.estimator import AfterAnswer
from vlrouterbench.features.encode import FeatureSet

NUM_THRESHOLDS = 201
NONE_BEFORE = -1
"""In the place of a candidate that was asked before: the first call's answer was kept."""


@dataclass(frozen=True)
class CascadeDecisions:
    """Decisions of a cascade.

    Attributes:
        decisions: (num_samples,) whose answer is taken, indices in the pool.
        asked_before: (num_samples,) who was asked, and paid, before; NONE_BEFORE where nobody was.
        config: description of the cascade, for results.
    """

    decisions: np.ndarray
    asked_before: np.ndarray
    config: dict[str, object]


@dataclass(frozen=True)
class _Judged:
    """A pair with its best threshold."""

    merit: float
    first: int
    second: int
    threshold: float


def decide_cascade(
    steps: tuple[str, str] | None, test: RoutingTable, whole: RoutingTable, features: FeatureSet, *, seed: int
) -> CascadeDecisions:
    """Decisions of a cascade on a table, learnt from train and validation.

    Args:
        steps: first and second candidate; None to choose them.
        test: the scored samples.
        whole: the benchmark.
        features: of its samples.
        seed: of folds.

    Raises:
        EvaluationError: answers are not known, or no pair can be chosen.
    """
    train, kept = _learnt_from(whole)
    pairs = _pairs(train) if steps is None else [(whole.pool.index[steps[0]], whole.pool.index[steps[1]])]
    if not pairs:
        raise EvaluationError(
            "cascade:auto: no candidate is more accurate than a cheaper one on the train split, so that none is worth "
            "asking second. Name two: cascade:FIRST,SECOND."
        )
    rows = {id(part): features.of(part).numpy() for part in (train, kept, test) if len(part)}
    quality, cost = (np.concatenate([getattr(part, of) for part in (train, kept)]) for of in ("quality", "cost"))
    judged: list[_Judged] = []
    estimators: dict[int, AfterAnswer] = {}
    for first in dict.fromkeys(first for first, _ in pairs):
        name = whole.pool.names[first]
        estimator = estimators[first] = AfterAnswer(
            rows[id(train)], answer_features(train, name), train.quality, train.column("group_id"), seed=seed
        )
        answers = answer_features(kept, name) if len(kept) else np.empty((0, 0))
        for second in (second for start, second in pairs if start == first):
            choice = estimator.best_for(first, second)
            estimates = [estimator.out_of_fold[choice]]
            if len(kept):
                estimates.append(estimator.estimate(choice, rows[id(kept)], answers))
            gain = np.concatenate([found[:, second] - found[:, first] for found in estimates])
            judged.append(_best_threshold(gain, quality, cost, (first, second), whole))
    best = max(judged, key=lambda pair: pair.merit)
    estimator, first_name = estimators[best.first], whole.pool.names[best.first]
    choice = estimator.best_for(best.first, best.second)
    found = estimator.estimate(choice, rows[id(test)], answer_features(test, first_name))
    again = found[:, best.second] - found[:, best.first] > best.threshold
    return CascadeDecisions(
        np.where(again, best.second, best.first),
        np.where(again, best.first, NONE_BEFORE),
        {
            "steps": [first_name, whole.pool.names[best.second]],
            "threshold": best.threshold if np.isfinite(best.threshold) else None,
            "asked_again": float(again.mean()),
            "answer_weight": choice[0],
            "pairs_tried": len(pairs),
            "fitted_on": "train, threshold also on validation",
            "seed": seed,
        },
    )


def _learnt_from(whole: RoutingTable) -> tuple[RoutingTable, RoutingTable]:
    """Train and validation samples that were measured for every candidate; the latter may be none."""
    train, kept = (part.take(part.complete) for part in (whole.split("train"), whole.split("validation")))
    if not len(train):
        raise EvaluationError(
            f"a cascade learns from samples measured for every candidate, and the train split of {whole.folder} has "
            "none. Score a smaller pool: --candidates A,B."
        )
    return train, kept


def _pairs(train: RoutingTable) -> list[tuple[int, int]]:
    """Pairs that `auto` tries."""
    quality, cost = train.mean_quality, train.mean_cost
    size = range(len(quality))
    front = [
        one for one in size if not any(quality[o] >= quality[one] and cost[o] < cost[one] for o in size if o != one)
    ]
    return [(one, other) for one in front for other in size if quality[other] > quality[one]]


def _best_threshold(
    gain: np.ndarray, quality: np.ndarray, cost: np.ndarray, pair: tuple[int, int], whole: RoutingTable
) -> _Judged:
    """The threshold on the expected gain (num_samples,) with the best merit, quality and cost measured."""
    first, second = pair
    thresholds = np.unique([-np.inf, *np.quantile(gain, np.linspace(0, 1, NUM_THRESHOLDS)), np.inf])
    again = gain[None, :] > thresholds[:, None]
    accuracy = np.where(again, quality[:, second], quality[:, first]).mean(axis=1)
    charged = (cost[:, first] + again * cost[:, second]).mean(axis=1)
    merits = whole.goal.merit(accuracy, charged, best=quality.mean(axis=0).max())
    best = len(merits) - 1 - int(np.argmax(merits[::-1]))  # of equal ones the fewest calls
    return _Judged(float(merits[best]), first, second, float(thresholds[best]))
