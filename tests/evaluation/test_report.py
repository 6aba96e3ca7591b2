"""`report.html`: one file that fetches nothing, says what is simulated, and shows names as text."""

import re
from html.parser import HTMLParser

import pyarrow.parquet as pq
import pytest

from tests.pages import assert_fetches_nothing, without_scripts
from tests.tables import write_own_tables
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.report import write_figures, write_report, write_results_tables

HOSTILE = "<script>alert(1)</script>"
HOSTILE_CANDIDATE = '"><img src=x onerror=alert(2)>'
HOSTILE_ROUTER = "<b>bold&amp;"


class Reader(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(page)
        self.words = " ".join(" ".join(self.text).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def report_of(folder, out, routers=("oracle", "mixture", "random")):
    records = evaluate_routers(folder, list(routers), out, EvaluationOptions(time_routers=False))
    split = load_table(folder).split("test")
    return write_report(records, split.take(split.complete), out).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def simulated_page(evaluated):
    return (evaluated / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory, trained_folders):
    """Own tables whose dataset and candidates are named to break a page, and a router folder of that kind."""
    from vlrouterbench.features.encode import encode_benchmark
    from vlrouterbench.training.arguments import RouterTrainingArguments
    from vlrouterbench.training.fit import save_router, train_router
    from vlrouterbench.training.problem import Problem

    root = tmp_path_factory.mktemp("hostile")
    candidates = (("small", 0.1, 0.1), (HOSTILE_CANDIDATE, 0.5, 1.0))
    source = write_own_tables(root / "own", datasets=(HOSTILE, "plants"), candidates=candidates, images=False)
    build_benchmark(source, root / "benchmark")
    table = load_table(root / "benchmark")
    problem = Problem(table, encode_benchmark(table))
    arguments = RouterTrainingArguments(cost_weights=(0.0,), num_epochs=2)
    save_router(train_router("linear", problem, arguments), root / HOSTILE_ROUTER)
    return report_of(root / "benchmark", root / "out", ("oracle", "strongest", str(root / HOSTILE_ROUTER)))


def test_nothing_is_fetched_and_every_script_is_the_librarys_own(simulated_page, hostile_page):
    """The rule: no request, and no text of the data that could become script."""
    for page in (simulated_page, hostile_page):
        assert_fetches_nothing(page)
        images = [attributes["src"] for tag, attributes in Reader(without_scripts(page)).tags if tag == "img"]
        assert all(source.startswith("data:image/jpeg;base64,") for source in images)
    assert len(simulated_page) < 8e6


def test_a_simulated_benchmark_is_marked_in_title_heading_and_warning(simulated_page):
    words = Reader(simulated_page).words
    title, heading = (re.search(f"<{tag}>(.*?)</{tag}>", simulated_page)[1] for tag in ("title", "h1"))
    assert "simulated" in title and "simulated" in heading
    assert "No number here says anything about a real model" in words


def test_the_page_answers_before_it_explains(simulated_page):
    assert simulated_page.index("accuracy at") < simulated_page.index("<h2>Accuracy against cost</h2>")
    titles = re.findall("<h2>(.*?)</h2>", simulated_page)
    assert titles[:2] == ["Accuracy against cost", "Routers by Rank Score"]


def test_contents_list_every_heading_and_lead_to_it(simulated_page, hostile_page):
    for page in (simulated_page, hostile_page):
        contents = re.search('<nav class="contents".*?</nav>', page, flags=re.DOTALL)[0]
        links = re.findall('<li><a href="#(.*?)">(.*?)</a></li>', contents)
        assert [title for _, title in links] == re.findall("<h2>(.*?)</h2>", page)
        assert len({anchor for anchor, _ in links}) == len(links)
        assert all(f'<span id="{anchor}"></span><h2>{title}</h2>' in page for anchor, title in links)


def test_what_explains_is_folded_and_reliability_of_few_samples(simulated_page):
    folded = [
        re.sub("<[^>]+>", "", summary) for summary in re.findall("<summary>(.*?)</summary>", simulated_page, re.DOTALL)
    ]
    assert any(summary.startswith("Every pair of routers (") and "scrolls sideways" in summary for summary in folded)
    few = next(summary for summary in folded if summary.startswith("Reliability by dataset: flagship ("))
    assert "panels have fewer than 30 samples" in few


def test_there_is_no_heat_map_of_one_column(own_page, simulated_page):
    """These own tables have one task group."""
    title = "<h2>Rank Score by task group</h2>"
    assert title in simulated_page and title not in own_page
    assert "<h2>Rank Score by dataset</h2>" in own_page


def test_own_tables_are_not_called_simulated(own_page):
    assert "simulat" not in own_page.lower()


@pytest.fixture(scope="module")
def own_page(tmp_path_factory):
    root = tmp_path_factory.mktemp("own")
    build_benchmark(write_own_tables(root / "tables", images=False), root / "benchmark")
    return report_of(root / "benchmark", root / "out")


def test_every_router_and_candidate_stands_in_the_tables(simulated_page, simulated_table):
    words = Reader(simulated_page).words
    for name in (*POLICIES, "knn", "linear", "mlp", *simulated_table.pool.names):
        assert name in words


def test_routers_stand_in_order_of_rank_score(simulated_page, trained_folders):
    first_table = re.search(r"<tbody>(.*?)</tbody>", simulated_page, flags=re.DOTALL)[1]
    scores = [float(re.findall(r"<td>(.*?)</td>", row)[3]) for row in re.findall("<tr.*?</tr>", first_table)]
    assert len(scores) == len(POLICIES) + len(trained_folders)
    assert scores == sorted(scores, reverse=True)


def test_every_control_stands_on_the_page_in_words_with_its_interval(simulated_page, trained_folders):
    section = re.search(r"<h2>Controls</h2>(.*?)<h3>", simulated_page, flags=re.DOTALL)[1]
    rows = re.findall(r"<tr><td>(.*?)</tr>", section)
    titles = [row.split("</td>")[0] for row in rows]
    assert titles[:5] == ["best static mixture", "strongest", "cheapest", "cross-fitted upper-bound estimate", "oracle"]
    assert sorted(titles[5:]) == sorted(f"random matched on routing distribution: {name}" for name in trained_folders)
    for row in rows:
        assert len(re.findall(r"<small>[\d.]+ to [\d.]+</small>", row)) == 3
    assert "<em>random matched on routing distribution</em>: draws" in section


def test_every_pair_of_routers_has_a_difference_with_its_paired_interval(simulated_page, trained_folders):
    section = re.search(r"<h3>Every pair of routers</h3>(.*?)</tbody>", simulated_page, flags=re.DOTALL)[1]
    count = len(POLICIES) + len(trained_folders) - 1  # the oracle is no rival
    assert len(re.findall(r"<small>[+-][\d.]+ to [+-][\d.]+</small>", section)) == count * (count - 1)


def test_calibration_is_told_of_a_calibrated_router_and_denied_of_others(simulated_page, own_page):
    words = Reader(simulated_page).words
    assert "estimated accuracy %" in words and "flagship: ECE" in words and "knn: ECE" not in words
    for title in ("Reliability by candidate: flagship", "Reliability by dataset: flagship", "Risk over coverage"):
        assert f"<h2>{title}</h2>" in simulated_page and title not in own_page
    assert "None of these routers has calibrated estimates" in Reader(own_page).words
    assert "None of these routers" not in words


def test_names_from_the_data_are_text_and_never_markup(hostile_page):
    page = Reader(without_scripts(hostile_page))
    assert not [tag for tag, _ in page.tags if tag in ("script", "img", "b")]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert HOSTILE_CANDIDATE in page.words
    assert HOSTILE_ROUTER in page.words


def test_names_from_the_data_do_not_break_out_of_a_figure(hostile_page):
    """matplotlib writes a text as paths with the text itself in a comment."""
    figures = re.findall(r"<svg.*?</svg>", without_scripts(hostile_page), flags=re.DOTALL)
    assert len(figures) == 4
    for figure in figures:
        bare = re.sub(r"<!--.*?-->", "", figure, flags=re.DOTALL)
        assert "alert" not in bare


def test_examples_are_of_the_best_trained_router_with_pictures(simulated_page, own_page):
    words = Reader(simulated_page).words
    assert "Examples: " in words and "wrong, though another candidate was correct" in words
    assert any(tag == "img" for tag, _ in Reader(simulated_page).tags)
    assert "Examples: " not in own_page


def test_questions_are_text_and_never_markup(tmp_path):
    source = write_own_tables(tmp_path / "own", images=False)
    rows = pq.read_table(source / "samples.parquet")
    asked = [row | {"question": f"{HOSTILE} {row['question']}"} for row in rows.to_pylist()]
    pq.write_table(rows.from_pylist(asked), source / "samples.parquet")
    build_benchmark(source, tmp_path / "benchmark")
    table = load_table(tmp_path / "benchmark").split("test")
    records = evaluate_routers(tmp_path / "benchmark", ["random"], tmp_path, EvaluationOptions(time_routers=False))
    records[0]["router_config"] = {"kind": "router"}
    page = write_report(records, table, tmp_path).read_text(encoding="utf-8")
    assert (
        "Examples: random" in page and "&lt;script&gt;alert(1)" in page and "<script>alert" not in without_scripts(page)
    )


def test_no_published_figure_stands_beside_others_than_the_real_benchmark(simulated_page, own_page):
    for page in (simulated_page, own_page):
        words = Reader(page).words
        assert "No published figures are shown here" in words
        assert not any(figure in words for figure in ("93.68", "SCOPE-Router", "UniRoute-KM"))


def test_figures_and_tables_are_written_on_demand_as_they_stand_on_the_page(simulated_folder, simulated_page, tmp_path):
    records = evaluate_routers(simulated_folder, ["mixture", "random"], tmp_path, EvaluationOptions(time_routers=False))
    table = load_table(simulated_folder).split("test")
    paths = write_figures(records, table, tmp_path)
    names = ("frontier", "datasets", "groups", "candidates", "costs")
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        f"figures/{name}.{kind}" for name in names for kind in ("svg", "png")
    ]
    for path in paths:
        start = path.read_bytes()[:8]
        assert start == (b"\x89PNG\r\n\x1a\n" if path.suffix == ".png" else b"<?xml ve")
    first = [path.read_bytes() for path in paths]
    old = tmp_path / "figures" / "reliability-datasets-old.svg"
    old.touch()
    assert first == [path.read_bytes() for path in write_figures(records, table, tmp_path)]
    assert not old.exists(), "a figure of routers that these records do not have"
    assert [path.name for path in write_results_tables(records, table, tmp_path)] == ["results.md", "results.tex"]


def test_costs_that_are_all_about_the_same_are_warned_of(tmp_path, own_page):
    alike = (("one", 1.0, 1.0), ("two", 1.01, 1.01), ("three", 1.02, 1.02))
    source = write_own_tables(tmp_path / "own", candidates=alike, images=False)
    table = pq.read_table(source / "outcomes.parquet").to_pylist()
    rows = [row | {"input_tokens": 100, "output_tokens": 10} for row in table]
    pq.write_table(pq.read_table(source / "outcomes.parquet").from_pylist(rows), source / "outcomes.parquet")
    build_benchmark(source, tmp_path / "benchmark")
    warning = "All candidates cost about the same"
    assert warning in report_of(tmp_path / "benchmark", tmp_path / "out")
    assert warning not in own_page


def test_samples_left_out_are_counted_on_the_page(tmp_path, own_page):
    source = write_own_tables(tmp_path / "own", images=False)
    table = pq.read_table(source / "outcomes.parquet")
    rows = [row for place, row in enumerate(table.to_pylist()) if place % 21 != 1]
    pq.write_table(table.from_pylist(rows), source / "outcomes.parquet")
    build_benchmark(source, tmp_path / "benchmark")
    assert "samples were left out because" in Reader(report_of(tmp_path / "benchmark", tmp_path / "out")).words
    assert "left out" not in Reader(own_page).words


def test_the_same_records_give_the_same_page(tmp_path, simulated_folder):
    assert report_of(simulated_folder, tmp_path / "a") == report_of(simulated_folder, tmp_path / "b")
