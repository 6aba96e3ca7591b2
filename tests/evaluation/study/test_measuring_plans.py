"""Plans of what to measure: none exceeds its pairs, each follows its rule, and none sees an outcome that is hidden."""

from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.study.workspaces import small_context
from vlrouterbench.evaluation.study import measured_split
from vlrouterbench.evaluation.study.measured_split import Measured, MeasuredSplit
from vlrouterbench.evaluation.study.measuring_plans import PLAN_WORDS, PLANS, TRADE_OFFS, Expected, Round

SAMPLES, CANDIDATES = 12, 3


def unasked():
    raise AssertionError("nothing is measured that a router could have learnt from")


def a_round(count, pairs=None, utility=None, chance=0.5):
    """A round of 12 samples and 3 candidates, the second the cheapest, in the samples' own order."""
    none = np.zeros((SAMPLES, CANDIDATES), dtype=bool)
    utility = np.zeros(none.shape) if utility is None else np.broadcast_to(utility, none.shape)
    expected = Expected(np.full(none.shape, chance), [utility] * len(TRADE_OFFS), utility)
    return Round(
        pairs=none if pairs is None else pairs,
        cost=np.broadcast_to([3.0, 1.0, 2.0], none.shape),
        count=count,
        order=np.arange(SAMPLES),
        rng=np.random.default_rng(0),
        expected=unasked if pairs is None else lambda: expected,
    )


def test_every_plan_is_said_in_words():
    assert list(PLAN_WORDS) == list(PLANS)


@pytest.mark.parametrize("name", PLANS)
def test_no_plan_measures_more_than_it_may(name):
    plan = PLANS[name]
    first = plan(a_round(10))
    assert 9 <= first.sum() <= 10 and first.shape == (SAMPLES, CANDIDATES)
    second = plan(a_round(20, first))
    assert first.sum() < second.sum() <= 20
    assert name == "cheap-wider" or (second | ~first).all()  # what was measured stays


def test_whole_samples_are_measured_for_all_candidates():
    assert PLANS["whole-samples"](a_round(10)).sum(axis=1).tolist() == [3, 3, 3] + 9 * [0]


def test_the_cheapest_is_measured_wider_and_then_the_next():
    # Half of 28 pairs: four samples for all. 16 are left: eight of the cheapest, eight of the second cheapest.
    pairs = PLANS["cheap-wider"](a_round(28))
    assert pairs[:4].all() and pairs[4:].sum(axis=0).tolist() == [0, 8, 8]
    assert PLANS["cheap-wider"](a_round(12))[2:].sum(axis=0).tolist() == [0, 6, 0]


def test_pairs_near_a_choice_come_before_those_far_from_it():
    core = PLANS["adaptive"](a_round(6))
    assert core[:2].all() and core.sum() == 6
    further = PLANS["adaptive"](a_round(16, core, utility=[0.9, 0.89, -5.0])) & ~core
    assert further.sum() == 10 and not further[:, 2].any() and further[:, 0].any() and further[:, 1].any()


def test_pairs_that_weigh_nothing_are_drawn_when_the_others_are_spent_and_none_twice():
    core = PLANS["adaptive"](a_round(6))
    for far in (-36.5, -1e9):  # weights below the smallest normal number, and 0
        with np.errstate(all="raise", under="ignore"):
            further = PLANS["adaptive"](a_round(30, core, utility=[0.9, 0.89, far]))
        assert further.sum() == 30 and further[:, :2].all()


def test_of_candidates_of_which_each_is_near_a_choice_on_few_samples_some_are_kept():
    candidates = 12
    utility = np.eye(candidates)[np.arange(24) % candidates]
    core = np.zeros(utility.shape, dtype=bool)
    core[:2] = True
    expected = Expected(np.full(core.shape, 0.5), [utility] * len(TRADE_OFFS), utility)
    cost, rng = np.ones(core.shape), np.random.default_rng(0)
    further = PLANS["dropping"](Round(core, cost, 48, np.arange(24), rng, lambda: expected))
    assert further.sum() == 48 and further[2:4].all()


def test_a_candidate_that_is_never_near_a_choice_is_dropped_and_its_pairs_are_not_spent():
    core = PLANS["dropping"](a_round(6))
    utility = np.tile([0.9, 0.5, -5.0], (SAMPLES, 1))
    utility[:3, 1] = 0.91  # of a quarter of the samples
    further = PLANS["dropping"](a_round(12, core, utility=utility)) & ~core
    assert further.sum(axis=1).tolist() == [0, 0, 2, 2, 2] + 7 * [0] and not further[:, 2].any()
    last = PLANS["dropping"](a_round(36, core, utility=utility))
    assert last[2:].sum(axis=0).tolist() == [10, 10, 0]


@pytest.fixture(scope="module")
def context(simulated_problem):
    return small_context(simulated_problem)


def test_what_is_not_measured_is_hidden_from_training_and_test_is_whole(context, monkeypatch):
    monkeypatch.setattr(measured_split, "LEAST_VALIDATION", 3)
    split = MeasuredSplit(context, context.table, 0)
    pairs = np.zeros(split.whole().pairs.shape, dtype=bool)
    pairs[::2, 1] = True
    part = split.part(Measured(0.5, pairs))
    train, validation = part.split("train"), part.split("validation")
    for matrix in train.matrices.values():
        assert np.isnan(np.delete(matrix, 1, axis=1)).all()
    measured = context.table.split("train").quality[::2, 1]
    np.testing.assert_array_equal(train.quality[:, 1], measured)
    assert validation.complete.all() and len(validation) == round(len(context.table.split("validation")) / 2)
    np.testing.assert_array_equal(part.split("test").quality, context.table.split("test").quality)
    assert split.paid(split.whole()) > split.paid(Measured(0.5, pairs)) > 0


@pytest.mark.parametrize("plan", ["adaptive", "dropping"])
def test_a_plan_chooses_alike_whatever_outcomes_are_hidden(plan, context):
    rounds = MeasuredSplit(context, context.table, 0).measured(plan, (0.125, 0.25))
    quality = 1 - context.table.quality
    rows = np.flatnonzero(np.array(context.table.column("split")) == "train")
    quality[rows] = np.where(rounds[0].pairs, context.table.quality[rows], quality[rows])
    validation = np.array(context.table.column("split")) == "validation"
    quality[validation] = context.table.quality[validation]
    other = replace(context.table, matrices=context.table.matrices | {"quality": quality})
    for one, same in zip(rounds, MeasuredSplit(context, other, 0).measured(plan, (0.125, 0.25)), strict=True):
        np.testing.assert_array_equal(one.pairs, same.pairs)
    assert rounds[1].pairs.mean() == pytest.approx(0.25, abs=0.02)
