"""Families over several splits: groups stay whole, figures add up, and nothing is compared with itself."""

from dataclasses import replace

import numpy as np
import pytest

from vlrouterbench.core.errors import RouterError, UnknownNameError
from vlrouterbench.evaluation.study.context import StudyContext, resplit
from vlrouterbench.evaluation.study.parts.routers import UPPER_BOUND, RoutersPart
from vlrouterbench.evaluation.upper_bound import SplitFeatures, upper_bound_decisions
from vlrouterbench.features.refitting import Refitting
from vlrouterbench.metrics.trade_off import chosen_values, rank_score

ROUTERS = ("ridge-mf", "mixture", "strongest", "shuffled/ridge-mf")


@pytest.fixture(scope="module")
def rows(simulated_problem):
    rows = RoutersPart().run(StudyContext(simulated_problem.table, simulated_problem.features, (0, 3)), ROUTERS)
    return {row["router"]: row for row in rows}


def test_another_seed_draws_another_split_of_whole_groups(simulated_table):
    own, other, again = (resplit(simulated_table, seed).column("split") for seed in (0, 1, 1))
    assert own == simulated_table.column("split") and other == again != own
    side_of = dict(zip(simulated_table.column("group_id"), other, strict=True))
    assert other == [side_of[group] for group in simulated_table.column("group_id")]
    assert 0.6 < np.mean([side == "train" for side in other]) < 0.8


def test_figures_of_a_fixed_candidate_follow_from_the_table(rows, simulated_problem):
    scores = []
    for seed in (0, 3):
        split = resplit(simulated_problem.table, seed)
        strongest = split.split("train").quality.mean(axis=0).argmax()
        test = split.split("test")
        averages = test.quality[:, strongest].mean(), test.cost[:, strongest].mean()
        scores.append(float(rank_score(*averages, cost_bounds=split.cost_bounds)))
    assert rows["strongest"]["rank_scores"] == pytest.approx(scores)
    assert rows["strongest"]["rank_score"] == pytest.approx(np.mean(scores))


def test_rows_are_ordered_by_rank_score_and_differences_lie_in_their_intervals(rows):
    scores = [row["rank_score"] for row in rows.values()]
    assert scores == sorted(scores, reverse=True) and set(rows) == {*ROUTERS, UPPER_BOUND}
    assert rows["ridge-mf"]["first_minus_this"] == {"rank_score": 0.0, "ci95": [0.0, 0.0]}
    for name in (*ROUTERS[1:], UPPER_BOUND):
        gap, (low, high) = (rows[name]["first_minus_this"][key] for key in ("rank_score", "ci95"))
        assert gap == pytest.approx(rows["ridge-mf"]["rank_score"] - rows[name]["rank_score"]) and low < gap < high


def test_the_upper_bound_knows_the_scored_split_and_train_by_their_features(rows, simulated_problem):
    split = resplit(simulated_problem.table, 3)
    test, train = split.split("test"), split.split("train")
    own = Refitting(simulated_problem.table, simulated_problem.features).on(split)
    features = SplitFeatures(*(own.of(part).numpy() for part in (test, train)))
    chosen = upper_bound_decisions(test, train, seed=3, features=features)
    averages = (chosen_values(matrix, chosen).mean() for matrix in (test.quality, test.cost))
    score = float(rank_score(*averages, cost_bounds=split.cost_bounds))
    assert rows[UPPER_BOUND]["rank_scores"][1] == pytest.approx(score)


def test_a_label_permutation_control_is_another_router(rows):
    assert rows["shuffled/ridge-mf"]["rank_scores"] != rows["ridge-mf"]["rank_scores"]


def test_unknown_and_repeated_names_are_refused(simulated_problem):
    context = StudyContext(simulated_problem.table, simulated_problem.features, (0,))
    for name in ("ridge-fm", "ridge-mf:defalt", "shuffled/mixture"):
        with pytest.raises(UnknownNameError, match=name.split("/")[-1].split(":")[-1]):
            RoutersPart().run(context, (name,))
    for routers, seeds in ((("mixture", "mixture"), (0,)), (("mixture",), (0, 0)), ((), (0,)), (("mixture",), ())):
        with pytest.raises(RouterError, match="once and at least one"):
            RoutersPart().run(replace(context, seeds=seeds), routers)
