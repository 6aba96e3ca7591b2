"""How long a series of kills or of random inputs is: a slice in the suite, all of it by `make`."""

import os

from hypothesis import settings

VARIABLE = "VLROUTERBENCH_TEST_SERIES"
SERIES = "series"
"""Property of a test that counts what a series tried; the counts are printed at the end of a run."""
LONG = os.environ.get(VARIABLE) == "long"
TIMES_LONGER = 25


def examples(count):
    """Settings of a property test: `count` random inputs in the suite."""
    return settings(max_examples=count * (TIMES_LONGER if LONG else 1), deadline=None)


def rounds(count):
    """Rounds of a fault series: `count` in the suite."""
    return range(count * (TIMES_LONGER if LONG else 1))
