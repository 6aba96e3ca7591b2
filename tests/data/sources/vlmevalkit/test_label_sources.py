"""Every file and column from which an evaluator of VLMEvalKit says a label, in the form in which it writes it.

What is expected was worked out by hand from the evaluators of VLMEvalKit e8e78f05 that `label_sources.py` names.
"""

import csv
import json

import pytest

from tests.data.sources.vlmevalkit.log_trees import write_tsv
from vlrouterbench.data.candidates import CandidateModel, CandidatePool
from vlrouterbench.data.sources.source import ReadOptions
from vlrouterbench.data.sources.vlmevalkit.label_sources import LABEL_SOURCES
from vlrouterbench.data.sources.vlmevalkit.marks import Mark
from vlrouterbench.data.sources.vlmevalkit.read import VLMEvalKitLogs

MODELS = ("m", "n")
"""The second is for the second source of a dataset."""
POOL = CandidatePool(tuple(CandidateModel(name, 1.0, 1.0, log_name=name) for name in MODELS), "a test")
JUDGE = "My-Judge_2"
F1 = {"precision": 0.1, "recall": 0.2}
MARKS = [({}, "True", 1.0), ({}, "False", 0.0), ({}, "1", 1.0), ({}, "0.25", 0.25), ({}, "", None), ({}, "7", None)]


def chart(text, layout, kind, colour, score):
    measures = zip(("text", "layout", "chart_type", "color"), (text, layout, kind, colour), strict=True)
    low = {f"{name}_metrics": F1 | {"f1": value} for name, value in measures}
    return {"judge_result": {"low_level": low, "high_level": {"resp": "a", "score": score}}}


def options(text, answer_option, *choices):
    return {
        "question_type": "multi_choice",
        "answer_type": "text",
        "choices": str(list(choices)),
        "answer": "x",
        "answer_option": answer_option,
        "res": text,
    }


def free(kind, answer, res):
    return {
        "question_type": "free_form",
        "answer_type": kind,
        "choices": "",
        "answer": answer,
        "answer_option": "",
        "res": res,
    }


