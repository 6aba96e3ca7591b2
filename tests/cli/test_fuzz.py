"""Whatever stands in an input, a command does what is right or says in one line what is wrong: seeded mutations.

`make fuzz` runs 1,500 cases over every kind of input, in processes that are watched. The suite runs two of each
kind, in this process.
"""

import faulthandler
import os
import random
from collections import Counter

import pytest

from tests.fuzzing.inputs import INPUTS, prepare
from tests.fuzzing.mutations import mutated_bytes, mutated_rows, mutated_text, mutated_tree
from tests.fuzzing.series import PATIENCE_S, counts, is_fault, run_series
from tests.fuzzing.worker import run_case
from tests.series import LONG, SERIES

CASES = 1_500
SLICE = 2 * len(INPUTS)


@pytest.mark.fuzz
@pytest.mark.skipif(LONG, reason="the long series has these cases")
def test_a_slice_of_the_cases_has_no_fault(tmp_path, record_property):
    prepare(tmp_path / "base")
    cases = []
    for number in range(SLICE):
        faulthandler.dump_traceback_later(PATIENCE_S, exit=True)
        try:
            cases.append(run_case(number, tmp_path))
        finally:
            faulthandler.cancel_dump_traceback_later()
    check(cases, record_property)


@pytest.mark.fuzz
@pytest.mark.skipif(not LONG, reason="a long series: make fuzz")
def test_no_case_of_the_long_series_has_a_fault(tmp_path, record_property):
    check(run_series(range(CASES), tmp_path, os.cpu_count() or 1), record_property)


def check(cases, record_property):
    kinds = Counter(case["kind"] for case in cases)
    record_property(SERIES, f"{counts(cases)} ({', '.join(f'{kind} {count}' for kind, count in kinds.items())})")
    assert [case for case in cases if is_fault(case)] == []
    assert set(kinds) == set(INPUTS)
    # Inputs that were all refused, or all taken, would try little.
    assert {"right", "clear error"} == {case["end"] for case in cases}


def test_a_mutation_is_the_same_for_the_same_seed():
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    for seed in range(30):
        for mutate, value in (
            (mutated_bytes, b"some bytes of a file"),
            (mutated_text, "a,b\n1,2\n"),
            (mutated_tree, {"a": [1, 2, {"b": None}]}),
            (mutated_rows, rows),
        ):
            one, other = (repr(mutate(value, random.Random(seed))) for _ in range(2))
            assert one == other
