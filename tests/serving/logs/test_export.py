"""A log -> own tables -> a benchmark of partial rows -> a router."""

import json
import stat

import numpy as np
import pyarrow.parquet as pq
import pytest

import vlrouterbench as vrb
from tests.cli.conftest import run_program
from tests.serving.logs.conftest import COSTS, PRICES, entry, question_of, rated_log, write_log
from tests.serving.test_gateway import data_url
from vlrouterbench.core.errors import BenchmarkError, RouterError, SourceError
from vlrouterbench.core.files import write_json
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.features.given import encoder_digest
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.serving.logs.export import export_log


def test_every_rated_answer_is_one_outcome_and_nothing_is_imputed(drawn_log):
    root, levels = drawn_log
    outcomes = pq.read_table(root / "tables" / "outcomes.parquet").to_pylist()
    assert len(outcomes) == len(levels) == len({row["sample_id"] for row in outcomes})
    for row, level in zip(outcomes, levels, strict=True):
        assert row["quality"] == float(list(COSTS).index(row["candidate"]) >= level)
        assert row["cost_usd"] == COSTS[row["candidate"]] and row["propensity"] == pytest.approx(1 / 3)
    table = vrb.load_table(root / "benchmark", verify=True)
    assert np.isfinite(table.quality).sum() == len(table) and table.report["imputed"] == {}
    np.testing.assert_array_equal(np.isfinite(table.propensity), np.isfinite(table.quality))


def test_features_stand_in_for_content_to_the_last_bit_and_the_encoder_goes_on(drawn_log, retrained, served_router):
    root, levels = drawn_log
    table, (router, _) = vrb.load_table(root / "benchmark"), retrained
    values = vrb.encode_benchmark(table).values.numpy()
    for row, name in enumerate(table.column("sample_id")[:20]):
        number = int(name.removeprefix("vlr-"))
        asked = vrb.routers.encoders.sample_input.RouterInput(question_of(number, levels[number]))
        np.testing.assert_array_equal(values[row], served_router.encoder.encode([asked]).numpy()[0])
    assert encoder_digest(router.encoder) == encoder_digest(served_router.encoder)
    assert all(question.startswith("not logged: vlr-") for question in table.column("question"))


def test_a_router_trained_on_the_log_knows_whom_to_ask_and_says_how_it_was_chosen(retrained):
    router, _ = retrained
    # By the truth of new requests: right nearly always, at half the cost of always asking the best.
    asked = [(level, router.route(question_of(n, level)).candidate) for level in range(3) for n in range(900, 920)]
    assert np.mean([list(COSTS).index(name) >= level for level, name in asked]) > 0.9
    assert np.mean([COSTS[name] for _, name in asked]) < 0.5 * COSTS["large"]
    assert "doubly robust estimates over" in router.config.training["validation_note"]


def test_other_encoders_and_end_to_end_families_are_refused_where_content_was_not_logged(drawn_log):
    root, _ = drawn_log
    with pytest.raises(BenchmarkError, match="brings features"):
        vrb.encode_benchmark(vrb.load_table(root / "benchmark"), FeatureOptions(fusion="text-only"))
    done = run_program("train", root / "benchmark", "--router", "vlc", "--backbone", "tiny-siglip", "--out", root / "x")
    assert done.status == 1 and "brings features" in done.err and not (root / "x").exists()


def test_a_family_of_soft_labels_says_what_it_takes_for_wrong(drawn_log, tmp_path):
    done = run_program("train", drawn_log[0] / "benchmark", "--router", "knn", "--out", tmp_path / "router")
    assert done.status == 0 and "counts as one that is wrong" in " ".join(done.out.split())


