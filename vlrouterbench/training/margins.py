"""How sure an average is: one-sided margins by the spread over groups, and averages that keep an objective surely.

Decisions
- Student's t, since the spread itself is an estimate where groups are few.
- A share of accuracy counts one more sample, on which the decision is wrong and the best single candidate right. Few
  samples without a loss would state no spread at all, and be taken for certainty.

Source: the variance of a mean of clustered samples (Liang and Zeger, Biometrika 73(1), 1986), with t on groups - 1
degrees of freedom (Cameron and Miller, Journal of Human Resources 50(2), 2015, section VI).
"""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from vlrouterbench.metrics.objectives import ACCURACY_SHARE, BUDGET, Goal

CONFIDENCE = 0.95
"""How sure a share of accuracy or a budget is kept, when a trade-off or a setting is chosen for it."""


def margin(values: np.ndarray, groups: np.ndarray, confidence: float = CONFIDENCE) -> float:
    """How far the mean of values (num_samples,) may be off to one side, by its spread over groups.

    Args:
        values: of each sample.
        groups: group of each sample, (num_samples,), names or numbers; samples of one group count as one.
        confidence: how sure that is.

    Returns:
        The margin, in units of the values; infinite for a single group, which shows no spread.
    """
    count = len(np.unique(groups))
    if count < 2:
        return np.inf
    return float(stdtrit(count - 1, confidence) * standard_error(values, groups))


def standard_error(values: np.ndarray, groups: np.ndarray) -> float:
    """Of the mean of values (num_samples,), by its spread over groups; arguments as for `margin`.

    Returns:
        In units of the values; infinite for a single group, which shows no spread.
    """
    index = np.unique(groups, return_inverse=True)[1]
    sums = np.bincount(index, weights=values - values.mean())
    count = len(sums)
    if count < 2:
        return np.inf
    return float(np.sqrt(count / (count - 1) * (sums**2).sum()) / len(values))


def sure_slack(slack: np.ndarray, groups: np.ndarray, worst: float) -> float:
    """The lower end of a mean of slacks (num_samples,), with CONFIDENCE; one more sample with the worst slack counts.

    Args:
        slack: of each sample.
        groups: as for `margin`.
        worst: the least that a sample's slack can be.
    """
    index = np.unique(groups, return_inverse=True)[1]
    more = np.append(slack, worst)
    return float(more.mean()) - margin(more, np.append(index, index.max(initial=-1) + 1))


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
        share = goal.objective.value or 0.0
        slack = quality - share * best
        accuracy += sure_slack(slack, groups, worst=-share) - float(slack.mean())
    if goal.objective.kind == BUDGET:
        average_cost += margin(cost, groups)
    return accuracy, average_cost, float(best.mean())
