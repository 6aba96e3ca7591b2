"""A trade-off that is chosen again for another objective: as training chooses it, from what the router kept, surely."""

import dataclasses

import numpy as np
import pytest
import torch

from vlrouterbench.core.errors import RouterError
from vlrouterbench.metrics.objectives import Goal, Objective
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.margins import margin, sure_averages, sure_slack
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.rechoosing import can_rechoose, rechoose, trained_for

OBJECTIVES = ("accuracy-share=0.9", "budget=0.0001", "usd-weight=500", "accuracy")


def goal(text, table=None):
    asked = Goal(Objective.parse(text))
    return asked if table is None else asked.on(table.goal.measured)


@pytest.fixture(scope="module")
def flagship_folder(simulated_problem, tmp_path_factory):
    """A flagship trained for Rank Score, saved."""
    folder = tmp_path_factory.mktemp("rechoosing") / "flagship"
    save_router(train_router("flagship", simulated_problem), folder)
    return folder


@pytest.fixture
def flagship(flagship_folder):
    """That flagship, loaded."""
    return AutoRouter.from_pretrained(flagship_folder)


@pytest.mark.parametrize("family", ["flagship", "ovr", "uniroute", "ridge-mf"])
def test_for_rank_score_the_choice_is_the_one_that_training_made(family, trained_folders, simulated_table):
    router = AutoRouter.from_pretrained(trained_folders[family])
    own = router.config.usd_weight
    router.config.update({"usd_weight": own + 123})
    assert rechoose(router, simulated_table.goal).usd_weight == own == router.config.usd_weight
    # Without a benchmark at hand, by the costs that it was trained at.
    assert rechoose(router, Goal()).usd_weight == own


@pytest.mark.parametrize("text", OBJECTIVES)
def test_a_router_trained_for_an_objective_decides_as_one_that_chooses_it_later(text, flagship, simulated_problem):
    problem = Problem(simulated_problem.table.judged_by(goal(text)), simulated_problem.features)
    trained = train_router("flagship", problem)
    assert trained_for(trained.router) == text and trained_for(flagship) == "rank-score"
    choice = rechoose(flagship, goal(text, problem.table))
    assert choice.usd_weight == trained.router.config.usd_weight == trained.chosen.setting["usd_weight"]
    features = problem.features.of(problem.table.split("test"))
    assert torch.equal(flagship.decide(features), trained.router.decide(features))


def test_what_it_chooses_by_lasts_through_every_saving(flagship, tmp_path):
    kept = flagship.held_out
    flagship.save_pretrained(tmp_path / "again")
    again = AutoRouter.from_pretrained(tmp_path / "again").held_out
    assert set(kept) == set(again) and all(torch.equal(kept[name], again[name]) for name in kept)


def test_a_looser_share_is_cheaper_and_a_larger_budget_is_more_accurate(flagship, simulated_table):
    weights = [rechoose(flagship, goal(f"accuracy-share={share}", simulated_table)).usd_weight for share in (0.95, 0.8)]
    assert weights[0] < weights[1]
    weights = [rechoose(flagship, goal(f"budget={usd}", simulated_table)).usd_weight for usd in (5e-5, 2e-4)]
    assert weights[0] > weights[1]


def test_what_cannot_be_met_leads_to_the_nearest_that_can_be_had_and_says_it(flagship, simulated_table):
    cheapest = rechoose(flagship, goal("budget=1e-9", simulated_table))
    assert "cannot be met" in cheapest.note and "the cheapest" in cheapest.note and "\n" not in cheapest.note
    most = rechoose(flagship, goal("accuracy-share=1", simulated_table))
    assert most.note == "" or "can be sure of is" in most.note
    assert rechoose(flagship, goal("accuracy-share=0.5", simulated_table)).note == ""


def test_halved_prices_halve_costs_and_leave_decisions_for_rank_score_as_they_are(flagship, simulated_problem):
    features = simulated_problem.validation_features
    before, weight = flagship.decide(features), flagship.config.usd_weight
    flagship.set_prices({c["name"]: (c["input_price"] / 2, c["output_price"] / 2) for c in flagship.config.candidates})
    low, high = simulated_problem.table.goal.measured
    rechoose(flagship, Goal(measured=(low / 2, high / 2)))
    assert flagship.config.usd_weight == pytest.approx(2 * weight, rel=1e-5)
    assert (flagship.decide(features) == before).float().mean() > 0.99


def test_a_smaller_and_a_wider_pool_choose_anew(flagship, simulated_problem, simulated_table):
    name = flagship.config.candidate_names[int(flagship.mean_cost.argmax())]
    flagship.remove_candidate(name)
    choice = rechoose(flagship, goal("accuracy-share=0.9", simulated_table))
    assert choice.usd_weight >= 0
    train = simulated_problem.train
    outcomes = {
        key: torch.from_numpy(train.matrices[key][:50, 0]) for key in ("quality", "input_tokens", "output_tokens")
    }
    new = {"name": "new", "input_price": 0.1, "output_price": 0.1}
    flagship.add_candidate(new, simulated_problem.train_features[:50], outcomes)
    assert can_rechoose(flagship, goal("budget=0.0001"))
    assert rechoose(flagship, goal("budget=0.0001", simulated_table)).usd_weight >= 0


