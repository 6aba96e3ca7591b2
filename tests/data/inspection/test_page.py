"""The page of a benchmark: one file that fetches nothing, says what is simulated, and shows names as text."""

import json
import re
from html import unescape

import pytest

from tests.pages import assert_fetches_nothing, without_scripts
from tests.tables import write_own_tables
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.inspection.page import alt_texts, ranked_pairs, render_inspection, write_inspection
from vlrouterbench.data.summary import summarize
from vlrouterbench.data.table import load_table

HOSTILE = "<script>alert(1)</script>"
HOSTILE_CANDIDATE = '"><img src=x onerror=alert(2)>'


def page_of(folder):
    table = load_table(folder)
    return render_inspection(summarize(table), table)


def without_figures(page):
    return re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)


@pytest.fixture(scope="module")
def simulated_page(simulated_folder):
    return page_of(simulated_folder)


@pytest.fixture(scope="module")
def own_page(tmp_path_factory):
    """Own tables with names made to break a page, an image that is none, and a price of nothing."""
    root = tmp_path_factory.mktemp("hostile")
    candidates = (("free", 0.0, 0.0), (HOSTILE_CANDIDATE, 2.0, 8.0))
    source = write_own_tables(root / "own", datasets=(HOSTILE, "plants"), candidates=candidates)
    (source / "images" / "3.png").write_bytes(b"no image")
    build_benchmark(source, root / "benchmark")
    return page_of(root / "benchmark")


def test_nothing_is_fetched(simulated_page):
    assert_fetches_nothing(simulated_page)
    assert "<img" not in without_scripts(simulated_page)


def test_a_simulated_benchmark_is_marked_in_title_heading_and_under_every_figure(simulated_page):
    for tag in ("title", "h1"):
        assert "(simulated)" in re.search(f"<{tag}>(.*?)</{tag}>", simulated_page)[1]
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", simulated_page, flags=re.DOTALL)
    assert len(captions) == simulated_page.count("<figure") == 5
    assert all("Simulated data." in caption for caption in captions)


def test_own_tables_are_not_called_simulated(own_page):
    assert "simulat" not in own_page.lower()


def test_names_from_the_data_are_text_and_never_markup(own_page):
    bare = without_figures(without_scripts(own_page))
    assert "<script" not in bare and "<img" not in bare
    assert HOSTILE in unescape(bare) and HOSTILE_CANDIDATE in unescape(bare)
    for figure in re.findall(r"<svg.*?</svg>", own_page, flags=re.DOTALL):
        assert "alert" not in re.sub(r"<!--.*?-->", "", figure, flags=re.DOTALL)


def test_every_figure_has_an_alt_text_that_names_its_extremes(simulated_page, simulated_table):
    words = alt_texts(summarize(simulated_table))
    labels = [unescape(label) for label in re.findall(r'role="img" aria-label="([^"]*)"', simulated_page)]
    assert labels == [words[name] for name in ("candidates", "accuracy", "solvers", "agreement", "tokens")]
    rows = summarize(simulated_table)["per_candidate"]
    best, cheapest = max(rows, key=lambda r: r["accuracy"]), min(rows, key=lambda r: r["average_cost_usd"])
    assert f"Most accurate: {best['name']}, {100 * best['accuracy']:.1f} %." in words["candidates"]
    assert f"Cheapest: {cheapest['name']}," in words["candidates"]


def test_accuracy_and_cost_of_every_candidate_and_dataset_stand_in_a_table(simulated_page, simulated_table):
    summary = summarize(simulated_table)
    for part in summary["per_dataset"]:
        for name in simulated_table.pool.names:
            cell = f"{100 * part['accuracy'][name]:.1f} <small>({10_000 * part['average_cost_usd'][name]:.3f})</small>"
            assert f"<td>{cell}</td>" in simulated_page


def test_counts_by_group_and_split_stand_in_a_table(simulated_page, simulated_folder):
    report = json.loads((simulated_folder / "build_report.json").read_text())
    for group, counts in report["group_splits"].items():
        cells = "".join(f"<td>{counts.get(split, 0)}</td>" for split in ("train", "validation", "test"))
        assert f"<td>{group.replace('&', '&amp;')}</td>{cells}" in simulated_page


def test_what_was_left_out_stands_by_reason_with_an_example(own_page, simulated_page):
    row = re.search(r"<tr><td>image</td>(.*?)</tr>", own_page, flags=re.DOTALL)[1]
    assert row.startswith("<td>1</td>") and "<code>images/3.png</code>" in row
    assert "Nothing: every file" not in own_page
    assert "Nothing: every file" in simulated_page


def test_a_candidate_that_costs_nothing_is_named_where_it_cannot_be_drawn(own_page, simulated_page):
    assert "Not drawn, without an accuracy or a mean cost above zero: free." in own_page
    assert "Not drawn" not in simulated_page


def test_a_pool_of_one_candidate_has_a_page(tmp_path):
    build_benchmark(write_own_tables(tmp_path / "own", candidates=(("only", 1, 1),), images=False), tmp_path / "b")
    assert "no pair has a common sample" in page_of(tmp_path / "b")


def test_the_same_benchmark_gives_the_same_page(simulated_folder, simulated_page):
    assert page_of(simulated_folder) == simulated_page


def test_pairs_stand_from_the_least_agreement_to_the_most():
    agreement = {"a": {"a": 1, "b": 0.9, "c": None}, "b": {"a": 0.9, "b": 1, "c": 0.2}, "c": {}}
    assert ranked_pairs({"agreement": agreement}) == [(0.2, "b", "c"), (0.9, "a", "b")]


def test_a_folder_in_the_place_of_the_page_is_an_error_and_stays(simulated_table, tmp_path):
    with pytest.raises(VLRouterBenchError, match="expected a file to write the page to, found a folder"):
        write_inspection(summarize(simulated_table), simulated_table, tmp_path)
    assert tmp_path.is_dir()
