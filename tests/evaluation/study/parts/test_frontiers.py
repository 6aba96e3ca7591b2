"""Frontiers over splits: points of every kind of family, measures by hand, and resamples that are paired."""

from dataclasses import replace

import numpy as np
import pytest

from tests.tables import hand_table
from vlrouterbench.core.constants import COST_WEIGHTS
from vlrouterbench.core.errors import RouterError
from vlrouterbench.evaluation.study.context import StudyContext, resplit, scored
from vlrouterbench.evaluation.study.frontier_measures import SINGLE, Points, measure_split
from vlrouterbench.evaluation.study.parts.frontiers import NUM_COSTS, FrontiersPart
from vlrouterbench.metrics.bootstrap import resampled_means
from vlrouterbench.metrics.frontier import convex_hull_area, hull_cost, hull_height
from vlrouterbench.routers.base.estimating import TRADE_OFFS as COARSE
from vlrouterbench.routers.flagship.modeling_flagship import TRADE_OFFS

ROUTERS = ("ridge-mf", "linear", "prototype:reference", "strongest", "cheapest", "mixture")
SEEDS = (0, 3)


@pytest.fixture(scope="module")
def content(simulated_problem):
    return FrontiersPart().run(StudyContext(simulated_problem.table, simulated_problem.features, SEEDS), ROUTERS)


@pytest.fixture(scope="module")
def rows(content):
    return {row["router"]: row for row in content["rows"]}


@pytest.fixture(scope="module")
def tests(simulated_problem):
    return [scored(resplit(simulated_problem.table, seed)) for seed in SEEDS]


@pytest.fixture
def by_hand():
    """Three candidates that cost 1, 2 and 8 and are right on 40, 40 and 80 % of five samples: the golden table."""
    quality = np.array([[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0], [1, 0, 1]], dtype=float)
    return hand_table(quality, np.tile([0.001, 0.002, 0.008], (5, 1)))


def _measured(table, points, **options):
    costs = np.geomspace(*table.cost_bounds, NUM_COSTS)
    every = {"router": points, SINGLE: Points(table.quality, table.cost)}
    return measure_split(every, 2, table, costs, seed=0, **options)


def test_a_router_of_two_points_by_hand(by_hand):
    # (1, 40 %) and (4, 100 %): 40 to 100 % over 3, then 100 % over 4, of 7 in all.
    quality = np.column_stack([by_hand.quality[:, 0], np.ones(5)])
    measured = _measured(by_hand, Points(quality, np.tile([0.001, 0.004], (5, 1))))
    own, single = measured.measures["router"], measured.measures[SINGLE]
    assert own.num_points == 2 and own.aiq == pytest.approx((0.7 * 3 + 4) / 7)
    # The strongest costs 8 and is right on 80 %: a router stays level beyond its most expensive point, and two thirds
    # of the way from 1 to 4 has 80 %.
    assert own.accuracy == pytest.approx(1.0) and own.cost_share == pytest.approx(3 / 8)
    assert own.heights[[0, -1]] == pytest.approx([0.4, 1.0])
    assert single.aiq == pytest.approx(0.6) and single.accuracy == pytest.approx(0.8)
    assert single.cost_share == pytest.approx(1.0)
    assert measured.strongest == {"candidate": "c2", "accuracy": 0.8, "average_cost_usd": pytest.approx(0.008)}


def test_what_is_never_as_accurate_has_no_cost_there_and_what_is_never_as_cheap_no_accuracy(by_hand):
    weak = _measured(by_hand, Points(by_hand.quality[:, :1], by_hand.cost[:, :1])).measures["router"]
    assert weak.cost_share is None and weak.accuracy == pytest.approx(0.4) == weak.aiq
    expensive = _measured(by_hand, Points(np.ones((5, 1)), np.full((5, 1), 0.016))).measures["router"]
    assert (
        expensive.accuracy == 0 == expensive.aiq
        and expensive.cost_share == pytest.approx(2.0)
        and not expensive.heights.any()
    )


def test_a_resample_makes_every_hull_and_the_strongests_cost_anew(by_hand):
    # Costs differ between samples, so that the budget moves with the resample.
    table = replace(by_hand, matrices=by_hand.matrices | {"cost": by_hand.cost * np.arange(1, 6)[:, None] / 3})
    measured = _measured(table, Points(table.quality[:, :2], table.cost[:, :2]), num_resamples=40)
    columns = np.column_stack([table.cost, table.quality])
    means = resampled_means(columns, table.column("group_id"), seed=0, num_resamples=40)
    for mean, own, single in zip(means, measured.draws["router"], measured.draws[SINGLE], strict=True):
        cost, quality = mean[:3], mean[3:]
        assert own[0] == pytest.approx(convex_hull_area(cost[:2], quality[:2], cost_bounds=table.cost_bounds))
        assert own[1] == pytest.approx(quality[:2].max())
        assert single == pytest.approx(
            [convex_hull_area(cost, quality, cost_bounds=table.cost_bounds), hull_height(cost, quality, at=cost[2])]
        )


