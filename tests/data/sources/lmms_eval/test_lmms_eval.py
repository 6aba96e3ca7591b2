"""lmms-eval's logged samples: the metric that the results file names, the text that was written, images from beside."""

import json

import pandas as pd
import pytest

from tests.data.sources import published
from tests.data.sources.published import MODELS, accuracies, built, picture, pool, reasons
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.sources.lmms_eval.labels import METRICS, label_of, metrics_of
from vlrouterbench.data.sources.lmms_eval.layout import candidate_of, short_names
from vlrouterbench.data.sources.lmms_eval.read import _answer

NAME = "20260218_234435_samples_scienceqa_img.jsonl"


def samples_of(source, model):
    path = source / f"org__{model}" / NAME
    return path, [json.loads(line) for line in path.read_text().splitlines()]


def write(path, samples):
    path.write_text("".join(json.dumps(sample) + "\n" for sample in samples))


def test_labels_questions_and_tokens_are_those_that_were_logged(tmp_path):
    source = published.lmms_eval(tmp_path / "source")
    path, samples = samples_of(source, "ModelB")
    samples[0]["token_counts"] = [{"input_tokens": 700, "output_tokens": 42, "reasoning_tokens": 30}]
    samples[1]["resps"] = ["The answer is B, clearly."]
    write(path, samples)
    report, table = built(source, tmp_path / "out", candidates=pool(tmp_path))
    first, second = (table.column("sample_id").index(f"scienceqa_img/{i}") for i in (0, 1))
    assert table.column("question")[first] == "Which box is red in picture 0?"
    assert table.matrices["input_tokens"][first].tolist() == [256 + 9, 700, 256 + 9]
    assert table.matrices["output_tokens"][[first, second], 1].tolist() == [42, 7]
    assert report["label_rules"] == {"scienceqa_img": {"exact_match": 3}}
    assert reasons(report) == [
        (
            "image",
            "scienceqa_img",
            "lmms-eval logs no images: 12 samples have none. Give a folder or a table with --images",
        )
    ]


def test_the_metric_is_the_first_that_the_results_file_lists_of_which_more_is_better(tmp_path):
    results = tmp_path / "results.json"
    content = {
        "configs": {"t": {"metric_list": [{"metric": "wer"}, {"metric": "anls"}]}},
        "results": {"t": {"alias": "t", "acc,none": 0.5, "acc_stderr,none": 0.1}},
        "higher_is_better": {"t": {"wer": False, "anls": True}},
    }
    results.write_text(json.dumps(content))
    assert metrics_of(results, "t") == ("anls", "acc")
    assert metrics_of(results, "other") == METRICS
    assert metrics_of(None, "t") == METRICS
    results.write_text("{")
    assert metrics_of(results, "t") == METRICS


@pytest.mark.parametrize(
    "sample, expected",
    [
        ({"acc": True}, ("acc", 1.0)),
        ({"acc": {"question_id": 3, "score": 0.5}}, ("acc", 0.5)),
        ({"acc": {"parsed_pred": "B"}, "anls": 0.7}, ("anls", 0.7)),
        ({"acc": "yes"}, ("", None)),
        ({"other": 1.0}, ("", None)),
    ],
)
def test_a_label_is_a_number_or_the_mark_in_a_record(sample, expected):
    assert label_of(sample, ("acc", "anls")) == expected


@pytest.mark.parametrize(
    "sample, text",
    [
        ({"filtered_resps": "B"}, "B"),
        ({"filtered_resps": ["B"]}, "B"),
        ({"filtered_resps": "B", "resps": [["It is B."]]}, "It is B."),
        ({"filtered_resps": [["-1.0", "False"], ["-0.1", "True"]]}, None),
        ({}, None),
    ],
)
def test_the_answer_is_the_raw_text_where_one_was_written(sample, text):
    assert _answer(sample) == text


def test_what_has_no_metric_another_target_or_no_json_is_named(tmp_path):
    source = published.lmms_eval(tmp_path / "source")
    path, samples = samples_of(source, "ModelB")
    samples[0] = {name: value for name, value in samples[0].items() if name != "exact_match"} | {"strange": 1.0}
    samples[1]["target"] = "C"
    write(path, samples)
    path.write_text(path.read_text() + '{"doc_id": 99, "target"\n')
    report, table = built(source, tmp_path / "out", candidates=pool(tmp_path))
    said = [(reason, detail) for reason, _, detail in reasons(report) if reason != "image"]
    assert said == [
        ("unreadable", "lines that are no JSON object: 1, first line 13"),
        (
            "no_label",
            "no label in exact_match: 1 samples, first scienceqa_img/0 (fields: strange)",
        ),
        ("conflict", "another target than another model has: 1 samples, first scienceqa_img/1"),
    ]
    assert report["pairs_kept"] == 34


