"""How sure an average is: one-sided margins by the spread over groups, and averages that keep an objective surely.

Source: the normal approximation of a mean of clustered samples (Liang and Zeger, Biometrika 73(1), 1986).
"""

from __future__ import annotations

import numpy as np

from vlrouterbench.metrics.objectives import ACCURACY_SHARE, BUDGET, Goal

CONFIDENCE = 0.95
"""How sure a share of accuracy or a budget is kept, when a trade-off or a setting is chosen for it."""
_ONE_SIDED = 1.6448536269514722
"""The standard normal distribution's quantile of CONFIDENCE."""


def margin(values: np.ndarray, groups: np.ndarray) -> float:
    """How far the mean of values (num_samples,) may be off to one side, with CONFIDENCE, by its spread over groups.

    Args:
        values: of each sample.
        groups: group of each sample, (num_samples,), names or numbers; samples of one group count as one.
    """
    index = np.unique(groups, return_inverse=True)[1]
    sums = np.bincount(index, weights=values - values.mean())
    count = len(sums)
    return 0.0 if count < 2 else float(_ONE_SIDED * np.sqrt(count / (count - 1) * (sums**2).sum()) / len(values))


def sure_averages(
    goal: Goal, quality: np.ndarray, cost: np.ndarray, best: np.ndarray, groups: np.ndarray
) -> tuple[float, float, float]:
    """Accuracy, cost (USD per sample) and the best single candidate's accuracy, as a choice for a goal counts them.

    A share of accuracy counts with the lower end of what is sure, a budget with the upper end of the cost.

    Args:
        goal: what decisions are judged by.
        quality: of the decisions, (num_samples,).
        cost: of the decisions, USD per sample, (num_samples,).
        best: quality of the best single candidate, (num_samples,).
        groups: as for `margin`.
    """
    accuracy, average_cost = float(quality.mean()), float(cost.mean())
    if goal.objective.kind == ACCURACY_SHARE:
        accuracy -= margin(quality - (goal.objective.value or 0.0) * best, groups)
    if goal.objective.kind == BUDGET:
        average_cost += margin(cost, groups)
    return accuracy, average_cost, float(best.mean())
