"""Generated own tables: csv, jsonl and parquet give one benchmark and the texts as they were written."""

import shutil

from hypothesis import example, given
from hypothesis import strategies as st

from tests.data.sources.editing import MISREAD_WORDS, write_rows
from tests.series import examples
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.table import load_table

WORDS = (
    *MISREAD_WORDS,
    "true",
    "2024-01-01",
    "2024-01-01T10:00:00Z",
    "12:30",
    " s ",
    '"',
    "=1+1",
)
TEXT = st.sampled_from(WORDS) | st.text(st.characters(codec="utf-8"), min_size=1)
SAMPLES = st.lists(
    st.fixed_dictionaries(
        {
            "sample_id": TEXT,
            "question": TEXT,
            "hint": TEXT | st.just(""),
            "options": st.lists(TEXT, max_size=3),
            "qualities": st.tuples(*[st.sampled_from([0.0, 0.3, 1.0]) | st.floats(0, 1, width=32)] * 2),
            "tokens": st.integers(0, 10**6),
        }
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda sample: sample["sample_id"],
)


def plain(text):
    return {"sample_id": text, "question": text, "hint": "", "options": [], "qualities": (0.0, 1.0), "tokens": 1}


@given(samples=SAMPLES)
@example(samples=[plain(word) for word in WORDS])
@example(samples=[plain("2024-01-01"), plain("2024-01-02")])
@example(samples=[plain("word " * 8_000)])
@examples(25)
def test_three_formats_give_one_benchmark_with_the_texts_as_written(tmp_path_factory, samples):
    work = tmp_path_factory.mktemp("formats")
    asked = [{name: s[name] for name in ("sample_id", "question", "hint", "options")} for s in samples]
    outcomes = [
        {"sample_id": s["sample_id"], "candidate": c, "quality": q, "input_tokens": s["tokens"], "output_tokens": 7}
        for s in samples
        for c, q in zip(("one", "two"), s["qualities"], strict=True)
    ]
    digests = set()
    for extension in ("csv", "jsonl", "parquet"):
        folder = work / extension / "own"
        folder.mkdir(parents=True)
        (folder / "candidates.csv").write_text("name,input_price,output_price\none,1,1\ntwo,2,2\n")
        write_rows(folder, "samples", asked, extension)
        write_rows(folder, "outcomes", outcomes, extension)
        build_benchmark(folder, work / extension / "out")
        table = load_table(work / extension / "out")
        digests.add(table.sha256)
        columns = [table.column(name) for name in ("sample_id", "question", "hint", "options")]
        found = {sample_id: texts for sample_id, *texts in zip(*columns, strict=True)}
        assert found == {s["sample_id"]: [s["question"], s["hint"], s["options"]] for s in samples}, extension
    assert len(digests) == 1
    shutil.rmtree(work)
