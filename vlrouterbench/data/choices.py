"""The choices that a build offers, as enumerations that cost nothing to import."""

from __future__ import annotations

from enum import StrEnum


class Quality(StrEnum):
    """What quality is: VLMEvalKit's graded score, or 0/1 at the threshold."""

    SCORE = "score"
    CORRECT = "correct"


class Protocol(StrEnum):
    """How the tokens of logged answers are counted (see `protocol.py`)."""

    REFERENCE = "reference"
    MEASURED = "measured"


class SplitBy(StrEnum):
    """How samples without a given split are divided (see `splits.py`)."""

    HASH = "hash"
    REFERENCE = "reference"
