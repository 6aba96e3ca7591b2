"""`evaluate`: what it writes only when asked."""

import json
import shutil

ALWAYS = {"results.json", "decisions.parquet", "report.html"}


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
