"""Calibration over splits: pairs pooled by hand, groups of one name, and nothing to judge is an error at once."""

import numpy as np
import pytest

from vlrouterbench.core.errors import RouterError
from vlrouterbench.evaluation.policies import decide_policy
from vlrouterbench.evaluation.study.calibration_pairs import Pairs
from vlrouterbench.evaluation.study.context import StudyContext, resplit, scored
from vlrouterbench.evaluation.study.parts.calibration import CalibrationPart
from vlrouterbench.evaluation.study.study import study
from vlrouterbench.metrics.calibration import expected_calibration_error

ROUTERS = ("strongest", "flagship", "ridge-mf", "shuffled/flagship")
SEEDS = (0, 3)


@pytest.fixture(scope="module")
def rows(simulated_problem):
    context = StudyContext(simulated_problem.table, simulated_problem.features, SEEDS)
    return {row["router"]: row for row in CalibrationPart().run(context, ROUTERS)}


@pytest.fixture(scope="module")
def tests(simulated_problem):
    return [scored(resplit(simulated_problem.table, seed)) for seed in SEEDS]


def test_the_calibrated_alone_are_judged_each_by_its_own_estimates(rows):
    assert list(rows) == ["flagship", "shuffled/flagship"]
    own, control = (row["all_pairs"]["pooled"]["brier"] for row in rows.values())
    assert own != control


def test_pairs_of_two_splits_by_hand():
    one = Pairs(np.array([0.9, 0.5]), np.array([1.0, 0.0]), np.array([0.5, 0.5]), np.array([0, 1]))
    other = Pairs(np.array([0.5]), np.array([1.0]), np.array([0.25]), np.array([1]))
    row = Pairs.pooled([one, other]).figures(0)
    assert row["num_pairs"] == 3 and row["num_groups"] == 2
    # |1 - 0.9| * 1/3, and the two of 0.5 cancel; squares 0.01, 0.25, 0.25; of the constant 0.25, 0.25, 0.5625.
    assert row["ece"] == pytest.approx(0.1 / 3)
    assert row["brier"] == pytest.approx(0.51 / 3) and row["brier_of_constant"] == pytest.approx(1.0625 / 3)
    # The two of 0.5 are one group, so no signs keep them from cancelling.
    assert row["ece_null"] == pytest.approx({"mean": 0.1 / 3, "p95": 0.1 / 3})


def test_all_pairs_of_all_splits_are_pooled(rows, tests):
    row = rows["flagship"]
    width = len(tests[0].pool)
    assert [part["num_pairs"] for part in row["all_pairs"]["per_split"]] == [width * len(test) for test in tests]
    assert row["all_pairs"]["pooled"]["num_pairs"] == width * sum(map(len, tests))
    assert row["chosen"]["pooled"]["num_pairs"] == sum(map(len, tests))
    both = set(tests[0].column("group_id")) & set(tests[1].column("group_id"))
    number = len({group for test in tests for group in test.column("group_id")})
    assert both and row["chosen"]["pooled"]["num_groups"] == number


def test_means_are_those_of_the_splits(rows):
    for key in ("all_pairs", "chosen"):
        parts, mean = (rows["flagship"][key][name] for name in ("per_split", "mean"))
        assert mean["ece"] == pytest.approx((parts[0]["ece"] + parts[1]["ece"]) / 2)
        assert mean["ece_null"]["p95"] == pytest.approx(np.mean([part["ece_null"]["p95"] for part in parts]))
        within = [part["ece"] <= part["ece_null"]["p95"] for part in parts]
        assert mean["num_within_null"] == sum(within)


def test_the_constant_is_each_candidates_mean_on_train(rows, tests, simulated_problem):
    squares = []
    for seed, test in zip(SEEDS, tests, strict=True):
        means = resplit(simulated_problem.table, seed).split("train").quality.mean(axis=0)
        squares.append(((test.quality - means) ** 2).mean())
    assert rows["flagship"]["all_pairs"]["mean"]["brier_of_constant"] == pytest.approx(np.mean(squares))


def test_a_candidate_is_judged_on_every_sample_by_the_router_of_its_split(rows, tests, simulated_problem):
    context = StudyContext(simulated_problem.table, simulated_problem.features, SEEDS)
    errors, estimates, outcomes = [], [], []
    for (seed, own, split), test in zip(context.fitted(["flagship"]), tests, strict=True):
        estimated = own.train("flagship", split, seed).estimates(own.features.of(test)).accuracy[:, 2].numpy()
        errors.append(expected_calibration_error(estimated, test.quality[:, 2]))
        estimates.append(estimated)
        outcomes.append(test.quality[:, 2])
    row = rows["flagship"]["per_candidate"][tests[0].pool.names[2]]
    assert row["ece"] == pytest.approx(np.mean(errors), abs=1e-6)
    pooled = expected_calibration_error(np.concatenate(estimates), np.concatenate(outcomes))
    assert row["pooled"]["ece"] == pytest.approx(pooled, abs=1e-6)


def test_the_chosen_are_what_decisions_chose(rows, tests, simulated_problem):
    context = StudyContext(simulated_problem.table, simulated_problem.features, SEEDS)
    squares = []
    for (seed, own, split), test in zip(context.fitted(["flagship"]), tests, strict=True):
        chosen = own.train("flagship", split, seed).decide(own.features.of(test)).numpy()
        means = split.split("train").quality.mean(axis=0)
        squares.append(np.mean((test.quality[np.arange(len(test)), chosen] - means[chosen]) ** 2))
        assert (chosen != decide_policy("strongest", test, split.split("train"), seed=seed).decisions).any()
    assert rows["flagship"]["chosen"]["mean"]["brier_of_constant"] == pytest.approx(np.mean(squares))


def test_no_calibrated_router_is_an_error_before_anything_is_trained(simulated_problem):
    opened = []

    def stage(title):
        opened.append(title)
        raise AssertionError(title)

    context = StudyContext(simulated_problem.table, simulated_problem.features, (0,), stage)
    with pytest.raises(RouterError, match=r"found mixture, mlp\. Families that have them: flagship, vlc-estimates\."):
        study(context, ("mixture", "mlp"), ("routers", "calibration"))
    assert not opened
