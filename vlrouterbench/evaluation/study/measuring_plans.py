"""Which (sample, candidate) pairs of a train split are measured next, where not all can be: plans.

Decisions
- A budget of pairs grows in rounds, and a plan says what is measured by the end of each. It reads outcomes of pairs
  that were measured in earlier rounds alone, through what a router learnt from them.
- `adaptive` weighs a pair by exp(-gap / NEARNESS) times the standard deviation of its outcome: the gap is by how much
  its candidate is below the chosen one at the router's own trade-off. Pairs are drawn by these weights without
  replacement (Efraimidis and Spirakis, Information Processing Letters 97(5), 2006), so that a router that has seen
  little leaves nothing out for good.
- `dropping` asks further samples of the candidates alone that are near a choice somewhere; when no sample is left, it
  spends no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from vlrouterbench.data.costs import measured_means
from vlrouterbench.routers.base.estimating import EstimatingRouter

CORE = 0.5
"""Share of the pairs of `cheap-wider` that are of samples measured for all candidates."""
NEARNESS = 0.05
"""Accuracy by which a candidate may be below the chosen one and still weigh a third in `adaptive`."""
LEAST_SPREAD = 0.02
"""Chances of a correct answer count as no nearer to 0 and 1."""
MARGIN = 0.02
"""Accuracy by which a candidate may be below the chosen one and still be near a choice in `dropping`."""
LEAST_WEIGHT = 1e-300
"""Of a pair in `adaptive`; smaller ones could not be told from 0, and are all drawn alike when the others are spent."""
LEAST_NEAR = 0.1
"""Share of the samples on which a candidate must be near a choice, at one trade-off at least."""
TRADE_OFFS = (0.5, 0.7, 1.0, 1.4, 2.0)
"""Trade-offs at which `dropping` looks, as multiples of the router's own: with more samples it may choose another."""


@dataclass(frozen=True)
class Expected:
    """What a router expects of the train samples, (num_train, num_candidates) each.

    Attributes:
        chance: of a correct answer.
        utilities: estimated accuracy less weighted cost, at each of TRADE_OFFS.
        utility: the same at the router's own.
    """

    chance: np.ndarray
    utilities: list[np.ndarray]
    utility: np.ndarray


@dataclass(frozen=True)
class Round:
    """What is measured, and how much more may be.

    Attributes:
        pairs: measured before, (num_train, num_candidates) bool.
        cost: USD of every pair, (num_train, num_candidates), NaN = not measured.
        count: pairs that may be measured by the end of this round, those before included.
        order: of the samples, drawn once, (num_train,).
        rng: for what else is drawn.
        expected: by a router that learnt from `pairs`, where there are some.
    """

    pairs: np.ndarray
    cost: np.ndarray
    count: int
    order: np.ndarray
    rng: np.random.Generator
    expected: Callable[[], Expected]

    @property
    def more(self) -> int:
        """How many may be measured in this round."""
        return max(0, self.count - int(self.pairs.sum()))


Plan = Callable[[Round], np.ndarray]
"""Pairs that are measured by the end of a round, (num_train, num_candidates) bool."""


def random_pairs(now: Round) -> np.ndarray:
    """Any pairs, each as likely as the others."""
    return _drawn(now, np.ones(now.pairs.shape))


def whole_samples(now: Round) -> np.ndarray:
    """Random samples, for all candidates."""
    pairs = now.pairs.copy()
    pairs[now.order[: now.count // pairs.shape[1]]] = True
    return pairs


def cheap_wider(now: Round) -> np.ndarray:
    """Random samples for all candidates, with CORE of the pairs; then the cheapest candidate on others, and so on.

    The budget is known beforehand here: earlier rounds do not count.
    """
    pairs = np.zeros_like(now.pairs)
    core = max(1, int(CORE * now.count) // pairs.shape[1])
    pairs[now.order[:core]] = True
    left = now.count - int(pairs.sum())
    for candidate in np.argsort(measured_means(now.cost[now.order[:core]]), kind="stable"):
        wider = now.order[core : core + max(0, left)]
        pairs[wider, candidate] = True
        left -= len(wider)
    return pairs


def adaptive(now: Round) -> np.ndarray:
    """Random samples for all candidates first; from then on pairs that are near to a choice, and uncertain."""
    if not now.pairs.any():
        return whole_samples(now)
    expected = now.expected()
    chance = expected.chance.clip(LEAST_SPREAD, 1 - LEAST_SPREAD)
    return _drawn(now, np.exp(-_gap(expected.utility) / NEARNESS) * np.sqrt(chance * (1 - chance)))


def dropping(now: Round) -> np.ndarray:
    """Random samples for all candidates first; further ones for those that are near a choice on some samples."""
    if not now.pairs.any():
        return whole_samples(now)
    near = np.max([(_gap(utility) <= MARGIN).mean(axis=0) for utility in now.expected().utilities], axis=0)
    kept = np.flatnonzero(near >= min(LEAST_NEAR, near.max()))  # of very many, each may be near a choice on few
    unseen = now.order[~now.pairs[now.order].any(axis=1)]
    pairs = now.pairs.copy()
    pairs[np.ix_(unseen[: now.more // len(kept)], kept)] = True
    return pairs


PLANS: Mapping[str, Plan] = {
    "random-pairs": random_pairs,
    "whole-samples": whole_samples,
    "cheap-wider": cheap_wider,
    "adaptive": adaptive,
    "dropping": dropping,
}
"""The first is what the others are held against."""
PLAN_WORDS: Mapping[str, str] = {
    "random-pairs": "any pairs, each as likely as the others",
    "whole-samples": "random samples, each for all candidates",
    "cheap-wider": "half of the pairs so, the others of the cheapest candidates on further samples",
    "adaptive": "pairs that a router trained on those before finds near a choice and uncertain",
    "dropping": "further samples for those candidates alone that are near a choice on some",
}
"""What each is, in a few words."""


def expected_by(router: EstimatingRouter, features: torch.Tensor) -> Expected:
    """What a router expects of samples by their features, (num_samples, dim)."""
    made, own = router.estimates(features), router.config.usd_weight
    utilities = [router.utility_at(made, part * own).double().cpu().numpy() for part in TRADE_OFFS]
    return Expected(made.accuracy.double().cpu().numpy(), utilities, utilities[TRADE_OFFS.index(1.0)])


def _gap(utility: np.ndarray) -> np.ndarray:
    """By how much candidates are below the best of a sample."""
    return np.asarray(utility.max(axis=1, keepdims=True) - utility)


def _drawn(now: Round, weights: np.ndarray) -> np.ndarray:
    """The pairs of a round with as many more as there may be, by their weights, without replacement."""
    with np.errstate(divide="ignore"):
        keys = np.log(now.rng.random(weights.shape)) / weights.clip(min=LEAST_WEIGHT)
    keys[now.pairs] = -np.inf
    pairs = now.pairs.copy()
    pairs.reshape(-1)[np.argsort(-keys, axis=None, kind="stable")[: now.more]] = True
    return pairs
