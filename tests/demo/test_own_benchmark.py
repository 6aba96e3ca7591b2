"""The demo on an own benchmark: every tab shows it, none calls it simulated, and it is made ready once."""

import csv
import io
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.tables import write_own_tables
from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.table import load_table
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
from vlrouterbench.routers.encoders.builtin.image import as_rgb
from vlrouterbench.routing.limits import image_from_file


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
    explored, scored = len(explorer_of(workspace).table), len(workspace.test)
    assert explored > scored
    assert f"{explored} samples of all splits in Explore, {scored} samples of its test split in Leaderboard." in page
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


def test_route_estimates_an_example_as_explore_does(own, tmp_path):
    workspace, *_ = own
    examples = example_samples(workspace.test, tmp_path / "route")
    rows = [workspace.table.column("question").index(example.question) for example in examples]
    assert len(examples) == 5 and workspace.estimates is not None
    for example, row in zip(examples, rows, strict=True):
        features = encode(workspace.router, example.question, image_from_file(example.image))
        kept = workspace.estimates.take(np.array([row]))
        assert torch.allclose(workspace.router.estimates(features).accuracy, kept.height, rtol=0, atol=1e-6)


def test_images_of_the_samples_are_their_own_bytes_or_lossless(tmp_path):
    tables = write_own_tables(tmp_path / "tables", num_samples=80)
    noise = np.random.default_rng(0).integers(0, 256, (80, 12, 20, 4), dtype=np.uint8)
    for number, path in enumerate(sorted((tables / "images").iterdir())):
        # Half of a kind that visitors cannot send, half as JPEG; the file's ending says nothing.
        kind = "TIFF" if number % 2 else "JPEG"
        Image.fromarray(noise[number]).convert("RGBA" if number % 2 else "RGB").save(path, kind)
    build_benchmark(tables, tmp_path / "benchmark")
    table = load_table(tmp_path / "benchmark")
    contents = dict(zip(table.column("question"), table.iter_images(), strict=True))
    examples = example_samples(table, tmp_path / "images", count=20)
    assert {example.image.suffix for example in examples} == {".png", ".jpeg"}
    for example in examples:
        content, written = contents[example.question], example.image.read_bytes()
        assert written == content if example.image.suffix == ".jpeg" else written != content
        seen = [np.asarray(as_rgb(Image.open(io.BytesIO(one)))) for one in (content, written)]
        assert (seen[0] == seen[1]).all()


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
    stored = dict(zip(workspace.test.column("question"), workspace.test.iter_images(), strict=True))
    with zipfile.ZipFile(images) as archive:
        assert all(archive.read(row["image"]) == stored[row["question"]] for row in rows)
