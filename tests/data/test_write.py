"""The written folder: contract's files, columns and names; loads with no code; same source, same bytes."""

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from datasets import Image, load_dataset
from PIL.ImageFile import ImageFile

from tests.data.sources.editing import edit, rows_of, write_rows
from vlrouterbench.core.constants import SPLITS
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data import write
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.table import load_table

SHARD = re.compile(r"(train|validation|test)-[a-z0-9-]+-\d{5}-of-\d{5}\.parquet")


def front_matter(folder):
    return yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def all_rows(folder):
    return [row for path in sorted((folder / "data").iterdir()) for row in pq.read_table(path).to_pylist()]


def test_the_folder_holds_what_the_contract_says_and_nothing_else(simulated_folder):
    names = list(contents(simulated_folder))
    data = [name.removeprefix("data/") for name in names if name.startswith("data/")]
    assert data and all(SHARD.fullmatch(name) for name in data)
    assert {name.split("-", 1)[0] for name in data} == set(SPLITS)
    assert {name for name in names if not name.startswith("data/")} == {
        *("README.md", "build_report.json", "candidates.parquet", "outcomes/outcomes-00000-of-00001.parquet")
    }


def test_shards_hold_only_rows_of_their_own_group_and_every_sample_once(simulated_folder):
    slugs = {"General": "general", "STEM": "stem", "Charts & OCR": "charts-ocr", "Other": "other"}
    ids = []
    for path in (simulated_folder / "data").iterdir():
        table = pq.read_table(path, columns=["sample_id", "task_group"])
        assert {slugs[g] for g in table["task_group"].to_pylist()} == {
            path.name.split("-", 1)[1][: -len("-00000-of-00001.parquet")]
        }
        ids += table["sample_id"].to_pylist()
    assert len(ids) == len(set(ids)) == 400


def test_no_answer_and_no_prediction_stands_in_data(simulated_folder):
    for path in (simulated_folder / "data").iterdir():
        schema = pq.read_schema(path)
        assert not {"answer", "prediction"} & set(schema.names)
        assert b"huggingface" in schema.metadata


def test_outcomes_hold_the_pairs_of_the_matrices(simulated_folder, simulated_table):
    outcomes = pq.read_table(simulated_folder / "outcomes").to_pylist()
    row_of = {sample_id: row for row, sample_id in enumerate(simulated_table.column("sample_id"))}
    index = simulated_table.pool.index
    assert len(outcomes) == simulated_table.report["pairs_kept"]
    for pair in outcomes[::37]:
        place = row_of[pair["sample_id"]], index[pair["candidate"]]
        assert pair["quality"] == simulated_table.quality[place]
        assert pair["output_tokens"] == simulated_table.matrices["output_tokens"][place]


def test_every_config_of_the_card_loads_with_datasets(simulated_folder, tmp_path):
    configs = front_matter(simulated_folder)["configs"]
    report = json.loads((simulated_folder / "build_report.json").read_text())
    assert [c["config_name"] for c in configs if c.get("default")] == ["default"]
    sizes = {}
    for config in configs:
        loaded = load_dataset(str(simulated_folder), config["config_name"], cache_dir=str(tmp_path))
        assert list(loaded) == [files["split"] for files in config["data_files"]]
        sizes[config["config_name"]] = {split: rows.num_rows for split, rows in loaded.items()}
        if config["config_name"] == "default":
            row = loaded["train"][0]
            assert loaded["train"].features["image"] == Image()
            assert isinstance(row["image"], ImageFile)
            assert list(row["quality"]) == list(load_table(simulated_folder).pool.names)
    assert sizes.pop("default") == report["splits"]
    assert sizes.pop("outcomes") == {"train": report["pairs_kept"]}
    assert sizes.pop("candidates") == {"train": report["candidates"]}
    assert sizes == {
        {"General": "general", "STEM": "stem", "Charts & OCR": "charts-ocr"}[group]: counts
        for group, counts in report["group_splits"].items()
    }