def test_content_that_was_logged_trains_any_encoder_and_images_go_along(tmp_path, served_router):
    folder, _ = rated_log(tmp_path / "log", served_router, 30, with_content=True)
    shown = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": data_url()}}]}]
    write_log(folder, [entry(900, messages=shown, cost_usd=1e-5)], [("vlr-900", 1.0)], content=True)
    done = run_program("logs", "export", "--log", folder, "--out", tmp_path / "tables")
    assert (
        done.status == 0 and "31 of 31 requests" in done.out and not (tmp_path / "tables/features.safetensors").exists()
    )
    assert stat.S_IMODE((tmp_path / "tables").stat().st_mode) == 0o700
    build_benchmark(tmp_path / "tables", tmp_path / "benchmark")
    table = vrb.load_table(tmp_path / "benchmark")
    (row,) = np.flatnonzero(np.array(table.column("num_images")) == 1)
    assert table.column("sample_id")[row] == "vlr-900" and list(table.iter_images())[row].startswith(b"\x89PNG")


def test_what_is_left_out_is_counted_with_its_reason(tmp_path, served_router):
    folder, _ = rated_log(tmp_path / "log", served_router, 10)
    others = [
        entry(20),  # nobody rated it
        entry(21, status=502, candidate=""),
        entry(22, encoder="another"),
        entry(23, features=None),
        entry(24, candidate="gone", chosen="gone"),
    ]
    known = {"encoder": encoder_digest(served_router.encoder), "features": np.zeros(served_router.encoder.dim)}
    others.append(entry(25, candidate="large", **known))  # the next best answered
    write_log(folder, others, [(f"vlr-{number}", 1.0) for number in range(21, 26)])
    report = export_log(folder, tmp_path / "tables")
    assert report["left_out"] == dict.fromkeys(
        (
            "no feedback",
            "no answer",
            "features of another encoder",
            "neither content nor features were logged",
            "a candidate that is no endpoint any more",
        ),
        1,
    )
    assert (report["rows"], report["with_propensity"], report["requests"]) == (11, 10, 16)
    assert json.loads((tmp_path / "tables" / "export_report.json").read_text()) == report


def test_an_export_with_nothing_rated_is_one_message_and_no_folder(tmp_path):
    folder = write_log(tmp_path / "log", [entry(1), entry(2)])
    write_json(folder / "candidates.json", PRICES)
    done = run_program("logs", "export", "--log", folder, "--out", tmp_path / "tables")
    assert done.status == 1 and "none of 2 requests (2 with no feedback)" in done.err and len(done.errors) == 1
    assert not (tmp_path / "tables").exists()


def test_a_propensity_of_zero_is_refused_by_row(drawn_log, tmp_path):
    outcomes = pq.read_table(drawn_log[0] / "tables" / "outcomes.parquet").to_pandas()
    outcomes.loc[4, "propensity"] = 0.0
    for name in ("samples.parquet", "candidates.csv"):
        (tmp_path / name).write_bytes((drawn_log[0] / "tables" / name).read_bytes())
    outcomes.to_csv(tmp_path / "outcomes.csv", index=False)
    with pytest.raises(SourceError, match="row 5: expected a propensity above 0"):
        build_benchmark(tmp_path, tmp_path / "benchmark")


def test_partial_rows_without_propensities_choose_nothing(drawn_log, tmp_path):
    outcomes = pq.read_table(drawn_log[0] / "tables" / "outcomes.parquet").drop_columns(["propensity"])
    for name in ("samples.parquet", "candidates.csv"):
        (tmp_path / name).write_bytes((drawn_log[0] / "tables" / name).read_bytes())
    pq.write_table(outcomes, tmp_path / "outcomes.parquet")
    build_benchmark(tmp_path, tmp_path / "benchmark")
    table = vrb.load_table(tmp_path / "benchmark")
    with pytest.raises(RouterError, match="where their outcomes state a propensity"):
        _ = vrb.Problem(table, vrb.encode_benchmark(table)).validation


def test_damaged_features_of_a_benchmark_are_named(drawn_log, tmp_path):
    import shutil

    shutil.copytree(drawn_log[0] / "benchmark", tmp_path / "benchmark")
    path = tmp_path / "benchmark" / "features.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BenchmarkError, match=r"features\.safetensors is not readable"):
        vrb.encode_benchmark(vrb.load_table(tmp_path / "benchmark"))
