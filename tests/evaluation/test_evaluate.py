"""Asking routers: names, pools, splits, features, and what is refused."""

import csv
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.tables import CANDIDATES, write_own_tables
from vlrouterbench.core.errors import BenchmarkError, RouterError, UnknownNameError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem

UNTIMED = EvaluationOptions(time_routers=False)
QUICK = RouterTrainingArguments(cost_weights=(10.0,), num_epochs=3)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Own tables, their benchmark and a linear router trained on it."""
    root = tmp_path_factory.mktemp("own")
    write_own_tables(root / "source")
    build_benchmark(root / "source", root / "benchmark")
    table = load_table(root / "benchmark")
    save_router(train_router("linear", Problem(table, encode_benchmark(table)), QUICK), root / "linear")
    return root


def decided(folder):
    rows = pq.read_table(folder / "decisions.parquet").to_pylist()
    return {row["sample_id"]: row["candidate"] for row in rows}


def test_two_routers_of_one_folder_name_get_unique_names(own, tmp_path):
    shutil.copytree(own / "linear", tmp_path / "other" / "linear")
    routers = [str(own / "linear"), str(tmp_path / "other" / "linear")]
    records = evaluate_routers(own / "benchmark", routers, tmp_path / "out", UNTIMED)
    assert [record["router"] for record in records] == ["linear", "linear-2"]
    assert set(pq.read_table(tmp_path / "out" / "decisions.parquet")["router"].to_pylist()) == {"linear", "linear-2"}


def test_a_made_up_name_never_takes_the_name_of_a_real_folder(own, tmp_path):
    for folder in ("a/linear", "b/linear-2"):
        shutil.copytree(own / "linear", tmp_path / folder)
    routers = [str(own / "linear"), str(tmp_path / "a/linear"), str(tmp_path / "b/linear-2")]
    records = evaluate_routers(own / "benchmark", routers, tmp_path / "out", UNTIMED)
    assert len({record["router"] for record in records}) == 3


def test_a_folder_named_with_a_trailing_slash_or_a_dot_keeps_its_name(own, tmp_path, monkeypatch):
    monkeypatch.chdir(own / "linear")
    records = evaluate_routers(own / "benchmark", [f"{own / 'linear'}/", "."], tmp_path / "out", UNTIMED)
    assert [record["router"] for record in records] == ["linear", "linear-2"]


def test_another_pool_is_refused_by_name(own, tmp_path):
    write_own_tables(tmp_path / "source", candidates=(*CANDIDATES[:2], ("huge", 3, 9)))
    build_benchmark(tmp_path / "source", tmp_path / "benchmark")
    with pytest.raises(RouterError, match="Only in the benchmark: huge; only in the router: large"):
        evaluate_routers(tmp_path / "benchmark", [str(own / "linear")], tmp_path / "out", UNTIMED)
    assert not (tmp_path / "out").exists()


def test_a_reordered_pool_is_accepted_and_every_decision_stays(own, tmp_path):
    with (tmp_path / "reordered.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows([("name", "input_price", "output_price"), *reversed(CANDIDATES)])
    build_benchmark(own / "source", tmp_path / "benchmark", BuildOptions(candidates=tmp_path / "reordered.csv"))
    router = str(own / "linear")
    first = evaluate_routers(own / "benchmark", [router], tmp_path / "first", UNTIMED)[0]
    second = evaluate_routers(tmp_path / "benchmark", [router], tmp_path / "second", UNTIMED)[0]
    assert decided(tmp_path / "first") == decided(tmp_path / "second")
    assert len(set(decided(tmp_path / "first").values())) > 1, "a router that always answers the same shows nothing"
    for name in ("accuracy", "average_cost_usd", "rank_score", "candidate_shares"):
        assert second[name] == pytest.approx(first[name])


def test_stored_features_and_features_encoded_for_the_occasion_decide_the_same(own, tmp_path):
    shutil.copytree(own / "benchmark", tmp_path / "benchmark")
    assert not (tmp_path / "benchmark.features").exists()
    for folder, out in ((own / "benchmark", "stored"), (tmp_path / "benchmark", "encoded")):
        evaluate_routers(folder, [str(own / "linear")], tmp_path / out, UNTIMED)
    assert decided(tmp_path / "stored") == decided(tmp_path / "encoded")


def test_a_router_of_another_benchmark_is_asked_with_its_own_encoder(own, tmp_path):
    """Features stored beside this benchmark come from another fit, so they must not be used."""
    write_own_tables(tmp_path / "source", seed=9)
    build_benchmark(tmp_path / "source", tmp_path / "benchmark")
    evaluate_routers(tmp_path / "benchmark", [str(own / "linear")], tmp_path / "before", UNTIMED)
    encode_benchmark(load_table(tmp_path / "benchmark"))
    evaluate_routers(tmp_path / "benchmark", [str(own / "linear")], tmp_path / "after", UNTIMED)
    assert decided(tmp_path / "before") == decided(tmp_path / "after")


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_the_split_that_is_asked_for_is_the_one_scored(own, tmp_path, split):
    record = evaluate_routers(own / "benchmark", ["cheapest"], tmp_path, EvaluationOptions(split=split))[0]
    assert record["split"] == split
    assert set(decided(tmp_path)) == set(load_table(own / "benchmark").split(split).column("sample_id"))


def test_a_wrong_split_is_answered_with_the_right_one(own, tmp_path):
    with pytest.raises(UnknownNameError, match='Did you mean "validation"'):
        evaluate_routers(own / "benchmark", ["oracle"], tmp_path, EvaluationOptions(split="validatoin"))


def test_a_wrong_router_name_is_answered_with_the_right_one(own, tmp_path):
    with pytest.raises(UnknownNameError, match='unknown router "strongst". Did you mean "strongest"'):
        evaluate_routers(own / "benchmark", ["strongst"], tmp_path)


@pytest.mark.parametrize("family", ["knn", "vlc"])
def test_a_family_without_a_folder_says_that_it_needs_training(family, own, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RouterError, match=f'"{family}" needs training first'):
        evaluate_routers(own / "benchmark", [family], tmp_path / "out")


def test_no_router_at_all_is_refused(own, tmp_path):
    with pytest.raises(RouterError, match="expected at least one router"):
        evaluate_routers(own / "benchmark", [], tmp_path)


def test_a_split_without_a_complete_sample_names_who_was_never_measured(tmp_path):
    source = write_own_tables(tmp_path / "own", images=False)
    table = pq.read_table(source / "outcomes.parquet")
    kept = np.array(table["candidate"].to_pylist()) != "large"
    pq.write_table(table.filter(kept), source / "outcomes.parquet")
    build_benchmark(source, tmp_path / "benchmark")
    with pytest.raises(BenchmarkError, match="found none of .*Never measured there: large"):
        evaluate_routers(tmp_path / "benchmark", ["oracle"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
