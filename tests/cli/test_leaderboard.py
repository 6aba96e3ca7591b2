"""`leaderboard` and `sign` on the command line."""

import json

import pytest


def test_a_run_folder_needs_no_further_words(program, chain_folder, tmp_path):
    done = program("leaderboard", chain_folder / "evaluation", "--out", tmp_path / "out", "--json")
    assert done.status == 0, done.err
    content = json.loads(done.out)
    results = {r["router"]: r for r in json.loads((chain_folder / "evaluation" / "results.json").read_text())}
    ranked = {entry["router"]: entry for entry in content["entries"]}
    for name in ("router", "mixture", "oracle"):
        assert ranked[name]["rank_score"] == results[name]["rank_score"]
    assert ranked["router"]["rank_range"] == [1, 1]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"leaderboard.html", "leaderboard.csv"}


def test_the_table_fits_80_columns(program, chain_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = program(
        "leaderboard",
        chain_folder / "evaluation" / "decisions.parquet",
        "--benchmark",
        chain_folder / "benchmark",
        "--out",
        tmp_path,
    )
    table = done.out.split("benchmark: ")[0].splitlines()
    assert "router" in done.out and max(map(len, table)) <= 80


def test_a_refused_submission_fails_with_its_name_and_writes_nothing(program, chain_folder, tmp_path):
    asked = ("--benchmark", chain_folder / "benchmark", "--split", "validation", "--out", tmp_path / "out")
    done = program("leaderboard", chain_folder / "evaluation", *asked)
    assert done.status == 1 and len(done.errors) == 1
    assert str(chain_folder / "evaluation" / "decisions.parquet") in done.err
    assert not (tmp_path / "out").exists()


def test_a_signed_submission_shows_its_key(program, chain_folder, tmp_path):
    pytest.importorskip("cryptography", reason="the extra `sign` is not installed")
    path = tmp_path / "mine" / "decisions.parquet"
    path.parent.mkdir()
    path.write_bytes((chain_folder / "evaluation" / "decisions.parquet").read_bytes())
    benchmark = ("--benchmark", chain_folder / "benchmark")
    signed = program("sign", path, "--key", tmp_path / "key.pem", "--new-key", *benchmark, "--json")
    assert signed.status == 0, signed.err
    done = program("leaderboard", path, *benchmark, "--out", tmp_path / "out", "--json")
    keys = {entry["signed_by"] for entry in json.loads(done.out)["entries"] if entry["kind"] == "submission"}
    assert keys == {json.loads(signed.out)["key"]}
