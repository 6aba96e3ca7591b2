"""Generated ids and predictions through whole builds of logs, in each format that VLMEvalKit writes."""

import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.data.sources.vlmevalkit.log_cells import TEXT, WRITERS
from tests.series import examples
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.table import load_table

FAILED = "Failed to obtain answer"
IDS = st.one_of(
    st.integers(0, 10**12).map(str),
    st.integers(0, 999).map(lambda number: f"{number:07d}"),
    st.sampled_from(["a/b", "../x", "1.5", "0", "5 6", "é/ü", "\U0001f600", "3-1"]),
    TEXT,
)
# White space around an index is none of it, "12.0" is "12" again, and "nan" is none: held by test_questions.
NONE = ("", "nan", "NaN")
PLAIN = IDS.filter(lambda index: index not in NONE and index == index.strip() and not index.rstrip("0").endswith("."))
ROWS = st.lists(st.tuples(PLAIN, TEXT, st.sampled_from("01")), min_size=1, max_size=6, unique_by=lambda row: row[0])


@pytest.mark.parametrize("suffix", WRITERS)
@given(rows=ROWS)
@example(rows=[("7", "A", "1"), ("007", "B", "0"), ("7/7", "=1+1", "1"), ("None", f"{FAILED}.", "1")])
@examples(25)
def test_every_id_is_the_dataset_and_the_index_as_logged(tmp_path_factory, suffix, rows):
    work = tmp_path_factory.mktemp("ids")
    records = [
        {"index": index, "question": f"Question {n}?", "A": "yes", "B": "no", "prediction": said, "hit": hit}
        for n, (index, said, hit) in enumerate(rows)
    ]
    predictions = [{name: cell for name, cell in record.items() if name != "hit"} for record in records[::-1]]
    WRITERS[suffix](work / "logs" / "one" / f"one_MMStar_openai_result.{suffix}", records)
    WRITERS[suffix](work / "logs" / "one" / f"one_MMStar.{suffix}", predictions)
    (work / "logs" / "candidates.csv").write_text("name,input_price,output_price\none,1,1\n")
    build_benchmark(work / "logs", work / "out")
    found = pq.read_table(work / "out" / "outcomes").to_pylist()
    assert {row["sample_id"]: (row["prediction"], row["quality"]) for row in found} == {
        f"MMStar/{index}": (said or None, 0 if said.startswith(FAILED) else int(hit)) for index, said, hit in rows
    }
    assert set(load_table(work / "out").column("sample_id")) == {f"MMStar/{index}" for index, _, _ in rows}
