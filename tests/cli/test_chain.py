"""build, encode, train, evaluate, inspect, route on own tables, as a user would: what each prints and writes."""

import json

import pyarrow.parquet as pq
import pytest

from tests.tables import write_own_tables
from vlrouterbench.routers.auto import AutoRouter

SUMMARY = {"router", "split", "num_samples", "accuracy", "average_cost_usd", "rank_score", "ci95", "benchmark"}


def test_every_command_of_the_chain_ends_well_and_speaks_on_stderr_of_stages_only(chain):
    _, ended = chain
    for name, done in ended.items():
        assert done.status == 0, f"{name}: {done.err}"
        assert all(line.endswith(" ...") for line in done.err.splitlines()), f"{name}: {done.err}"
        assert done.out


def test_build_prints_what_the_report_holds(chain):
    folder, ended = chain
    report = json.loads((folder / "benchmark" / "build_report.json").read_text())
    shown = ended["build"].out
    assert f"{report['samples']} samples x 3 candidates" in shown
    assert f"{report['pairs_kept']} of {report['pairs_read']} pairs kept" in shown
    for split, count in report["splits"].items():
        assert f"{split} {count}" in shown
    assert "left out, each named in build_report.json: nothing" in shown
    assert str(folder / "benchmark") in shown


def test_encode_stores_the_features_beside_the_benchmark(chain):
    folder, ended = chain
    (stored,) = (folder / "benchmark.features").glob("*.safetensors")
    assert str(stored) in ended["encode"].out


def test_encoding_again_encodes_nothing_again(program, chain_folder):
    (stored,) = (chain_folder / "benchmark.features").glob("*.safetensors")
    before = stored.stat().st_mtime_ns
    done = program("encode", chain_folder / "benchmark", "--json")
    assert json.loads(done.out)["samples"] == 120
    assert stored.stat().st_mtime_ns == before


def test_train_writes_a_folder_with_weights_code_and_card_and_no_pickle(chain):
    folder, ended = chain
    names = {path.name for path in (folder / "router").iterdir()}
    assert {"config.json", "model.safetensors", "README.md", "modeling_linear.py"} <= names
    assert not [name for name in names if name.endswith((".pkl", ".bin", ".pt", ".pth"))]
    card = (folder / "router" / "README.md").read_text()
    assert card.startswith("---\n") and "simulated" not in card.lower()
    assert str(folder / "router") in ended["train"].out
    assert "best of 1 settings" in ended["train"].out
    assert AutoRouter.from_pretrained(folder / "router").config.candidate_names == ["small", "middle", "large"]


def test_train_without_out_writes_beside_the_benchmark(program, chain_folder):
    done = program("train", chain_folder / "benchmark", "--router", "knn", "--cost-weight", "inf", "--json")
    content = json.loads(done.out)
    assert content["out"] == str(chain_folder / "routers" / "knn")
    assert content["chosen"]["cost_weight"] == "inf"
    assert content["tried"] > 1
    assert (chain_folder / "routers" / "knn" / "model.safetensors").is_file()


def test_evaluate_writes_results_decisions_and_report_and_nothing_else(chain):
    folder, _ = chain
    assert {path.name for path in (folder / "evaluation").iterdir()} == {
        "results.json",
        "decisions.parquet",
        "controls.parquet",
        "report.html",
    }


def test_evaluate_prints_the_routers_by_rank_score_in_80_columns(chain):
    folder, ended = chain
    records = json.loads((folder / "evaluation" / "results.json").read_text())
    lines = ended["evaluate"].out.splitlines()
    ranked = [r["router"] for r in sorted(records, key=lambda r: -r["rank_score"])]
    first = next(number for number, line in enumerate(lines) if line.startswith("router  ")) + 1
    assert [line.split()[0] for line in lines[first : first + len(ranked)]] == ranked
    assert max(len(line.rstrip()) for line in lines[: first + len(ranked)]) <= 80
    assert " ".join(lines[:2]).startswith("router keeps ")
    assert "simulated" not in ended["evaluate"].out


def test_a_trained_router_beats_the_mixture_where_the_question_tells_who_is_right(chain):
    folder, _ = chain
    scores = {r["router"]: r["rank_score"] for r in json.loads((folder / "evaluation" / "results.json").read_text())}
    assert scores["mixture"] < scores["router"] <= scores["oracle"]


