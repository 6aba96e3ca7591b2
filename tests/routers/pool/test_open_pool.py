"""Candidates join, leave and change their prices; nothing else moves, and all of it is saved."""

import copy

import pytest
import torch

from tests.families import with_candidates
from vlrouterbench.data.prices.units import LOWEST
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.decision import PoolMismatchError
from vlrouterbench.routers.pool.new_candidates import LOWEST_PRICE
from vlrouterbench.training.fit import train_router

POOL = [0, 3, 6, 9, 15]
JOINS = 11


@pytest.fixture(scope="module")
def problem(simulated_problem):
    return with_candidates(simulated_problem, POOL)


@pytest.fixture(scope="module")
def trained(problem):
    return train_router("flagship", problem).router


@pytest.fixture
def router(trained):
    return copy.deepcopy(trained)


@pytest.fixture
def features(problem):
    return problem.validation_features


def _anchors(simulated_problem, router, count=100):
    """A new candidate of the simulated benchmark: its entry, features and outcomes on the router's anchor set."""
    rows = router.anchor_set(count)
    train = simulated_problem.train
    names = ("quality", "input_tokens", "output_tokens")
    outcomes = {name: torch.from_numpy(train.matrices[name][rows, JOINS]) for name in names}
    candidate = train.pool.candidates[JOINS]
    entry = {"name": candidate.name, "input_price": candidate.input_price, "output_price": candidate.output_price}
    return entry, simulated_problem.train_features[rows], outcomes


def test_a_new_candidate_stands_last_and_the_others_keep_their_estimates(router, simulated_problem, features):
    before = router.estimates(features)
    entry, rows, outcomes = _anchors(simulated_problem, router)
    router.add_candidate(entry, rows, outcomes)
    after = router.estimates(features)
    assert router.config.candidate_names[-1] == entry["name"] and router.num_candidates == len(POOL) + 1
    for ours, theirs in zip((before.accuracy, before.cost_usd), (after.accuracy, after.cost_usd), strict=True):
        assert torch.equal(theirs[:, :-1], ours)
    # On average what its anchor samples showed.
    train = simulated_problem.train
    assert float(after.accuracy[:, -1].mean()) == pytest.approx(float(train.quality[:, JOINS].mean()), abs=0.12)
    assert float(after.cost_usd[:, -1].mean()) == pytest.approx(float(train.cost[:, JOINS].mean()), rel=0.2)
    assert after.output_tokens.shape == after.accuracy.shape
    assert router.decide_one(features[:1], candidates=[entry["name"]]).candidate == entry["name"]


def test_a_taken_name_is_refused(router, simulated_problem):
    entry, rows, outcomes = _anchors(simulated_problem, router)
    with pytest.raises(PoolMismatchError, match="expected a new candidate"):
        router.add_candidate(entry | {"name": router.config.candidate_names[0]}, rows, outcomes)


def test_who_leaves_is_gone_and_the_others_keep_their_scores(router, features):
    name, before = router.config.candidate_names[1], router.estimates(features)
    router.remove_candidate(name)
    after = router.estimates(features)
    assert name not in router.config.candidate_names
    assert torch.equal(after.accuracy, before.accuracy[:, [0, 2, 3, 4]])
    assert torch.equal(after.cost_usd, before.cost_usd[:, [0, 2, 3, 4]])
    with pytest.raises(PoolMismatchError, match=name):
        router.remove_candidate(name)


def test_the_last_candidate_stays(router):
    first, *others = router.config.candidate_names
    for name in others:
        router.remove_candidate(name)
    with pytest.raises(PoolMismatchError, match="keeps a candidate"):
        router.remove_candidate(first)


def test_ten_times_the_prices_are_ten_times_the_costs_and_can_be_taken_back(router, features):
    name, entry = router.config.candidate_names[2], dict(router.config.candidates[2])
    before = router.estimates(features).cost_usd
    price = (entry["input_price"], entry["output_price"])
    router.set_prices({name: (10 * price[0], 10 * price[1])})
    after = router.estimates(features).cost_usd
    torch.testing.assert_close(after[:, 2], 10 * before[:, 2])
    assert torch.equal(after[:, [0, 1, 3, 4]], before[:, [0, 1, 3, 4]])
    assert router.config.candidates[2]["mean_cost_usd"] == pytest.approx(10 * entry["mean_cost_usd"], rel=1e-5)
    router.set_prices({name: price})
    assert torch.equal(router.estimates(features).cost_usd, before)
    assert router.config.candidates[2]["mean_cost_usd"] == pytest.approx(entry["mean_cost_usd"], rel=1e-5)


