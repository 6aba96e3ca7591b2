"""Token counts known from outside, and cost by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.series import examples
from vlrouterbench.data.costs import token_cost
from vlrouterbench.data.tokens import ENCODING, count_tokens, token_counter_name

# The first five are stated in OpenAI's cookbook ("How to count tokens with tiktoken") for cl100k_base or are common
# knowledge; the others were counted once and hold the counter still.
KNOWN_COUNTS = {
    "hello world": 2,
    "tiktoken is great!": 6,
    "antidisestablishmentarianism": 6,
    "2 + 2 = 4": 7,
    "お誕生日おめでとう": 9,
    "": 0,
    "The quick brown fox jumps over the lazy dog.": 10,
    "1234567890": 4,
    "naïve café": 4,
    "你好，世界": 6,
    "    indented\n\n\tcode()": 6,
    "a" * 100: 13,
    "😀🎉": 5,
    "Failed to obtain answer via API.": 7,
}


@pytest.mark.parametrize(("text", "count"), KNOWN_COUNTS.items())
def test_counts_are_those_of_cl100k_base(text, count):
    assert count_tokens([text]).tolist() == [count]


def test_special_token_strings_are_ordinary_text():
    assert count_tokens(["<|endoftext|>", "a<|endoftext|>b"]).tolist() == [7, 9]
    assert count_tokens(["<|fim_prefix|>x<|im_start|>"]).tolist() == [14]


def test_no_text_counts_nothing_and_order_is_kept():
    counts = count_tokens([None, "hello world", "", None, "hello"])
    assert counts.tolist() == [0, 2, 0, 0, 1]
    assert counts.dtype == np.int32
    assert count_tokens([]).shape == (0,)


def test_the_counter_names_its_encoding():
    assert ENCODING == "cl100k_base"
    assert token_counter_name().endswith(ENCODING)


def test_tiktoken_gives_the_same_counts():
    tiktoken = pytest.importorskip("tiktoken")
    try:
        encoding = tiktoken.get_encoding(ENCODING)
    except OSError:
        pytest.skip("tiktoken has no cached cl100k_base table and there is no network")
    texts = [*KNOWN_COUNTS, "<|endoftext|>", "a<|endoftext|>b"]
    assert count_tokens(texts).tolist() == [len(encoding.encode_ordinary(text)) for text in texts]


@given(st.text(max_size=60))
@examples(60)
def test_a_text_has_at_most_one_token_per_byte_and_at_least_one(text):
    count = int(count_tokens([text])[0])
    assert bool(text) <= count <= len(text.encode())


def test_cost_by_hand():
    # 300 tokens in at 2.50 $ and 40 out at 10 $ per million: 0.00075 + 0.0004 USD.
    cost = token_cost(np.array([300.0]), np.array([40.0]), prices=(np.array([2.5]), np.array([10.0])))
    assert cost == pytest.approx([0.00115], rel=1e-12)


def test_each_candidate_pays_its_own_prices_on_the_same_tokens():
    tokens_in, tokens_out = np.array([[1_000_000.0], [500_000.0]]), np.array([[0.0, 1_000_000.0], [2_000_000.0, 0.0]])
    cost = token_cost(tokens_in, tokens_out, prices=(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    assert cost.tolist() == [[1.0, 6.0], [6.5, 1.0]]


def test_what_was_not_measured_has_no_cost():
    cost = token_cost(np.array([1.0, np.nan, 1.0]), np.array([np.nan, 1.0, 1.0]), prices=(np.ones(3), np.ones(3)))
    assert np.isnan(cost).tolist() == [True, True, False]
