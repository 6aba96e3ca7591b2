"""`leaderboard` and `sign` on the command line."""

import json

import pytest


def test_a_run_folder_needs_no_further_words(program, chain_folder, tmp_path):
    done = program("leaderboard", chain_folder / "evaluation", "--out", tmp_path / "out", "--json")
    assert done.status == 0, done.err
    assert "score 1 submission on test" in done.err
    content = json.loads(done.out)
    assert content["refused"] == []
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


def test_one_bad_submission_fails_the_command_and_keeps_no_good_one_from_being_ranked(program, chain_folder, tmp_path):
    good, bad, other, stated = (tmp_path / "given" / name for name in ("good", "b<ad", "other", "stated"))
    for folder in (good, bad, other, stated):
        folder.mkdir(parents=True)
    for folder in (good, stated):
        (folder / "decisions.parquet").write_bytes((chain_folder / "evaluation" / "decisions.parquet").read_bytes())
    (bad / "decisions.parquet").write_bytes(b"no parquet")
    (other / "decisions.csv").write_text("router,sample_id,candidate\n")
    (stated / "results.json").write_text("{")
    asked = (tmp_path / "given", "--benchmark", chain_folder / "benchmark", "--out", tmp_path / "out")
    done = program("leaderboard", *asked)
    assert done.status == 1 and done.errors == [
        "error: 3 of 4 submissions refused: b<ad, other, stated. The others are ranked."
    ]
    assert "score 4 submissions on test" in done.err and "router" in done.out
    said = " ".join(done.out.split())
    assert "refused: other:" in said and "expected decisions.parquet, found decisions.csv" in said
    page = (tmp_path / "out" / "leaderboard.html").read_text(encoding="utf-8")
    assert "<h2>Refused</h2>" in page and "<strong>b&lt;ad</strong>: " in page and str(tmp_path / "given") not in page
    content = json.loads(program("leaderboard", *asked, "--json").out)
    assert [one["submission"] for one in content["refused"]] == ["b<ad", "other", "stated"]
    assert {entry["submission"] for entry in content["entries"] if entry["kind"] == "submission"} == {"good"}


def test_folders_of_other_tables_alone_are_refused_by_name(program, chain_folder, tmp_path):
    (tmp_path / "given" / "one").mkdir(parents=True)
    (tmp_path / "given" / "one" / "decisions.csv").write_text("router,sample_id,candidate\n")
    done = program("leaderboard", tmp_path / "given", "--benchmark", chain_folder / "benchmark")
    assert done.status == 1 and "given/one: expected decisions.parquet, found decisions.csv" in done.errors[0]


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