# Name of a rule that is more than a column -> (cells of a row, its label).
ROWS = {
    "score / 9": [({"score": "9"}, 1.0), ({"score": "1"}, 1 / 9), ({"score": "0"}, 0.0), ({"score": "10"}, None)],
    "score is 1": [({"score": "1"}, 1.0), ({"score": "0"}, 0.0), ({"score": "-1"}, 0.0), ({"score": ""}, None)],
    "extract_answer is Correct": [
        ({"extract_answer": "Correct", "score": "0.0"}, 1.0),
        ({"extract_answer": "InCorrect", "score": "0.0"}, 0.0),
        ({"extract_answer": "Unattempted", "score": "0.0"}, 0.0),
        ({"extract_answer": "Failed to parse response", "score": "0.0"}, 0.0),
    ],
    "score says yes": [
        ({"score": "They agree. [YES]"}, 1.0),
        ({"score": "They do not. [NO]"}, 0.0),
        ({"score": "Yes"}, 1.0),
        ({"score": ""}, None),
    ],
    "eval_score of answered rows": [
        ({"eval_score": "1", "answer": "x"}, 1.0),
        ({"eval_score": "0", "answer": "x"}, 0.0),
        ({"eval_score": "0", "answer": ""}, None),
    ],
    "earned_points / sum of points": [
        ({"earned_points": "1.5", "points": "[1.0, 2.0]"}, 0.5),
        ({"earned_points": "0", "points": "4"}, 0.0),
        ({"earned_points": "2", "points": "[0.0]"}, None),
        ({"earned_points": "5", "points": "[1, 2]"}, None),
    ],
    "acc of reference_based_metrics": [
        ({"reference_based_metrics": "{'acc_score': {'acc': 1.0}}"}, 1.0),
        ({"reference_based_metrics": "{'acc_score': {'acc': 0.0}}"}, 0.0),
        ({"reference_based_metrics": "{'bleu': 1.0}"}, None),
    ],
    "total_score of eval_score_dict": [
        ({"eval_score_dict": {"total_score": 0.75, "c": 1}}, 0.75),
        ({"eval_score_dict": {"gpt_resp": "?"}}, None),
    ],
    "all of evaluation's correctness": [
        ({"status": "success", "evaluation": {"correctness": [True, True]}}, 1.0),
        ({"status": "success", "evaluation": {"correctness": [True, False]}}, 0.0),
        ({"status": "error", "evaluation": None}, None),
    ],
    "judge_result: mean F1 and judge's mark": [
        (chart(1, 1, 1, 1, 100), 1.0),
        (chart(1, 0, 1, 0, 25), 0.375),
        (chart(0, 0, 0, 0, 0.0), 0.0),
        ({"judge_result": {"low_level": {}}}, None),
    ],
    "total score of score_raw": [
        ({"component_type": "['a', 'b']", "score_raw": "A: 3/3, B: 1/2, Total Score: 8/10. Because."}, 0.8),
        ({"component_type": "['a']", "score_raw": "A: 3/3, B: 1/2, total score: 8/10."}, None),
        ({"component_type": "['a']", "score_raw": "I cannot."}, None),
    ],
    "mean of reality_score, aesthetics_score, consistency_score": [
        ({"reality_score": "1.0", "aesthetics_score": "0.5", "consistency_score": "0"}, 0.5),
        ({"reality_score": "-1.0", "aesthetics_score": "-1.0", "consistency_score": "-1.0"}, None),
    ],
    "1 - is_attack_success": [({"is_attack_success": "1"}, 0.0), ({"is_attack_success": "0"}, 1.0)],
    "hit, else MRA:.5:.95:.05, else vci_metric": [
        ({"hit": "1.0", "MRA:.5:.95:.05": "", "vci_metric": ""}, 1.0),
        ({"hit": "", "MRA:.5:.95:.05": "0.4", "vci_metric": ""}, 0.4),
        ({"hit": "", "MRA:.5:.95:.05": "", "vci_metric": "0.9"}, 0.9),
        ({"hit": "", "MRA:.5:.95:.05": "", "vci_metric": ""}, None),
    ],
    "hit, else MRA:.5:.95:.05": [
        ({"hit": "0.0", "MRA:.5:.95:.05": ""}, 0.0),
        ({"hit": "", "MRA:.5:.95:.05": "0.3"}, 0.3),
    ],
    "MRA:.5:.95:.05, else vci_metric": [
        ({"MRA:.5:.95:.05": "0.2", "vci_metric": ""}, 0.2),
        ({"MRA:.5:.95:.05": "", "vci_metric": "0.1"}, 0.1),
    ],
    "extracted answer equals the gold one": [
        ({"res": "b", "answer": "B"}, 1.0),
        ({"res": "1/2", "answer": "0.5"}, 1.0),
        ({"res": "A", "answer": "B"}, 0.0),
        ({"res": "", "answer": "B"}, 0.0),
        ({"res": "0.5", "answer": "\\frac{1}{2}"}, None),
        ({"res": "A", "answer": ""}, None),
    ],
    "extracted answer or its text": [
        (options("A", "no", "no", "yes"), 0.0),
        (options("B", "B", "no", "yes"), 1.0),
        (free("integer", "12", "12"), 1.0),
        (free("integer", "12", "12.0"), 0.0),
        (free("float", "1.50", "1.5"), 1.0),
        (free("text", "Main Street", "MainStreet"), 1.0),
        (free("text", "Main Street", "main street"), 0.0),
        (free("integer", "", "3"), None),
    ],
    "extracted length within a factor of 2": [
        ({"answer": "(2, 'meters')", "res": "(150, cm)"}, 1.0),
        ({"answer": "(2, 'meters')", "res": "(99, cm)"}, 0.0),
        ({"answer": "(2, 'meters')", "res": "(2-4, m)"}, 1.0),
        ({"answer": "(2, 'meters')", "res": "(-3, m)"}, 0.0),
        ({"answer": "(2, 'meters')", "res": "about 2 m"}, 0.0),
        ({"answer": "(2, 'meters')", "res": ""}, None),
    ],
    "length in the answer within a factor of 2": [
        ({"answer": "(1, 'foot')", "prediction": "\\scalar{10 - 14} \\distance_unit{inches}"}, 1.0),
        ({"answer": "(1, 'foot')", "prediction": "scalar{9} distance_unit{cm}, no: scalar{1} distance_unit{m}"}, 0.0),
        ({"answer": "(1, 'foot')", "prediction": "one foot"}, 0.0),
        ({"answer": "(1, 'foot')", "prediction": "scalar{one} distance_unit{foot}"}, 0.0),
        ({"answer": "", "prediction": "scalar{1} distance_unit{foot}"}, None),
    ],
    "extracted answer within its tolerance": [
        ({"A": "yes", "answer": "A", "res": " A ", "relative_tolerance": ""}, 1.0),
        ({"A": "yes", "answer": "A", "res": "B", "relative_tolerance": ""}, 0.0),
        ({"A": "", "answer": "100", "res": "104", "relative_tolerance": "5"}, 1.0),
        ({"A": "", "answer": "100", "res": "100.5", "relative_tolerance": "0"}, 1.0),
        ({"A": "", "answer": "100", "res": "102", "relative_tolerance": "0"}, 0.0),
        ({"A": "", "answer": "100", "res": "100", "relative_tolerance": ""}, 0.0),
        ({"A": "", "answer": "100", "res": "a hundred", "relative_tolerance": "5"}, 0.0),
        ({"A": "", "answer": "", "res": "100", "relative_tolerance": "5"}, None),
    ],
    "eval_match": [({"eval_match": "[1.0, 0.0]"}, {"OCRVQA_TEST": 1.0, "PlotQA": 1.0}), ({"eval_match": "[]"}, None)],
}
WITH_MARKS = [
    source for source in LABEL_SOURCES if isinstance(source.label, Mark) or source.label.column == "eval_match"
]


