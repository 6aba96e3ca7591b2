"""The built-in text encoder, which needs no download: hashed word and character n-grams, and facts of a prompt.

Decisions
- N-grams are hashed, so there is no vocabulary to ship or to meet unknown words with; what is fitted is the weight of
  each bucket and a projection. Hashes are written out here, so they are the same in every process and version.
- Words and word pairs carry meaning; character 3- to 5-grams carry spelling, numbers and formulas.
- Every number is computed row by row: a batch gives the same bytes as one row.
- Counts and lengths are facts by their logarithm, all else is a share or a flag: one long prompt is no outlier.
- Language is told by the script that letters belong to: that takes no model, and a short question has too few words
  for more.
- As a block of a router, n-grams are weighted (sublinear frequency, inverse document frequency) and projected; facts
  stand beside the projection as they are. What is read does not depend on the size of a projection, which is at most
  the number of samples fitted on.
- Canonical text loses what a request may be worded with at will: case, spaces, final marks, politeness. A share that
  hardly varies in training has a scale of at least 0.1 there: one sentence in another script is no outlier.
"""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from vlrouterbench.routers.encoders.block import TEXT, FeatureBlock
from vlrouterbench.routers.encoders.sample_input import RouterInput

BUILTIN, CANONICAL = "builtin", "builtin+canonical"
BUILTIN_VERSION = 3
"""Raised whenever the same sample would have other statistics. 2: images are turned as their EXIF says. 3: facts by
their logarithm, scripts and options; how much of a page print covers."""
TEXT_DIM = 96
"""Size of the projection, where there are samples enough to fit it on."""
RawText = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Bucket ids, counts and prompt facts of a text."""

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
_NUM_COUNTS = 11 + len(CONTENT_WORDS)
NUM_TEXT_FACTS = _NUM_COUNTS + 7 + len(QUESTION_WORDS) + len(SCRIPTS)
_LEAST_SHARE_SCALE = 0.1
_POLITE = re.compile(
    r"\b(?:(?:could|can|would|will) you (?:please |kindly )?(?:(?:help me with this|tell me|answer this)\b)?"
    r"|please|kindly|thanks|thank you(?: very much| so much| in advance)?|many thanks)\b[?!,.: ]*",
    re.IGNORECASE,
)


class BuiltinText(FeatureBlock):
    """Text as projected n-grams and facts.

    Args:
        text_dim: size of the projection.
    """

    modality, name = TEXT, BUILTIN
    stored = False

    def __init__(self, text_dim: int = 1) -> None:
        super().__init__(text_dim + NUM_TEXT_FACTS)
        self.register_buffer("idf", torch.ones(TEXT_BUCKETS))
        self.register_buffer("projection", torch.zeros(TEXT_BUCKETS, text_dim))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> BuiltinText:
        """By `text_dim`, once `version` is this release's."""
        require_version(config)
        return cls(config["text_dim"])

    def config(self, rows: Sequence[RawText]) -> Mapping[str, Any]:
        """The name, with `version` and the size of the projection."""
        size = projection_size(TEXT_DIM, len(rows))
        return {**super().config(rows), "version": BUILTIN_VERSION, "text_dim": size}

    @property
    def identity(self) -> Mapping[str, Any]:
        """The built-in's version."""
        return {"version": BUILTIN_VERSION}

    def read(self, inputs: Sequence[RouterInput]) -> list[RawText]:
        """Hashed n-grams and facts of each sample."""
        return [raw_text(sample) for sample in inputs]

    def values_of(self, raw: RawText) -> np.ndarray:
        """Facts, buckets, then counts; float32 holds every bucket's number exactly."""
        ids, counts, facts = raw
        return np.concatenate([facts, ids, counts]).astype(np.float32)

    def raw_of(self, values: np.ndarray) -> RawText:
        """As `read` gave it."""
        ids, counts = np.split(values[NUM_TEXT_FACTS:], 2)
        return ids.astype(np.int64), counts, values[:NUM_TEXT_FACTS]

    def project(self, raw: RawText) -> np.ndarray:
        """Weighted, projected n-grams, then facts, (dim,)."""
        ids, counts, facts = raw
        return np.concatenate([projected_ngrams(ids, counts, self.state("idf"), self.state("projection")), facts])


class CanonicalText(BuiltinText):
    """As the base, of the canonical text; arguments as for the base."""

    name = CANONICAL

    def read(self, inputs: Sequence[RouterInput]) -> list[RawText]:
        """As the base's, of what `canonical` leaves of each sample."""
        return super().read([canonical(sample) for sample in inputs])

    def moments(self, projected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As the base's; shares that vary at all have a scale of at least _LEAST_SHARE_SCALE."""
        mean, scale = super().moments(projected)
        shares = scale[self.dim - NUM_TEXT_FACTS + _NUM_COUNTS :]
        shares[shares >= self.smallest_scale] = shares[shares >= self.smallest_scale].clip(_LEAST_SHARE_SCALE)
        return mean, scale


def canonical(sample: RouterInput) -> RouterInput:
    """The sample with its question in lower case, without politeness, repeated white space and final marks."""
    words = " ".join(_POLITE.sub(" ", " ".join(sample.question.lower().split())).split())
    return replace(sample, question=words.rstrip(" .?!:") or sample.question, hint=" ".join(sample.hint.split()))


def require_version(config: Mapping[str, Any]) -> None:
    """Raise ValueError for features that another release made, by the configuration of a feature encoder."""
    if config.get("version") != BUILTIN_VERSION:
        raise ValueError(
            f"expected built-in features of version {BUILTIN_VERSION}, found {config.get('version')}: "
            "load the router with the release that made it."
        )


def projection_size(largest: int, num_samples: int) -> int:
    """Size of a projection that is fitted on some samples."""
    return min(largest, max(1, num_samples - 1))


def raw_text(sample: RouterInput) -> RawText:
    """Hashed n-grams (ids, counts) and prompt facts of a sample, before anything fitted."""
    ids, counts = hashed_ngrams(sample.text)
    facts = text_facts(sample.text, question=sample.question, options=sample.options, hint=sample.hint)
    return ids, counts, facts


def projected_ngrams(ids: np.ndarray, counts: np.ndarray, idf: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """Weighted n-grams (ids, counts) by a projection (TEXT_BUCKETS, dim), as (dim,)."""
    return tfidf_weights(ids, counts, idf) @ projection[ids]


def tfidf_weights(ids: np.ndarray, counts: np.ndarray, idf: np.ndarray) -> np.ndarray:
    """Sublinear term frequency times inverse document frequency, at unit length: one weight per bucket in `ids`."""
    weights = (1 + np.log(counts)) * idf[ids]
    norm = np.sqrt((weights * weights).sum())
    return weights / norm if norm > 0 else weights


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
