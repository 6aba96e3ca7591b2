"""Whole trees through `build_benchmark`: real runs, VLMEvalKit's own example, a damaged tree, and small made ones."""

import csv
import json
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.data.sources.vlmevalkit.log_trees import choice_rows, picture, write_choice_logs, write_images, write_tsv
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.image_store import StoredImage
from vlrouterbench.data.prices.read import read_pool
from vlrouterbench.data.sources.source import ReadOptions
from vlrouterbench.data.sources.vlmevalkit import read
from vlrouterbench.data.sources.vlmevalkit.read import VLMEvalKitLogs
from vlrouterbench.data.table import load_table
from vlrouterbench.data.tokens import count_tokens

PUBLISHED = {
    "Qwen2.5-VL-7B-Instruct": (85.392, 46.756),
    "Qwen2.5-VL-3B-Instruct": (79.130, 39.597),
    "VLM-R1": (74.870, 38.031),
    "LLaVA-CoT": (0.000, 35.794),
    "Llama-3.2-11B-Vision-Instruct": (54.046, 35.570),
}
# Names in the logs -> names in the published pool, which reads the example trees.
CANDIDATES = {
    "InternVL2_5-78B": "InternVL2.5-78B",
    "GeminiFlash2-5": "Gemini-Flash-2.5",
    "Phi-3.5-Vision": "Phi-3.5-Vision",
    "SmolVLM2": "SmolVLM2",
}
FAILED = "Failed to obtain answer via API."


class Built:
    """A built tree: its report and its outcomes by (sample id, candidate)."""

    def __init__(self, source, out, **options):
        self.report = build_benchmark(source, out, BuildOptions(**options))
        self.folder = out
        self.rows = pq.read_table(out / "outcomes").to_pylist()
        self.outcomes = {(row["sample_id"], row["candidate"]): row for row in self.rows}

    def reasons(self):
        return Counter(entry["reason"] for entry in self.report["left_out"])


@pytest.fixture(scope="module")
def real(data_root, tmp_path_factory):
    return Built(data_root / "vlmevalkit_real", tmp_path_factory.mktemp("real") / "out")


@pytest.fixture(scope="module")
def example(data_root, tmp_path_factory):
    return Built(data_root / "vlmevalkit_example", tmp_path_factory.mktemp("example") / "out")


@pytest.fixture(scope="module")
def damaged(data_root, tmp_path_factory):
    return Built(data_root / "vlmevalkit_example_damaged", tmp_path_factory.mktemp("damaged") / "out")


def truth_of(folder):
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as handle:
        return [
            row | {"sample_id": row["sample_id"].replace(":", "/", 1), "candidate": CANDIDATES[row["model"]]}
            for row in csv.DictReader(handle)
        ]


@pytest.mark.parametrize("model", PUBLISHED)
def test_real_runs_have_their_published_accuracy(real, model):
    for dataset, published in zip(("TextVQA_VAL", "LogicVista"), PUBLISHED[model], strict=True):
        quality = [
            row["quality"]
            for row in real.rows
            if row["candidate"] == model and row["sample_id"].startswith(f"{dataset}/")
        ]
        assert len(quality) == {"TextVQA_VAL": 5000, "LogicVista": 447}[dataset]
        assert round(100 * float(np.mean(quality, dtype=np.float64)), 3) == published


def test_real_runs_are_read_whole_and_missing_images_are_named_once(real):
    assert real.report["samples"] == 5447
    assert real.report["pairs_read"] == real.report["pairs_kept"] == 5447 * 5
    assert [(e["file"], e["reason"]) for e in real.report["left_out"]] == [("TSV_images/TextVQA_VAL.tsv", "image")]
    assert real.report["datasets"] == {"LogicVista": 447, "TextVQA_VAL": 5000}
    assert real.report["task_groups"] == {"Charts & OCR": 5000, "Other": 447}