def test_fewer_candidates_to_choose_from_are_judged_as_such(flagship, simulated_table):
    names = flagship.config.candidate_names[:2]
    whole = rechoose(flagship, goal("budget=1e-9", simulated_table)).note
    assert rechoose(flagship, goal("budget=1e-9", simulated_table), names).note != whole


def test_a_family_with_one_trade_off_says_which_objective_it_was_trained_for(trained_folders, simulated_table):
    router = AutoRouter.from_pretrained(trained_folders["mlp"])
    assert not can_rechoose(router, simulated_table.goal)
    with pytest.raises(RouterError, match="one trade-off, chosen for rank-score"):
        rechoose(router, goal("budget=0.1"))


def test_a_router_that_kept_nothing_says_to_train_again_but_takes_what_states_its_trade_off(flagship):
    flagship.held_out = None
    with pytest.raises(RouterError, match="keeps no held-out values"):
        rechoose(flagship, goal("budget=0.1"))
    assert rechoose(flagship, goal("usd-weight=7")).usd_weight == 7
    assert rechoose(flagship, goal("accuracy")).usd_weight == 0


def test_the_margin_by_hand_counts_groups_and_is_wider_where_they_are_few():
    # Four groups of one: deviations +-0.5, standard error sqrt(4 / 3 * 4 * 0.25) / 4.
    values = np.array([0.0, 1.0, 0.0, 1.0])
    assert margin(values, np.arange(4)) == pytest.approx(2.3533634 * np.sqrt(4 / 3) / 4)
    # Student's t with 3 degrees of freedom. Two groups of two alike: 1 degree, sums of deviations +-1, standard error
    # sqrt(2 * 2) / 4.
    assert margin(values, np.array(["a", "b", "a", "b"])) == pytest.approx(6.3137515 * 2 / 4)
    # One group shows no spread, so nothing is sure; very many come to the normal quantile.
    assert margin(values, np.zeros(4)) == np.inf
    many = np.tile(values, 5000)
    assert margin(many, np.arange(20_000)) == pytest.approx(1.6448536 * 0.5 / np.sqrt(20_000), rel=1e-4)


def test_a_share_counts_with_its_lower_end_and_a_budget_with_its_upper():
    quality, cost, best = np.array([1.0, 0, 1, 1]), np.array([1.0, 2, 1, 2]), np.ones(4)
    plain = sure_averages(Goal(), quality, cost, best, np.arange(4))
    assert plain == (0.75, 1.5, 1.0)
    share = sure_averages(goal("accuracy-share=0.5"), quality, cost, best, np.arange(4))
    # Slacks 0.5, -0.5, 0.5, 0.5 and the worst there can be, -0.5: mean 0.1, standard error sqrt(5 / 4 * 1.2) / 5.
    low = 0.1 - 2.1318468 * np.sqrt(5 / 4 * 1.2) / 5
    assert share[0] == pytest.approx(0.75 + low - 0.25) and share[1:] == plain[1:]
    budget = sure_averages(goal("budget=1"), quality, cost, best, np.arange(4))
    assert budget[1] == pytest.approx(1.5 + margin(cost, np.arange(4))) and budget[0] == 0.75


def test_held_out_samples_of_one_group_promise_no_budget_and_the_note_says_why(flagship):
    flagship.held_out = dict(flagship.held_out) | {"groups": torch.zeros_like(flagship.held_out["groups"])}
    assert "one group, which shows no spread" in rechoose(flagship, goal("budget=0.1")).note


def test_few_samples_without_a_loss_are_not_taken_for_certainty():
    slack = np.full(14, 0.05)
    low = sure_slack(slack, np.arange(14), worst=-0.95)
    assert low < 0 < sure_slack(np.full(2000, 0.05), np.arange(2000), worst=-0.95)


def test_a_goal_is_a_value_that_can_be_compared():
    assert dataclasses.replace(goal("accuracy"), beta=0.2) != goal("accuracy") == goal("accuracy")


@pytest.mark.parametrize("damage", ["missing", "narrow", "negative", "short"])
def test_held_out_values_that_are_damaged_or_of_another_router_are_refused_by_name(damage, flagship):
    kept = dict(flagship.held_out)
    if damage == "missing":
        del kept["quality"]
    else:
        kept["measured_cost"] = {
            "narrow": kept["measured_cost"][:, :3],
            "negative": -kept["measured_cost"],
            "short": kept["measured_cost"][:5],
        }[damage]
    flagship.held_out = kept
    with pytest.raises(RouterError, match=r"held_out\.safetensors: expected .*(missing: quality|wrong: measured_cost)"):
        rechoose(flagship, goal("budget=0.1"))


def test_an_estimate_below_0_is_damage_where_estimates_are_calibrated_and_none_where_they_are_not(
    flagship, trained_folders
):
    linear = AutoRouter.from_pretrained(trained_folders["ridge-mf"])
    for router in (flagship, linear):
        router.held_out = dict(router.held_out) | {"accuracy": router.held_out["accuracy"] - 1}
    with pytest.raises(RouterError, match="wrong: accuracy"):
        rechoose(flagship, goal("accuracy"))
    assert rechoose(linear, goal("accuracy")).usd_weight >= 0
