"""Names of datasets, groups and splits, and the benchmark's own numbers."""

import re

import pytest

from vlrouterbench.core import constants
from vlrouterbench.core.constants import DATASETS, GROUP_SLUGS, OTHER_GROUP, TASK_GROUPS, group_slug, task_group_of


def test_there_are_fourteen_datasets_in_three_groups_none_twice():
    assert len(DATASETS) == len(set(DATASETS)) == 14
    assert {group: len(names) for group, names in TASK_GROUPS.items()} == {"General": 6, "STEM": 4, "Charts & OCR": 4}


@pytest.mark.parametrize(
    ("dataset", "group"),
    [
        ("MMStar", "General"),
        ("AI2D_TEST", "STEM"),
        ("OCRBench", "Charts & OCR"),
        ("AI2D_TEST_NO_MASK", OTHER_GROUP),
        ("mmstar", OTHER_GROUP),
        ("", OTHER_GROUP),
    ],
)
def test_a_dataset_has_the_papers_group_and_any_other_is_other(dataset, group):
    assert task_group_of(dataset) == group


def test_every_group_has_a_slug_and_no_two_share_one():
    assert set(GROUP_SLUGS) == {*TASK_GROUPS, OTHER_GROUP}
    assert len(set(GROUP_SLUGS.values())) == len(GROUP_SLUGS)


@pytest.mark.parametrize(
    ("group", "slug"),
    [("Charts & OCR", "charts-ocr"), ("My Own: Group!", "my-own-group"), ("../up", "up"), ("数学", "other")],
)
def test_a_slug_is_safe_in_file_and_config_names(group, slug):
    assert group_slug(group) == slug
    assert re.fullmatch(r"[a-z0-9-]+", slug)


def test_the_benchmarks_own_numbers():
    assert constants.SPLITS == ("train", "validation", "test")
    assert constants.RANK_SCORE_BETA == 0.1
    assert constants.CORRECT_THRESHOLD == 0.5
    assert constants.SAMPLES_PER_COST_UNIT == 10_000
    assert constants.COST_WEIGHTS == (0.0, 10.0, 100.0, 1000.0, 10000.0, float("inf"))