def test_every_label_of_the_example_tree_is_vlmevalkits_own(example, data_root):
    truth = truth_of(data_root / "vlmevalkit_example")
    assert len(truth) == len(example.outcomes) == 2116
    wrong = [
        row
        for row in truth
        if abs(example.outcomes[row["sample_id"], row["candidate"]]["quality"] - float(row["score"])) > 1e-6
    ]
    assert wrong == []


def test_predictions_of_the_example_tree_are_the_logged_ones(example, data_root):
    for row in truth_of(data_root / "vlmevalkit_example"):
        found = example.outcomes[row["sample_id"], row["candidate"]]["prediction"]
        # A prediction that begins with "=" was written as a formula, which reads back as 0.
        assert found == ("0" if row["prediction"].startswith("=") else row["prediction"] or None), row


def test_output_tokens_are_the_count_of_the_prediction_and_a_failed_call_costs_none(example):
    texts = [row["prediction"] for row in example.rows]
    expected = [0 if text == FAILED else count for text, count in zip(texts, count_tokens(texts), strict=True)]
    assert [row["output_tokens"] for row in example.rows] == expected
    failed = [row for row in example.rows if row["prediction"] == FAILED]
    assert len(failed) == 8
    assert {(row["quality"], row["output_tokens"]) for row in failed} == {(0.0, 0)}


def test_input_tokens_are_the_question_and_256_the_same_for_every_candidate(example):
    table = load_table(example.folder)
    tokens = table.matrices["input_tokens"]
    measured = [CANDIDATES[name] for name in CANDIDATES]
    columns = [table.pool.index[name] for name in measured]
    expected = count_tokens(table.column("question")) + 256
    assert (tokens[:, columns] == expected[:, None]).all()


def test_the_example_tree_is_read_whole(example):
    # 13 of the published 17 have no logs here.
    assert example.reasons() == {"not_found": 13}
    assert example.report["samples"] == 529
    assert len(example.report["datasets"]) == 14
    assert example.report["images"]["bad"] == 0
    # Six rows have more than one picture.
    assert example.report["images"]["several"] == 6
    table = load_table(example.folder)
    assert {row: len(images) + 1 for row, images in table.further_images().items()} == {
        row: count for row, count in enumerate(table.column("num_images")) if count > 1
    }


def test_the_damaged_tree_has_every_label_that_is_ok_and_none_that_is_lost(damaged, data_root):
    truth = truth_of(data_root / "vlmevalkit_example_damaged")
    for row in truth:
        found = damaged.outcomes.get((row["sample_id"], row["candidate"]))
        if row["status"] in ("missing", "conflict"):
            assert found is None, row
        elif row["status"] == "ok" or row["model"] != "SmolVLM2":
            assert abs(found["quality"] - float(row["score"])) < 1e-6, row
    assert {row["status"] for row in truth} == {"ok", "missing", "conflict", "bad_image"}


def test_the_damaged_trees_four_damages_are_named_and_nothing_else(damaged):
    named = [
        (entry["reason"], entry["file"].rsplit("/", 1)[-1], entry["sample_id"], entry["candidate"])
        for entry in damaged.report["left_out"]
        if entry["reason"] != "not_found"
    ]
    assert sorted(named, key=str) == sorted(
        [
            ("unreadable", "SmolVLM2_RealWorldQA_openai_result.xlsx", None, "SmolVLM2"),
            (
                *("conflict", "Phi-3.5-Vision_HallusionBench_auxmatch.xlsx"),
                *("HallusionBench/VS_chart_2_32_2_1", "Phi-3.5-Vision"),
            ),
            ("image", "RealWorldQA.tsv", "RealWorldQA/308", None),
            ("unknown_model", "Unlisted-VLM-3B", None, "Unlisted-VLM-3B"),
            ("unknown_model", "Unlisted-VLM-3B", None, "Unlisted-VLM-3B"),
        ],
        key=str,
    )


def test_the_damaged_trees_bad_image_keeps_its_row(damaged):
    table = load_table(damaged.folder)
    row = table.column("sample_id").index("RealWorldQA/308")
    assert table.column("image_ok").count(False) == 1
    assert table.column("image_ok")[row] is False
    assert list(table.iter_images())[row] is None
    assert "Unlisted-VLM-3B" not in table.pool.names


