"""Reading decisions: one per router and sample, whatever the order; all else is refused by name."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.series import examples
from tests.tables import hand_table
from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.evaluation.decisions import COLUMNS, MOST_ROUTERS, is_decisions_file, read_decisions

TABLE = hand_table(np.ones((3, 2)), np.tile([0.1, 0.2], (3, 1)))
ROWS = [("a", "s0", "c1"), ("a", "s1", "c0"), ("a", "s2", "c1")]


def write(path, rows, columns=("router", "sample_id", "candidate")):
    values = list(zip(*rows, strict=True)) if rows else [[] for _ in columns]
    kinds = [pa.string() if all(isinstance(v, str | None) for v in column) else None for column in values]
    arrays = [pa.array(column, kind) for column, kind in zip(values, kinds, strict=True)]
    pq.write_table(pa.table(dict(zip(columns, arrays, strict=True))), path)
    return path


@examples(20)
@given(st.permutations(ROWS))
def test_rows_may_stand_in_any_order(tmp_path_factory, rows):
    path = write(tmp_path_factory.mktemp("order") / "decisions.parquet", rows)
    assert read_decisions(path, TABLE)["a"].tolist() == [1, 0, 1]


def test_a_folder_stands_for_the_file_in_it_and_further_columns_are_not_read(tmp_path):
    write(tmp_path / "decisions.parquet", [(*row, 7) for row in ROWS], ("router", "sample_id", "candidate", "accuracy"))
    assert read_decisions(tmp_path, TABLE)["a"].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([*ROWS, ("a", "s9", "c0")], ('router "a"', 'sample "s9"', 'candidate "c0"', "unknown")),
        ([*ROWS[:2], ("a", "s2", "gpt")], ('sample "s2"', 'candidate "gpt"', "unknown candidate", "c0, c1")),
        ([*ROWS, ("a", "s1", "c1")], ('sample "s1"', 'candidate "c1"', "a second one")),
        ([*ROWS, ("b", "s0", "c1"), ("b", "s2", "c1")], ('router "b"', "none on 1 of them", '"s1"')),
        ([*ROWS[:2], ("a", "s2", None)], ("candidate in every row", "row 2")),
        ([*ROWS[:2], ("a", "s2", 4)][2:], ("candidate (int64) is no text",)),
        ([], ("found no row",)),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path, rows, words):
    path = write(tmp_path / "decisions.parquet", rows)
    with pytest.raises(EvaluationError) as caught:
        read_decisions(path, TABLE)
    for word in (str(path), *words):
        assert word in str(caught.value)


def test_a_file_that_claims_more_rows_than_routers_could_decide_is_refused_by_its_count(tmp_path):
    rows = 3 * MOST_ROUTERS
    same = {name: pa.array([value]).dictionary_encode() for name, value in zip(COLUMNS, ROWS[0], strict=True)}
    for count, words in ((rows + 1, "at most 1,000 routers"), (rows, "a second one")):
        columns = {name: one.take(pa.array([0] * count)) for name, one in same.items()}
        pq.write_table(pa.table(columns), tmp_path / "decisions.parquet")
        with pytest.raises(EvaluationError, match=words):
            read_decisions(tmp_path, TABLE)


def test_a_missing_column_a_missing_file_and_other_bytes_are_named(tmp_path):
    write(tmp_path / "two.parquet", [row[:2] for row in ROWS], ("router", "sample_id"))
    (tmp_path / "bytes.parquet").write_bytes(b"PAR1 no more")
    for name, word in (
        ("two", "candidate is missing"),
        ("none", "found no file"),
        ("bytes", "not readable as parquet"),
    ):
        with pytest.raises(EvaluationError, match=word):
            read_decisions(tmp_path / f"{name}.parquet", TABLE)


@pytest.mark.parametrize("name", ["d.csv", "d.tsv", "d.xlsx", "d.json", "d.csv.gz"])
def test_decisions_may_be_another_kind_of_table(tmp_path, name):
    frame, path = pd.DataFrame(ROWS, columns=COLUMNS), tmp_path / name
    assert not is_decisions_file(str(path)), "a router may be called so"
    if name == "d.xlsx":
        frame.to_excel(path, index=False)
    elif name == "d.json":
        frame.to_json(path, orient="records")
    else:
        frame.to_csv(path, index=False, sep="\t" if name == "d.tsv" else ",")
    assert is_decisions_file(str(path))
    assert read_decisions(path, TABLE)["a"].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("router,sample_id\na,s0\n", "candidate is missing"),
        ("router,sample_id,candidate\n", "found no row"),
        ("router,sample_id,candidate\na,s0\n", "not readable as csv"),
        ("router,sample_id,candidate\n" + "a,s0,c1\n" * (3 * MOST_ROUTERS + 1), "Split the file"),
    ],
)
def test_another_kind_of_table_that_holds_no_decisions_is_named(tmp_path, content, said):
    (tmp_path / "d.csv").write_text(content)
    with pytest.raises(EvaluationError, match=said) as caught:
        read_decisions(tmp_path / "d.csv", TABLE)
    assert str(tmp_path / "d.csv") in str(caught.value) and len(str(caught.value).splitlines()) == 1
