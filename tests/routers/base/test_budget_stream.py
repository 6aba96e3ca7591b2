"""The running mean keeps to the budget, whatever samples come and whatever answers cost."""

import json
import threading
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.budget_account import ReservationError
from vlrouterbench.routers.base.budget_stream import BudgetStream
from vlrouterbench.routers.base.decision import BudgetError, PoolMismatchError
from vlrouterbench.routers.base.spending_curve import spending_curve, weight_for

FIRST = 20


@pytest.fixture(scope="module")
def router(trained_folders):
    return AutoRouter.from_pretrained(trained_folders["flagship"])


def test_the_lightest_weight_that_fits_is_taken_and_else_the_heaviest():
    curve = [(1.0, 100.0), (1.0, 50.0), (2.0, 10.0), (5.0, 0.0)]
    assert [weight_for(curve, cost) for cost in (0.5, 1.0, 1.9, 2.0, 9.0)] == [100.0, 50.0, 50.0, 10.0, 0.0]


def test_spending_grows_as_the_weight_falls(router):
    costs = [cost for cost, _ in spending_curve(router)]
    assert all(later >= earlier - 1e-9 for earlier, later in zip(costs, costs[1:], strict=False))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.7])
def test_the_running_mean_comes_to_the_budget(router, simulated_problem, share):
    curve = spending_curve(router)
    budget = curve[0][0] + share * (curve[-1][0] - curve[0][0])
    stream = router.stream(budget)
    for row in simulated_problem.train_features.split(1):
        stream.decide_one(row)
    assert stream.num_samples == len(simulated_problem.train)
    assert stream.total_cost_usd / stream.num_samples == pytest.approx(budget, rel=0.1)


def test_answers_that_cost_twice_as_much_as_expected_are_made_up_for(router, simulated_problem):
    curve = spending_curve(router)
    budget = 0.3 * curve[-1][0]
    stream, spent = router.stream(budget), 0.0
    for row in simulated_problem.train_features.split(1):
        decision = stream.decide_one(row)
        expected = decision.estimated_cost_usd[decision.candidate]
        stream.spent(expected, 2 * expected)
        spent += 2 * expected
    assert stream.total_cost_usd == pytest.approx(spent)
    assert spent / stream.num_samples == pytest.approx(budget, rel=0.15)


def test_a_stream_routes_questions_with_the_routers_own_options(router):
    stream = router.stream(1.0)
    decision = stream.route("What is shown?", candidates=["GPT-4o"])
    assert decision.candidate == "GPT-4o"
    chat = [{"role": "user", "content": "What is shown?"}]
    made = stream.reserve(messages=chat, candidates=["GPT-4o"])
    assert replace(made.decision, usd_weight=None) == replace(decision, usd_weight=None)
    with pytest.raises(TypeError, match="usd_weight"):
        stream.reserve("What is shown?", usd_weight=1.0)
    assert stream.total_cost_usd == decision.estimated_cost_usd["GPT-4o"] + made.reserved_usd


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan"), float("inf")])
def test_a_budget_that_makes_no_sense_is_refused(router, budget):
    with pytest.raises(BudgetError, match="average_cost_usd"):
        router.stream(budget)


@pytest.mark.parametrize("options", [{"quantile": 1.1}, {"horizon": 0}, {"credit_usd": -1.0}])
def test_an_option_that_makes_no_sense_is_refused(router, options):
    with pytest.raises(BudgetError, match=next(iter(options))):
        router.stream(1.0, **options)


def middle(router, share=0.2):
    """A budget between the cheapest decisions and those that weigh no cost."""
    curve = spending_curve(router)
    return curve[0][0] + share * (curve[-1][0] - curve[0][0])


