"""OpenVLMRecords: predictions labelled by VLMEvalKit's own exact matching, or not at all."""

import pandas as pd
import pytest

from tests.data.sources import published
from tests.data.sources.published import SHARES, built, pool, reasons
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.sources.vlmevalkit.exact import LABEL, exact_rule, labelled_exactly

OPTIONS = {"A": "red", "B": "dark blue", "C": "green", "D": None}


def labels(dataset, *rows):
    """Label of each row by exact matching."""
    return [row[LABEL] for row in labelled_exactly(dataset, [{"index": str(n)} | row for n, row in enumerate(rows)])]


@pytest.mark.parametrize(
    "prediction, answer, label",
    [
        ("B", "B", "1"),
        ("(B) dark blue", "B", "1"),
        ("It is dark blue.", "B", "1"),
        ("The correct answer is **B**, since nothing else in the whole picture is blue", "B", "1"),
        ("A or B", "B", "0"),
        ("D", "D", "0"),  # no option D: the letter stands for nothing
        ("purple", "B", "0"),
        (None, "B", "0"),
        ("B", None, None),
    ],
)
def test_choices_are_matched_as_vlmevalkit_matches_them_without_a_judge(prediction, answer, label):
    assert labels("MMStar", OPTIONS | {"prediction": prediction, "answer": answer}) == [label]


def test_an_open_question_of_mmmu_is_right_where_its_gold_text_occurs():
    row = {"A": None, "B": None, "answer": "12 cm"}
    assert labels("MMMU_DEV_VAL", row | {"prediction": "It is 12 cm."}, row | {"prediction": "13"}) == ["1", "0"]


@pytest.mark.parametrize(
    "prediction, label",
    [("Yes.", "1"), ("yes, there is", "1"), ("No", "0"), ("yes and no", "0"), ("maybe", "0"), ("Yesterday", "0")],
)
def test_yes_and_no_are_matched_as_words(prediction, label):
    assert labels("MME", {"answer": "Yes", "prediction": prediction}) == [label]
    assert labels("AMBER", {"answer": "yes", "prediction": prediction}) == [label]


def test_a_circular_question_is_right_where_all_its_rotations_are():
    rows = [
        {"index": "5", "A": "x", "B": "y", "answer": "A", "prediction": "A"},
        {"index": "1000005", "A": "y", "B": "x", "answer": "B", "prediction": "B"},
        {"index": "6", "A": "x", "B": "y", "answer": "A", "prediction": "A"},
        {"index": "1000006", "A": "y", "B": "x", "answer": "B", "prediction": "A"},
    ]
    marked = labelled_exactly("MMBench_DEV_EN", rows)
    assert [(row["index"], row[LABEL]) for row in marked] == [("5", "1"), ("6", "0")]


@pytest.mark.parametrize(
    "dataset, rule",
    [
        ("AI2D_TEST", "choice (exact matching, no judge)"),
        ("POPE", "yes or no (exact matching, no judge)"),
        ("DocVQA_VAL", "text similarity (exact matching, no judge)"),
        ("ChartQA_TEST", "relaxed match (exact matching, no judge)"),
        ("TextVQA_VAL", "VQA accuracy (exact matching, no judge)"),
        ("OCRBench", "contained answer (exact matching, no judge)"),
    ],
)
def test_the_rule_is_named_as_one_without_a_judge(dataset, rule):
    assert exact_rule(dataset).name == rule


@pytest.mark.parametrize("dataset", ["MMVet", "MathVista_MINI", "HRBench4K", "LEGO", "MMMU_Pro_10c_COT", "own_set"])
def test_a_dataset_that_needs_a_judge_or_a_rule_of_its_own_has_none(dataset):
    assert exact_rule(dataset) is None


def test_labels_are_named_in_report_and_card_and_a_dataset_that_needs_a_judge_is_named(tmp_path):
    source = published.records(tmp_path / "records")
    row = {"index": 0, "question": "Why?", "answer": "So", "prediction": "So"}
    pd.DataFrame([row]).to_excel(source / "mmeval" / "ModelA" / "ModelA_MMVet.xlsx", index=False)
    report, table = built(source, tmp_path / "out", candidates=pool(tmp_path))
    assert table.mean_quality.tolist() == pytest.approx(SHARES)
    assert report["label_rules"] == {
        "MMStar": {"choice (exact matching, no judge)": 3},
        "MME": {"yes or no (exact matching, no judge)": 3},
    }
    card = (tmp_path / "out" / "README.md").read_text()
    assert "- Labels by choice (exact matching, no judge): MMStar." in card
    [entry] = [detail for reason, file, detail in reasons(report) if file.endswith("ModelA_MMVet.xlsx")]
    assert entry.startswith("predictions only: MMVet: no per-sample label can be read or computed")


def test_only_datasets_that_need_a_judge_end_in_an_error(tmp_path):
    place = tmp_path / "mmeval" / "ModelA"
    place.mkdir(parents=True)
    row = {"index": 0, "question": "Why?", "answer": "So", "prediction": "So"}
    pd.DataFrame([row]).to_excel(place / "ModelA_MMVet.xlsx", index=False)
    with pytest.raises(SourceError, match="nothing to build. Read past: .*predictions only: MMVet"):
        build_benchmark(tmp_path, tmp_path / "out", BuildOptions(candidates=pool(tmp_path, ("ModelA",))))


def test_without_candidates_the_models_are_listed_with_the_samples_that_they_share(tmp_path):
    source = published.records(tmp_path / "records")
    (source / "mmeval" / "ModelC" / "ModelC_MME.xlsx").unlink()
    with pytest.raises(SourceError) as error:
        build_benchmark(source, tmp_path / "out")
    assert str(error.value).startswith(
        "found 3 models: ModelA (24 samples of 2 datasets), ModelB (24 samples of 2 datasets), ModelC (12 samples of 1 "
        "datasets); all of them share 12 samples of 1 datasets. Pick some with --models A,B,C"
    )


def test_the_folder_of_models_alone_is_read_alike_and_says_what_else_it_could_be(tmp_path):
    source = published.records(tmp_path / "records")
    whole, _ = built(source, tmp_path / "whole", candidates=pool(tmp_path))
    inner, _ = built(source / "mmeval", tmp_path / "inner", candidates=pool(tmp_path))
    assert (inner["pairs_kept"], inner["label_rules"]) == (whole["pairs_kept"], whole["label_rules"])
    assert "could be read as VLMEvalKit logs" in inner["source_notes"][0]


def test_tables_of_images_beside_the_source_give_questions_their_images(tmp_path):
    source = published.records(tmp_path / "records")
    beside = tmp_path / "images"
    for i in range(12):
        published.picture(beside / "images" / f"{i}.png", i)
    rows = [
        {"index": i, "question": f"Which colour is box {i}?", "A": "red", "B": "blue", "image_path": f"images/{i}.png"}
        for i in range(12)
    ]
    pd.DataFrame(rows).to_csv(beside / "MMStar.tsv", index=False, sep="\t")
    report, _ = built(source, tmp_path / "out", candidates=pool(tmp_path), images=beside)
    assert report["images"]["ok"] == 12
    with pytest.raises(SourceError, match=r"--images: expected tables <dataset>\.tsv in .*, found none"):
        build_benchmark(source, tmp_path / "out", BuildOptions(candidates=pool(tmp_path), images=tmp_path / "records"))