def test_each_kind_of_family_offers_its_own_points(rows, tests):
    # The same trade-offs for all that have some, and its own weight where it is none of them.
    assert len(TRADE_OFFS) > len(COARSE)
    assert all(len(TRADE_OFFS) <= number <= len(TRADE_OFFS) + 1 for number in rows["ridge-mf"]["num_points"])
    assert rows["linear"]["num_points"] == [len(COST_WEIGHTS)] * 2
    for name in ("prototype:reference", "strongest", "mixture"):
        assert rows[name]["num_points"] == [1, 1]
    assert rows[SINGLE]["num_points"] == [len(tests[0].pool)] * 2


def test_figures_of_the_single_candidates_follow_from_the_table(rows, tests, content):
    areas, heights, shares = [], [], []
    for test, strongest in zip(tests, content["strongest"], strict=True):
        points = test.cost.mean(axis=0), test.quality.mean(axis=0)
        index = test.pool.index[strongest["candidate"]]
        assert strongest["average_cost_usd"] == pytest.approx(points[0][index])
        areas.append(convex_hull_area(*points, cost_bounds=test.cost_bounds))
        heights.append(float(hull_height(*points, at=points[0][index])))
        shares.append(hull_cost(*points, reaching=points[1][index]) / points[0][index])
    single = rows[SINGLE]
    assert single["aiqs"] == pytest.approx(areas) and single["aiq"] == pytest.approx(np.mean(areas))
    assert single["accuracies_at_strongest_cost"] == pytest.approx(heights)
    assert single["cost_shares_at_strongest_accuracy"] == pytest.approx(shares, rel=1e-6)
    assert single["num_reached"] == 2


def test_the_strongest_is_chosen_on_train_and_equals_itself_in_cost_and_accuracy(rows, content, simulated_problem):
    for seed, strongest in zip(SEEDS, content["strongest"], strict=True):
        train = resplit(simulated_problem.table, seed).split("train")
        assert strongest["seed"] == seed
        assert train.quality.mean(axis=0).argmax() == train.pool.index[strongest["candidate"]]
    own = rows["strongest"]
    assert own["accuracies_at_strongest_cost"] == pytest.approx([s["accuracy"] for s in content["strongest"]])
    assert own["cost_shares_at_strongest_accuracy"] == pytest.approx([1.0, 1.0], rel=1e-6)


def test_splits_that_do_not_reach_the_strongest_are_counted_and_left_out_of_the_mean(rows):
    cheapest = rows["cheapest"]
    assert cheapest["cost_shares_at_strongest_accuracy"] == [None, None] and cheapest["num_reached"] == 0
    assert cheapest["cost_share_at_strongest_accuracy"] is None
    for row in rows.values():
        reached = [share for share in row["cost_shares_at_strongest_accuracy"] if share is not None]
        assert row["num_reached"] == len(reached)
        if reached:
            assert row["cost_share_at_strongest_accuracy"] == pytest.approx(np.mean(reached))


def test_rows_are_ordered_by_area_and_differences_lie_in_their_intervals(rows):
    areas = [row["aiq"] for row in rows.values()]
    assert areas == sorted(areas, reverse=True) and set(rows) == {*ROUTERS, SINGLE}
    for key in ("aiq", "accuracy_at_strongest_cost"):
        assert rows["ridge-mf"]["first_minus_this"][key] == {"difference": 0.0, "ci95": [0.0, 0.0]}
        for name in ("linear", "cheapest", SINGLE):
            lead = rows[name]["first_minus_this"][key]
            assert lead["difference"] == pytest.approx(rows["ridge-mf"][key] - rows[name][key])
            assert lead["ci95"][0] < lead["difference"] < lead["ci95"][1]


def test_a_mean_hull_is_drawn_where_every_split_reaches_it(rows, tests):
    single, strongest = (np.array(rows[name]["hull"]) for name in (SINGLE, "strongest"))
    assert (np.diff(single[:, 0]) > 0).all() and (np.diff(single[:, 1]) >= 0).all()
    largest_cost = tests[0].cost_bounds[1]
    ends = [hull_height(test.cost.mean(axis=0), test.quality.mean(axis=0), at=largest_cost) for test in tests]
    assert single[-1] == pytest.approx([largest_cost, np.mean(ends)])
    # One point: level, from its own cost on.
    assert np.ptp(strongest[:, 1]) == pytest.approx(0) and len(strongest) < len(single)


def test_names_are_checked_before_anything_is_trained(simulated_problem):
    context = StudyContext(simulated_problem.table, simulated_problem.features, (0,))
    with pytest.raises(RouterError, match="once and at least one"):
        FrontiersPart().run(context, ("mlp", "mlp"))
