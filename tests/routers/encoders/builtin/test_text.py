"""Hashed n-grams and prompt facts: the same in every process, finite for every text."""

import json
import os
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.series import examples
from vlrouterbench.routers.encoders.builtin.text import (
    MAX_CHARACTERS,
    NUM_TEXT_FACTS,
    QUESTION_WORDS,
    SCRIPTS,
    TEXT_BUCKETS,
    BuiltinText,
    CanonicalText,
    canonical,
    hashed_ngrams,
    script_shares,
    text_facts,
)
from vlrouterbench.routers.encoders.sample_input import RouterInput

TEXTS = ("How many bars are taller than 3.5?", "α + β = π\n(A) 7 €\n(B) 八", "", "x")
SCRIPT = """
import json, sys
from vlrouterbench.routers.encoders.builtin.text import hashed_ngrams
texts = json.loads(sys.argv[1])
print(json.dumps([[part.tolist() for part in hashed_ngrams(text)] for text in texts]))
"""


def _facts(text, **given):
    return text_facts(text, **({"question": text, "options": (), "hint": ""} | given))


@pytest.mark.parametrize("hash_seed", ["1", "4242"])
def test_hashes_are_the_same_in_every_process(hash_seed):
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", SCRIPT, json.dumps(TEXTS)]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == [[part.tolist() for part in hashed_ngrams(text)] for text in TEXTS]


def test_known_buckets_stay_what_they_are():
    # Written down once: a router saved today must read its weights by the same buckets tomorrow.
    ids, counts = hashed_ngrams("a a")
    assert ids.tolist() == [3433, 3692, 5745, 6143, 11928, 13997, 15939]
    # Twice: the word itself, and the window " a " that stands at both ends.
    assert counts.tolist() == [1, 1, 1, 2, 1, 1, 2]
    assert zlib.crc32(b"a") % TEXT_BUCKETS in (6143, 15939) and zlib.crc32(b"a a") % TEXT_BUCKETS in ids


@examples(60)
@given(st.text(max_size=300))
def test_any_text_gives_ascending_buckets_counts_and_finite_facts(text):
    ids, counts = hashed_ngrams(text)
    assert (np.diff(ids) > 0).all() and len(ids) == len(counts)
    assert ((ids >= 0) & (ids < TEXT_BUCKETS)).all() and (counts >= 1).all()
    facts = _facts(text)
    assert facts.shape == (NUM_TEXT_FACTS,) and facts.dtype == np.float32 and np.isfinite(facts).all()


def test_half_a_surrogate_pair_is_read_as_a_question_mark():
    for one, two in zip(hashed_ngrams("price \ud83d now"), hashed_ngrams("price ? now"), strict=True):
        np.testing.assert_array_equal(one, two)


def test_case_does_not_matter_and_digits_do():
    np.testing.assert_array_equal(hashed_ngrams("The TOTAL")[0], hashed_ngrams("the total")[0])
    assert hashed_ngrams("total 13")[0].tolist() != hashed_ngrams("total 14")[0].tolist()


def test_order_of_words_matters():
    assert hashed_ngrams("left of right")[0].tolist() != hashed_ngrams("right of left")[0].tolist()


def test_repeated_words_are_counted():
    once, thrice = (hashed_ngrams(text)[1].sum() for text in ("bar", "bar bar bar"))
    assert thrice > 2 * once


def test_long_text_is_read_at_both_ends_and_not_in_the_middle():
    long = "word " * MAX_CHARACTERS

    def buckets(text):
        return hashed_ngrams(text)[0].tolist()

    middle = len(long) // 2
    assert buckets(f"zebra {long}") != buckets(long) != buckets(f"{long} zebra")
    assert buckets(f"{long[:middle]}zebra {long[middle:]}") == buckets(long)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (_facts("What is it?"), _facts("What is it?", options=("a", "b"))),
        (_facts("What is it?"), _facts("What is it?", hint="Look.")),
        (_facts("What is it?"), _facts("Which is it?")),
        (_facts("What is 1?"), _facts("What is 12 and 13?")),
        (_facts("the area of it"), _facts("the total of it")),
        (_facts("a b"), _facts("a=b")),
    ],
    ids=["options", "hint", "question word", "numbers", "content", "formula"],
)
def test_facts_tell_prompts_apart(one, two):
    assert (one != two).any()


