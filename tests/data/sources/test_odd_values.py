"""Ids, amounts and cells that are none: an error of one line that names file and row, or an entry with its number."""

import json

import pandas as pd
import pytest

from tests.data.sources import published
from tests.data.sources.published import built, pool, reasons
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import BuildOptions, build_benchmark


def edited(path, change):
    """A csv or parquet file, changed by a function of its frame."""
    frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    frame = change(frame)
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path, index=False)


def without_first(column):
    return lambda frame: frame.astype({column: object}).assign(**{column: [None, *frame[column][1:]]})


@pytest.mark.parametrize(
    "form, file, change, said",
    [
        (
            "router_bench",
            "routerbench_0shot.csv",
            without_first("sample_id"),
            r'row 1: expected a value in "sample_id"',
        ),
        (
            "router_bench",
            "routerbench_0shot.csv",
            lambda f: f.assign(ModelA="bad"),
            r'expected numbers in "ModelA", found',
        ),
        ("embed_llm", "train.csv", without_first("prompt_id"), r'row 1: expected a value in "prompt_id", found none'),
        (
            "embed_llm",
            "train.csv",
            lambda f: f.assign(prompt=[*f.prompt[:-1], "x"]),
            "expected each sample once, found twice",
        ),
        ("mmr_v1", "MMR_Bench.csv", without_first("dataset_idx"), r'row 1: expected a value in "dataset_idx"'),
        (
            "mmr_v2",
            "data/instances/BLINK.parquet",
            without_first("sample_id"),
            r'row 1: expected a value in "sample_id"',
        ),
        ("mmr_v2", "data/instances/BLINK.parquet", lambda f: f.assign(images=7), r"expected lists of relative paths"),
    ],
)
def test_what_is_no_id_and_no_number_ends_in_an_error_that_names_it(tmp_path, form, file, change, said):
    source = published.FORMS[form][0](tmp_path / "source")
    edited(source / file, change)
    with pytest.raises(SourceError, match=said):
        build_benchmark(source, tmp_path / "out", BuildOptions(candidates=pool(tmp_path)))


def test_results_of_one_model_that_hold_no_numbers_are_named_and_the_others_read(tmp_path):
    source = published.FORMS["mmr_v2"][0](tmp_path / "source")
    name = "data/results/ModelA/BLINK.parquet"
    edited(source / name, lambda frame: frame.assign(score="x"))
    report, _ = built(source, tmp_path / "out", candidates=pool(tmp_path))
    (named,) = [entry for entry in report["left_out"] if entry["file"] == name]
    assert 'expected numbers in "score"' in named["detail"]


def test_amounts_that_no_answer_can_have_are_named_and_not_read(tmp_path):
    source = published.llm_router_bench(tmp_path / "source")
    path = next((source / "bench" / "mmlu" / "test" / "ModelA").iterdir())
    content = json.loads(path.read_text())
    for place, change in enumerate(
        [{"prompt_tokens": "many"}, {"completion_tokens": -5}, {"cost": -1.0}, {"index": None}]
    ):
        content["records"][place] |= change
    path.write_text(json.dumps(content))
    report, _ = built(source, tmp_path / "out", candidates=pool(tmp_path))
    assert report["pairs_kept"] == 35
    assert [detail for _, _, detail in reasons(report)] == [
        "records without an index, which belong to no sample: 1",
        "input_tokens is no amount from 0 to 2,147,483,647, so it is not read: 1 pairs, first of mmlu/0",
        "output_tokens is no amount from 0 to 2,147,483,647, so it is not read: 1 pairs, first of mmlu/1",
        "cost_usd is no amount from 0 to 1,000,000, so it is not read: 1 pairs, first of mmlu/2",
    ]


def test_fields_of_another_kind_in_routerarena_are_no_answers(tmp_path):
    source = published.router_arena(tmp_path / "source")
    path = source / "cached_results" / "ModelA.jsonl"
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    entries[0]["evaluation_result"], entries[1]["token_usage"], entries[2]["global_index"] = "x", [1], None
    path.write_text("\n".join(map(json.dumps, entries)))
    report, table = built(source, tmp_path / "out", candidates=pool(tmp_path))
    assert report["pairs_kept"] == 34
    assert sorted(detail for _, _, detail in reasons(report)) == [
        "answers that were not evaluated: 1",
        "entries without a global_index, which belong to no sample: 1",
    ]


def test_a_table_without_names_of_datasets_gives_one_that_says_so(tmp_path):
    source = published.embed_llm(tmp_path / "source")
    edited(source / "train.csv", lambda frame: frame.assign(category=None))
    report, _ = built(source, tmp_path / "out", candidates=pool(tmp_path))
    assert report["datasets"] == {"unnamed": 12}