def rows_of(source):
    """(row, label) of a source's file, by the rule's own examples or those of a plain column."""
    text = source.label.text
    examples = ROWS.get(text) or [(cells | {text: mark}, label) for cells, mark, label in MARKS]
    return [
        ({"index": n, "question": "q", "prediction": f"text {n}"} | cells, label)
        for n, (cells, label) in enumerate(examples)
    ]


def write(path, rows):
    """A file of records as VLMEvalKit writes it, by its ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".csv":
        with path.open("w", newline="") as handle:
            writer = csv.DictWriter(handle, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    else:
        write_tsv(path, rows)


def models_of(sources):
    """Each source with the model whose files it is tried in."""
    seen = {}
    for source in sources:
        dataset = source.datasets[-1]
        yield source, MODELS[seen.setdefault(dataset, 0)]
        seen[dataset] += 1


def file_of(source, model):
    suffix = source.file.replace("*", JUDGE)
    if not suffix.endswith((".csv", ".jsonl")):
        suffix += ".json" if suffix.endswith("_meta") else ".tsv"
    return f"{model}_{source.datasets[-1]}{suffix}"


def read(folder, tmp_path):
    return VLMEvalKitLogs().read(folder, ReadOptions(POOL, tmp_path))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One tree with every source of labels, read."""
    folder = tmp_path_factory.mktemp("whole")
    for source, model in models_of(WITH_MARKS):
        rows = [row for row, _ in rows_of(source)]
        texts = [{k: str(v) for k, v in row.items() if k in ("index", "question", "prediction")} for row in rows]
        write(folder / "work" / model / f"{model}_{source.datasets[-1]}.tsv", texts)
        write(folder / "work" / model / file_of(source, model), rows)
    return read(folder / "work", folder)


def test_every_form_of_a_label_is_read_as_vlmevalkit_counts_it(whole):
    expected = {}
    for source, model in models_of(WITH_MARKS):
        dataset = source.datasets[-1]
        for n, (_, label) in enumerate(rows_of(source)):
            expected[model, f"{dataset}/{n}"] = label.get(dataset, 0.5) if isinstance(label, dict) else label
    found = {(row["candidate"], row["sample_id"]): row["quality"] for row in whole.outcomes.to_pylist()}
    assert found == pytest.approx({key: label for key, label in expected.items() if label is not None})
    unlabelled = {(e.candidate, e.sample_id) for e in whole.left_out if e.reason == "no_label" and e.sample_id}
    assert unlabelled == {key for key, label in expected.items() if label is None}


def test_the_report_says_which_rule_gave_the_labels(whole):
    expected = {}
    for source, _ in models_of(WITH_MARKS):
        expected.setdefault(source.datasets[-1], {})[source.label.text] = 1
    assert whole.label_rules == expected


def test_no_file_that_gives_a_label_is_named(whole):
    assert {str(e.reason) for e in whole.left_out} == {"no_label", "image", "not_found"}
    assert all(e.sample_id for e in whole.left_out if e.reason == "no_label")


def test_every_rule_that_is_more_than_a_column_has_examples():
    texts = {source.label.text for source in WITH_MARKS if (source.label.text,) != getattr(source.label, "columns", ())}
    assert texts == set(ROWS)


@pytest.mark.parametrize(
    ("dataset", "suffix", "columns"),
    [
        ("MMMU_Pro_10c_COT", "_cotpost_openai_result", {"prediction": "B", "hit": "1"}),
        ("ERQA", "_detail", {"prediction": "so it is b.", "correct": "1"}),
    ],
)
def test_an_extracted_answer_in_the_evaluation_file_is_not_what_the_candidate_wrote(dataset, suffix, columns, tmp_path):
    text = "So it is\n**B**. " * 20
    write_tsv(tmp_path / "work" / "m" / f"m_{dataset}.tsv", [{"index": 1, "question": "q", "prediction": text}])
    path = write_tsv(
        tmp_path / "work" / "m" / f"m_{dataset}{suffix}.tsv", [{"index": 1, "question": "q", "answer": "B"} | columns]
    )
    logs = read(tmp_path / "work", tmp_path)
    assert [(row["quality"], row["prediction"]) for row in logs.outcomes.to_pylist()] == [(1.0, text)]
    assert logs.outcomes["output_tokens"].to_pylist()[0] > 60
    (tmp_path / "work" / "m" / f"m_{dataset}.tsv").unlink()
    assert path.exists()
    logs = read(tmp_path / "work", tmp_path)
    assert logs.outcomes["output_tokens"].to_pylist() == [None]
    assert "no_prediction" in [str(entry.reason) for entry in logs.left_out]


def test_a_text_that_the_evaluator_wrote_in_another_case_is_the_logged_one(tmp_path):
    write_tsv(tmp_path / "work" / "m" / "m_MMStar.tsv", [{"index": 1, "question": "q", "prediction": "It is B. "}])
    row = {"index": 1, "question": "q", "prediction": "it is b.", "hit": 1}
    write_tsv(tmp_path / "work" / "m" / "m_MMStar_openai_result.tsv", [row])
    logs = read(tmp_path / "work", tmp_path)
    assert logs.outcomes["prediction"].to_pylist() == ["It is B. "]
    assert "superseded_run" not in [str(entry.reason) for entry in logs.left_out]