def test_facts_of_a_prompt_counted_by_hand():
    text = "What is 3.5+2?\n(A) 7\n(B) five"
    facts = text_facts(text, question="What is 3.5+2?", options=("7", "five"), hint="")
    # Characters, of the question, words, their mean length, options, their mean length, the longest, hint, numbers,
    # formula marks, commas; then ten kinds of words, of which there are none.
    counts = [29, 14, 7, 23 / 7, 2, 2.5, 4, 0, 3, 1, 0] + [0] * 10
    # Options, of which numbers, hint, capitals, formula marks, beyond ASCII, question mark; then the first word.
    shares = [1, 0.5, 0, 3 / 29, 1 / 29, 0, 1] + [1] + [0] * 11
    scripts = [4 / 29, 12 / 29] + [0] * (len(SCRIPTS) - 2)
    np.testing.assert_allclose(facts, [*np.log1p(counts), *shares, *scripts], rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("42", "digits"),
        ("Straße", "latin"),
        ("αβγ", "greek"),
        ("Жизнь", "cyrillic"),
        ("كتاب", "arabic"),
        ("किताब", "indic"),
        ("漢字", "han"),
        ("ひらカタ", "kana"),
        ("한국어", "hangul"),
        ("≤∑→", "maths"),
    ],
)
def test_text_of_one_script_belongs_to_it_alone(text, script):
    shares = dict(zip(SCRIPTS, script_shares(text), strict=True))
    assert shares.pop(script) == 1 and not any(shares.values())


def test_edges_of_stretches_belong_to_their_script_and_their_neighbours_do_not():
    places = {name: place for place, name in enumerate(SCRIPTS)}
    for name, stretches in SCRIPTS.items():
        for stretch in stretches:
            for edge in (stretch[0], stretch[-1]):
                assert script_shares(edge)[places[name]] == 1, (name, edge)
    assert not any(script_shares("/:@[`{").tolist()) and not script_shares("").any()


def test_halves_of_surrogate_pairs_belong_to_no_script():
    assert script_shares("a\ud83d")[list(SCRIPTS).index("latin")] == 0.5


def test_one_long_prompt_is_no_outlier():
    usual = _facts("How many bars are left of the sign?" * 3, options=("a", "b"))
    longest = _facts("How many bars are left of the sign? " * 3000, options=("word " * 200,) * 60)
    # Counts grow by a thousand times, facts by less than the bound that features are clipped at stands for.
    assert np.abs(longest - usual).max() < 7.5


@pytest.mark.parametrize(
    "question",
    [
        "Solve  for X.",
        "SOLVE FOR X",
        "Please solve for x\n",
        "Can  you  tell  me: Solve for x?",
        "Could you please help me with this? Solve for x. Thank you!",
    ],
)
def test_canonical_text_reads_one_request_in_every_manner_of_asking_for_it(question):
    assert canonical(RouterInput(question, ("A", "B"), " one  hint ")) == RouterInput(
        "solve for x", ("A", "B"), "one hint"
    )
    rows = CanonicalText().read([RouterInput("solve for x"), RouterInput(question)])
    assert all(np.array_equal(one, other) for one, other in zip(*rows, strict=True))
    plain = BuiltinText().read([RouterInput("solve for x"), RouterInput(question)])
    assert not all(np.array_equal(one, other) for one, other in zip(*plain, strict=True))


@pytest.mark.parametrize("question", ["Please?", "...", ""])
def test_a_request_of_nothing_but_manners_stays_as_it_is(question):
    assert canonical(RouterInput(question)).question == question


def test_a_share_that_hardly_varies_is_no_outlier_in_canonical_text_and_counts_stay():
    samples = [RouterInput(f"how many bars are {number}, α{'β' * (number % 2)}") for number in range(40)]
    projected = {}
    for kind in (BuiltinText, CanonicalText):
        block = kind()
        block.fit(rows := block.read(samples))
        projected[kind] = (np.stack([block.project(row) for row in rows]).std(axis=0), block.state("scale"))
    (spread, own), (_, plain) = projected[CanonicalText], projected[BuiltinText]
    shares = np.arange(len(own)) >= len(own) - len(SCRIPTS) - len(QUESTION_WORDS) - 7
    rare = shares & (spread > 1e-6) & (spread < 0.1)
    assert rare.sum() >= 3 and (own[rare] == np.float32(0.1)).all() and (plain[rare] < 0.1).all()
    assert np.allclose(own[~rare], np.where(spread > 1e-6, spread, 1)[~rare], rtol=1e-5)
