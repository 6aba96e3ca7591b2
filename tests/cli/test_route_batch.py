"""`route --questions`: good rows are done, bad rows listed, and an average is kept over the whole table."""

import csv
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.demo.bad_files import image_bytes
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.spending_curve import spending_curve
from vlrouterbench.routing.routed_table import SCHEMA


@pytest.fixture(scope="module")
def router(trained_folders):
    return trained_folders["flagship"]


@pytest.fixture(scope="module")
def questions(simulated_table, tmp_path_factory):
    """The train split as a table of questions, without images."""
    path = tmp_path_factory.mktemp("questions") / "questions.parquet"
    pq.write_table(simulated_table.split("train").samples.select(["sample_id", "question", "hint", "options"]), path)
    return path


@pytest.fixture
def table(tmp_path):
    """Five rows, of which the second, third and last cannot be decided."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "one.png").write_bytes(image_bytes())
    rows = (
        "sample_id,question,image,options",
        "a,What is it?,images/one.png,red|blue",
        "b,What is it?,images/none.png,",
        "c,,,",
        "d,Why?,,",
        "e,Whose?,../outside.png,",
    )
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path.parent / "outside.png").write_bytes(image_bytes())
    return tmp_path / "table.csv"


def _asked(router, table, out, *more):
    return ("route", "--router", router, "--questions", table, "--out", out, *more)


def _refused(done, *parts):
    assert done.status == 1 and len(done.errors) == 1 and done.out == "", done.out + done.err
    for part in parts:
        assert part in done.errors[0], done.errors[0]


def test_good_rows_are_done_and_bad_rows_listed(program, router, table, tmp_path):
    done = program(*_asked(router, table, tmp_path / "out.parquet"))
    assert done.status == 0, done.err
    written = pq.read_table(tmp_path / "out.parquet")
    assert written.schema.equals(SCHEMA) and written["sample_id"].to_pylist() == ["a", "d"]
    assert set(written["router"].to_pylist()) == {"flagship"}
    assert "2 of 5 rows decided" in done.out
    assert "row 2: expected an image file" in done.out and "row 3: neither a question" in done.out
    assert 'row 5: the image path "../outside.png" leaves the folder' in done.out


def test_rows_that_are_unlike_the_training_samples_are_counted(program, router, tmp_path):
    """A question of hundreds of words that no training text has; and an everyday one, which may be or not."""
    strange = "".join(f"xq{number}zv " for number in range(600))
    for name, question in (("strange", strange), ("usual", "What is shown?")):
        (tmp_path / f"{name}.csv").write_text(f"sample_id,question\na,{question}\n", encoding="utf-8")
        done = program(*_asked(router, tmp_path / f"{name}.csv", tmp_path / f"{name}.parquet"))
        (score,) = pq.read_table(tmp_path / f"{name}.parquet")["unfamiliar"].to_pylist()
        said = "unlike the training samples: 1 of the decided rows" in done.out
        assert done.status == 0 and (score >= 0.95) == said
        assert said or name == "usual"


def test_the_ending_of_out_says_how_decisions_are_written(program, router, table, tmp_path):
    for name in ("out.parquet", "out.csv", "out.CSV"):
        assert program(*_asked(router, table, tmp_path / name)).status == 0
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    for name in ("out.csv", "out.CSV"):
        with (tmp_path / name).open(newline="", encoding="utf-8") as handle:
            written = list(csv.DictReader(handle))
        assert [(row["router"], row["sample_id"], row["candidate"]) for row in written] == [
            (row["router"], row["sample_id"], row["candidate"]) for row in rows
        ]
        assert [float(row["estimated_cost_usd"]) for row in written] == [row["estimated_cost_usd"] for row in rows]


@pytest.mark.parametrize("name", ["out.txt", "out.parquet.gz", "out.json"])
def test_another_ending_of_out_is_refused_before_anything_is_decided(program, router, table, tmp_path, name):
    _refused(program(*_asked(router, table, tmp_path / name)), "ends in .parquet or .csv", name)
    assert not (tmp_path / name).exists()


def test_a_row_is_decided_as_the_question_alone(program, router, table, tmp_path):
    program(*_asked(router, table, tmp_path / "out.parquet", "--max-cost-usd", "0.0002"))
    (row, _) = pq.read_table(tmp_path / "out.parquet").to_pylist()
    image = tmp_path / "images" / "one.png"
    alone = ("--question", "What is it?", "--image", image, "--option", "red", "--option", "blue")
    decision = json.loads(
        program("route", "--router", router, *alone, "--max-cost-usd", "0.0002", "--json").out,
    )
    assert row["candidate"] == decision["candidate"]
    assert row["estimated_accuracy"] == decision["estimated_accuracy"][row["candidate"]]
    assert row["estimated_cost_usd"] == decision["estimated_cost_usd"][row["candidate"]] <= 0.0002


def test_text_alone_decides_where_that_is_allowed_and_is_counted(program, router, table, tmp_path):
    done = program(*_asked(router, table, tmp_path / "out.parquet", "--allow-text-only", "--json"))
    content = json.loads(done.out)
    assert content["decided"] == 3 and content["without_image"] == content["without_picture"] == 1
    assert [entry["row"] for entry in content["bad"]] == [3, 5]


def test_where_every_row_is_bad_nothing_is_written(program, router, tmp_path):
    (tmp_path / "table.csv").write_text('question\n""\n""\n')
    done = program(*_asked(router, tmp_path / "table.csv", tmp_path / "out.parquet"))
    _refused(done, "found none of 2", "Row 1: neither", "Row 2: neither")
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_more_rows_than_the_page_takes_and_long_ids_are_done_as_they_are(program, router, tmp_path):
    ids = [f"{'x' * 300}{number}" for number in range(2_100)]
    pq.write_table(pa.table({"sample_id": ids, "question": ["Why?"] * len(ids)}), tmp_path / "table.parquet")
    assert program(*_asked(router, tmp_path / "table.parquet", tmp_path / "out.parquet")).status == 0
    assert pq.read_table(tmp_path / "out.parquet")["sample_id"].to_pylist() == ids


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_mean_keeps_to_the_average(program, router, questions, tmp_path, share):
    curve = spending_curve(AutoRouter.from_pretrained(router))
    budget = curve[0][0] + share * (curve[-1][0] - curve[0][0])
    more = ("--average-cost-usd", budget, "--json")
    content = json.loads(program(*_asked(router, questions, tmp_path / "out.parquet", *more)).out)
    costs = pq.read_table(tmp_path / "out.parquet")["estimated_cost_usd"].to_pylist()
    assert len(costs) == content["decided"] == content["rows"]
    assert content["average_estimated_cost_usd"] == pytest.approx(sum(costs) / len(costs))
    assert 0.8 * budget < sum(costs) / len(costs) < 1.05 * budget
    assert len(content["chosen"]) > 1 and sum(content["chosen"].values()) == len(costs)


def test_an_average_over_some_candidates_is_kept_by_those(program, router, questions, tmp_path):
    names = ("SmolVLM2", "GPT-4o")
    loaded = AutoRouter.from_pretrained(router)
    cheap, dear = (
        entry["mean_cost_usd"] for name in names for entry in loaded.config.candidates if entry["name"] == name
    )
    budget = cheap + 0.2 * (dear - cheap)
    more = ("--average-cost-usd", budget, "--candidates", ",".join(names), "--json")
    content = json.loads(program(*_asked(router, questions, tmp_path / "out.parquet", *more)).out)
    assert set(content["chosen"]) == set(names)
    assert 0.7 * budget < content["average_estimated_cost_usd"] < 1.1 * budget


def test_an_average_needs_an_open_pool_and_more_than_the_cheapest_costs(program, router, trained_folders, table):
    out = table.parent / "out.parquet"
    _refused(program(*_asked(router, table, out, "--average-cost-usd", "1e-9")), "cheapest decisions")
    linear = _asked(trained_folders["linear"], table, out, "--average-cost-usd", "1")
    _refused(program(*linear), "found linear", "open pool: flagship")
    assert not out.exists()


def test_what_is_wrong_with_every_row_is_said_once(program, router, trained_folders, table):
    out = table.parent / "out.parquet"
    _refused(program(*_asked(router, table, out, "--candidates", "nobody")), "found nobody")
    _refused(program(*_asked(router, table, out, "--usd-weight", "1", "--max-cost-usd", "1")), "expected one of")
    _refused(program(*_asked(trained_folders["knn"], table, out, "--max-cost-usd", "1")), "calibrated estimates")
    assert not out.exists()


def test_a_family_without_estimates_decides_a_table_too(program, trained_folders, table, tmp_path):
    done = program(*_asked(trained_folders["linear"], table, tmp_path / "out.parquet"))
    assert done.status == 0 and "2 of 5 rows decided" in done.out
    assert pq.read_table(tmp_path / "out.parquet")["estimated_accuracy"].to_pylist() == [None, None]


@pytest.mark.parametrize(("content", "said"), [("text\nWhat?\n", "needs a column question"), ("", "not readable")])
def test_what_is_no_table_of_questions_is_named(program, router, tmp_path, content, said):
    (tmp_path / "table.csv").write_text(content)
    _refused(program(*_asked(router, tmp_path / "table.csv", tmp_path / "out.parquet")), "table.csv", said)
    _refused(program(*_asked(router, tmp_path / "none.csv", tmp_path / "out.parquet")), "found no file", "none.csv")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "one of the two"),
        (["--question", "A?", "--questions", "t.csv"], "one of the two"),
        (["--question", "A?", "--average-cost-usd", "1"], "--average-cost-usd belongs to --questions"),
        (["--question", "A?", "--out", "o.parquet"], "--out belongs to --questions"),
        (["--questions", "t.csv"], "needs --out"),
        (["--questions", "t.csv", "--out", "o", "--image", "a.png"], "--image belongs to --question."),
        (["--questions", "t.csv", "--out", "o", "--option", "a"], "--option belongs to --question."),
        (["--questions", "t.csv", "--out", "o", "--average-cost-usd", "1", "--min-accuracy", "1"], "--min-accuracy"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_do_not_go_together_are_wrong_usage(program, arguments, said):
    done = program("route", "--router", "somewhere", *arguments)
    assert done.status == 2 and done.out == "" and said in " ".join(done.err.split())


def test_a_table_fits_80_columns(program, router, table, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    lines = program(*_asked(router, "table.csv", "out.parquet", "--average-cost-usd", "0.001")).out.splitlines()
    assert max(len(line) for line in lines if not line.startswith("row ")) <= 80
    assert any("asked for 10" in line for line in lines)


def test_batches_need_no_page_library(project_root, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(project_root))
    modules = "vlrouterbench.demo.batch, vlrouterbench.cli.route_batch, vlrouterbench.routing.route_table"
    code = f"import sys; import {modules}; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0


def test_an_average_that_few_rows_exceed_is_explained(program, router, questions, tmp_path):
    """The dearest rows come first, and the first of all may be one reserve ahead."""
    curve = spending_curve(AutoRouter.from_pretrained(router))
    rows = pq.read_table(questions)
    for budget in (curve[0][0] * factor for factor in (1.01, 1.2, 1.5)):
        for row in range(12):
            pq.write_table(rows.slice(row, 1), tmp_path / "one.parquet")
            asked = _asked(router, tmp_path / "one.parquet", tmp_path / "o.csv", "--average-cost-usd", budget)
            done = program(*asked)
            mean = float(next(csv.DictReader((tmp_path / "o.csv").open()))["estimated_cost_usd"])
            said = "which one row may exceed by" in done.out and "one reserve ahead of the budget" in done.out
            assert said == (mean > budget), done.out
            if said:
                may = json.loads(program(*asked, "--json").out)["average_may_exceed_usd"]
                assert mean <= budget + may
                return
    raise AssertionError("no row exceeded its budget")


def test_what_an_objective_cannot_meet_is_in_the_answer_for_scripts(program, router, table, tmp_path):
    asked = ("--objective", "budget=1e-9", "--json")
    one = json.loads(program("route", "--router", router, "--question", "Why?", *asked).out)
    many = json.loads(program(*_asked(router, table, tmp_path / "out.csv", *asked)).out)
    for content in (one, many):
        assert content["objective"] == "budget=1e-09" and "cannot be met" in content["objective_note"]
    met = json.loads(
        program("route", "--router", router, "--question", "Why?", "--objective", "accuracy", "--json").out
    )
    assert met["objective"] == "accuracy" and met["objective_note"] is None


def test_a_candidate_that_an_objective_cannot_choose_among_is_refused_as_any(program, router):
    asked = ("route", "--router", router, "--question", "Why?", "--objective", "accuracy-share=0.9", "--candidates")
    for names, part in (("gpt-4o", 'Did you mean "GPT-4o"'), (",", "an empty list")):
        _refused(program(*asked, names), "expected candidates out of", part)


def test_an_empty_objective_is_refused(program, router):
    _refused(program("route", "--router", router, "--question", "Why?", "--objective", ""), "unknown objective")