def test_without_a_name_the_default_config_is_loaded(own_tables, tmp_path):
    build_benchmark(own_tables, tmp_path / "out")
    loaded = load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert sum(rows.num_rows for rows in loaded.values()) == 12


def test_a_rebuilt_folder_at_the_same_path_gives_the_new_rows(own_tables, tmp_path):
    def load():
        loaded = load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
        return {row["sample_id"]: row["question"] for split in loaded.values() for row in split}

    build_benchmark(own_tables, tmp_path / "out")
    assert load()["s03"] == "What is shown in picture 3?"
    edit(own_tables, "samples", lambda rows: rows[3].update(question="What is shown in picture X?"))
    build_benchmark(own_tables, tmp_path / "out")
    assert load()["s03"] == "What is shown in picture X?"


def test_a_row_group_ends_where_its_images_reach_a_number_of_bytes(own_tables, tmp_path, monkeypatch):
    edit(own_tables, "samples", lambda rows: [row.update(split="train", task_group="G") for row in rows])
    build_benchmark(own_tables, tmp_path / "whole")
    size = max(path.stat().st_size for path in (own_tables / "images").iterdir())
    monkeypatch.setattr(write, "IMAGE_BYTES_PER_GROUP", 2 * size + 1)
    build_benchmark(own_tables, tmp_path / "parts")
    groups = [pq.ParquetFile(next((tmp_path / name / "data").iterdir())).metadata for name in ("whole", "parts")]
    assert [metadata.num_row_groups for metadata in groups][0] == 1
    rows = [groups[1].row_group(place).num_rows for place in range(groups[1].num_row_groups)]
    assert sum(rows) == 12 and len(rows) > 1 and all(count >= 3 for count in rows[:-1])
    assert all_rows(tmp_path / "parts") == all_rows(tmp_path / "whole")


def test_the_same_source_gives_the_same_bytes_of_every_file(own_tables, tmp_path):
    for name in ("one", "two"):
        build_benchmark(own_tables, tmp_path / name)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_images_are_written_byte_for_byte(own_tables, tmp_path):
    build_benchmark(own_tables, tmp_path / "out")
    for row in all_rows(tmp_path / "out"):
        number = int(row["sample_id"].removeprefix("s"))
        assert row["image"]["bytes"] == (own_tables / "images" / f"{number}.png").read_bytes()
        assert row["image_ok"] is True


def test_what_was_not_measured_is_nan_for_quality_and_cost_and_null_for_tokens(own_tables, tmp_path):
    edit(own_tables, "outcomes", lambda rows: rows.pop(1))  # s00 on middle
    build_benchmark(own_tables, tmp_path / "out")
    row = next(row for row in all_rows(tmp_path / "out") if row["sample_id"] == "s00")
    for name in ("quality", "cost"):
        assert np.isnan(row[name]["middle"]) and np.isfinite(row[name]["large"])
    for name in ("input_tokens", "output_tokens"):
        assert row[name]["middle"] is None and row[name]["large"] > 0


def test_candidate_names_with_dots_and_blanks_work(own_tables, tmp_path):
    names = {"small": "Qwen2.5-VL 7B", "middle": "a/b.c", "large": "模型"}
    text = (own_tables / "candidates.csv").read_text(encoding="utf-8")
    for old, new in names.items():
        text = text.replace(old, new)
    (own_tables / "candidates.csv").write_text(text, encoding="utf-8")
    edit(own_tables, "outcomes", lambda rows: [row.update(candidate=names[row["candidate"]]) for row in rows])
    build_benchmark(own_tables, tmp_path / "out")
    loaded = load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert all(list(row["cost"]) == list(names.values()) for split in loaded.values() for row in split)
    assert load_table(tmp_path / "out").pool.names == tuple(names.values())


