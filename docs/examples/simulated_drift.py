"""What `serve --adapt` gains and costs on simulated drift: regret of five policies, by what is true of each request.

    python simulated_drift.py

Three candidates, six kinds of requests that every policy sees. The router's estimates are right at first. At half time,
by scenario, nothing changes, the best candidate gets half of what it knew wrong, or the middle one costs three times
as much.
A policy learns from the outcome of whom it asked alone. Regret: what the oracle, who knows every probability and
price at every time, expects to gain over it, in accuracy less weighted cost, summed over all requests.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from vlrouterbench.serving.adapting import Adaptation

NAMES = ("small", "middle", "large")
KINDS, REQUESTS, SEEDS = 6, 4_000, 20
WEIGHT = 100.0
"""Accuracy that one USD must buy."""
COST = np.array([1e-4, 5e-4, 2e-3])
SCENARIOS = ("no drift", "a candidate gets worse", "a price changes")
Choose = Callable[[int, np.ndarray], int]
Learn = Callable[[int, int, float, float], None]


def truth(scenario: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy (2 halves, kinds, candidates) and cost (2, candidates), USD."""
    level = np.linspace(-1, 1, KINDS)[:, None]
    first = 1 / (1 + np.exp(-(np.array([0.2, 1.2, 2.2]) - 1.5 * level + rng.normal(0, 0.3, (KINDS, 3)))))
    accuracy, cost = np.stack([first, first]), np.stack([COST, COST])
    if scenario == SCENARIOS[1]:
        accuracy[1, :, 2] *= 0.5
    if scenario == SCENARIOS[2]:
        cost[1, 1] *= 3
    return accuracy, cost


class Linear:
    """LinUCB (Li, Chu, Langford and Schapire 2010, arXiv 1003.0146), with a price of dollars that keeps to a budget.

    The price rises after requests over the mean budget and falls after those under it (a dual ascent step, as in
    Agrawal and Devanur 2016, arXiv 1506.03374). It starts from nothing, and is told the current prices.
    """

    def __init__(self, budget: float) -> None:
        self.gram = np.ones((KINDS, 3))
        self.gained = np.zeros((KINDS, 3))
        self.budget, self.price = budget, WEIGHT

    def choose(self, kind: int, cost: np.ndarray) -> int:
        """The largest upper bound less the priced cost; of indicators the ridge regression is a mean."""
        bound = self.gained[kind] / self.gram[kind] + 0.5 / np.sqrt(self.gram[kind])
        return int((bound - self.price * cost).argmax())

    def learn(self, kind: int, chosen: int, outcome: float, paid: float) -> None:
        """One outcome."""
        self.gram[kind, chosen] += 1
        self.gained[kind, chosen] += outcome
        self.price = max(0.0, self.price + 0.02 * WEIGHT * (paid / self.budget - 1))


def regrets(scenario: str, seed: int) -> dict[str, float]:
    """Regret of each policy in one simulation."""
    rng = np.random.default_rng([seed, SCENARIOS.index(scenario)])
    accuracy, cost = truth(scenario, rng)
    kinds, draws = rng.integers(KINDS, size=REQUESTS), rng.random(REQUESTS)
    drawn, others = rng.random(REQUESTS), rng.integers(3, size=REQUESTS)
    static = (accuracy[0] - WEIGHT * cost[0]).argmax(axis=1)
    budget = float(cost[0][static[kinds]].mean())

    def total(choose: Choose, learn: Learn | None = None) -> float:
        lost = 0.0
        for number, kind in enumerate(kinds):
            half = int(2 * number >= REQUESTS)
            gain = accuracy[half, kind] - WEIGHT * cost[half]
            chosen = choose(number, cost[half])
            lost += float(gain.max() - gain[chosen])
            if learn is not None:
                learn(kind, chosen, float(draws[number] < accuracy[half, kind, chosen]), float(cost[half, chosen]))
        return lost

    def adapting(explore: float) -> float:
        adaptation = Adaptation()

        def choose(number: int, _: np.ndarray) -> int:
            if drawn[number] < explore:
                return int(others[number])
            expected = accuracy[0, kinds[number]]
            gains = [
                adaptation.accuracy(name, float(expected[place]))
                - WEIGHT * adaptation.cost_usd(name, float(cost[0, place]))
                for place, name in enumerate(NAMES)
            ]
            return int(np.argmax(gains))

        def learn(kind: int, chosen: int, outcome: float, paid: float) -> None:
            adaptation.learn(NAMES[chosen], float(accuracy[0, kind, chosen]), outcome, float(cost[0, chosen]), paid)

        return total(choose, learn)

    linear = Linear(budget)
    return {
        "no adaptation": total(lambda number, _: int(static[kinds[number]])),
        "--adapt": adapting(0.0),
        "--adapt, explore 0.02": adapting(0.02),
        "LinUCB with a dollar pacer": total(lambda number, now: linear.choose(kinds[number], now), linear.learn),
        "oracle": 0.0,
    }


def main() -> None:
    """The table."""
    found = {scenario: [regrets(scenario, seed) for seed in range(SEEDS)] for scenario in SCENARIOS}
    sys.stdout.write(f"| regret over {REQUESTS:,} requests (simulated, {SEEDS} seeds) | {' | '.join(SCENARIOS)} |\n")
    sys.stdout.write(f"|---|{'---|' * len(SCENARIOS)}\n")
    for name in found[SCENARIOS[0]][0]:
        cells = []
        for scenario in SCENARIOS:
            values = np.array([one[name] for one in found[scenario]])
            cells.append(f"{values.mean():.1f} ± {1.96 * values.std(ddof=1) / np.sqrt(SEEDS):.1f}")
        sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")


if __name__ == "__main__":
    main()
