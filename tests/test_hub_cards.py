"""The rendered cards that are kept, and the README's table of a run, are what the code renders today."""

import io
import json
import re

import pytest
from rich.console import Console

from tests.kept_cards import KEPT, dataset_card, finished_router_card
from vlrouterbench.cli import console
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.simulation.simulate import simulate_logs
from vlrouterbench.evaluation.evaluate import evaluate_routers
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.hub.card_figures import router_figures
from vlrouterbench.hub.saved_routers import whole_card
from vlrouterbench.routers.base.card import FIGURE, with_notes


@pytest.fixture(scope="module")
def default_benchmark(tmp_path_factory):
    """The benchmark of `run`."""
    out = tmp_path_factory.mktemp("default") / "benchmark"
    build_from_logs(simulate_logs(num_proc=2), out)
    return out


def test_the_card_of_the_default_simulated_benchmark_is_a_fresh_rendering(default_benchmark, tmp_path):
    """Digests are left out of the comparison: they cover image bytes, which depend on the JPEG library's build."""
    kept = (KEPT / "vl-routerbench-simulated.md").read_text(encoding="utf-8")
    fresh, kept = (
        re.sub(r"[0-9a-f]{64}", "DIGEST", card) for card in (dataset_card(default_benchmark, tmp_path / "staged"), kept)
    )
    assert fresh == kept


def test_the_readme_prints_the_run_of_today_but_for_what_training_rounds(default_benchmark, project_root, tmp_path):
    """Rows of policies to the last digit; trained routers differ from machine to machine, as the README says."""
    records = evaluate_routers(default_benchmark, list(POLICIES), tmp_path / "evaluation")
    readme = (project_root / "README.md").read_text(encoding="utf-8")
    title, head, *rows = re.search(r"```\n(vl-routerbench[^`]*)```", readme).group(1).splitlines()
    terminal = Console(width=100, file=io.StringIO())
    terminal.print(console.results_table(records))
    fresh_head, *fresh = filter(None, map(str.strip, terminal.file.getvalue().splitlines()))
    printed = {row.split()[0]: row.split() for row in rows}
    assert title == console.results_title(records)
    assert head.split() == fresh_head.split()
    assert {row.split()[0]: row.split() for row in fresh} == {name: printed[name] for name in POLICIES}
    trained = set(printed) - set(POLICIES)
    assert {f"`{name}`" for name in trained} == set(
        re.search(r"trained routers \((.*?)\)", readme).group(1).split(", ")
    )


def test_the_card_of_a_router_is_a_fresh_rendering(tmp_path):
    """From figures that are kept beside it: training gives other last digits on another machine."""
    kept = json.loads((KEPT / "router-mlp-simulated.json").read_text(encoding="utf-8"))
    config, facts = kept["config"], kept["facts"] | {"title": "MLP", "calibrated": False}
    (tmp_path / "README.md").write_text(with_notes(whole_card(config, facts), facts), encoding="utf-8")
    fresh = finished_router_card(tmp_path)
    assert fresh == (KEPT / "router-mlp-simulated.md").read_text(encoding="utf-8")
    assert set(router_figures(config, facts)) == {FIGURE} and (KEPT / FIGURE).is_file()


def test_the_kept_cards_are_of_one_benchmark_and_the_readme_has_the_routers_figures(project_root):
    facts = json.loads((KEPT / "router-mlp-simulated.json").read_text(encoding="utf-8"))["facts"]
    (record,) = facts["evaluations"]
    assert record["benchmark"]["sha256"] in (KEPT / "vl-routerbench-simulated.md").read_text(encoding="utf-8")
    readme = (project_root / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^mlp .*$", readme, re.MULTILINE)
    figures = (100 * record["accuracy"], 1e4 * record["average_cost_usd"], record["rank_score"])
    assert row.split()[1:4] == [f"{value:.{places}f}" for value, places in zip(figures, (2, 3, 2), strict=True)]
