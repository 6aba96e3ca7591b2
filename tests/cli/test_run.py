"""`vlrouterbench run`: what it prints of the whole story."""

import json

from vlrouterbench.cli.main import main


def test_run_prints_ten_routers_in_80_columns_and_says_that_the_data_are_simulated(
    tmp_path, monkeypatch, capsys, simulated_table
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["run", "--num-samples", "150", "--seed", "1"]) == 0
    shown = capsys.readouterr()
    lines = [line.rstrip() for line in shown.out.splitlines()]
    assert max(map(len, lines)) <= 80
    assert "(simulated data)" in lines[0]
    out = tmp_path / "runs" / "quickstart"
    records = json.loads((out / "evaluation" / "results.json").read_text())
    ranked = sorted(records, key=lambda record: -record["rank_score"])
    assert [line.split()[0] for line in lines[2:12]] == [record["router"] for record in ranked]
    assert "Simulated data: no number above says anything about a real model." in lines
    assert "Report: runs/quickstart/evaluation/report.html" in lines
    assert all(record["seed"] == 1 for record in records)
    # The command that it offers is one that works.
    offered = shown.out[shown.out.index("vlrouterbench route") :].replace("\\\n", " ").split()
    offered = [{"TEXT": "What is shown?", "FILE": None}.get(word, word) for word in offered[1:]]
    arguments = [word for word in offered if word not in ("--image", None)]
    assert main(arguments) == 0
    (asked,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ask: ")]
    assert asked.removeprefix("ask: ") in simulated_table.pool.names
