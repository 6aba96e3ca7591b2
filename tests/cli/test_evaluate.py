"""`evaluate`: what is counted only where it is asked for."""

import json
import shutil

ALWAYS = {"results.json", "decisions.parquet", "controls.parquet", "report.html"}


def test_a_machine_price_and_shuffled_labels_reach_the_results(program, chain_folder, tmp_path):
    asked = ("evaluate", chain_folder / "benchmark", "--router", chain_folder / "router", "--json")
    plain = program(*asked, "--out", tmp_path / "plain")
    full = program(*asked, "--out", tmp_path / "full", "--machine-usd-per-hour", "2", "--shuffled-labels")
    assert (plain.status, full.status) == (0, 0), full.err
    without, with_both = (json.loads((tmp_path / name / "results.json").read_text())[0] for name in ("plain", "full"))
    assert without["shuffled_labels"] is None and "overhead" not in without["throughput"]
    assert with_both["throughput"]["overhead"]["machine_usd_per_hour"] == 2
    assert len(with_both["shuffled_labels"]["ci95"]) == 2
    for name in ("accuracy", "rank_score", "ci95", "controls", "same_shares"):
        assert with_both[name] == without[name]


def test_a_negative_machine_price_is_wrong_usage(program, chain_folder, tmp_path):
    asked = ("evaluate", chain_folder / "benchmark", "--router", "oracle", "--out", tmp_path / "out")
    assert program(*asked, "--machine-usd-per-hour", "-1").status == 2
    assert not (tmp_path / "out").exists()


def test_figures_tables_and_cards_are_written_only_when_asked(program, chain_folder, tmp_path):
    router = tmp_path / "router"
    shutil.copytree(chain_folder / "router", router)
    before = (router / "README.md").read_text()
    asked = ("evaluate", chain_folder / "benchmark", "--router", router, "--router", "mixture", "--json")
    plain = program(*asked, "--out", tmp_path / "plain")
    assert {path.name for path in (tmp_path / "plain").iterdir()} == ALWAYS
    assert json.loads(plain.out)["also"] == [] and (router / "README.md").read_text() == before
    full = program(*asked, "--out", tmp_path / "full", "--figures", "--tables", "--update-card")
    assert full.status == 0, full.err
    assert {path.name for path in (tmp_path / "full").iterdir()} == ALWAYS | {"figures", "results.md", "results.tex"}
    card = (router / "README.md").read_text()
    assert "## On the test split" in card and card != before
    assert str(router / "README.md") in json.loads(full.out)["also"]
