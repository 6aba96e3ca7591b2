"""The demo on an own benchmark: every tab shows it, none calls it simulated, and it is made ready once."""

import csv
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.tables import write_own_tables
from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.demo import page_leaderboard
from vlrouterbench.demo import workspace as module
from vlrouterbench.demo.batch import BatchFiles, preview_html, routed_html
from vlrouterbench.demo.controls import CEILING, OBJECTIVE, TRADE_OFF, Preference
from vlrouterbench.demo.deciding import encode
from vlrouterbench.demo.examples import example_samples, sample_files
from vlrouterbench.demo.exploring import Filter, explorer_of
from vlrouterbench.demo.gallery import gallery_html, page_of
from vlrouterbench.demo.page import build_page
from vlrouterbench.demo.page_batch import BatchDesk
from vlrouterbench.demo.page_route import RouteTab
from vlrouterbench.demo.workspace import prepare


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A workspace over own tables, its benchmark's folder and what lay in that before."""
    root = tmp_path_factory.mktemp("own")
    build_benchmark(write_own_tables(root / "tables"), root / "benchmark")
    before = sorted(root.joinpath("benchmark").rglob("*"))
    return prepare(root / "app", benchmark=root / "benchmark"), root, before


def test_every_tab_shows_the_own_benchmark_and_none_calls_it_simulated(own):
    workspace, root, before = own
    assert workspace.table.pool.names == ("small", "middle", "large") and workspace.explored == "flagship"
    page = str(build_page(workspace).get_config_file())
    assert "imulated" not in page
    assert "This router was trained on tables" in page and "Explore and Leaderboard show tables:" in page
    for shown in (", number ", "What was estimated of each candidate", "flagship", "large"):
        assert shown in page
    assert 'class="vrb-note vrb-quiet" id="data-note"' in page
    assert sorted(root.joinpath("benchmark").rglob("*")) == before


def test_a_later_start_makes_nothing_again_and_another_benchmark_is_made_ready_anew(own, tmp_path, monkeypatch):
    workspace, root, _ = own
    made = []
    monkeypatch.setattr(module, "_make", lambda *given: made.append(given))
    again = prepare(root / "app", benchmark=root / "benchmark")
    assert made == [] and again.explored == workspace.explored
    build_page(again)
    monkeypatch.setattr(page_leaderboard, "ranked_records", lambda *_: pytest.fail("the leaderboard was made again"))
    assert "Accuracy versus average cost of every router" in str(build_page(again).get_config_file())
    build_benchmark(write_own_tables(tmp_path / "others", seed=1), tmp_path / "benchmark")
    prepare(root / "app", benchmark=tmp_path / "benchmark")
    assert len(made) == 1


def test_a_benchmark_without_images_is_shown_by_its_questions(tmp_path):
    build_benchmark(write_own_tables(tmp_path / "tables", num_samples=80, images=False), tmp_path / "benchmark")
    workspace = prepare(tmp_path / "app", benchmark=tmp_path / "benchmark")
    page = str(build_page(workspace).get_config_file())
    assert "<img" not in page and page.count('class="vrb-example"') == 5 and "no readable image" in page
    explorer = explorer_of(workspace)
    shown = page_of(explorer, Filter(), 1)
    assert gallery_html(explorer, shown).count(", number ") == 3 * len(shown.rows)
    examples = RouteTab(workspace, example_samples(workspace.test, tmp_path / "images"))
    image, question, *_ = examples.pick(SimpleNamespace(_data={"index": 0}), TRADE_OFF, 50, None, None, [])
    assert image is None and ", number " in question


def test_what_is_no_benchmark_is_said_before_anything_is_made(tmp_path):
    with pytest.raises(BenchmarkError):
        prepare(tmp_path / "app", benchmark=tmp_path)


def test_a_budget_that_nobody_keeps_takes_the_earlier_choice_away(own):
    workspace, *_ = own
    tab = RouteTab(workspace)
    features = encode(workspace.router, "A hard proof, number 5?", None)
    card, _, rows, leads = tab.decide(features, CEILING, 50, 1e6, None, [])
    assert "Ask <strong>" in card and "vrb-row-chosen" in rows and "No candidate fits" not in leads
    card, figure, rows, leads = tab.decide(features, CEILING, 50, 1e-6, None, [])
    assert "No candidate is expected to stay within" in card and "Ask <strong>" not in card
    assert "the cheapest, small, costs" in card and "No candidate fits on" in leads
    assert "vrb-row-chosen" not in rows and rows.count("data-candidate") == 3 and figure


def test_an_objective_that_cannot_be_kept_takes_the_earlier_choice_away_and_says_what_can(own):
    workspace, *_ = own
    tab = RouteTab(workspace)
    features = encode(workspace.router, "A hard proof, number 5?", None)
    card, *_, leads = tab.decide(features, OBJECTIVE, 50, None, None, "average budget", 1e6, [])
    assert "Ask <strong>" in card and "within 1e+06 USD per 10,000" in leads and "validation split of tables" in leads
    card, _, rows, leads = tab.decide(features, OBJECTIVE, 50, None, None, "average budget", 1e-6, [])
    assert "cannot be met" in card and "the cheapest that this router can have is" in card
    assert "Ask <strong>" not in card and "vrb-row-chosen" not in rows and leads == ""


def test_the_sample_files_of_a_batch_are_decided_into_parquet_and_csv(own, tmp_path):
    workspace, *_ = own
    table, images = sample_files(workspace.test, tmp_path)
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    shown = preview_html(table)
    assert "8 rows" in shown and all(row["question"] in shown for row in rows[:5]) and rows[5]["question"] not in shown
    assert len(rows) == 8 and zipfile.ZipFile(images).namelist() == [row["image"] for row in rows]
    paths, routed = BatchDesk(workspace).run(
        BatchFiles(str(table), str(images)), Preference(), [], lambda *_, **__: None
    )
    assert [path.rsplit(".", 1)[1] for path in paths] == ["parquet", "csv"] and not routed.bad
    assert "8 of 8 rows decided" in (said := routed_html(routed))
    assert all(f"{name} {count}" in said for name, count in routed.chosen.items())
    decided = list(csv.DictReader(Path(paths[1]).open(encoding="utf-8")))
    assert [row["sample_id"] for row in decided] == [row["sample_id"] for row in rows]