@pytest.mark.parametrize(("one", "other"), [("My Group", "my-group"), ("A/B", "a b"), ("Charts & OCR", "charts ocr")])
def test_groups_whose_file_names_collide_are_refused(own_tables, tmp_path, one, other):
    def change(rows):
        for place, row in enumerate(rows):
            row["task_group"] = one if place % 2 else other

    edit(own_tables, "samples", change)
    with pytest.raises(SourceError, match="two task groups share one file name"):
        build_benchmark(own_tables, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("group", ["Default", "outcomes", "Candidates!"])
def test_a_group_named_like_a_config_of_every_folder_is_refused(own_tables, tmp_path, group):
    edit(own_tables, "samples", lambda rows: [row.update(task_group=group) for row in rows])
    with pytest.raises(SourceError, match="named like a config of every benchmark"):
        build_benchmark(own_tables, tmp_path / "out")


def test_a_group_whose_name_begins_like_another_is_loaded_alone(own_tables, tmp_path):
    groups = ["math", "math-hard"]

    def change(rows):
        for place, row in enumerate(rows):
            row.update(task_group=groups[place % 2], split="train")

    edit(own_tables, "samples", change)
    build_benchmark(own_tables, tmp_path / "out")
    for group in groups:
        loaded = load_dataset(str(tmp_path / "out"), group, split="train", cache_dir=str(tmp_path / "cache"))
        assert set(loaded["task_group"]) == {group}
        assert loaded.num_rows == 6


def test_large_groups_are_written_in_shards_that_load_in_order(own_tables, tmp_path, monkeypatch):
    edit(own_tables, "samples", lambda rows: [row.update(split="train", task_group="G") for row in rows])
    build_benchmark(own_tables, tmp_path / "whole")
    monkeypatch.setattr(write, "ROWS_PER_SHARD", 5)
    monkeypatch.setattr(write, "ROWS_PER_GROUP", 2)
    monkeypatch.setattr(write, "OUTCOMES_PER_SHARD", 10)
    build_benchmark(own_tables, tmp_path / "parts")
    assert sorted(p.name for p in (tmp_path / "parts" / "data").iterdir()) == [
        f"train-g-{place:05d}-of-00003.parquet" for place in range(3)
    ]
    assert len(list((tmp_path / "parts" / "outcomes").iterdir())) == 4
    assert all_rows(tmp_path / "parts") == all_rows(tmp_path / "whole")
    one, two = (pq.read_table(tmp_path / name / "outcomes") for name in ("whole", "parts"))
    assert one.sort_by([("sample_id", "ascending"), ("candidate", "ascending")]) == two.sort_by(
        [("sample_id", "ascending"), ("candidate", "ascending")]
    )


def test_text_with_every_kind_of_character_survives(own_tables, tmp_path):
    text = "«quotes» \"'\n\t---\n{{ report.name }} 数学 😀 \u2028 \\u0041"
    edit(own_tables, "samples", lambda rows: rows[0].update(question=text, dataset=text))
    build_benchmark(own_tables, tmp_path / "out")
    row = next(row for row in all_rows(tmp_path / "out") if row["sample_id"] == "s00")
    assert (row["question"], row["dataset"]) == (text, text)
    assert front_matter(tmp_path / "out")["configs"]


def test_predictions_stand_in_outcomes_only(own_tables, tmp_path):
    rows = [row | {"prediction": f"secret {place}"} for place, row in enumerate(rows_of(own_tables, "outcomes"))]
    write_rows(own_tables, "outcomes", rows)
    edit(own_tables, "samples", lambda rows: [row.update(answer="secret answer") for row in rows])
    build_benchmark(own_tables, tmp_path / "out")
    outcomes = pq.read_table(tmp_path / "out" / "outcomes")
    assert outcomes["prediction"].to_pylist() == [f"secret {place}" for place in range(36)]
    assert pa.types.is_large_string(outcomes.schema.field("prediction").type)
    assert "secret" not in json.dumps([row | {"image": None} for row in all_rows(tmp_path / "out")])
