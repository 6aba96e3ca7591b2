"""Routers scored on what they were trained on: refused, or counted and said; unknown for routers that do not say."""

import hashlib
import json
import shutil
from dataclasses import replace

import pytest
from safetensors.torch import load_file

from tests.cli.conftest import run_program
from tests.data.sources.editing import edit
from tests.tables import write_own_tables
from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.sample_contents import content_digest
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.overlap import overlap_notes
from vlrouterbench.evaluation.records import read_records
from vlrouterbench.evaluation.report import write_report, write_results_tables
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.hub.saved_routers import update_router_card
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.saved_router import DIGESTS_FILE
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, save_staged, train_router
from vlrouterbench.training.pool.changing import Prices, leave, reprice
from vlrouterbench.training.pool.opened import load_open_pool
from vlrouterbench.training.problem import Problem

UNTIMED = EvaluationOptions(time_routers=False)
ALLOWED = EvaluationOptions(time_routers=False, allow_leaks=True)
QUICK = RouterTrainingArguments(cost_weights=(10.0,), num_epochs=3)
OTHER_SIDE = {"train": "test", "test": "train", "validation": "validation"}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A benchmark, a router trained on it, and a copy under other ids in which train and test are exchanged."""
    root = tmp_path_factory.mktemp("own")
    write_own_tables(root / "source")
    build_benchmark(root / "source", root / "benchmark")
    table = load_table(root / "benchmark")
    save_router(train_router("linear", Problem(table, encode_benchmark(table)), QUICK), root / "linear")
    sides = dict(zip(table.column("sample_id"), table.column("split"), strict=True))
    write_own_tables(root / "copy")
    edit(root / "copy", "samples", lambda rows: [row.update(split=OTHER_SIDE[sides[row["sample_id"]]]) for row in rows])
    for name in ("samples", "outcomes"):
        edit(root / "copy", name, lambda rows: [row.update(sample_id=f"x-{row['sample_id']}") for row in rows])
    build_benchmark(root / "copy", root / "exchanged")
    return root


def num_train(own):
    return len(load_table(own / "benchmark").split("train"))


def test_a_digest_by_hand():
    text = json.dumps(["What is it?", ["a cat", "a dog"], "ab" * 32])
    digest = content_digest(" What  is\nit?", ["a cat ", "a dog"], "ab" * 32)
    assert digest == hashlib.sha256(text.encode()).digest()[:8]
    others = [("What is that?", ["a cat", "a dog"], "ab" * 32), ("What is it?", ["a dog", "a cat"], "ab" * 32)]
    others += [("What is it?", ["a cat", "a dog"], None), ("What is it?", ["a cat a dog"], "ab" * 32)]
    assert digest not in {content_digest(*other) for other in others}


def test_a_trained_router_saves_a_sorted_digest_of_every_training_sample(own):
    digests = load_file(own / "linear" / DIGESTS_FILE)["digests"].numpy()
    train = load_table(own / "benchmark").split("train")
    expected = [
        int.from_bytes(content_digest(question, options, hashlib.sha256(image).hexdigest()), "big", signed=True)
        for question, options, image in zip(
            train.column("question"), train.column("options"), train.iter_images(), strict=True
        )
    ]
    assert digests.tolist() == sorted(expected)
    assert len(digests) == num_train(own)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_other_splits_of_the_own_benchmark_have_no_overlap(own, split, tmp_path):
    options = EvaluationOptions(split=split, time_routers=False)
    record = evaluate_routers(own / "benchmark", [str(own / "linear")], tmp_path, options)[0]
    assert record["training_overlap"] == 0
    assert overlap_notes([record]) == []


def test_training_samples_under_other_ids_in_the_scored_split_are_refused(own, tmp_path):
    expected = f"linear was not trained on, found {num_train(own)} of its training samples among the .* --allow-leaks"
    with pytest.raises(EvaluationError, match=expected):
        evaluate_routers(own / "exchanged", ["mixture", str(own / "linear")], tmp_path / "out", UNTIMED)
    assert not (tmp_path / "out").exists()


def test_the_train_split_itself_is_refused(own, tmp_path):
    options = EvaluationOptions(split="train", time_routers=False)
    with pytest.raises(EvaluationError, match=f"found {num_train(own)} of its training samples"):
        evaluate_routers(own / "benchmark", [str(own / "linear")], tmp_path / "out", options)


def test_an_overlap_that_is_allowed_stands_in_results_tables_and_report(own, tmp_path):
    records = evaluate_routers(own / "exchanged", [str(own / "linear"), "mixture"], tmp_path / "out", ALLOWED)
    table = load_table(own / "exchanged").split("test")
    written = read_records(tmp_path / "out" / "results.json")
    assert [record["training_overlap"] for record in written] == [num_train(own), None]
    write_report(records, table, tmp_path / "out")
    write_results_tables(records, table, tmp_path / "out")
    said = f"trained on {num_train(own)} of the {len(table)} scored samples"
    for name in ("report.html", "results.md", "results.tex"):
        assert said in (tmp_path / "out" / name).read_text(encoding="utf-8")


def test_a_card_with_figures_of_training_samples_says_so(own, tmp_path):
    shutil.copytree(own / "linear", tmp_path / "linear")
    options = replace(ALLOWED, split="train")
    record = evaluate_routers(own / "benchmark", [str(tmp_path / "linear")], tmp_path / "out", options)[0]
    update_router_card(tmp_path / "linear", record)
    card = (tmp_path / "linear" / "README.md").read_text(encoding="utf-8")
    assert f"**Not held out:** the router was trained on {num_train(own)} of these samples." in card


def test_the_command_refuses_with_exit_1_and_says_so_where_it_is_allowed(own, tmp_path):
    asked = ("evaluate", own / "exchanged", "--router", own / "linear", "--out", tmp_path / "out")
    refused, allowed = run_program(*asked), run_program(*asked, "--allow-leaks")
    assert (refused.status, len(refused.errors), allowed.status) == (1, 1, 0)
    assert "--allow-leaks" in refused.errors[0]
    assert f"linear was trained on {num_train(own)} of the" in allowed.out


def test_a_router_saved_before_digests_is_scored_and_said_to_be_unknown(own, tmp_path):
    router = AutoRouter.from_pretrained(own / "linear")
    router.training_digests = None
    router.save_pretrained(tmp_path / "before")
    assert not (tmp_path / "before" / DIGESTS_FILE).exists()
    records = evaluate_routers(own / "exchanged", [str(tmp_path / "before")], tmp_path / "out", UNTIMED)
    assert records[0]["training_overlap"] is None
    assert "Not known whether scored samples were training samples of before" in overlap_notes(records)[0]


def test_a_router_without_digests_leaves_no_older_ones_in_its_folder(own, tmp_path):
    router = AutoRouter.from_pretrained(own / "linear")
    router.save_pretrained(tmp_path)
    assert (tmp_path / DIGESTS_FILE).read_bytes() == (own / "linear" / DIGESTS_FILE).read_bytes()
    router.training_digests = None
    router.save_pretrained(tmp_path)
    assert not (tmp_path / DIGESTS_FILE).exists()


def test_a_changed_pool_keeps_the_digests(own, tmp_path):
    table = load_table(own / "benchmark")
    save_router(train_router("flagship", Problem(table, encode_benchmark(table))), tmp_path / "router")
    router = load_open_pool(tmp_path / "router")
    reprice(router, "large", Prices(1.0, 2.0))
    leave(router, "middle")
    save_staged(router, tmp_path / "changed")
    kept = [(tmp_path / name / DIGESTS_FILE).read_bytes() for name in ("router", "changed")]
    assert kept[0] == kept[1]


def test_text_only_samples_count_and_samples_whose_image_is_missing_do_not(tmp_path):
    """Without its image a sample cannot be told from another one with the same question."""
    source = write_own_tables(tmp_path / "source", images=False)
    build_benchmark(source, tmp_path / "benchmark")
    table = load_table(tmp_path / "benchmark")
    assert len(Problem(table, None).train_digests) == len(table.split("train"))

    missing = write_own_tables(tmp_path / "missing")
    for number in range(10):
        (missing / "images" / f"{number}.png").write_bytes(b"rubbish")
    build_benchmark(missing, tmp_path / "other")
    train = load_table(tmp_path / "other").split("train")
    damaged = len(train) - sum(train.column("image_ok"))
    assert damaged > 0
    assert len(Problem(load_table(tmp_path / "other"), None).train_digests) == len(train) - damaged


def test_an_end_to_end_router_saves_digests_and_loads_them(end_to_end_folders, easy_folder):
    train = Problem(load_table(easy_folder), None).train_digests
    for folder in end_to_end_folders.values():
        assert AutoRouter.from_pretrained(folder).training_digests.equal(train)
