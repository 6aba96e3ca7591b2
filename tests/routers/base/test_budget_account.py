"""What a stream may spend: charged before it is asked, corrected by what was paid, in any order."""

import json
import math
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.routers.base import budget_account
from vlrouterbench.routers.base.budget_account import BudgetAccount, ReservationError, read_state, write_state
from vlrouterbench.routers.base.decision import BudgetError

USD = st.floats(0, 10, allow_nan=False)


def allowed(account):
    """What all requests so far may have cost together, but for rounding."""
    return account.average_cost_usd * account.num_requests + account.bound_usd + 1e-6


def test_a_reserve_fits_up_to_the_budget_times_the_requests_and_a_credit():
    account = BudgetAccount(2.0, credit_usd=3.0)
    assert account.available_usd == pytest.approx(5.0)
    assert account.charge(4.0, 1.0) == (1, True)
    assert account.available_usd == pytest.approx(3.0)
    account.settle(1, 1.5)
    assert account.available_usd == pytest.approx(5.5)
    assert account.charge(5.6, 1.0) == (2, False)
    assert (account.num_requests, account.num_beyond, account.committed_usd) == (2, 1, 7.1)


def test_without_a_credit_the_largest_reserve_so_far_is_it():
    account = BudgetAccount(1.0)
    account.foresee(7.0)
    assert (account.bound_usd, account.available_usd) == (7.0, pytest.approx(8.0))
    account.charge(2.0, 2.0)
    assert account.bound_usd == 7.0


def test_the_pace_gives_back_over_the_horizon_what_was_over_and_underspent():
    account = BudgetAccount(1.0, horizon=10)
    assert account.pace_usd == 1.0
    account.charge(9.0, 3.0)  # expected two more than the budget
    assert account.pace_usd == pytest.approx(0.8)
    account.settle(1, 0.0)  # one less than the budget
    assert account.pace_usd == pytest.approx(1.1)


@given(
    requests=st.lists(st.tuples(st.lists(USD, min_size=1, max_size=4), st.floats(0, 1), st.integers(0, 5)), max_size=80)
)
def test_the_mean_keeps_to_the_budget_and_one_reserve_whatever_comes_and_in_which_order(requests):
    """An adversary states reserves, chooses the dearest that fits, and settles late, early or never, at no more."""
    account, waiting, paid = BudgetAccount(3.0), [], 0.0
    for reserves, share, settled in requests:
        account.foresee(max(reserves))
        fitting = [usd for usd in reserves if usd <= account.available_usd]
        number, fits = account.charge(max(fitting, default=min(reserves)), 0.0)
        assert fits == bool(fitting)
        waiting.append((number, share * account.open[number].reserved_usd))
        paid += waiting[-1][1]
        if fits:
            assert account.committed_usd <= allowed(account)
            assert paid <= allowed(account)
        for _ in range(min(settled, len(waiting))):
            account.settle(*waiting.pop(settled % len(waiting)))


@given(requests=st.lists(st.tuples(USD, st.floats(0, 2), USD), min_size=20, max_size=60))
def test_where_the_cheapest_is_never_above_the_budget_every_request_fits(requests):
    """And an answer that exceeds its reserve leaves the mean above the bound by its own overrun alone."""
    account, paid = BudgetAccount(2.0), 0.0
    for dearer, cheapest, overrun in requests:
        account.foresee(2.0 + dearer)
        reserve = 2.0 + dearer if 2.0 + dearer <= account.available_usd else cheapest
        within = account.committed_usd <= allowed(account)
        number, fits = account.charge(reserve, reserve)
        assert fits or not within
        paid += reserve + overrun
        account.settle(number, reserve + overrun)
        assert account.settled_usd == pytest.approx(paid)
        if fits:
            assert paid <= allowed(account) + overrun


def test_a_reservation_is_settled_once_and_must_have_been_made():
    account = BudgetAccount(1.0)
    number, _ = account.charge(0.5, 0.5)
    account.settle(number, 0.2)
    with pytest.raises(ReservationError, match=r"reservation 1: .*settled"):
        account.settle(number, 0.2)
    for unknown in (0, 2, -1, True, "1"):
        with pytest.raises(ReservationError, match="never made|settled"):
            account.settle(unknown, 0.2)
    assert account.settled_usd == 0.2