def test_evaluate_fits_80_columns(program, chain_folder, monkeypatch):
    monkeypatch.chdir(chain_folder)
    monkeypatch.setenv("COLUMNS", "80")
    done = program("evaluate", "benchmark", "--router", "router", "--router", "strongest-per-dataset", "--out", "again")
    assert done.status == 0
    assert max(map(len, done.out.splitlines())) <= 80


def test_evaluate_as_json_is_a_summary_of_results(program, chain_folder, tmp_path):
    done = program(
        "evaluate",
        chain_folder / "benchmark",
        "--router",
        "oracle",
        "--no-baselines",
        "--json",
        "--out",
        tmp_path / "out",
    )
    content = json.loads(done.out)
    written = json.loads((tmp_path / "out" / "results.json").read_text())
    assert content["out"] == str(tmp_path / "out")
    assert len(content["results"]) == 1 and set(content["results"][0]) >= SUMMARY
    assert all(written[0][name] == value for name, value in content["results"][0].items())


def test_evaluate_says_how_many_samples_it_left_out(program, chain_folder, tmp_path):
    source = tmp_path / "own"
    source.mkdir()
    for name in ("candidates.csv", "samples.parquet"):
        (source / name).write_bytes((chain_folder / "own" / name).read_bytes())
    (source / "images").symlink_to(chain_folder / "own" / "images")
    table = pq.read_table(chain_folder / "own" / "outcomes.parquet")
    rows = [row for place, row in enumerate(table.to_pylist()) if place % 9 != 1]
    pq.write_table(table.from_pylist(rows), source / "outcomes.parquet")
    # The images lie outside now, so this build has none.
    pq.write_table(pq.read_table(source / "samples.parquet").drop_columns(["image"]), source / "samples.parquet")
    assert program("build", source, "--out", tmp_path / "benchmark").status == 0
    done = program("evaluate", tmp_path / "benchmark", "--router", "oracle", "--out", tmp_path / "out")
    left_out = json.loads((tmp_path / "out" / "results.json").read_text())[0]["num_left_out"]
    assert left_out > 0
    assert f"{left_out} samples of the split were left out: not measured for every candidate." in done.out


def test_inspect_prints_counts_accuracies_and_costs(program, chain_folder):
    shown = program("inspect", chain_folder / "benchmark").out
    rows = {line.split()[0]: line.split() for line in shown.splitlines()[2:5]}
    assert {name: row[1] for name, row in rows.items()} == {"small": "120", "middle": "120", "large": "120"}
    assert rows["large"][2] == "100.000"
    assert float(rows["small"][3]) < float(rows["middle"][3]) < float(rows["large"][3])
    for title in ("animals: 60 samples", "plants: 60 samples", "left out: nothing", "solved by nobody 0"):
        assert title in shown


def test_inspect_as_json_holds_the_same_figures(program, chain_folder):
    content = json.loads(program("inspect", chain_folder / "benchmark", "--json").out)
    assert content["samples"] == 120 and content["simulated"] is False
    assert [row["name"] for row in content["per_candidate"]] == ["small", "middle", "large"]
    assert {name: set(row) for name, row in content["agreement"].items()} == dict.fromkeys(
        ("small", "middle", "large"), {"small", "middle", "large"}
    )
    shown = program("inspect", chain_folder / "benchmark").out
    animals = content["per_dataset"][0]
    assert f"{10_000 * animals['average_cost_usd']['large']:.4f}" in shown.split(animals["dataset"])[1]
    assert "  most: " in shown and "  least: " in shown


def test_inspect_writes_a_page_where_asked_and_names_it(program, chain_folder, tmp_path):
    page = tmp_path / "new" / "page.html"
    done = program("inspect", chain_folder / "benchmark", "--html", page)
    assert done.status == 0 and f"page: {page}" in done.out.splitlines()
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    quiet = program("inspect", chain_folder / "benchmark", "--json", "--html", page)
    assert json.loads(quiet.out)["samples"] == 120


