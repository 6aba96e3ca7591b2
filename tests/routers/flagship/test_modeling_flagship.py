"""What the flagship adds to its parts: no leak into a fold, and a guard that holds the default."""

import copy

import pytest
import torch

from tests.families import arguments_for, small_router, training_set, widened
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.budget import Budget, Estimates
from vlrouterbench.routers.flagship.modeling_flagship import PARTS, FlagshipRouterConfig, leading_directions
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router


@pytest.fixture(scope="module")
def trained(simulated_problem):
    return train_router("flagship", simulated_problem, arguments_for("flagship")).router


def _small():
    """A router over a (free) and b (cost 0.001), whose estimates a test sets."""
    return small_router("flagship", num_candidates=2, memory_size=4, num_landmarks=4)


def test_out_of_fold_estimates_do_not_know_a_samples_own_group():
    router = small_router("flagship", num_candidates=2, memory_size=40, num_landmarks=40)
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(20, router.feature_dim, generator=generator).repeat_interleave(2, dim=0)
    # Two samples of one group share an outcome that nothing else tells.
    quality = (torch.rand(20, 2, generator=generator) < 0.5).float().repeat_interleave(2, dim=0)
    given = training_set(rows, quality.tolist(), [[0.001, 0.002]] * 40)
    object.__setattr__(given, "groups", torch.arange(20).repeat_interleave(2))
    router.fit(given)
    blind = router.out_of_fold.accuracy
    object.__setattr__(given, "groups", None)
    other = small_router("flagship", num_candidates=2, memory_size=40, num_landmarks=40)
    other.fit(given)

    def error(made):
        return float((made - quality).square().mean())

    assert error(other.out_of_fold.accuracy) < 0.15 < error(blind)


def test_the_guard_leaves_the_best_fixed_candidate_only_for_a_gain_above_its_error():
    router = _small()
    router.mean_quality.copy_(torch.tensor([0.5, 0.5]))
    router.mean_cost.copy_(torch.tensor([0.0, 0.001]))
    made = Estimates(torch.tensor([[0.5, 0.6]]), torch.tensor([[0.0, 0.001]]), torch.full((1, 2), 0.06))
    budget = Budget(usd_weight=10.0)
    chosen = []
    for router.config.guard in (0.0, 1.0, 2.0):
        chosen.append(int(router.utility(made, budget).argmax()))
    # A gain of 0.09: more than one standard error of 0.06, less than two.
    assert chosen == [1, 1, 0]


def test_a_heavier_guard_leaves_the_fixed_candidate_less_often(trained, simulated_problem):
    router, shares = copy.deepcopy(trained), []
    for router.config.guard in (0.0, 1.0, 1000.0):
        shares.append(len(router.decide(simulated_problem.validation_features).unique()))
    assert shares[0] >= shares[1] >= shares[2] == 1


@pytest.mark.parametrize("weight", [None, 0.0, 100.0, 10_000.0])
def test_a_decision_maximises_the_stated_accuracy_less_the_weighted_stated_cost(trained, simulated_problem, weight):
    for row in simulated_problem.validation_features[:10].split(1):
        decision = trained.decide_one(row, usd_weight=weight)
        utility = {
            name: accuracy - decision.usd_weight * decision.estimated_cost_usd[name]
            for name, accuracy in decision.estimated_accuracy.items()
        }
        assert utility[decision.candidate] == pytest.approx(max(utility.values()), abs=1e-6)
        assert decision.score == pytest.approx(utility, abs=1e-5)


def test_estimates_are_right_on_average_for_every_candidate(trained, simulated_problem):
    train = simulated_problem.train
    made = trained.out_of_fold.accuracy.double().mean(dim=0)
    torch.testing.assert_close(made, torch.from_numpy(train.quality.mean(axis=0)), atol=0.02, rtol=0)


def test_expected_tokens_and_costs_are_right_on_average(trained, simulated_problem):
    train, made = simulated_problem.train, trained.estimates(simulated_problem.train_features)
    tokens = torch.from_numpy(train.matrices["output_tokens"].mean(axis=0))
    torch.testing.assert_close(made.output_tokens.double().mean(dim=0), tokens, rtol=0.05, atol=0)
    cost = torch.from_numpy(train.cost.mean(axis=0))
    torch.testing.assert_close(made.cost_usd.double().mean(dim=0), cost, rtol=0.05, atol=0)


def test_long_features_are_cut_to_their_leading_directions():
    rows = torch.zeros(6, 4)
    rows[:, 2], rows[:3, 0] = 3.0, 1.0
    basis = leading_directions([rows], 2)
    torch.testing.assert_close(rows @ basis @ basis.T, rows, atol=1e-5, rtol=0)


def test_a_loaded_router_keeps_its_trade_off_and_has_no_out_of_fold_estimates(trained, tmp_path):
    trained.save_pretrained(tmp_path)
    loaded = AutoRouter.from_pretrained(tmp_path)
    assert loaded.config.usd_weight == trained.config.usd_weight > 0
    assert loaded.out_of_fold_averages_for([{}]) is None
    assert len(list(trained.out_of_fold_averages_for([{}, {}]))) == 2


def test_a_router_of_one_sample_is_a_router():
    router = small_router("flagship", num_candidates=2, memory_size=1, num_landmarks=1)
    router.fit(training_set(widened([[1.0, 0]], router), [[1, 0]], [[0.001, 0.002]]))
    made = router.estimates(widened([[1.0, 0], [0, 1]], router))
    assert torch.isfinite(made.accuracy).all() and torch.isfinite(made.cost_usd).all()


@pytest.mark.parametrize("part", PARTS)
def test_every_variant_lacks_the_part_that_it_is_named_after_and_no_other(simulated_problem, trained, part):
    arguments = RouterTrainingArguments(variant=f"without-{part}")
    lacking = train_router("flagship", simulated_problem, arguments).router
    assert lacking.config.without == [part] and lacking.config.training["variant"] == f"without-{part}"
    made = [router.estimates(simulated_problem.validation_features) for router in (trained, lacking)]
    found = {
        "kernel": lacking.stack.kernel.weights.shape[2] == 0,
        "datasets": lacking.stack.datasets is None,
        "costs": bool((lacking.costs.weights == 0).all()),
        "calibration": bool((lacking.curve == torch.tensor([[1.0], [0.0]])).all()),
        "expectation": lacking.out_of_fold is None,
    }
    assert [name for name, lacks in found.items() if lacks] == [part]
    assert bool(made[1].standard_error.isfinite().all())
    same = {"accuracy": part in ("costs", "expectation"), "cost_usd": part != "costs"}
    for name, equal in same.items():
        assert torch.equal(*(getattr(estimate, name) for estimate in made)) == equal


def test_a_variant_is_loaded_as_it_was_saved(simulated_problem, tmp_path):
    for part in ("kernel", "datasets"):
        router = train_router("flagship", simulated_problem, RouterTrainingArguments(variant=f"without-{part}")).router
        router.save_pretrained(tmp_path / part)
        again = AutoRouter.from_pretrained(tmp_path / part)
        rows = simulated_problem.validation_features
        assert torch.equal(again.estimate(rows)[0], router.estimate(rows)[0])


def test_parts_that_do_not_exist_and_both_base_learners_at_once_are_refused():
    for without, said in ((["kernels"], "expected one of kernel"), (["kernel", "datasets"], "not both base learners")):
        with pytest.raises(ValueError, match=said):
            FlagshipRouterConfig(candidates=[], encoder={}, without=without)
