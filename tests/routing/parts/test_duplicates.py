"""Ids that occur more than once are counted exactly, however little is in memory together."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.series import examples
from vlrouterbench.routing.parts import duplicates
from vlrouterbench.routing.parts.duplicates import count_duplicates


@pytest.mark.hypothesis
@examples(40)
@given(st.lists(st.integers(0, 30).map(str), max_size=60), st.integers(1, 20))
def test_the_count_is_that_of_a_counter_in_any_number_of_buckets(ids, bucket):
    found = count_duplicates(lambda: [ids[start : start + 7] for start in range(0, len(ids), 7)], len(ids), bucket)
    counts = Counter(ids)
    assert found.number == len(ids) - len(counts)
    for name, first, second in found.examples:
        places = [row for row, one in enumerate(ids) if one == name]
        assert [first, second] == places[:2]
    assert bool(found.examples) == (found.number > 0)


def test_two_ids_with_one_hash_are_no_duplicate(monkeypatch):
    monkeypatch.setattr(duplicates, "hash", lambda name: len(name), raising=False)
    assert count_duplicates(lambda: [["ab", "cd", "e"]], 3).number == 0
    assert count_duplicates(lambda: [["ab", "cd"], ["ab"]], 3) == (1, [("ab", 0, 2)])


def test_of_very_many_the_number_is_right_and_some_are_named():
    ids = [str(number) for number in range(3_000)] * 2
    found = count_duplicates(lambda: [ids], len(ids), 512)
    assert found.number == 3_000 and len(found.examples) == 3
