"""Parts: every row once and in order, as equal as can be, whatever the shards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.series import examples
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.parts.part import ERRORS, ROWS_PER_PART, Part, Range, plan_parts


@pytest.mark.hypothesis
@examples(60)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=8), st.integers(1, 40))
def test_parts_hold_every_row_once_in_order_and_differ_by_one_row_at_most(shards, count):
    total = sum(shards)
    if count > total:
        with pytest.raises(VLRouterBenchError, match="as many as there are rows"):
            plan_parts(shards, count)
        return
    parts = plan_parts(shards, count)
    rows = [(part.shard, row) for one in parts for part in one.ranges for row in range(part.start, part.stop)]
    assert rows == [(shard, row) for shard, size in enumerate(shards) for row in range(size)]
    assert max(part.rows for part in parts) - min(part.rows for part in parts) <= 1
    assert [part.first_row for part in parts] == [sum(part.rows for part in parts[:number]) for number in range(count)]


def test_parts_by_hand():
    assert plan_parts([3, 0, 4], 2) == [
        Part(0, 2, 0, (Range(0, 0, 3),)),
        Part(1, 2, 3, (Range(2, 0, 4),)),
    ]
    middle = plan_parts([3, 0, 4], 3)[1]
    assert middle.ranges == (Range(0, 2, 3), Range(2, 0, 1)) and middle.record()["ranges"] == [[0, 2, 3], [2, 0, 1]]
    assert (middle.file(), middle.file(ERRORS)) == ("part-00001-of-00003.parquet", "errors-00001-of-00003.parquet")


def test_without_a_number_there_is_a_part_for_every_so_many_rows():
    assert [len(plan_parts([rows])) for rows in (1, ROWS_PER_PART, ROWS_PER_PART + 1)] == [1, 1, 2]