@pytest.mark.parametrize("paid", [-0.1, math.nan, math.inf, "1", None, True])
def test_a_cost_that_is_none_leaves_the_reservation_open(paid):
    account = BudgetAccount(1.0)
    number, _ = account.charge(0.5, 0.5)
    with pytest.raises(BudgetError, match="paid_usd"):
        account.settle(number, paid)
    assert list(account.open) == [number] and account.committed_usd == 0.5


def test_what_is_never_settled_stays_counted_in_full(monkeypatch):
    monkeypatch.setattr(budget_account, "MOST_OPEN", 2)
    account = BudgetAccount(1.0)
    for usd in (1.0, 2.0, 4.0):
        account.charge(usd, 0.0)
    assert (list(account.open), account.settled_usd, account.committed_usd) == ([2, 3], 1.0, 7.0)
    with pytest.raises(ReservationError, match="closed at its reserve"):
        account.settle(1, 0.5)


@pytest.mark.parametrize(
    "arguments", [(0.0,), (-1.0,), (math.nan,), (math.inf,), (1.0, -1.0), (1.0, math.nan), (1.0, None, 0)]
)
def test_a_budget_credit_or_horizon_that_makes_no_sense_is_refused(arguments):
    with pytest.raises(BudgetError, match="expected a number"):
        BudgetAccount(*arguments)


@given(charges=st.lists(st.tuples(USD, USD, st.booleans()), max_size=20), credit=st.none() | USD)
def test_a_saved_account_goes_on_as_the_unbroken_one(charges, credit, tmp_path_factory):
    account, path = BudgetAccount(1.3, credit, 7), tmp_path_factory.mktemp("state") / "stream.json"
    for reserved, expected, settled in charges:
        number, _ = account.charge(reserved, expected)
        if settled:
            account.settle(number, expected)
    write_state(path, account.state())
    restored = BudgetAccount.from_state(read_state(path))
    assert restored.state() == account.state()
    assert (restored.available_usd, restored.pace_usd) == (account.available_usd, account.pace_usd)
    assert list(path.parent.iterdir()) == [path]


def test_a_state_that_cannot_be_written_leaves_the_older_one(tmp_path):
    path = tmp_path / "stream.json"
    write_state(path, {"a": 1})
    for content in ({"a": math.nan}, {"a": object()}):
        with pytest.raises((ValueError, TypeError)):
            write_state(path, content)
    assert read_state(path) == {"a": 1} and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: state.pop("settled_usd"),
        lambda state: state.update(settled_usd=-1),
        lambda state: state.update(num_requests=1.5),
        lambda state: state.update(average_cost_usd="1"),
        lambda state: state.update(open=[{"number": 1}]),
        lambda state: state.update(open=7),
    ],
)
def test_a_damaged_state_is_refused(damage):
    state = json.loads(json.dumps(BudgetAccount(1.0).state()))
    damage(state)
    with pytest.raises(BudgetError, match="expected"):
        BudgetAccount.from_state(state)


@pytest.mark.parametrize("content", ["", "[]", "{", None])
def test_a_file_that_is_no_state_is_refused_by_its_name(tmp_path, content):
    path = tmp_path / "stream.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BudgetError, match=r"stream\.json"):
        read_state(path)


def test_threads_lose_no_request():
    account = BudgetAccount(1.0)

    def work():
        for _ in range(300):
            with account.lock:
                number, _ = account.charge(0.75, 0.5)
            account.settle(number, 0.25)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (account.num_requests, account.settled_usd, account.open) == (2400, 600.0, {})


@pytest.mark.parametrize("budget", ["0.001", None, True])
def test_a_budget_that_is_no_number_is_refused_as_one(budget):
    with pytest.raises(BudgetError, match="average_cost_usd: expected a number above 0, found"):
        BudgetAccount(budget)


def test_a_second_writer_is_noticed_and_its_counts_are_not_lost(tmp_path):
    path, mine, theirs = tmp_path / "stream.json", {}, {}
    write_state(path, {"a": 1}, mine)
    write_state(path, {"a": 2}, mine)
    theirs[path] = read_state(path)
    write_state(path, {"a": 3}, theirs)
    with pytest.raises(BudgetError, match="a second process charges the same budget"):
        write_state(path, {"a": 4}, mine)
    assert read_state(path) == {"a": 3}
    # Of another run, which nobody goes on with, nothing is lost.
    write_state(path, {"a": 5}, {})