def test_strict_refuses_the_damaged_tree(data_root, tmp_path):
    with pytest.raises(SourceError, match="--strict: .* entries would be left out"):
        build_benchmark(data_root / "vlmevalkit_example_damaged", tmp_path / "out", BuildOptions(strict=True))
    assert not (tmp_path / "out").exists()


@pytest.fixture
def tree(tmp_path):
    """A small work folder: two listed models on MMStar, six samples with images, room for more."""
    source = tmp_path / "work"
    write_images(source, "MMStar", 6)
    for model, hits in (("one", [1, 0, 1, 0, 1, 0]), ("two", [1, 1, 1, 1, 0, 0])):
        write_choice_logs(source / model, model, "MMStar", hits)
    (source / "candidates.csv").write_text("name,input_price,output_price\none,1,1\ntwo,2,2\n")
    return source


def build(tree):
    return Built(tree, tree.parent / "out")


def test_candidates_that_share_no_dataset_are_an_error_that_names_what_was_found(tree):
    write_choice_logs(tree / "two", "two", "RealWorldQA", [1, 0])
    for path in (tree / "two").glob("*MMStar*"):
        path.unlink()
    with pytest.raises(
        SourceError, match=r'two candidates measured on one dataset, found none in "work".*MMStar, RealW'
    ):
        build(tree)
    assert not (tree.parent / "out").exists()


def test_a_small_work_folder_builds_whole(tree):
    built = build(tree)
    assert built.report["left_out"] == []
    assert built.report["samples"] == 6
    assert built.outcomes["MMStar/1", "two"] == {
        "sample_id": "MMStar/1",
        "candidate": "two",
        "quality": 1.0,
        "input_tokens": 256 + int(count_tokens(["Question 1?"])[0]),
        "output_tokens": 1,
        "prediction": "A",
    }
    table = load_table(built.folder)
    assert all(options == ["yes", "no"] for options in table.column("options"))
    assert all(table.iter_images())


@pytest.fixture
def two_datasets(tree):
    """The same with a second dataset, which has images too, one of them in the first as well and one that is bad."""
    for model, hits in (("one", [1, 0, 1]), ("two", [0, 0, 1])):
        write_choice_logs(tree / model, model, "RealWorldQA", hits)
    rows = [
        {"index": n, "image": image, "question": f"Question {n}?", "A": "yes", "B": "no"}
        for n, image in enumerate((picture((10, 90, 90)), picture()[:72], picture()), start=1)
    ]
    write_tsv(tree / "TSV_images" / "RealWorldQA.tsv", rows)
    return tree


def test_two_processes_read_the_same_as_one(two_datasets, tmp_path, monkeypatch):
    pool = read_pool(two_datasets / "candidates.csv")
    alone = VLMEvalKitLogs().read(two_datasets, ReadOptions(pool, tmp_path))
    monkeypatch.setattr(read, "PARALLEL_BYTES", 0)
    together = VLMEvalKitLogs().read(two_datasets, ReadOptions(pool, tmp_path, num_proc=2))
    for name in ("samples", "outcomes", "left_out", "source_sha256", "pairs_read", "label_rules"):
        assert getattr(together, name) == getattr(alone, name), name
    assert [image.read_bytes() for image in together.images] == [image.read_bytes() for image in alone.images]


def test_two_processes_write_the_same_bytes_as_one_and_leave_nothing_else(two_datasets, tmp_path, monkeypatch):
    monkeypatch.setattr(read, "PARALLEL_BYTES", 0)
    out = tmp_path / "builds"
    for num_proc in (1, 2):
        report = build_benchmark(two_datasets, out / str(num_proc), BuildOptions(num_proc=num_proc))
        assert report["images"] == {"ok": 8, "bad": 1}
    assert sorted(path.name for path in out.iterdir()) == ["1", "2"]
    files = sorted(path.relative_to(out / "1") for path in (out / "1").rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(out / "2") for path in (out / "2").rglob("*") if path.is_file())
    for file in files:
        assert (out / "1" / file).read_bytes() == (out / "2" / file).read_bytes(), file