def test_a_results_file_that_states_another_model_than_its_folder_is_named(tmp_path):
    source = published.lmms_eval(tmp_path / "source")
    path = source / "org__ModelB" / NAME.replace("samples_scienceqa_img.jsonl", "results.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_name_sanitized": "org__Other"}))
    report, _ = built(source, tmp_path / "out", candidates=pool(tmp_path))
    said = 'its folder is org__ModelB, its results state the model "org__Other": read as the folder'
    assert [(reason, detail) for reason, _, detail in reasons(report) if reason == "conflict"] == [("conflict", said)]


def test_unknown_metrics_everywhere_end_in_an_error_that_names_the_fields(tmp_path):
    source = published.lmms_eval(tmp_path / "source")
    for model in MODELS:
        path, samples = samples_of(source, model)
        write(path, [{name.replace("exact_match", "odd"): value for name, value in s.items()} for s in samples])
    with pytest.raises(SourceError, match=r"nothing to build\. Read past: .*\(fields: odd\)"):
        build_benchmark(source, tmp_path / "out", BuildOptions(candidates=pool(tmp_path)))


def test_the_newest_samples_are_read_and_results_without_samples_are_named(tmp_path):
    source = published.lmms_eval(tmp_path / "source")
    published.lmms_eval(source, 20, date="20260301_000000")
    for path in source.glob("org__ModelC/20260301*samples*"):
        path.unlink()
    report, table = built(source, tmp_path / "out", candidates=pool(tmp_path))
    assert len(table) == 20
    assert sorted(reason for reason, *_ in reasons(report)) == ["aggregate_only", "image", *["superseded_run"] * 2]


def test_a_candidate_is_called_as_the_folder_or_its_last_part():
    folders = ["org__A", "org__B", "other__B"]
    assert short_names(folders) == {"org__A": "A", "org__B": "org__B", "other__B": "other__B"}
    assert candidate_of("org__A", folders, ("A", "B")) == "A"
    assert candidate_of("org__B", folders, ("A", "org/B")) == "org/B"
    assert candidate_of("org__B", folders, ("A", "B")) is None
    with pytest.raises(SourceError, match="expected one candidate for the folder org__A, found A, org/A"):
        candidate_of("org__A", folders, ("A", "org/A"))


def test_folders_of_no_candidate_end_in_an_error_that_names_them(tmp_path):
    source = published.lmms_eval(tmp_path / "source")
    with pytest.raises(
        SourceError, match=r"found folders of org__ModelA, org__ModelB, org__ModelC\. .*double underscore"
    ):
        build_benchmark(source, tmp_path / "out", BuildOptions(candidates=pool(tmp_path, ("x", "y"))))


@pytest.mark.parametrize("kind", ["folder", "csv", "parquet"])
def test_images_come_from_a_folder_or_a_table_beside_the_source(tmp_path, kind):
    source, beside = published.lmms_eval(tmp_path / "source"), tmp_path / "beside"
    for i in range(12):
        picture(beside / "scienceqa_img" / f"{i}.png", i)
    images = beside
    if kind == "csv":
        images = beside / "pictures.csv"
        paths = [f"scienceqa_img/{i}.png" for i in range(12)]
        pd.DataFrame({"task": "scienceqa_img", "doc_id": range(12), "image": paths}).to_csv(images, index=False)
    if kind == "parquet":
        cells = [{"bytes": (beside / "scienceqa_img" / f"{i}.png").read_bytes(), "path": None} for i in range(12)]
        pd.DataFrame({"doc_id": range(12), "image": cells}).to_parquet(beside / "rows.parquet")
    report, table = built(source, tmp_path / "out", candidates=pool(tmp_path), images=images)
    assert report["images"] == {"ok": 12, "bad": 0} and not report["left_out"]
    assert accuracies(table)["ModelA"] == 0.5


def test_a_table_of_images_without_ids_is_refused_since_a_position_is_no_id(tmp_path):
    source = published.lmms_eval(tmp_path / "source")
    (tmp_path / "pictures.csv").write_text("question,image\nq,a.png\n")
    with pytest.raises(SourceError, match=r"expected a column of ids \(sample_id, doc_id, index, id\)"):
        options = BuildOptions(candidates=pool(tmp_path), images=tmp_path / "pictures.csv")
        build_benchmark(source, tmp_path / "out", options)
