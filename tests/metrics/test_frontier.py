"""Measures of a whole frontier: golden numbers by hand, scipy's hull, and what no order of points may change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.metrics.frontier import (
    convex_hull_area,
    hull_cost,
    hull_height,
    hypervolume,
    normalized_auc,
    pareto_frontier,
    quality_neutral_cost,
    upper_hull,
)
from vlrouterbench.metrics.trade_off import chosen_values, normalized_cost

BOUNDS = (0.001, 0.008)


@pytest.fixture
def golden(golden_matrices):
    """The three candidates of the golden table alone, and one router on it: (0.0026 USD, 80 %)."""
    quality, cost = golden_matrices
    router = np.array([0, 1, 2, 0, 0])
    singles = cost.mean(axis=0), quality.mean(axis=0)
    point = chosen_values(cost, router).mean(), chosen_values(quality, router).mean()
    return singles, point


points_of = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 10)), min_size=1, max_size=12)


def arrays(points):
    return np.array([c for c, _ in points]) / 1000, np.array([q for _, q in points]) / 10


def test_single_candidates_of_the_golden_table(golden):
    # (1, 0.4), (2, 0.4), (8, 0.8) in 1/1000 USD: the second is beaten; a straight line from 0.4 to 0.8 is left.
    (cost, quality), _ = golden
    assert pareto_frontier(cost, quality).tolist() == [0, 2] == upper_hull(cost, quality).tolist()
    assert convex_hull_area(cost, quality, cost_bounds=BOUNDS) == pytest.approx(0.6)
    assert normalized_auc(cost, quality, cost_bounds=BOUNDS) == pytest.approx(0.6)
    # The dearest is at cmax, where cheapness is 0: only the cheapest counts, 1 * 0.4.
    assert hypervolume(cost, quality, cost_bounds=BOUNDS) == pytest.approx(0.4)


def test_a_router_on_the_golden_table(golden):
    (cost, quality), (router_cost, router_quality) = golden
    cost, quality = np.append(cost, router_cost), np.append(quality, router_quality)
    # From 0.4 to 0.8 over 1.6, then 0.8 over 5.4, of 7 in all: (0.96 + 4.32) / 7.
    assert convex_hull_area(cost, quality, cost_bounds=BOUNDS) == pytest.approx(5.28 / 7)
    assert normalized_auc(cost, quality, cost_bounds=BOUNDS) == pytest.approx(5.28 / 7)
    # 1 * 0.4 + C(0.0026) * 0.4, C = log2(8 / 2.6) / 3 = 0.540496.
    assert hypervolume(cost, quality, cost_bounds=BOUNDS) == pytest.approx(0.4 + 0.4 * 0.540496, abs=1e-6)


def test_the_cheapest_way_to_the_best_single_accuracy(golden):
    (cost, quality), (router_cost, router_quality) = golden
    singles = {"single_cost": cost, "single_quality": quality}
    assert quality_neutral_cost(np.array([router_cost]), np.array([router_quality]), **singles) == pytest.approx(0.325)
    assert quality_neutral_cost(cost, quality, **singles) == 1
    assert quality_neutral_cost(cost[:2], quality[:2], **singles) is None


def test_of_equally_good_single_candidates_the_cheapest_is_the_measure():
    singles = {"single_cost": np.array([8.0, 4.0, 1.0]), "single_quality": np.array([0.9, 0.9, 0.5])}
    assert quality_neutral_cost(np.array([2.0]), np.array([0.95]), **singles) == 0.5


def test_a_dent_is_filled_by_the_hull_and_not_by_the_frontier():
    cost, quality = np.array([0.0, 0.5, 1.0]), np.array([0.2, 0.3, 0.8])
    assert upper_hull(cost, quality).tolist() == [0, 2]
    assert convex_hull_area(cost, quality, cost_bounds=(0.5, 1.0)) == pytest.approx((0.5 + 0.8) / 2)
    assert normalized_auc(cost, quality, cost_bounds=(0.5, 1.0)) == pytest.approx((0.3 + 0.8) / 2)


def test_nothing_can_be_had_below_the_cheapest_point_and_no_more_past_the_dearest():
    one = np.array([2.0]), np.array([0.6])
    assert convex_hull_area(*one, cost_bounds=(1.0, 5.0)) == pytest.approx(0.6 * 3 / 4)
    assert convex_hull_area(*one, cost_bounds=(2.5, 5.0)) == pytest.approx(0.6)
    assert convex_hull_area(*one, cost_bounds=(0.5, 1.5)) == 0


@given(points_of)
def test_the_hull_is_the_upper_part_of_scipys(points):
    cost, quality = arrays(points)
    # Closed below by the cheapest best point's foot, and to the right by level ground.
    floor = [[cost.min(), -1.0], [cost.max() + 1, -1.0], [cost.max() + 1, quality.max()]]
    cloud = np.vstack([np.column_stack([cost, quality]), floor])
    hull = ConvexHull(cloud)
    grid = np.linspace(cost.min(), cost.max(), 17)
    a, b, c = hull.equations[hull.equations[:, 1] > 1e-9].T
    expected = ((-c - a * grid[:, None]) / b).min(axis=1)
    corners = upper_hull(cost, quality)
    np.testing.assert_allclose(np.interp(grid, cost[corners], quality[corners]), expected, atol=1e-9)


@given(points_of, st.randoms())
def test_order_and_beaten_points_do_not_matter(points, random):
    cost, quality = arrays(points)
    more = [*points, (max(c for c, _ in points) + 1, min(q for _, q in points))]
    random.shuffle(more)
    other = arrays(more)
    for measure in (convex_hull_area, normalized_auc, hypervolume):
        assert measure(*other, cost_bounds=BOUNDS) == pytest.approx(measure(cost, quality, cost_bounds=BOUNDS))


@given(points_of)
def test_measures_keep_their_range_and_mixing_never_hurts(points):
    cost, quality = arrays(points)
    area, auc = (measure(cost, quality, cost_bounds=BOUNDS) for measure in (convex_hull_area, normalized_auc))
    assert -1e-12 <= auc <= area + 1e-12 <= quality.max() + 1e-9
    volume = hypervolume(cost, quality, cost_bounds=BOUNDS)
    assert 0 <= volume <= quality.max() + 1e-9


@given(points_of)
def test_hypervolume_is_the_share_of_a_fine_grid_that_is_dominated(points):
    cost, quality = arrays(points)
    cheapness = normalized_cost(cost, cost_bounds=BOUNDS)
    middle = (np.arange(400) + 0.5) / 400
    reached = (np.where(cheapness[:, None] >= middle, quality[:, None], 0)).max(axis=0)
    assert hypervolume(cost, quality, cost_bounds=BOUNDS) == pytest.approx(reached.mean(), abs=0.01)


@pytest.mark.parametrize(
    ("cost", "quality", "said"),
    [([], [], "at least one point"), ([1, 2], [0.5], "shapes"), ([np.nan], [0.5], "NaN"), ([1], [1.5], "quality")],
)
def test_what_is_no_set_of_points_is_refused(cost, quality, said):
    with pytest.raises(EvaluationError, match=said):
        convex_hull_area(np.array(cost, float), np.array(quality, float), cost_bounds=BOUNDS)


def test_height_and_cost_on_a_hull_of_two_points():
    cost, quality = np.array([0.001, 0.003]), np.array([0.4, 0.8])
    # Nothing below the first, halfway between, level past the last.
    assert hull_height(cost, quality, at=np.array([0.0005, 0.001, 0.002, 0.009])) == pytest.approx([0, 0.4, 0.6, 0.8])
    reached = [hull_cost(cost, quality, reaching=target) for target in (0.1, 0.4, 0.6, 0.8)]
    assert reached == pytest.approx([0.001, 0.001, 0.002, 0.003])
    assert hull_cost(cost, quality, reaching=0.81) is None


def test_a_point_below_the_hull_is_passed_over():
    # The middle one lies under the line from (1, 0.2) to (3, 0.8), and the last is beaten.
    cost, quality = np.array([0.001, 0.002, 0.003, 0.004]), np.array([0.2, 0.3, 0.8, 0.7])
    assert hull_height(cost, quality, at=0.002) == pytest.approx(0.5)
    assert hull_cost(cost, quality, reaching=0.35) == pytest.approx(0.0015)


@given(points_of, st.floats(0, 1))
def test_the_hull_reaches_a_quality_at_the_cost_it_says_and_not_below(points, target):
    cost, quality = arrays(points)
    found = hull_cost(cost, quality, reaching=target)
    if found is None:
        assert target > quality.max()
        return
    assert hull_height(cost, quality, at=found) >= target - 1e-9
    below = hull_height(cost, quality, at=found - 1e-6)
    assert below < target or found == cost.min()