def test_a_build_that_fails_leaves_no_images_behind(two_datasets, tmp_path):
    with pytest.raises(SourceError, match="--strict"):
        build_benchmark(two_datasets, tmp_path / "builds" / "out", BuildOptions(strict=True))
    assert list((tmp_path / "builds").iterdir()) == []


def test_samples_that_were_read_hold_no_bytes_of_images(two_datasets, tmp_path):
    pool = read_pool(two_datasets / "candidates.csv")
    source = VLMEvalKitLogs().read(two_datasets, ReadOptions(pool, tmp_path))
    assert [type(image) for image in source.images] == [StoredImage] * 9


def test_an_image_table_that_is_damaged_at_its_end_gives_nothing_and_is_named_once(tree):
    with (tree / "TSV_images" / "MMStar.tsv").open("a") as handle:
        handle.write("7\tx\n")
    with pytest.raises(SourceError, match="found 6 of 6 .* the table of the images of MMStar cannot be read"):
        build(tree)
    built = Built(tree, tree.parent / "out", allow_missing_images=True)
    assert [(e["file"], e["reason"]) for e in built.report["left_out"]] == [
        ("TSV_images/MMStar.tsv", "unreadable"),
        ("TSV_images/MMStar.tsv", "image"),
    ]
    assert built.report["left_out"][0]["detail"] == (
        "not readable as tsv: CSV parse error: Row #8: Expected 5 columns, got 2: 7\tx"
    )
    assert built.report["images"] == {"ok": 0, "bad": 6}


def test_rows_are_joined_by_index_not_by_position(tree):
    expected = build(tree).outcomes
    rows = choice_rows([1, 1, 1, 1, 0, 0])
    write_tsv(tree / "two" / "two_MMStar_openai_result.tsv", rows[::-1])
    assert build(tree).outcomes == expected


def test_an_index_that_became_a_float_is_the_same_sample(tree):
    expected = build(tree).outcomes
    rows = [row | {"index": f"{row['index']}.0"} for row in choice_rows([1, 1, 1, 1, 0, 0])]
    write_tsv(tree / "two" / "two_MMStar_openai_result.tsv", rows)
    assert build(tree).outcomes == expected


@pytest.mark.parametrize("text", [FAILED, "Failed to obtain answer via API.: timeout", "Failed to obtain answer: x"])
def test_a_failed_call_is_wrong_and_free_even_where_a_judge_let_it_pass(tree, text):
    write_choice_logs(tree / "one", "one", "MMStar", [1] * 6, [text, *"AAAAA"])
    found = build(tree).outcomes["MMStar/1", "one"]
    assert (found["quality"], found["output_tokens"], found["prediction"]) == (0.0, 0, text)


def test_an_empty_prediction_is_an_answer_of_no_tokens(tree):
    write_choice_logs(tree / "one", "one", "MMStar", [0] * 6, ["", *"AAAAA"])
    found = build(tree).outcomes["MMStar/1", "one"]
    assert (found["quality"], found["output_tokens"]) == (0.0, 0)


@pytest.mark.parametrize("values", [(0, 1), (1, 0)])
def test_conflicting_labels_are_left_out_whichever_comes_first(tree, values):
    rows = choice_rows([1, 1, 1, 1, 0, 0])
    doubled = [rows[0] | {"hit": values[0]}, *rows[1:], rows[0] | {"hit": values[1]}]
    write_tsv(tree / "two" / "two_MMStar_openai_result.tsv", doubled)
    built = build(tree)
    assert ("MMStar/1", "two") not in built.outcomes
    assert ("MMStar/1", "one") in built.outcomes
    assert [(e["reason"], e["sample_id"], e["candidate"]) for e in built.report["left_out"]] == [
        ("conflict", "MMStar/1", "two")
    ]


