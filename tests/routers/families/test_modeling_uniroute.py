"""UniRoute: profiles by hand, and a candidate that joins by its outcomes on anchor samples."""

import pytest
import torch

from tests.families import small_router, training_set, widened
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.decision import PoolMismatchError

NAN = float("nan")
ROWS = [[1.0, 0], [1, 0.01], [0, 1], [0.01, 1]]
QUALITY = [[1, 0, 0.5], [1, 0, NAN], [0, 1, 0.5], [0, 0, NAN]]
COST = [[0.001, 0.002, 0.004], [0.001, 0.004, NAN], [0.001, 0.002, 0.008], [0.001, 0.002, NAN]]
NEW_CANDIDATE = {"name": "d", "input_price": 1.0, "output_price": 2.0}


@pytest.fixture
def router():
    router = small_router("uniroute", num_clusters=2, shrinkage=2.0, usd_weight=10.0)
    router.fit(training_set(widened(ROWS, router), QUALITY, COST))
    return router


def test_profiles_are_shrunken_means_of_measured_pairs(router):
    quality, cost = router.estimate(widened([[3.0, 0], [0, 1]], router))
    # Overall means 0.5, 0.25, 0.5 and 0.001, 0.0025, 0.006 count for two samples beside the cluster's own.
    expected = [[(2 + 1) / 4, 0.5 / 4, (0.5 + 1) / 3], [1 / 4, (1 + 0.5) / 4, (0.5 + 1) / 3]]
    torch.testing.assert_close(quality, torch.tensor(expected))
    expected = [
        [0.001, (0.006 + 0.005) / 4, (0.004 + 0.012) / 3],
        [0.001, (0.004 + 0.005) / 4, (0.008 + 0.012) / 3],
    ]
    torch.testing.assert_close(cost, torch.tensor(expected))
    torch.testing.assert_close(router.score(widened([[3.0, 0]], router)), quality[:1] - 10 * cost[:1])


def test_a_candidate_joins_by_its_outcomes_on_anchor_samples(router):
    features = widened([[1.0, 0], [0, 1]], router)
    before = router.score(features)
    anchors = widened([[1.0, 0], [1, 0], [0, 1]], router)
    router.add_candidate(NEW_CANDIDATE, anchors, torch.tensor([0.0, NAN, 1.0]), torch.tensor([0.002, NAN, 0.004]))
    assert router.config.candidate_names == ["a", "b", "c", "d"] and router.num_candidates == 4
    assert router.config.candidates[3] == NEW_CANDIDATE | {"mean_cost_usd": pytest.approx(0.003)}
    after = router.score(features)
    torch.testing.assert_close(after[:, :3], before)
    # Own means 0.5 and 0.003 count for two samples beside one.
    quality, cost = torch.tensor([1 / 3, 2 / 3]), torch.tensor([0.008 / 3, 0.01 / 3])
    torch.testing.assert_close(after[:, 3], quality - 10 * cost)
    assert router.decide(features).tolist() == [0, 3]


def test_a_candidate_that_joined_is_saved_with_the_others(router, tmp_path):
    router.add_candidate(NEW_CANDIDATE, widened([[0.0, 1]], router), torch.tensor([1.0]), torch.tensor([0.002]))
    router.save_pretrained(tmp_path)
    loaded = AutoRouter.from_pretrained(tmp_path)
    features = widened([[1.0, 0], [0, 1]], router)
    assert torch.equal(loaded.score(features), router.score(features))
    assert loaded.route("Which?", candidates=["d"]).candidate == "d"


def test_anchors_as_in_training_give_the_profile_of_training(router):
    features = widened(ROWS, router)
    quality, cost = torch.tensor(QUALITY), torch.tensor(COST)
    router.add_candidate(NEW_CANDIDATE, features, quality[:, 1], cost[:, 1])
    scores = router.score(features)
    torch.testing.assert_close(scores[:, 3], scores[:, 1])


@pytest.mark.parametrize(
    ("name", "quality", "cost", "error", "message"),
    [
        ("a", [1.0], [0.1], PoolMismatchError, "expected a new candidate, found a"),
        ("d", [1.0, 1.0], [0.1], ValueError, "quality and cost of 1 anchor samples"),
        ("d", [NAN], [0.1], ValueError, "expected measured outcomes of d"),
    ],
)
def test_a_wrong_new_candidate_is_refused_and_changes_nothing(router, name, quality, cost, error, message):
    features = widened([[1.0, 0]], router)
    before = router.score(features)
    with pytest.raises(error, match=message):
        router.add_candidate({"name": name}, features, torch.tensor(quality), torch.tensor(cost))
    assert torch.equal(router.score(features), before)
