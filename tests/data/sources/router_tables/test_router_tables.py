"""What is odd in the tables of other routing benchmarks is named, and nothing of it is made up."""

import json

import pandas as pd
import pytest

from tests.data.sources import published
from tests.data.sources.published import MODELS, SHARES, accuracies, built, pool, reasons
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.choices import Protocol


def test_prompts_and_responses_of_routerbench_are_the_items_of_their_lists(tmp_path):
    _, table = built(published.router_bench(tmp_path / "source"), tmp_path / "out")
    row = table.column("sample_id").index("mmlu/mmlu.0")
    assert table.column("question")[row] == "Question 0?\nAnswer with a letter."
    assert table.column("dataset") == ["mmlu"] * 12


def test_a_pickle_of_routerbench_is_never_opened_and_named(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "routerbench_0shot.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(SourceError, match=r"routerbench_0shot\.pkl, a pickle, which is never opened: save it as csv"):
        build_benchmark(tmp_path / "source", tmp_path / "out")


def test_a_column_of_costs_by_another_name_is_named(tmp_path):
    source = published.router_bench(tmp_path / "source")
    path = source / "routerbench_0shot.csv"
    frame = pd.read_csv(path)
    frame.rename(columns={f"{m}|total_cost": f"{m}|usd" for m in MODELS}).to_csv(path, index=False)
    with pytest.raises(SourceError, match=r"own tables: found routerbench_0shot\.csv \(.* has the columns sample_id"):
        build_benchmark(source, tmp_path / "out")
    frame.assign(**{f"{m}|usd": 0.5 for m in MODELS}).to_csv(path, index=False)
    _, table = built(source, tmp_path / "out", cost_column="|usd")
    assert table.mean_cost.tolist() == [0.5] * 3
    with pytest.raises(SourceError, match=r"expected a column MODEL and MODEL\|eur of at least one model, found"):
        build_benchmark(source, tmp_path / "out", BuildOptions(cost_column="|eur"))


def test_scores_outside_their_range_and_empty_ones_are_no_labels(tmp_path):
    source = published.router_bench(tmp_path / "source")
    path = source / "routerbench_0shot.csv"
    frame = pd.read_csv(path).astype({m: float for m in MODELS})
    frame.loc[0, "ModelA"], frame.loc[1, "ModelA"] = 7.0, None
    frame.to_csv(path, index=False)
    report, _ = built(source, tmp_path / "out")
    assert report["pairs_kept"] == 34
    assert [(entry["sample_id"], entry["detail"]) for entry in report["left_out"]] == [
        ("mmlu/mmlu.1", "no score, so no label: 1 pairs, first of mmlu/mmlu.1"),
        ("mmlu/mmlu.0", "a score outside [0, 1], so no label: 1 pairs, first of mmlu/mmlu.0"),
    ]


def test_doubled_rows_of_a_long_table_are_read_once_or_not_at_all(tmp_path):
    source = published.embed_llm(tmp_path / "source")
    frame = pd.read_csv(source / "train.csv")
    other = frame[frame.prompt_id == 3].assign(label=lambda rows: 1 - rows.label)
    pd.concat([frame, frame[frame.prompt_id == 0], other]).to_csv(source / "train.csv", index=False)
    report, table = built(source, tmp_path / "out", candidates=pool(tmp_path))
    assert len(table) == 11 and report["pairs_kept"] == 33
    said = [detail for _, _, detail in reasons(report)]
    assert sum("the same outcome more than once, read once: 1 pairs, first of mmlu/0" in text for text in said) == 3
    assert sum("two different outcomes of one sample: 2 pairs, first of mmlu/3" in text for text in said) == 3
    assert said[-1] == "no candidate was measured on these samples: 1"


def test_embedllm_gives_accuracy_alone_unless_a_column_of_costs_is_named(tmp_path):
    source = published.embed_llm(tmp_path / "source")
    report, table = built(source, tmp_path / "out", candidates=pool(tmp_path))
    assert report["costs_known"] is False and table.cost_bounds is None
    assert "There\nis no Rank Score" not in (card := (tmp_path / "out" / "README.md").read_text())
    assert "What answers cost is not known: the source states neither costs nor tokens." in card
    frame = pd.read_csv(source / "train.csv")
    frame.assign(usd=0.01 * (frame.model_id + 1)).to_csv(source / "train.csv", index=False)
    report, table = built(source, tmp_path / "out", cost_column="usd")
    assert "costs_known" not in report and table.mean_cost.tolist() == pytest.approx([0.01, 0.02, 0.03])
    with pytest.raises(SourceError, match="hold no answers: leave --protocol out"):
        build_benchmark(source, tmp_path / "out", BuildOptions(protocol=Protocol.REFERENCE))


def test_files_of_embedllm_are_splits_where_all_three_are_there(tmp_path):
    source = published.embed_llm(tmp_path / "source", 6)
    frame = pd.read_csv(source / "train.csv")
    for name, shift in (("val", 100), ("test", 200)):
        moved = frame.assign(prompt_id=frame.prompt_id + shift, prompt=frame.prompt + name)
        moved.to_csv(source / f"{name}.csv", index=False)
    (source / "model_order.csv").write_text("model_id,model_name\n0,ModelA\n")
    report, _ = built(source, tmp_path / "out", candidates=pool(tmp_path))
    assert report["split_by"] == "given" and report["splits"] == {"train": 6, "validation": 6, "test": 6}
    assert reasons(report) == [("not_a_log", "model_order.csv", "a table of other columns, or a pickle: not read")]


def test_of_two_results_of_llmrouterbench_the_newer_by_its_name_is_read(tmp_path):
    source = published.llm_router_bench(tmp_path / "source", 6, time="20240101_000000")
    published.llm_router_bench(source, 12)
    report, table = built(source, tmp_path / "out")
    assert len(table) == 12
    assert [reason for reason, *_ in reasons(report)] == ["superseded_run"] * 3
    assert "mmlu-test-ModelA-20250101_000000.json was read instead" in reasons(report)[0][2]
    assert table.matrices["input_tokens"][0].tolist() == [300] * 3


def test_a_result_that_is_cut_off_or_of_another_model_is_named(tmp_path):
    source = published.llm_router_bench(tmp_path / "source")
    of_c = next((source / "bench" / "mmlu" / "test" / "ModelC").iterdir())
    of_c.write_text(of_c.read_text()[:-40])
    of_b = next((source / "bench" / "mmlu" / "test" / "ModelB").iterdir())
    of_b.write_text(json.dumps(json.loads(of_b.read_text()) | {"model_name": "ModelC"}))
    report, table = built(source, tmp_path / "out")
    assert {reason for reason, *_ in reasons(report)} == {"unreadable", "conflict", "not_found"}
    assert accuracies(table)["ModelC"] == pytest.approx(8 / 12)


def test_calls_of_routerarena_that_failed_are_neither_right_nor_wrong(tmp_path):
    source = published.router_arena(tmp_path / "source")
    path = source / "cached_results" / "ModelA.jsonl"
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    entries[0] |= {"success": False, "generated_answer": "", "error": "time out"}
    entries[1]["evaluation_result"] = None
    entries[2]["evaluation_result"] |= {"metric": "error", "score": 0.0}
    entries[3]["evaluation_result"]["inference_cost"] = 0.0
    path.write_text("\n".join(map(json.dumps, entries)))
    report, table = built(source, tmp_path / "out", candidates=pool(tmp_path))
    assert [(reason, detail) for reason, _, detail in reasons(report)] == [
        ("failed_call", "calls that failed, neither right nor wrong: 1"),
        ("failed_call", "answers that were not evaluated: 2"),
    ]
    row = table.column("sample_id").index("AIME/3")
    assert table.cost[row, 0] == pytest.approx((100 * 0.1 + 10 * 0.4) / 1e6)


def test_two_texts_of_one_question_are_an_error(tmp_path):
    source = published.router_arena(tmp_path / "source")
    path = source / "cached_results" / "ModelB.jsonl"
    path.write_text(path.read_text().replace("Question 4?", "Another one?"))
    with pytest.raises(SourceError, match="expected one question of AIME/4, found two texts"):
        build_benchmark(source, tmp_path / "out")


def test_an_option_that_a_form_has_no_use_for_is_refused(tmp_path):
    source = published.llm_router_bench(tmp_path / "source")
    with pytest.raises(SourceError, match="have no use for --cost-column and --images: leave it out"):
        build_benchmark(source, tmp_path / "out", BuildOptions(cost_column="x", images=tmp_path))


@pytest.mark.parametrize("write", [published.router_bench, published.mmr_v1])
def test_a_model_of_a_wide_table_without_scores_or_without_costs_is_named(write, tmp_path):
    source = write(tmp_path / "source")
    [path] = source.glob("*.csv")
    frame, wide = pd.read_csv(path), write is published.router_bench
    score, cost = ("", "|total_cost") if wide else ("_correct", "_cost")
    frame.drop(columns=[f"ModelB{cost}", f"ModelC{score}"]).to_csv(path, index=False)
    report, table = built(source, tmp_path / "out")
    assert list(table.pool.names) == ["ModelA"]
    assert [(reason, detail) for reason, _, detail in reasons(report)] == [
        ("no_cost", f'no column "ModelB{cost}", so its answers are not read'),
        ("no_label", f'no column "ModelC{score}", so its answers are not read'),
    ]


def test_several_models_in_one_file_of_routerarena_are_read_as_its_entries_say_and_named(tmp_path):
    source = published.router_arena(tmp_path / "source")
    of_a, of_b = (source / "cached_results" / f"{name}.jsonl" for name in MODELS[:2])
    of_a.write_text(of_a.read_text() + of_b.read_text())
    of_b.unlink()
    report, table = built(source, tmp_path / "out", candidates=pool(tmp_path))
    assert report["pairs_kept"] == 36 and accuracies(table) == pytest.approx(dict(zip(MODELS, SHARES, strict=True)))
    assert [detail for reason, _, detail in reasons(report) if reason == "conflict"] == [
        'one of 2 models in this file, by its "llm_selected": 12 entries read as that'
    ] * 2
