"""Trade-offs of one checkpoint: its own among them, in the benchmark's order, and the router is left as it was."""

import numpy as np
import pytest
import torch

from vlrouterbench.evaluation.operating_points import decisions_by_weight
from vlrouterbench.routers.flagship.modeling_flagship import TRADE_OFFS
from vlrouterbench.training.fit import train_router


@pytest.fixture(scope="module")
def router(simulated_problem):
    return train_router("ridge-mf", simulated_problem).router


def test_its_own_trade_off_is_one_of_them_and_stays(router, simulated_problem):
    features, order = simulated_problem.train_features, np.arange(router.num_candidates)
    own, weight = router.decide(features).numpy(), router.config.usd_weight
    offered = dict(decisions_by_weight(router, features, order))
    assert list(offered) == sorted(offered) and (offered[weight] == own).all()
    assert router.config.usd_weight == weight and (router.decide(features).numpy() == own).all()
    # Money weighs ever more: no heavier weight makes decisions dearer on the whole.
    spent = [router.mean_cost[torch.from_numpy(found)].sum() for found in offered.values()]
    assert all(later <= sooner + 1e-9 for sooner, later in zip(spent, spent[1:], strict=False)) and spent[-1] < spent[0]


def test_trade_offs_that_are_given_stand_in_the_familys_place(router, simulated_problem):
    features, order = simulated_problem.train_features, np.arange(router.num_candidates)
    dearest, own = float(router.mean_cost.max()), router.config.usd_weight
    offered = dict(decisions_by_weight(router, features, order, (1e6, 0.37)))
    assert set(offered) == {own, 0.37 / dearest, 1e6 / dearest}
    # At so heavy a weight nothing but cost counts.
    cheapest = router.estimate(features)[1].argmin(dim=1).numpy()
    assert (offered[1e6 / dearest] == cheapest).all() and (offered[own] != cheapest).any()


def test_every_family_is_asked_for_the_same_trade_offs(router, simulated_problem):
    """A finer grid has more corners to choose from, so its hull is higher without a better router."""
    other = train_router("flagship", simulated_problem).router
    for found in (router, other):
        offered = decisions_by_weight(found, simulated_problem.train_features, np.arange(found.num_candidates))
        dearest = float(found.mean_cost.max())
        assert {weight for weight, _ in offered} == {found.config.usd_weight, *(part / dearest for part in TRADE_OFFS)}


def test_decisions_are_places_in_the_benchmarks_pool(router, simulated_problem):
    features, turned = simulated_problem.train_features, np.arange(router.num_candidates)[::-1]
    plain, other = (decisions_by_weight(router, features, order) for order in (turned[::-1], turned))
    for (_, found), (_, mapped) in zip(plain, other, strict=True):
        assert (mapped == router.num_candidates - 1 - found).all()


def test_a_family_with_one_trade_off_offers_none_to_choose_from(simulated_problem):
    found = train_router("prototype", simulated_problem).router
    assert decisions_by_weight(found, simulated_problem.train_features, np.arange(found.num_candidates)) is None