def test_a_free_input_leaves_the_price_of_expected_output(router, features):
    name, price = router.config.candidate_names[0], router.config.candidates[0]["output_price"]
    router.set_prices({name: (0.0, price)})
    made = router.estimates(features)
    torch.testing.assert_close(made.cost_usd[:, 0], made.output_tokens[:, 0] * price / 1e6, rtol=0.3, atol=0)


def test_an_unknown_name_or_a_negative_price_changes_nothing(router, features):
    before = router.estimates(features).cost_usd
    first = router.config.candidate_names[0]
    with pytest.raises(PoolMismatchError):
        router.set_prices({first: (1.0, 1.0), "nobody": (1.0, 1.0)})
    with pytest.raises(ValueError, match="price >= 0"):
        router.set_prices({first: (-1.0, 1.0)})
    assert torch.equal(router.estimates(features).cost_usd, before)


@pytest.mark.parametrize("price", [(1e-7, 1e-7), (2.5, 0.0005)])
def test_a_price_that_is_likely_per_token_is_refused_unless_that_is_allowed(router, price):
    name = router.config.candidate_names[0]
    with pytest.raises(ValueError, match="likely USD per token"):
        router.set_prices({name: price})
    router.set_prices({name: price}, allow_unlikely=True)
    assert router.config.candidates[0]["input_price"] == price[0]


def test_a_price_a_thousand_times_that_of_its_family_or_of_its_other_side_is_refused_unless_that_is_allowed(router):
    names = router.config.candidate_names
    router.set_prices(dict.fromkeys(names, (1.0, 2.0)), allow_unlikely=True)
    for entry, name in zip(router.config.candidates, ("gpt-4o", "openai/GPT-4o-mini", *names[2:]), strict=True):
        entry["name"] = name
    with pytest.raises(ValueError, match="found 0.002 beside 2 of its own other price"):
        router.set_prices({"gpt-4o": (2.0, 0.002)})
    with pytest.raises(ValueError, match="^openai/GPT-4o-mini: expected .*found 1 beside 1000 of gpt-4o of the same"):
        router.set_prices({"gpt-4o": (1000.0, 2000.0)})
    router.set_prices({names[2]: (1000.0, 2000.0)})  # another family
    router.set_prices({"gpt-4o": (1000.0, 2000.0), "openai/GPT-4o-mini": (100.0, 200.0)})  # both at once
    router.set_prices({"gpt-4o": (0.5, 1000.0)}, allow_unlikely=True)


@pytest.mark.parametrize("prices", [None, {}, 5, "x", {"NAME": 5}, {"NAME": (1,)}, {"NAME": None}, {5: (1, 1)}])
def test_prices_that_are_none_are_refused_in_one_line(router, prices):
    given = prices
    if isinstance(prices, dict) and "NAME" in prices:
        given = {router.config.candidate_names[0]: prices["NAME"]}
    with pytest.raises(ValueError, match="^[^\n]*expected [^\n]*found [^\n]*$"):
        router.set_prices(given)


def test_the_lowest_price_of_a_router_is_the_one_of_price_files():
    assert str(LOWEST_PRICE) == str(LOWEST)


def test_a_changed_pool_is_saved_and_loaded(router, simulated_problem, features, tmp_path):
    router.add_candidate(*_anchors(simulated_problem, router))
    router.remove_candidate(router.config.candidate_names[0])
    router.set_prices({router.config.candidate_names[-1]: (7.0, 9.0)})
    router.save_pretrained(tmp_path)
    loaded = AutoRouter.from_pretrained(tmp_path)
    assert loaded.config.candidates == router.config.candidates
    ours, theirs = router.estimates(features), loaded.estimates(features)
    assert torch.equal(ours.accuracy, theirs.accuracy) and torch.equal(ours.cost_usd, theirs.cost_usd)
    assert torch.equal(ours.standard_error, theirs.standard_error)


@pytest.mark.parametrize("count", [1, 7, 100])
def test_anchor_samples_are_distinct_training_samples(trained, problem, count):
    places = trained.anchor_set(count)
    assert len(set(places)) == count and 0 <= min(places) and max(places) < len(problem.train)


def test_anchor_samples_are_spread_over_easy_and_hard(trained, problem):
    made = trained.estimates(problem.train_features).accuracy.mean(dim=1)
    anchors = made[trained.anchor_set(50)]
    assert float(anchors.mean()) == pytest.approx(float(made.mean()), abs=0.01)
    assert float(anchors.std()) == pytest.approx(float(made.std()), rel=0.15)


@pytest.mark.parametrize("count", [0, 10_000])
def test_more_anchors_than_memories_are_refused(trained, count):
    with pytest.raises(ValueError, match="expected 1 to"):
        trained.anchor_set(count)
