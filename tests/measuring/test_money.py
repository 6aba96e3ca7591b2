"""Money: reserves by hand, and a limit that no order of requests exceeds."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.measuring.money import MESSAGE_TOKENS, UNCAPPED_TOKENS, SpendingLimit, is_capped, reserve_usd, usd
from vlrouterbench.measuring.writing import bound_in_words


def endpoint(**fields):
    return Endpoint("a", "m", 1.0, 10.0, base_url="http://h/v1", **fields)


def test_a_reserve_is_the_most_that_a_request_can_cost():
    text = MESSAGE_TOKENS + 5
    assert reserve_usd(endpoint(max_output_tokens=100), "héll", []) == pytest.approx((text + 1000) / 1e6)
    assert reserve_usd(endpoint(), "hello", []) == pytest.approx((text + 10 * UNCAPPED_TOKENS) / 1e6)
    assert reserve_usd(endpoint(context_tokens=100), "hello", []) == pytest.approx(10 * 100 / 1e6)
    both = endpoint(context_tokens=300, max_output_tokens=100)
    assert reserve_usd(both, "hello", []) == pytest.approx((200 + 10 * 100) / 1e6)
    other = endpoint(max_output_tokens=10, extra_body={"max_tokens": None, "max_completion_tokens": 100})
    assert reserve_usd(other, "hello", []) == pytest.approx((text + 10 * 100) / 1e6), "the cap is the one that is sent"
    assert not is_capped(endpoint(max_output_tokens=10, extra_body={"max_tokens": None}))
    large = reserve_usd(endpoint(max_output_tokens=1), "", [(4000, 3000)])
    assert large >= usd(endpoint(), 14_000, 1), "an image counts as by the hungriest published rule"
    assert bound_in_words([]) == "0 USD" and "16,384 tokens" in bound_in_words(["a"])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40),
    st.floats(0.01, 5),
    st.integers(1, 8),
    st.integers(0, 1000),
)
def test_what_is_paid_never_exceeds_the_limit_in_any_order(requests, limit, workers, seed):
    """Each request reserves an amount and pays a share of it; workers overlap as the seed says."""
    rng = random.Random(seed)

    async def run():
        account, waiting = SpendingLimit(limit), iter(requests)

        async def work():
            for reserve, share in waiting:
                if not await account.reserve(reserve):
                    return
                assert account.committed_usd <= limit * (1 + 1e-9)
                for _ in range(rng.randrange(3)):
                    await asyncio.sleep(0)
                await account.settle(reserve, reserve * share)

        await asyncio.gather(*(work() for _ in range(workers)))
        assert account.spent_usd <= limit * (1 + 1e-9)
        return account

    asyncio.run(run())
