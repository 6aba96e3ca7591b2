"""Column, split and task-group names: the only file where these strings are written.

Decisions
- The 14 datasets keep VLMEvalKit's own names, so that a log file's name and a table's column agree.
- Task groups are the paper's three; everything else is "Other".
"""

from __future__ import annotations

import re
from enum import StrEnum

SPLITS: tuple[str, ...] = ("train", "validation", "test")

TASK_GROUPS: dict[str, tuple[str, ...]] = {
    "General": ("MMBench_DEV_EN_V11", "MMStar", "MMMU_DEV_VAL", "RealWorldQA", "InfoVQA_VAL", "HallusionBench"),
    "STEM": ("MathVista_MINI", "MathVision_MINI", "MathVerse_MINI", "AI2D_TEST"),
    "Charts & OCR": ("ChartQA_TEST", "DocVQA_VAL", "TextVQA_VAL", "OCRBench"),
}
OTHER_GROUP = "Other"
DATASETS: tuple[str, ...] = tuple(name for names in TASK_GROUPS.values() for name in names)

GROUP_SLUGS: dict[str, str] = {"General": "general", "STEM": "stem", "Charts & OCR": "charts-ocr", OTHER_GROUP: "other"}

CORRECT_THRESHOLD = 0.5
"""Where a method needs 0/1, quality at or above this counts as correct."""

RANK_SCORE_BETA = 0.1
"""Weight of cost against accuracy in the Rank Score (benchmark's own value)."""

COST_WEIGHTS: tuple[float, ...] = (0.0, 10.0, 100.0, 1000.0, 10000.0, float("inf"))
"""The paper's grid of lambda: how strongly training targets prefer cheap correct candidates."""

DEFAULT_COST_WEIGHTS: tuple[float, ...] = (0.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, float("inf"))
"""What training chooses from on validation unless given otherwise: the paper's range in finer steps."""

SAMPLES_PER_COST_UNIT = 10_000
"""Costs are shown in USD per this many samples ($/10K), stored in USD per sample."""

BENCHMARK_NAME = "vl-routerbench"
HOME_VARIABLE = "VLROUTERBENCH_HOME"
REPO_VARIABLE = "VLROUTERBENCH_REPO_ID"


class Unsolved(StrEnum):
    """What becomes of a sample that no candidate answers."""

    DROP = "drop"
    CHEAPEST = "cheapest"


BEST_SINGLE = "The best single candidate is the most accurate one on the scored samples themselves"
"""What the sentence of every router holds it against, wherever the sentence stands."""


def task_group_of(dataset: str) -> str:
    """The paper's group of a dataset, "Other" for one outside the 14."""
    for group, names in TASK_GROUPS.items():
        if dataset in names:
            return group
    return OTHER_GROUP


def group_slug(group: str) -> str:
    """A task group's name in file and config names."""
    return GROUP_SLUGS.get(group) or re.sub(r"[^a-z0-9]+", "-", group.lower()).strip("-") or GROUP_SLUGS[OTHER_GROUP]
