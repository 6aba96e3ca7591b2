"""`vlrouterbench run`: what it prints of the whole story."""

import json

import pytest

from tests.tables import write_own_tables
from vlrouterbench.cli.main import main
from vlrouterbench.data.table import load_table


def test_run_prints_ten_routers_in_80_columns_and_says_that_the_data_are_simulated(
    story, monkeypatch, capsys, simulated_table
):
    shown = story
    lines = [line.rstrip() for line in shown.out.splitlines()]
    assert max(map(len, lines)) <= 80
    # The sentences of the trained routers come first, the best router's at the top, and say what the data are.
    assert " ".join(lines).count("(simulated data)") == 5
    first = next(number for number, line in enumerate(lines) if line.startswith("router  ")) + 1
    records = json.loads((story.folder / "evaluation" / "results.json").read_text())
    ranked = sorted(records, key=lambda record: -record["rank_score"])
    assert [line.split()[0] for line in lines[first : first + 10]] == [record["router"] for record in ranked]
    trained = [record["router"] for record in ranked if record["router_config"]["kind"] == "router"]
    told = [line.split()[0] for line in lines[:first] if " keeps " in line]
    assert lines[0].startswith(f"{trained[0]} keeps ") and told == trained
    assert "Simulated data: no number above says anything about a real model." in lines
    assert "Report: runs/quickstart/evaluation/report.html" in lines
    assert all(record["seed"] == 1 for record in records)
    # The command that it offers is one that works.
    offered = shown.out[shown.out.index("vlrouterbench route") :].replace("\\\n", " ").split()
    offered = [{"TEXT": "What is shown?", "FILE": None}.get(word, word) for word in offered[1:]]
    arguments = [word for word in offered if word not in ("--image", None)]
    monkeypatch.chdir(story.place)
    assert main(arguments) == 0
    (asked,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ask: ")]
    assert asked.removeprefix("ask: ") in simulated_table.pool.names


def test_run_with_a_source_tells_the_same_story_on_own_tables_and_calls_nothing_simulated(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    write_own_tables(tmp_path / "tables", images=False)
    assert main(["run", "tables", "--out", "run"]) == 0
    shown = capsys.readouterr()
    assert max(len(line.rstrip()) for line in shown.out.splitlines()) <= 80
    assert "simulated" not in shown.out.lower()
    assert "build tables ..." in shown.err and "draw" not in shown.err
    table = load_table(tmp_path / "run" / "benchmark", verify=True)
    assert len(table) == 120 and not table.simulated
    records = json.loads((tmp_path / "run" / "evaluation" / "results.json").read_text())
    assert {record["router"] for record in records} >= {"mixture", "knn", "linear", "mlp", "flagship"}


def test_run_reads_a_source_as_build_would_with_the_same_options(tmp_path, capsys):
    tables = write_own_tables(tmp_path / "tables", images=False)
    (tables / "candidates.csv").unlink()
    pool = tmp_path / "pool.csv"
    pool.write_text("name,input_price,output_price\nsmall,1,1\n")
    assert main(["run", str(tables), "--candidates", str(pool), "--out", str(tmp_path / "run")]) == 1
    run = capsys.readouterr().err.splitlines()[-1]
    assert main(["build", str(tables), "--candidates", str(pool), "--out", str(tmp_path / "built")]) == 1
    assert run == capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "run" / "benchmark").exists()


@pytest.mark.parametrize("option", [["--num-samples", "200"], ["--difficulty", "easy"]])
def test_options_of_the_simulated_benchmark_are_wrong_usage_beside_a_source(tmp_path, capsys, option):
    assert main(["run", str(tmp_path), *option, "--out", str(tmp_path / "run")]) == 2
    assert "of the simulated benchmark" in capsys.readouterr().err


def test_an_unknown_difficulty_is_answered_with_a_known_one_before_anything_is_drawn(tmp_path, capsys):
    assert main(["run", "--difficulty", "moderat", "--out", str(tmp_path / "run")]) == 1
    assert 'Did you mean "moderate"' in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