@settings(max_examples=6, suppress_health_check=list(HealthCheck), deadline=None)
@given(seed=st.integers(0, 100), share=st.floats(0.02, 0.6), num_open=st.integers(1, 4), dearest=st.booleans())
def test_the_mean_keeps_to_the_budget_and_one_reserve_in_every_order(
    router, simulated_problem, seed, share, num_open, dearest
):
    """Tokens are bounded, an answer costs up to its reserve, and the adversary puts dear questions first."""
    budget, rows = middle(router, share), simulated_problem.train_features[:60]
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 3_000, (len(rows),), generator=generator)
    lengths = lengths.sort(descending=dearest).values if seed % 2 else lengths
    stream, waiting, paid = router.stream(budget), [], 0.0
    for number, (row, length) in enumerate(zip(rows.split(1), lengths.tolist(), strict=True), start=1):
        made = stream.reserve_one(row, input_tokens=length, max_output_tokens=length // 4)
        waiting.append((made, made.reserved_usd * float(torch.rand(1, generator=generator)) ** (number % 3)))
        paid += waiting[-1][1]
        if made.decision.within_budget:
            assert stream.total_cost_usd <= budget * number + stream.bound_usd + 1e-9
            if number >= FIRST:
                assert paid / number <= budget + stream.bound_usd / number + 1e-9
        if len(waiting) >= num_open:
            stream.settle(*waiting.pop(seed % len(waiting)))


def test_where_all_questions_are_dearer_than_those_of_training_the_budget_still_holds(router, simulated_problem):
    """The dearest tenth alone, which a pace that trusts training overspends on, settled at what it did cost."""
    train, budget = simulated_problem.train, middle(router)
    cost = train.cost.mean(axis=1)
    dearest = cost.argsort()[::-1][: len(cost) // 10].tolist() * 6
    names = router.config.candidate_names

    def overspent(stream):
        paid, worst = 0.0, 0.0
        for number, index in enumerate(dearest, start=1):
            made = stream.reserve_one(simulated_problem.train_features[index : index + 1])
            usd = float(train.cost[index, names.index(made.decision.candidate)])
            stream.settle(made, usd)
            paid += usd
            overrun = max(0.0, usd - made.reserved_usd)
            worst = max(worst, paid - budget * number - stream.bound_usd - overrun * made.decision.within_budget)
        return worst

    assert overspent(router.stream(budget)) <= 1e-9
    assert overspent(router.stream(budget, credit_usd=1e9)) + 1e9 > router.stream(budget).bound_usd


def test_a_budget_below_the_cheapest_asks_the_cheapest_and_says_so(router, simulated_problem):
    stream, row = router.stream(1e-9), simulated_problem.train_features[:1]
    prices = {entry["name"]: entry["input_price"] + entry["output_price"] for entry in router.config.candidates}
    for made in (stream.reserve_one(row, input_tokens=100, max_output_tokens=100) for _ in range(2)):
        assert made.decision.candidate == min(prices, key=prices.get)
        assert "beyond what the stream may reserve" in made.decision.reason
        assert made.decision.as_dict()["within_budget"] is False
    assert stream.route("What is shown?").within_budget is False
    assert (stream.account.num_beyond, stream.bound_usd) == (3, 0.0)


def test_strict_refuses_what_does_not_fit_and_charges_nothing(router, simulated_problem):
    with pytest.raises(BudgetError, match="cheapest decisions cost"):
        router.stream(1e-9, strict=True)
    stream = router.stream(middle(router), strict=True, credit_usd=0.0)
    with pytest.raises(BudgetError, match="cheapest candidate may cost .* leave out strict"):
        stream.reserve_one(simulated_problem.train_features[:1], input_tokens=10**7, max_output_tokens=10)
    assert (stream.num_samples, stream.total_cost_usd) == (0, 0.0)


def test_the_best_that_fits_is_asked_where_the_preferred_one_does_not(router, simulated_problem):
    row = simulated_problem.train_features[:1]
    preferred = router.decide_one(row, usd_weight=0.0)
    most = router.stream(1.0).reserve_one(row).reserved_usd
    stream = router.stream(1.0, credit_usd=0.0)
    stream.account.average_cost_usd = 0.9 * most
    stream._curve = [(0.0, 0.0)]
    made = stream.reserve_one(row)
    ratios = router.cost_ratios(0.95)
    reserves = {name: usd * ratios[name] for name, usd in preferred.estimated_cost_usd.items()}
    fitting = [name for name, usd in reserves.items() if usd <= 0.9 * most]
    assert made.decision.candidate == max(fitting, key=preferred.score.get)
    assert made.reserved_usd == reserves[made.decision.candidate] and made.decision.within_budget
    assert preferred.candidate in made.decision.reason


def test_a_reserve_is_the_prices_of_bounded_tokens(router, simulated_problem):
    row, prices = simulated_problem.train_features[:1], {}
    for entry in router.config.candidates:
        prices[entry["name"]] = (entry["input_price"], entry["output_price"])
    stream, lengths = router.stream(1.0), {name: 200 + place for place, name in enumerate(prices)}
    made = stream.reserve_one(row, input_tokens=lengths, max_output_tokens=50)
    name = made.decision.candidate
    assert made.reserved_usd == pytest.approx((lengths[name] * prices[name][0] + 50 * prices[name][1]) / 1e6)
    for wrong in ({"input_tokens": 5}, {"max_output_tokens": 5}, {"input_tokens": -1, "max_output_tokens": 5}):
        with pytest.raises(BudgetError, match="tokens"):
            stream.reserve_one(row, **wrong)
    with pytest.raises(BudgetError, match="number of tokens"):
        stream.reserve_one(row, input_tokens={name: 4}, max_output_tokens=5)
    with pytest.raises(PoolMismatchError):
        stream.reserve_one(row, ["unknown"])
    assert stream.num_samples == 1


def test_a_reserve_by_quantile_holds_for_that_share_of_answers(router, simulated_problem):
    """On training samples, whose costs the estimates have seen, at least as many as the quantile says."""
    ratios, train = router.cost_ratios(0.9), simulated_problem.train
    expected = router.estimates(simulated_problem.train_features).cost_usd.detach().numpy()
    for column, name in enumerate(router.config.candidate_names):
        held = train.cost[:, column] <= expected[:, column] * ratios[name] * (1 + 1e-6)
        assert held.mean() >= 0.85, name
        assert router.cost_ratios(0.5)[name] <= ratios[name] <= router.cost_ratios(1.0)[name]
    assert router.cost_ratios(0.91) == router.cost_ratios(0.95)


def test_requests_overlap_in_threads_and_each_is_settled_once(router, simulated_problem):
    stream, rows, problems = router.stream(middle(router)), simulated_problem.train_features[:40], []

    def work(part):
        for row in part.split(1):
            made = stream.reserve_one(row)
            stream.settle(made, 0.5 * made.reserved_usd)
            try:
                stream.settle(made.number, 0.0)
            except ReservationError as error:
                problems.append(str(error))

    threads = [threading.Thread(target=work, args=(rows[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stream.num_samples == len(problems) == 40 and not stream.account.open


def test_a_restored_stream_decides_as_the_unbroken_one(router, simulated_problem, tmp_path):
    rows, path = simulated_problem.train_features[:90].split(1), tmp_path / "stream.json"
    stream = router.stream(middle(router, 0.1), quantile=0.9, horizon=9)
    half, open_ = rows[:45], []
    for number, row in enumerate(half):
        open_.append(stream.reserve_one(row))
        if number % 3:
            stream.settle(open_.pop(0), 2 * open_[0].reserved_usd)
    stream.save(path)
    restored = router.restored_stream(path)
    assert (restored.quantile, restored.strict, restored.account.horizon) == (0.9, False, 9)
    for row in rows[45:]:
        old, new = stream.reserve_one(row), restored.reserve_one(row)
        assert old == new
        for each in (stream, restored):
            each.settle(old.number, old.reserved_usd)
            if open_:
                each.settle(open_[0].number, 0.0)
        open_ = open_[1:]
    assert stream.account.state() == restored.account.state()
    restored.reserve_one(rows[0])
    restored.save(path)
    with pytest.raises(BudgetError, match="Let one process hold the stream"):
        stream.save(path)


@pytest.mark.parametrize("damage", [{"format": 2}, {"account": None}, {"quantile": 3}, {"strict": "yes"}])
def test_a_file_of_another_format_is_refused(router, tmp_path, damage):
    path = tmp_path / "stream.json"
    router.stream(1.0).save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    with pytest.raises(BudgetError, match="expected"):
        router.restored_stream(path)


def test_a_stream_follows_changes_of_its_routers_pool_and_prices(trained_folders, simulated_problem):
    router, row = AutoRouter.from_pretrained(trained_folders["flagship"]), simulated_problem.train_features[:1]
    stream = router.stream(1.0)
    dear = stream.reserve_one(row).decision.candidate
    router.remove_candidate(dear)
    after = stream.reserve_one(row).decision
    assert after.candidate != dear and dear not in after.score
    router.set_prices({after.candidate: (0.0, 0.0)})
    assert stream.reserve_one(row, [after.candidate]).reserved_usd == 0.0


def test_a_router_that_keeps_no_quantiles_says_so_and_reserves_what_it_expects(trained_folders, simulated_problem):
    router = AutoRouter.from_pretrained(trained_folders["flagship"])
    del router.config.pool["cost_ratios"]
    with pytest.warns(UserWarning, match="expected cost alone"):
        stream = BudgetStream(router, 1.0)
    made = stream.reserve_one(simulated_problem.train_features[:1])
    assert made.reserved_usd == made.decision.estimated_cost_usd[made.decision.candidate]


def test_a_candidate_that_joins_keeps_how_far_its_costs_lie_from_the_expected(trained_folders, simulated_problem):
    router = AutoRouter.from_pretrained(trained_folders["flagship"])
    features = simulated_problem.train_features[:50]
    tokens = torch.where(torch.arange(50) % 2 == 0, 100.0, 300.0)
    outcomes = {"quality": torch.ones(50), "input_tokens": tokens, "output_tokens": torch.zeros(50)}
    router.add_candidate({"name": "new", "input_price": 1.0, "output_price": 1.0}, features, outcomes)
    expected = router.estimates(features).cost_usd[:, -1].detach().double()
    assert router.cost_ratios(1.0)["new"] == pytest.approx(float((tokens.double() / 1e6 / expected).max()))
    assert list(router.cost_ratios(0.5)) == router.config.candidate_names
    del router.config.pool["cost_ratios"][-1:]
    assert router.cost_ratios(0.5) is None


def test_a_stream_knows_the_prices_of_its_day(trained_folders):
    router = AutoRouter.from_pretrained(trained_folders["flagship"])
    before = spending_curve(router)
    router.set_prices({name: (100.0, 100.0) for name in router.config.candidate_names})
    assert min(cost for cost, _ in spending_curve(router)) > max(cost for cost, _ in before)
    assert torch.isfinite(torch.tensor(spending_curve(router))).all()
