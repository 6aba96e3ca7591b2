"""Measures of a set of operating points: AIQ, nAUC, QNC and hypervolume of the whole, and its value at one point.

Decisions
- A point is (average cost in USD per sample, average quality in [0, 1]): of one router at several trade-offs, or of
  several routers.
- Bounds of the cost axis are required, as for Rank Score: areas over a curve's own range reward a short curve.
- Below the cost of the cheapest point nothing can be had, so curves are 0 there; past the most expensive one they stay
  level.
- A measure that does not exist (no point reaches a target) is None, never infinity.
"""

from __future__ import annotations

import numpy as np

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.metrics.trade_off import check_cost_bounds, normalized_cost


def pareto_frontier(cost: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """Indices of the points that no other beats, by rising cost; of equal points the first.

    Args:
        cost: (num_points,) average cost, USD per sample.
        quality: (num_points,) average quality in [0, 1].

    Raises:
        EvaluationError: no points, NaN, quality outside [0, 1], negative cost, or shapes that disagree.
    """
    cost, quality = _checked(cost, quality)
    order = np.lexsort((-quality, cost))
    best_before = np.concatenate([[-np.inf], np.maximum.accumulate(quality[order])[:-1]])
    return order[quality[order] > best_before]


def upper_hull(cost: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """Indices of the corners of the non-decreasing upper convex hull, by rising cost.

    Between two corners every trade-off can be had by drawing one of the two at random, so the hull is what a set of
    points reaches. Arguments and errors as for `pareto_frontier`.
    """
    cost, quality = _checked(cost, quality)
    corners: list[int] = []
    for index in pareto_frontier(cost, quality):
        while len(corners) > 1 and not _above(corners[-2], corners[-1], int(index), cost, quality):
            corners.pop()
        corners.append(int(index))
    return np.array(corners)


def convex_hull_area(cost: np.ndarray, quality: np.ndarray, *, cost_bounds: tuple[float, float]) -> float:
    """AIQ, average improvement in quality: the mean height of the non-decreasing upper hull over the cost range.

        AIQ = 1 / (cmax - cmin) * integral of hull(c) dc from cmin to cmax

    Unit: quality, 0 to 1. Source: RouterBench (arXiv 2403.12031), section 3.

    Args:
        cost: as for `pareto_frontier`.
        quality: as for `pareto_frontier`.
        cost_bounds: (cmin, cmax), USD per sample.
    """
    return _mean_height(cost, quality, upper_hull(cost, quality), check_cost_bounds(cost_bounds))


def hull_height(cost: np.ndarray, quality: np.ndarray, *, at: np.ndarray | float) -> np.ndarray:
    """Height of the non-decreasing upper hull at costs: the quality that points reach there, in [0, 1].

    Args:
        cost: as for `pareto_frontier`.
        quality: as for `pareto_frontier`.
        at: costs, USD per sample, any shape.

    Returns:
        Of that shape; 0 below the cheapest point.
    """
    x, y = _corners(cost, quality)
    return np.interp(at, x, y, left=0.0)


def hull_cost(cost: np.ndarray, quality: np.ndarray, *, reaching: float) -> float | None:
    """The smallest cost on the non-decreasing upper hull at which a quality is reached, USD per sample.

    Unlike QNC's, the cost of a mix of two points. None where no point is as good. Arguments as for `pareto_frontier`.
    """
    x, y = _corners(cost, quality)
    return float(np.interp(reaching, y, x)) if reaching <= y[-1] else None


def normalized_auc(cost: np.ndarray, quality: np.ndarray, *, cost_bounds: tuple[float, float]) -> float:
    """nAUC: the mean height, over the cost range, of the line through the points that no other beats.

        nAUC = 1 / (cmax - cmin) * integral of frontier(c) dc, by trapezoids between neighbouring points

    Unit: quality, 0 to 1. Source: MMR-Bench (arXiv 2601.17814), which takes the curve's own lowest and highest cost
    as bounds: with these it is the same figure. At most as large as AIQ under the same bounds.

    Args:
        cost: as for `pareto_frontier`.
        quality: as for `pareto_frontier`.
        cost_bounds: (cmin, cmax), USD per sample.
    """
    return _mean_height(cost, quality, pareto_frontier(cost, quality), check_cost_bounds(cost_bounds))


def quality_neutral_cost(
    cost: np.ndarray, quality: np.ndarray, *, single_cost: np.ndarray, single_quality: np.ndarray
) -> float | None:
    """QNC: the cheapest point as good as the best single candidate, as a share of what that candidate costs.

        QNC = min {c_i : q_i >= max_j Q_j} / C_b,    b = argmax_j Q_j, of equal ones the cheapest

    Unit: none; below 1 the points are cheaper. None where no point is as good, or that candidate is free. Sources:
    UniRoute (arXiv 2502.08773), MMR-Bench (arXiv 2601.17814).

    Args:
        cost: as for `pareto_frontier`.
        quality: as for `pareto_frontier`.
        single_cost: (num_candidates,) average cost of every candidate alone.
        single_quality: (num_candidates,) average quality of every candidate alone.
    """
    cost, quality = _checked(cost, quality)
    single_cost, single_quality = _checked(single_cost, single_quality)
    best = np.lexsort((single_cost, -single_quality))[0]
    if not single_cost[best] > 0:
        return None
    reaching = cost[quality >= single_quality[best]]
    return float(reaching.min() / single_cost[best]) if reaching.size else None


def hypervolume(cost: np.ndarray, quality: np.ndarray, *, cost_bounds: tuple[float, float]) -> float:
    """Share of the unit square of cheapness and quality that the points dominate, with the corner (0, 0) as reference.

        HV = area of the union over i of [0, C_i] x [0, q_i],    C the log-normalised cost of Rank Score

    Unit: none, 0 to 1. Source: Zitzler and Thiele, Multiobjective Evolutionary Algorithms (IEEE TEC 3(4), 1999). The
    cost axis is Rank Score's: halving a cost counts the same everywhere.

    Args:
        cost: as for `pareto_frontier`.
        quality: as for `pareto_frontier`.
        cost_bounds: (cmin, cmax), USD per sample.
    """
    cost, quality = _checked(cost, quality)
    indices = pareto_frontier(cost, quality)
    cheapness, height = normalized_cost(cost[indices], cost_bounds=cost_bounds), quality[indices]
    # From the cheapest point on, each adds a strip as wide as its cheapness on top of those before it.
    return float((cheapness * np.diff(height, prepend=0.0)).sum())


def _corners(cost: np.ndarray, quality: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cost and quality of the corners of the upper hull, both rising."""
    cost, quality = _checked(cost, quality)
    indices = upper_hull(cost, quality)
    return cost[indices], quality[indices]


def _checked(cost: np.ndarray, quality: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    cost, quality = np.asarray(cost, dtype=float), np.asarray(quality, dtype=float)
    if cost.ndim != 1 or cost.shape != quality.shape or not cost.size:
        raise EvaluationError(
            f"expected one cost and one quality per point, at least one point, found shapes {cost.shape} and "
            f"{quality.shape}."
        )
    if not (np.isfinite(cost).all() and np.isfinite(quality).all()):
        raise EvaluationError("expected measured points, found NaN or infinity: leave out what was not measured.")
    if (cost < 0).any() or (quality < 0).any() or (quality > 1).any():
        raise EvaluationError(
            f"expected costs >= 0 and quality in [0, 1], found costs from {cost.min():g} and quality from "
            f"{quality.min():g} to {quality.max():g}."
        )
    return cost, quality


def _above(first: int, middle: int, last: int, cost: np.ndarray, quality: np.ndarray) -> bool:
    """Whether the middle point lies above the line from first to last."""
    rise, run = quality[last] - quality[first], cost[last] - cost[first]
    return (quality[middle] - quality[first]) * run > rise * (cost[middle] - cost[first])


def _mean_height(cost: np.ndarray, quality: np.ndarray, indices: np.ndarray, bounds: tuple[float, float]) -> float:
    """Mean over the cost range of the line through some points: 0 before the first, level after the last."""
    cmin, cmax = bounds
    x, y = np.asarray(cost, dtype=float)[indices], np.asarray(quality, dtype=float)[indices]
    low, high = np.clip([x[0], x[-1]], cmin, cmax)
    inside = x[(x > low) & (x < high)]
    ends = np.concatenate([[low], inside, [high]])
    level = y[-1] * (cmax - high) if x[-1] < cmax else 0.0
    # A first point past the range leaves nothing inside it, and one end only, of no width.
    return float((np.trapezoid(np.interp(ends, x, y), ends) + level) / (cmax - cmin))
