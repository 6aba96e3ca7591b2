"""Long prompts: the hint goes first, then the options, and of the question its middle, last of all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hub_models import byte_tokenizer, word_tokenizer
from tests.series import examples
from vlrouterbench.routers.encoders.hub.folder import HubEncoderError
from vlrouterbench.routers.encoders.hub.prompt import (
    FIRST_OPTION,
    FIXED,
    HINT,
    QUESTION,
    fixed_tokens,
    kept_indices,
    prompt_tokens,
)
from vlrouterbench.routers.encoders.sample_input import RouterInput

TOKENIZERS = {"words": word_tokenizer(), "bytes": byte_tokenizer()}
A, B, C = FIRST_OPTION, FIRST_OPTION + 1, FIRST_OPTION + 2
# [CLS] question x4, hint x3, option A x1, option B x3 [SEP]: 13 tokens at places 0 to 12.
OWNERS = [FIXED, *[QUESTION] * 4, *[HINT] * 3, A, *[B] * 3, FIXED]


@pytest.mark.parametrize(
    ("max_length", "kept"),
    [
        (13, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        (12, [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]),  # the hint loses its end
        (10, [0, 1, 2, 3, 4, 8, 9, 10, 11, 12]),  # the hint is gone, the options whole
        (9, [0, 1, 2, 3, 4, 8, 9, 10, 12]),  # the longer option loses its end
        (8, [0, 1, 2, 3, 4, 8, 9, 12]),  # one token an option
        (7, [0, 1, 2, 3, 4, 9, 12]),
        (6, [0, 1, 2, 3, 4, 12]),  # the question alone, whole
        (5, [0, 1, 2, 4, 12]),  # its middle goes
        (3, [0, 1, 12]),
        (2, [0, 12]),
    ],
)
def test_hint_then_options_then_the_middle_of_the_question(max_length, kept):
    assert kept_indices(OWNERS, max_length) == kept


def test_options_are_shortened_to_a_common_length():
    owners = [QUESTION, *[A] * 2, *[B] * 9, *[C] * 6]
    kept = [owners[place] for place in kept_indices(owners, 11)]
    assert [kept.count(owner) for owner in (QUESTION, A, B, C)] == [1, 2, 4, 4]


def test_a_prefix_longer_than_the_limit_is_an_error():
    with pytest.raises(HubEncoderError, match="at most 2 tokens, found 3"):
        kept_indices([FIXED] * 3 + [QUESTION], 2)


@given(st.lists(st.integers(QUESTION, FIRST_OPTION + 4), max_size=60), st.integers(1, 70))
def test_as_much_stays_as_fits_and_parts_go_in_order(parts, max_length):
    owners = [FIXED, *sorted(parts)]
    places = kept_indices(owners, max_length)
    assert len(places) == min(len(owners), max_length)
    assert places == sorted(set(places)) and places[0] == 0
    lost = {owners[place] for place in set(range(len(owners))) - set(places)}
    kept = {owners[place] for place in places}
    if lost - {HINT}:
        assert HINT not in kept
    if QUESTION in lost:
        assert kept <= {FIXED, QUESTION}


words = st.lists(st.sampled_from(["chart", "average", "cat", "(", "left", "zebra", "é", "図"]), max_size=25).map(
    " ".join
)
# Behind an empty question the prefix's last blank joins the next word.
samples = st.builds(RouterInput, words.filter(bool), st.lists(words, max_size=4).map(tuple), words)


@pytest.mark.parametrize("kind", TOKENIZERS)
@examples(60)
@given(sample=samples, max_length=st.integers(12, 80))
def test_of_any_prompt_at_most_the_limit_stays_and_the_question_whole_where_it_fits(kind, sample, max_length):
    tokenizer, prefix = TOKENIZERS[kind], "query: "
    whole = tokenizer(prefix + sample.text)["input_ids"]
    kept = prompt_tokens(sample, tokenizer, prefix=prefix, max_length=max_length)
    assert len(kept) == min(len(whole), max_length)
    rest = iter(whole)
    assert all(token in rest for token in kept), "what stays is not a part of the text in its order"
    question = tokenizer(prefix + sample.question)["input_ids"]
    if len(question) <= max_length:
        end = 1  # both tokenizers write one special token behind the text
        assert kept[: len(question) - end] == question[: len(question) - end]
        assert kept[-1] == question[-1]


def test_a_text_that_fits_is_tokenised_as_the_tokenizer_does_it():
    sample = RouterInput("Which one shows a cat?", ("left", "right"), "Look closely.")
    for tokenizer in TOKENIZERS.values():
        expected = tokenizer("query: " + sample.text)["input_ids"]
        assert prompt_tokens(sample, tokenizer, prefix="query: ", max_length=len(expected)) == expected


def test_head_and_tail_of_a_long_question_stay():
    tokenizer = TOKENIZERS["words"]
    sample = RouterInput("read total from invoice in this chart", ("cat",), "look closely")
    kept = prompt_tokens(sample, tokenizer, prefix="", max_length=6)
    assert tokenizer.convert_ids_to_tokens(kept) == ["[CLS]", "read", "total", "this", "chart", "[SEP]"]


def test_lower_casing_reaches_prefix_and_text():
    tokenizer = TOKENIZERS["bytes"]
    sample = RouterInput("WHAT Is", ("Cat",))
    given_tokens = prompt_tokens(sample, tokenizer, prefix="QUERY: ", max_length=80, lower_case=True)
    assert given_tokens == tokenizer("query: what is\n(a) cat")["input_ids"]


def test_half_a_surrogate_pair_does_not_stop_it():
    sample = RouterInput("total \ud83d of this")
    expected = TOKENIZERS["bytes"]("total ? of this")["input_ids"]
    assert prompt_tokens(sample, TOKENIZERS["bytes"], prefix="", max_length=60) == expected


def test_fixed_tokens_count_prefix_and_special_tokens():
    assert fixed_tokens(TOKENIZERS["words"], "query: ") == 4  # [CLS] query : [SEP]
    assert fixed_tokens(TOKENIZERS["words"], "") == 2
