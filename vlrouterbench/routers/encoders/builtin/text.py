"""Text statistics that need no download: hashed word and character n-grams, and facts of a prompt.

Decisions
- N-grams are hashed, so there is no vocabulary to ship or to meet unknown words with; what is fitted is the weight of
  each bucket and a projection. Hashes are written out here, so they are the same in every process and version.
- Words and word pairs carry meaning; character 3- to 5-grams carry spelling, numbers and formulas.
- Every number is computed row by row: a batch gives the same bytes as one row.
- Counts and lengths are facts by their logarithm, all else is a share or a flag: one long prompt is no outlier.
- Language is told by the script that letters belong to: that takes no model, and a short question has too few words
  for more.
"""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Sequence

import numpy as np

TEXT_BUCKETS = 2**14
MAX_CHARACTERS = 4000
_CHARACTER_LENGTHS = (3, 4, 5)
_HASH_PRIME = np.uint64(1_099_511_628_211)
_WORD = re.compile(r"[^\W_]+|[^\w\s]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_FORMULA = re.compile(r"[=^\\$_{}<>+*/]|\bsqrt\b|\bfrac\b|°|π")

SCRIPTS = {
    "digits": ("0-9",),
    "latin": ("A-Z", "a-z", "\u00c0-\u024f", "\u1e00-\u1eff"),
    "greek": ("\u0370-\u03ff",),
    "cyrillic": ("\u0400-\u052f",),
    "arabic": ("\u0600-\u06ff", "\u0750-\u077f", "\u08a0-\u08ff", "\ufb50-\ufdff", "\ufe70-\ufeff"),
    "indic": ("\u0900-\u0dff",),
    "han": ("\u3400-\u4dbf", "\u4e00-\u9fff", "\uf900-\ufaff", "\U00020000-\U0003ffff"),
    "kana": ("\u3040-\u30ff",),
    "hangul": ("\u1100-\u11ff", "\uac00-\ud7af"),
    "maths": ("\u2190-\u22ff", "\u2a00-\u2aff", "\U0001d400-\U0001d7ff"),
}
"""Script -> stretches of characters, first and last."""

QUESTION_WORDS = ("what", "which", "how many", "how much", "who", "where", "when", "why", "is", "does", "are", "find")
CONTENT_WORDS = (
    "color|colour",
    "left|right|above|below|behind|front|next to",
    "average|mean|sum|total|difference|ratio|percent|percentage",
    "angle|triangle|circle|area|perimeter|radius|length|volume",
    "chart|graph|plot|bar|line|pie|axis",
    "document|page|letter|form|invoice|receipt|table|date",
    "written|text|word|read|sign|say|brand|name",
    "derivative|integral|eigenvalue|equation|function|matrix|probability",
    "diagram|arrow|label|figure|pattern|flow",
    "yes|no|true|false",
)
_CONTENT_PATTERNS = tuple(re.compile(rf"\b(?:{words})\b") for words in CONTENT_WORDS)
NUM_TEXT_FACTS = 18 + len(SCRIPTS) + len(QUESTION_WORDS) + len(CONTENT_WORDS)


def hashed_ngrams(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Buckets that a text falls into and how often: (ids, counts), ids ascending.

    The text is lower-cased, digits are kept, and at most MAX_CHARACTERS are read: the first half and the last half,
    since a question stands at one of its ends.
    """
    # Half a surrogate pair, as broken JSON gives it, has no encoding: it becomes a question mark.
    text = _shortened(text.lower()).encode(errors="replace").decode()
    words = _WORD.findall(text)
    grams = [*words, *(f"{a} {b}" for a, b in zip(words, words[1:], strict=False))]
    ids = [np.array([zlib.crc32(gram.encode()) % TEXT_BUCKETS for gram in grams], dtype=np.int64)]
    codes = np.frombuffer(f" {' '.join(words)} ".encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    for length in _CHARACTER_LENGTHS:
        if len(codes) >= length:
            ids.append(_rolling_buckets(codes, length))
    counts = np.bincount(np.concatenate(ids), minlength=TEXT_BUCKETS)
    unique = np.flatnonzero(counts)
    return unique, counts[unique].astype(np.float32)


def text_facts(text: str, *, question: str, options: Sequence[str], hint: str) -> np.ndarray:
    """Plain facts of a prompt, (NUM_TEXT_FACTS,) float32: lengths, options, digits, formulas, scripts, kinds of words.

    All but the lengths in characters are of what `hashed_ngrams` reads of the text.
    """
    length, text = len(text), _shortened(text)
    lowered, lowered_question = text.lower(), question.lower().strip()
    words = lowered.split()
    numbers = _NUMBER.findall(text)
    formula = len(_FORMULA.findall(text))
    sizes = [len(option) for option in options]
    characters = max(1, len(text))
    counts = [
        length,
        len(question),
        len(words),
        sum(map(len, words)) / max(1, len(words)),
        len(options),
        sum(sizes) / max(1, len(sizes)),
        max(sizes, default=0),
        len(hint),
        len(numbers),
        formula,
        question.count(",") + question.count(";"),
        *(len(pattern.findall(lowered)) for pattern in _CONTENT_PATTERNS),
    ]
    shares = [
        float(bool(options)),
        sum(_NUMBER.fullmatch(option.strip()) is not None for option in options) / max(1, len(options)),
        float(bool(hint)),
        sum(map(str.isupper, text)) / characters,
        formula / characters,
        1 - sum(map(str.isascii, text)) / characters,
        float(lowered_question.endswith("?")),
        *(float(lowered_question.startswith(word)) for word in QUESTION_WORDS),
    ]
    return np.concatenate([np.log1p(counts), shares, script_shares(text)]).astype(np.float32)


def script_shares(text: str) -> np.ndarray:
    """Share of a text's characters in each of SCRIPTS, (len(SCRIPTS),)."""
    starts, scripts = _script_table()
    # Half a surrogate pair is a character of no script.
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    numbers = scripts[np.searchsorted(starts, codes, side="right")]
    return np.bincount(numbers, minlength=len(SCRIPTS) + 1)[1:] / max(1, len(codes))


@functools.cache
def _script_table() -> tuple[np.ndarray, np.ndarray]:
    """Where stretches start, (n,), and the script of what lies before, between and after them, (n + 1,).

    A script is its index in SCRIPTS plus 1, 0 for none.
    """
    stretches = sorted(
        (ord(stretch[0]), ord(stretch[-1]) + 1, number)
        for number, parts in enumerate(SCRIPTS.values(), start=1)
        for stretch in parts
    )
    starts = [edge for first, after, _ in stretches for edge in (first, after)]
    return np.array(starts, dtype=np.uint32), np.array(
        [0, *(script for *_, number in stretches for script in (number, 0))]
    )


def _rolling_buckets(codes: np.ndarray, length: int) -> np.ndarray:
    """Bucket of every window of `length` characters."""
    count = len(codes) - length + 1
    value = np.full(count, np.uint64(14_695_981_039_346_656_037 + length))
    for offset in range(length):
        value = (value ^ codes[offset : offset + count]) * _HASH_PRIME
    return ((value ^ (value >> np.uint64(29))) % np.uint64(TEXT_BUCKETS)).astype(np.int64)


def _shortened(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    half = MAX_CHARACTERS // 2
    return f"{text[:half]} {text[-half:]}"