def test_a_doubled_row_with_one_label_is_one_pair_and_its_file_is_named_once(tree):
    rows = choice_rows([1, 1, 1, 1, 0, 0])
    write_tsv(tree / "two" / "two_MMStar_openai_result.tsv", [*rows, rows[0]])
    built = build(tree)
    assert [(e["file"], e["reason"], e["detail"]) for e in built.report["left_out"]] == [
        (
            *("two/two_MMStar_openai_result.tsv", "conflict"),
            "rows that say the same of an index as one before them: 1; they were read once",
        )
    ]
    assert (built.report["pairs_read"], built.report["pairs_kept"]) == (13, 12)


@pytest.mark.parametrize("name", ["two_MMStar.tsv", "two_MMStar_openai_result.tsv"])
@pytest.mark.parametrize("texts", [("first", "second"), ("second", "", "first"), ("same", "same")])
def test_of_two_predictions_with_one_label_the_last_is_priced_and_the_index_is_named_once(tree, name, texts):
    rows = choice_rows([1, 1, 1, 1, 0, 0])
    if name == "two_MMStar_openai_result.tsv":
        (tree / "two" / "two_MMStar.tsv").unlink()
    else:  # the evaluation file does not hold the texts
        labels = [{"index": row["index"], "hit": row["hit"]} for row in rows]
        write_tsv(tree / "two" / "two_MMStar_openai_result.tsv", labels)
    doubled = [*rows[:2], *[rows[2] | {"prediction": text} for text in texts], *rows[3:]]
    write_tsv(tree / "two" / name, doubled)
    built = build(tree)
    pair = built.outcomes["MMStar/3", "two"]
    assert (pair["quality"], pair["prediction"]) == (1.0, texts[-1])
    assert pair["output_tokens"] == count_tokens([texts[-1]])[0]
    named = [(e["file"], e["reason"], e["sample_id"], e["candidate"]) for e in built.report["left_out"]]
    assert named == [(f"two/{name}", "conflict", "MMStar/3" if len(set(texts)) > 1 else None, "two")]
    assert built.report["pairs_kept"] == 12


def test_an_empty_label_is_no_label_never_a_zero(tree):
    write_choice_logs(tree / "two", "two", "MMStar", [1, "", 1, 1, 0, 0])
    built = build(tree)
    assert ("MMStar/2", "two") not in built.outcomes
    assert built.reasons() == {"no_label": 1}


def test_predictions_without_labels_are_named_and_give_no_pairs(tree):
    (tree / "two" / "two_MMStar_openai_result.tsv").unlink()
    for model in ("one", "two"):
        write_choice_logs(tree / model, model, "AI2D_TEST", [1, 1])
    built = build(tree)
    assert not [key for key in built.outcomes if key[1] == "two" and key[0].startswith("MMStar/")]
    assert ("two/two_MMStar.tsv", "no_label") in [(e["file"], e["reason"]) for e in built.report["left_out"]]


def test_a_label_without_prediction_keeps_quality_but_has_no_cost(tree):
    rows = [{k: v for k, v in row.items() if k != "hit"} for row in choice_rows([1] * 5)]
    write_tsv(tree / "two" / "two_MMStar.tsv", rows)
    labels = [{"index": row["index"], "hit": row["hit"]} for row in choice_rows([1, 1, 1, 1, 0, 0])]
    write_tsv(tree / "two" / "two_MMStar_openai_result.tsv", labels)
    built = build(tree)
    found = built.outcomes["MMStar/6", "two"]
    assert (found["quality"], found["output_tokens"], found["prediction"]) == (0.0, None, None)
    assert built.reasons() == {"no_prediction": 1}
    table = load_table(built.folder)
    assert np.isnan(table.cost[table.column("sample_id").index("MMStar/6"), 1])


def test_of_two_judges_one_is_read_and_the_other_named(tree):
    rows = choice_rows([0] * 6)
    write_tsv(tree / "two" / "two_MMStar_exact_matching_result.tsv", rows)
    built = build(tree)
    assert built.reasons() == {"second_judge": 1}
    assert sum(key[1] == "two" for key in built.outcomes) == 6