def test_inspect_names_what_was_left_out_with_an_example_and_fits_80_columns(program, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    source = write_own_tables(tmp_path / "own", num_samples=40)
    (source / "images" / "3.png").write_bytes(b"no image")
    assert program("build", source, "--out", tmp_path / "benchmark").status == 0
    lines = program("inspect", tmp_path / "benchmark").out.splitlines()
    assert "  image 1, for example images/3.png" in lines
    assert max(map(len, lines)) <= 80


def test_build_as_json_is_the_build_report(program, chain_folder, tmp_path):
    done = program("--json", "build", chain_folder / "own", "--out", tmp_path / "benchmark")
    assert json.loads(done.out) == json.loads((tmp_path / "benchmark" / "build_report.json").read_text())


def test_build_without_out_registers_the_benchmark(program, chain_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("VLROUTERBENCH_HOME", str(tmp_path / "home"))
    done = program("build", chain_folder / "own")
    assert done.status == 0
    assert (tmp_path / "home" / "vl-routerbench" / "build_report.json").is_file()


def test_build_takes_another_price_sheet_and_binary_quality(program, chain_folder, tmp_path):
    (tmp_path / "prices.csv").write_text("name,input_price,output_price\nsmall,100,100\n")
    options = ("--prices", tmp_path / "prices.csv", "--quality", "correct", "--json")
    report = json.loads(program("build", chain_folder / "own", "--out", tmp_path / "b", *options).out)
    assert report["cost_bounds_usd"]["cmax_candidate"] == "small"


def test_simulate_writes_a_simulated_benchmark(program, tmp_path):
    done = program("simulate", "--out", tmp_path / "drawn", "--num-samples", "30", "--seed", "4")
    assert done.status == 0 and "30 simulated samples written to" in done.out
    content = json.loads(program("simulate", "--out", tmp_path / "json", "--num-samples", "30", "--json").out)
    assert content["simulated"] is True and content["samples"] == 30
    shown = program("inspect", tmp_path / "drawn").out
    assert "(simulated data)" in shown.splitlines()[0]


def test_route_shows_every_candidate_and_asks_the_chosen_one(program, chain_folder):
    question = "A hard proof, number 7?"
    done = program("route", "--router", chain_folder / "router", "--question", question)
    assert done.status == 0
    lines = done.out.splitlines()
    assert {line.split()[0] for line in lines if line.startswith(("small ", "middle ", "large "))} == {
        "small",
        "middle",
        "large",
    }
    assert lines[-1] == f"ask: {AutoRouter.from_pretrained(chain_folder / 'router').route(question).candidate}"


@pytest.mark.parametrize(("word", "expected"), [("easy colour", "small"), ("hard proof", "large")])
def test_route_as_json_decides_as_the_router_does(program, chain_folder, word, expected):
    question, image = f"A {word}, number 7?", chain_folder / "own" / "images" / "7.png"
    done = program("route", "--router", chain_folder / "router", "--question", question, "--image", image, "--json")
    content = json.loads(done.out)
    direct = AutoRouter.from_pretrained(chain_folder / "router").route(question, image)
    assert content["candidate"] == direct.candidate == expected
    assert content["score"] == pytest.approx(direct.score)
    assert content["estimated_accuracy"] is None
    assert set(content["estimated_cost_usd"]) == {"small", "middle", "large"}
    assert content["trained_on_simulated_data"] is False


def test_route_chooses_among_the_candidates_that_are_named(program, chain_folder):
    asked = (
        "--router",
        chain_folder / "router",
        "--question",
        "A hard proof, number 7?",
        "--candidates",
        "small, middle",
    )
    content = json.loads(program("route", *asked, "--json").out)
    assert set(content["score"]) == {"small", "middle"}
    assert content["candidate"] in ("small", "middle")


def test_options_change_what_the_router_reads(program, chain_folder):
    asked = ("route", "--router", chain_folder / "router", "--question", "Which one?", "--json")
    bare = json.loads(program(*asked).out)
    with_options = json.loads(program(*asked, "--option", "a hard proof", "--option", "an easy colour").out)
    assert bare["score"] != with_options["score"]


def test_route_says_that_a_router_knows_only_simulated_data(program, trained_folders):
    asked = ("route", "--router", trained_folders["linear"], "--question", "What is shown?")
    assert "it knows nothing about real models" in program(*asked).out
    assert json.loads(program(*asked, "--json").out)["trained_on_simulated_data"] is True
