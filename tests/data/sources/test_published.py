"""Every published form ends in the same benchmark folder: read, trained on, evaluated, and loaded by `datasets`."""

import json

import datasets
import pytest

from tests.cli.conftest import run_program
from tests.data.sources import published
from tests.data.sources.published import FORMS, SHARES, accuracies, built, pool, reasons
from vlrouterbench.core.errors import SourceError, UnknownNameError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.choices import Protocol, SplitBy
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.training.fit import train_router
from vlrouterbench.training.problem import Problem

each_form = pytest.mark.parametrize("form", FORMS)


@each_form
def test_a_form_is_found_and_gives_the_accuracies_of_its_rows(form, tmp_path):
    write, name = FORMS[form]
    source = write(tmp_path / "source")
    report, table = built(source, tmp_path / "out", candidates=pool(tmp_path))
    assert list(accuracies(table).values()) == pytest.approx(SHARES)
    assert report["pairs_kept"] == report["pairs_read"] == 3 * report["samples"]
    assert {reason for reason, *_ in reasons(report)} <= {"image"}
    assert "source_notes" not in report or name.startswith("MMR-Bench")
    dataset = table.column("dataset")[0]
    assert all(sample_id.startswith(f"{dataset}/") for sample_id in table.column("sample_id")) or form == "records"


@pytest.mark.parametrize("form", ["mmr_v1", "mmr_v2", "router_bench", "llm_router_bench", "router_arena"])
def test_costs_that_a_form_states_stand_and_need_no_price(form, tmp_path):
    report, table = built(FORMS[form][0](tmp_path / "source"), tmp_path / "out")
    unit = 1e-6 if form == "mmr_v2" else 1e-3
    assert table.mean_cost.tolist() == pytest.approx([unit, 2 * unit, 3 * unit])
    assert report["price_sheet"] == "none stated, the source gives what every answer cost"
    assert not any(candidate.is_priced for candidate in table.pool.candidates)
    assert "| ModelA | - | - | 12 |" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize("form", ["lmms_eval", "records"])
def test_a_form_without_costs_asks_for_prices_by_name(form, tmp_path):
    source = FORMS[form][0](tmp_path / "source")
    with pytest.raises(SourceError, match=r"--prices FILE"):
        build_benchmark(source, tmp_path / "out")
    prices = pool(tmp_path).rename(tmp_path / "prices.csv")
    _, table = built(source, tmp_path / "out", models=("ModelC", "ModelA"), prices=prices)
    assert table.pool.names == ("ModelA", "ModelC")
    assert [candidate.input_price for candidate in table.pool.candidates] == [0.1, 0.4]
    with pytest.raises(UnknownNameError, match=r'unknown model in --models "ModelD"\. Did you mean "Model'):
        build_benchmark(source, tmp_path / "out", BuildOptions(models=("ModelD",), prices=prices))


def test_a_model_without_a_price_is_refused_where_its_cost_follows_from_one(tmp_path):
    source = published.lmms_eval(tmp_path / "source")
    (tmp_path / "prices.csv").write_text("name,input_price,output_price\nModelA,1,2\n")
    with pytest.raises(SourceError, match=r"expected a price of every candidate, found none of ModelB, ModelC"):
        build_benchmark(source, tmp_path / "out", BuildOptions(prices=tmp_path / "prices.csv"))


def test_models_that_a_user_picks_are_those_of_the_pool_too(tmp_path):
    source = published.router_bench(tmp_path / "source")
    report, table = built(source, tmp_path / "out", candidates=pool(tmp_path), models=("ModelB",))
    assert table.pool.names == ("ModelB",)
    assert [entry["candidate"] for entry in report["left_out"]] == ["ModelA", "ModelC"]