def test_an_unreadable_file_is_named_and_the_rest_is_read(tree):
    path = tree / "two" / "two_MMStar_openai_result.tsv"
    path.rename(path.with_suffix(".xlsx")).write_bytes(b"PK\x03\x04 cut off")
    built = build(tree)
    assert {(e["file"], e["reason"]) for e in built.report["left_out"]} == {
        ("two/two_MMStar_openai_result.xlsx", "unreadable")
    }
    assert sorted(key[1] for key in built.outcomes) == ["one"] * 6


def test_a_model_without_logs_and_a_dataset_without_a_file_are_named(tree):
    (tree / "candidates.csv").write_text("name,input_price,output_price\none,1,1\ntwo,2,2\nthree,3,3\n")
    write_choice_logs(tree / "one", "one", "AI2D_TEST", [1, 0])
    named = {(e["file"], e["reason"], e["candidate"]) for e in build(tree).report["left_out"]}
    assert {("three", "not_found", "three"), ("two", "not_found", "two")} <= named


def test_only_main_rows_of_mmbench_are_samples_and_their_tokens_are_priced(tmp_path):
    source = tmp_path / "work"
    rows = choice_rows([1, 0], ["A long first answer", "B"])
    rotated = [row | {"index": 1_000_000 + row["index"], "prediction": "rotated"} for row in rows]
    for model in ("one", "two"):
        stem = source / model / f"{model}_MMBench_DEV_EN_V11"
        write_tsv(stem.with_name(f"{stem.name}_openai_result.tsv"), rows)
        write_tsv(
            stem.with_name(f"{stem.name}.tsv"), [{k: v for k, v in r.items() if k != "hit"} for r in rotated + rows]
        )
    (source / "candidates.csv").write_text("name,input_price,output_price\none,1,1\ntwo,2,2\n")
    built = build(source)
    assert {key[0] for key in built.outcomes} == {"MMBench_DEV_EN_V11/1", "MMBench_DEV_EN_V11/2"}
    assert built.outcomes["MMBench_DEV_EN_V11/1", "one"]["output_tokens"] == count_tokens(["A long first answer"])[0]


def test_one_picture_in_two_datasets_puts_both_samples_on_one_side(tree):
    (tree / "TSV_images" / "MMStar.tsv").rename(tree / "TSV_images" / "AI2D_TEST.tsv")
    write_images(tree, "MMStar", 6)
    for model in ("one", "two"):
        write_choice_logs(tree / model, model, "AI2D_TEST", [1, 0, 1, 0, 1, 0])
    table = load_table(build(tree).folder)
    groups = dict(zip(table.column("sample_id"), zip(table.column("group_id"), table.column("split")), strict=True))  # noqa: B905
    for number in range(1, 7):
        assert groups[f"MMStar/{number}"] == groups[f"AI2D_TEST/{number}"]


def test_the_same_tree_gives_the_same_report_wherever_it_lies(tree, tmp_path):
    first = build(tree).report
    moved = tree.rename(tmp_path / "elsewhere")
    second = build(moved).report
    assert json.dumps(first | {"name": ""}) == json.dumps(second | {"name": ""})


def test_labels_and_predictions_are_of_one_run(tree):
    scored, unscored = tree / "one" / "T20251001_Gaaaaaaaa", tree / "one" / "T20251023_Gb9ff66c9"
    for path in (tree / "one").glob("*.tsv"):
        path.unlink()
    write_choice_logs(scored, "one", "MMStar", [1, 0, 1, 0, 1, 0], ["the scored answer"] * 6)
    write_tsv(unscored / "one_MMStar.tsv", [{"index": n, "prediction": "B"} for n in range(1, 7)])
    built = build(tree)
    mine = [row for row in built.rows if row["candidate"] == "one"]
    assert [row["quality"] for row in mine] == [1, 0, 1, 0, 1, 0]
    assert {(row["prediction"], row["output_tokens"]) for row in mine} == {("the scored answer", 3)}
    assert f"one/{unscored.name}/one_MMStar.tsv" in [
        entry["file"] for entry in built.report["left_out"] if entry["reason"] == "superseded_run"
    ]
