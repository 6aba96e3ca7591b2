"""Networks of several cost weights side by side: each is the one that it would be by itself, and plain."""

import math
from dataclasses import dataclass, field, replace

import pytest
import torch

from tests.families import small_router, training_set, widened
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.learning import soft_cross_entropy
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_each, train_router
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.side_by_side import SideBySide

WEIGHTS = (0.0, 100.0, float("inf"))


@dataclass(frozen=True)
class Recording(Problem):
    """A problem whose scores are told in advance, in the order of asking; beyond them everything scores 0."""

    told: tuple[float, ...] = ()
    asked: list[float] = field(default_factory=list)

    def validation_score(self, decisions):
        """The next score."""
        place = len(self.asked)
        self.asked.append(self.told[place] if place < len(self.told) else 0.0)
        return self.asked[-1]


def arguments(**given):
    """Arguments for a sweep side by side."""
    return RouterTrainingArguments(**{"cost_weights": WEIGHTS, "side_by_side": True, "num_epochs": 4} | given)


@pytest.fixture(scope="module")
def swept(simulated_problem):
    """A router per cost weight, trained side by side."""
    return list(train_each("mlp", simulated_problem, arguments()))


@pytest.fixture(scope="module")
def steep_problem(simulated_problem):
    """Features so long that gradients are clipped."""
    features = simulated_problem.features
    return Problem(simulated_problem.table, replace(features, values=30 * features.values))


def test_loss_is_the_sum_of_each_network_s_own_and_their_dropout_is_the_same():
    torch.manual_seed(0)
    routers = [small_router("mlp", hidden_sizes=[6], dropout=0.5).train() for _ in range(2)]
    features = widened([[1.0, -2.0], [0.5, 3.0]], routers[0])
    targets = [torch.tensor([[1.0, 0, 0], [0, 1, 0]]), torch.tensor([[0, 0.5, 0.5], [0, 0, 1]])]
    expected = torch.zeros(())
    for router, wanted in zip(routers, targets, strict=True):
        torch.manual_seed(1)
        expected += soft_cross_entropy(router.score(features), wanted)
    torch.manual_seed(1)
    torch.testing.assert_close(SideBySide(routers)(features, torch.cat(targets, dim=1)).loss, expected)


def test_a_network_that_is_done_gets_no_gradient():
    routers = [small_router("mlp", hidden_sizes=[6], dropout=0.0) for _ in range(2)]
    module = SideBySide(routers)
    module.active = [1]
    module(widened([[1.0, -2.0]], routers[0]), torch.tensor([[1.0, 0, 0, 0, 0, 1]])).loss.backward()
    assert all(p.grad is None for p in routers[0].parameters())
    assert all(p.grad is not None for p in routers[1].parameters())


def test_every_cost_weight_gives_the_router_of_a_training_by_itself(steep_problem):
    apart, together = (
        list(train_each("mlp", steep_problem, arguments(side_by_side=beside, num_epochs=2, seed=5)))
        for beside in (False, True)
    )
    assert [trained.chosen.setting["cost_weight"] for trained in together] == list(WEIGHTS)
    for own, beside in zip(apart, together, strict=True):
        assert beside.chosen.validation_rank_score == pytest.approx(own.chosen.validation_rank_score)
        for name, parameter in own.router.named_parameters():
            torch.testing.assert_close(beside.router.get_parameter(name), parameter, rtol=1e-3, atol=1e-4)
    first, second, third = (trained.router.head[-1].weight for trained in apart)
    assert (first - second).abs().max() > 0.01 and (second - third).abs().max() > 0.01


def test_routers_share_nothing_once_trained(swept):
    assert len({router.router.head[0].weight.data_ptr() for router in swept}) == len(WEIGHTS)


def test_saved_router_is_a_plain_one(swept, simulated_problem, tmp_path):
    save_router(swept[1], tmp_path / "router")
    loaded = AutoRouter.from_pretrained(tmp_path / "router")
    features = simulated_problem.validation_features
    assert torch.equal(loaded.score(features), swept[1].router.score(features))
    assert loaded.config.training["cost_weight"] == 100.0
    scored = simulated_problem.validation_score(loaded.decide(features))
    assert scored == swept[1].chosen.validation_rank_score


def test_each_router_keeps_its_own_best_epoch(simulated_problem):
    # Two routers, four epochs: the first is best in epoch 2, the second in epoch 3.
    told = (10.0, 10.0, 50.0, 20.0, 30.0, 60.0, 40.0, 50.0)
    problem = Recording(simulated_problem.table, simulated_problem.features, told)
    trained = list(train_each("mlp", problem, arguments(cost_weights=WEIGHTS[:2])))
    assert [t.chosen.validation_rank_score for t in trained] == [50.0, 60.0]
    assert len(problem.asked) == len(told)
    assert not torch.equal(trained[0].router.head[0].weight, trained[1].router.head[0].weight)


def test_each_router_has_its_own_patience_and_training_stops_with_the_last(simulated_problem):
    # The first router never improves after epoch 1 and is done in epoch 3; the second improves until then.
    told = (50.0, 10.0, 0.0, 20.0, 0.0, 30.0)
    problem = Recording(simulated_problem.table, simulated_problem.features, told)
    list(train_each("mlp", problem, arguments(cost_weights=WEIGHTS[:2], num_epochs=20, patience=2)))
    assert len(problem.asked) == 2 * 3 + 2


def test_training_picks_the_best_of_a_sweep(simulated_problem, swept):
    best = train_router("mlp", simulated_problem, arguments())
    assert best.chosen.validation_rank_score == max(t.chosen.validation_rank_score for t in swept)
    assert [trial.setting["cost_weight"] for trial in best.trials] == list(WEIGHTS)


def test_another_family_trains_each_by_itself(simulated_problem):
    ours = list(train_each("linear", simulated_problem, arguments(num_epochs=2)))
    theirs = list(train_each("linear", simulated_problem, arguments(num_epochs=2, side_by_side=False)))
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one.router.head.weight, other.router.head.weight)


def test_arguments_reach_a_training_side_by_side(simulated_problem):
    steps = []
    progress = lambda done, total: steps.append((done, total))  # noqa: E731
    list(train_each("mlp", simulated_problem, arguments(num_epochs=1, progress=progress)))
    assert steps and steps[-1] == (len(steps), len(steps))


def test_samples_that_no_candidate_answers_count_for_no_cost_weight():
    features = torch.zeros(2, 3)
    sets = [training_set(features, [[1, 0], [0, 0]], [[1, 2], [1, 2]], cost_weight=w) for w in (0.0, math.inf)]
    assert [s.counted.tolist() for s in sets] == [[True, False]] * 2