@pytest.mark.parametrize("form", ["router_bench", "mmr_v1", "mmr_v2"])
def test_a_protocol_that_is_asked_for_counts_costs_again(form, tmp_path):
    source = FORMS[form][0](tmp_path / "source")
    with pytest.raises(SourceError, match="expected a price of every candidate"):
        build_benchmark(source, tmp_path / "out", BuildOptions(protocol=Protocol.REFERENCE))
    report, table = built(source, tmp_path / "out", candidates=pool(tmp_path), protocol=Protocol.REFERENCE)
    texts, answer = {"router_bench": (9, 1), "mmr_v1": (4, 1), "mmr_v2": (4, 1)}[form]
    images = 0 if form == "router_bench" else 256
    assert table.matrices["output_tokens"][0].tolist() == [answer] * 3
    assert table.matrices["input_tokens"][0].tolist() == [texts + images] * 3
    assert table.cost[0].tolist() == pytest.approx(
        [((texts + images) * 0.1 + answer * 0.4) * 2**k / 1e6 for k in range(3)]
    )
    assert report["protocol"] == "reference" and "source_notes" not in report


@each_form
def test_a_benchmark_of_each_form_loads_with_datasets(form, tmp_path):
    out = tmp_path / "out"
    built(FORMS[form][0](tmp_path / "source"), out, candidates=pool(tmp_path))
    rows = datasets.load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert set(rows.features["quality"]) == set(published.MODELS)


@pytest.mark.parametrize("form", ["embed_llm", "mmr_v2"])
def test_routers_are_trained_and_judged_where_costs_are_not_known_and_where_prices_are_not(form, tmp_path):
    source, out = FORMS[form][0](tmp_path / "source", 48), tmp_path / "out"
    build = ("build", source, "--out", out, "--num-proc", "1", "--split-by", "reference")
    train = ("train", out, "--router", "knn", "--out", tmp_path / "knn", "--num-proc", "1")
    evaluate = ("evaluate", out, "--router", tmp_path / "knn", "--no-baselines", "--out", tmp_path / "evaluation")
    done = [run_program(*command) for command in (build, train, evaluate)]
    assert [each.status for each in done] == [0, 0, 0], done
    assert ("No figure of cost means anything." in done[0].out) == (form == "embed_llm")
    assert ("29 of its 44 prices are stated to be of low confidence" in done[0].out) == (form == "mmr_v2")
    [record] = json.loads((tmp_path / "evaluation" / "results.json").read_text())
    assert 0 <= record["accuracy"] <= 1
    assert (record["rank_score"] is None) == (form == "embed_llm")
    [entry, *_] = json.loads((tmp_path / "knn" / "config.json").read_text())["candidates"]
    assert (entry["name"], entry["input_price"], entry["output_price"]) == ("ModelA", None, None)


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("embed_llm", "mmr_v2")])
def test_a_benchmark_of_each_other_form_trains_and_evaluates(form, tmp_path):
    out = tmp_path / "out"
    _, table = built(
        FORMS[form][0](tmp_path / "source", 48), out, candidates=pool(tmp_path), split_by=SplitBy.REFERENCE
    )
    router = train_router("knn", Problem(table, encode_benchmark(table))).router
    [record] = evaluate_routers(out, [router], tmp_path / "evaluation", EvaluationOptions(time_routers=False))
    assert record["num_samples"] == table.report["splits"]["test"] > 0
    assert 0 <= record["accuracy"] <= 1 and 0 <= record["rank_score"] <= 100


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe\x00garbage", b"[" * 50_000, None])
@pytest.mark.parametrize("form", ["llm_router_bench", "router_arena", "lmms_eval"])
def test_a_file_of_a_model_that_holds_no_results_is_named_and_the_others_are_read(form, damage, tmp_path):
    source = FORMS[form][0](tmp_path / "source")
    path = sorted(path for path in source.rglob("*.json*") if not path.name.endswith("_results.json"))[-1]
    path.unlink()
    if damage is None:
        path.mkdir()
    else:
        path.write_bytes(damage)
    report, _ = built(source, tmp_path / "out", candidates=pool(tmp_path))
    assert report["pairs_kept"] == 24
    where = path.relative_to(source).as_posix()
    assert ("unreadable", where) in {(reason, file) for reason, file, _ in reasons(report)}
