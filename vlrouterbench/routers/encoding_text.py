"""Text statistics that need no download: hashed word and character n-grams, and facts of a prompt.

Decisions
- N-grams are hashed, so there is no vocabulary to ship or to meet unknown words with; what is fitted is the weight of
  each bucket and a projection. Hashes are written out here, so they are the same in every process and version.
- Words and word pairs carry meaning; character 3- to 5-grams carry spelling, numbers and formulas.
- Every number is computed row by row: a batch gives the same bytes as one row.
"""

from __future__ import annotations

import re
import zlib

import numpy as np

TEXT_BUCKETS = 2**14
MAX_CHARACTERS = 4000
_CHARACTER_LENGTHS = (3, 4, 5)
_HASH_PRIME = np.uint64(1_099_511_628_211)
_WORD = re.compile(r"[^\W_]+|[^\w\s]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_FORMULA = re.compile(r"[=^\\$_{}<>+*/]|\bsqrt\b|\bfrac\b|°|π")

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
NUM_TEXT_FACTS = 14 + len(QUESTION_WORDS) + len(CONTENT_WORDS)


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
    unique, counts = np.unique(np.concatenate(ids), return_counts=True)
    return unique, counts.astype(np.float32)


def text_facts(text: str, *, question: str, num_options: int, hint: str) -> np.ndarray:
    """Plain facts of a prompt, (NUM_TEXT_FACTS,) float32: lengths, options, digits, formula marks, kinds of words."""
    lowered, asked = text.lower(), question.lower().strip()
    words = lowered.split()
    numbers = _NUMBER.findall(text)
    characters = max(1, len(text))
    facts = [
        np.log1p(len(text)),
        np.log1p(len(question)),
        np.log1p(len(words)),
        sum(map(len, words)) / max(1, len(words)),
        float(num_options > 0),
        float(num_options),
        float(bool(hint)),
        np.log1p(len(numbers)),
        sum(c.isdigit() for c in text) / characters,
        sum(c.isupper() for c in text) / characters,
        sum(ord(c) > 127 for c in text) / characters,
        np.log1p(len(_FORMULA.findall(text))),
        float(asked.endswith("?")),
        np.log1p(question.count(",") + question.count(";")),
    ]
    facts += [float(asked.startswith(word)) for word in QUESTION_WORDS]
    facts += [float(len(pattern.findall(lowered))) for pattern in _CONTENT_PATTERNS]
    return np.array(facts, dtype=np.float32)


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
