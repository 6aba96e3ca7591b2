"""A published `is_correct` column gives the label; the report counts where VLMEvalKit's own rule differs."""

import json

from vlrouterbench.data.build import build_benchmark


def write_logs(root, rows, *, suffix):
    """One candidate's predictions and evaluation file on MMStar or TextVQA, as json."""
    folder = root / "VLMEvalKit_evaluation" / "m"
    folder.mkdir(parents=True)
    (root / "candidates.csv").write_text("name,input_price,output_price\nm,1,1\n")
    dataset = rows[0].pop("dataset")
    plain = [{name: row[name] for name in ("index", "question", "answer", "prediction")} for row in rows]
    (folder / f"m_{dataset}.json").write_text(json.dumps(plain))
    (folder / f"m_{dataset}{suffix}.json").write_text(json.dumps(rows))


def test_is_correct_wins_over_hit_and_the_difference_is_counted(tmp_path):
    rows = [
        {"index": n, "question": "q", "answer": "A", "prediction": "A", "hit": hit, "is_correct": published}
        for n, (hit, published) in enumerate([(1, True), (0, True), (0, False), (1, False), (1, True)])
    ]
    rows[0]["dataset"] = "MMStar"
    write_logs(tmp_path / "logs", rows, suffix="_openai_result")
    report = build_benchmark(tmp_path / "logs", tmp_path / "benchmark")
    assert report["label_rules"] == {"MMStar": {"is_correct": 1}}
    assert report["label_agreement"] == {"MMStar": {"m": {"compared": 5, "differ": 2}}}


def test_is_correct_of_a_results_file_wins_over_the_computed_score(tmp_path):
    gold = str(["cat"] * 10)
    rows = [
        {"index": n, "question": "q", "answer": gold, "prediction": text, "is_correct": published}
        for n, (text, published) in enumerate([("cat", 1), ("dog", 1)])
    ]
    rows[0]["dataset"] = "TextVQA_VAL"
    write_logs(tmp_path / "logs", rows, suffix="_results")
    report = build_benchmark(tmp_path / "logs", tmp_path / "benchmark")
    assert report["label_agreement"] == {"TextVQA_VAL": {"m": {"compared": 2, "differ": 1}}}
    from vlrouterbench.data.table import load_table

    assert load_table(tmp_path / "benchmark").quality.tolist() == [[1.0], [1.0]]
