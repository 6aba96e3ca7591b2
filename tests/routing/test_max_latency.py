"""An answer in time: only candidates that were quick on training samples are asked, in Python and by the command."""

import json

import pytest

from tests.cli.conftest import run_program
from tests.tables import write_own_tables
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.saved_tables.form import TableForm
from vlrouterbench.data.saved_tables.read import read_saved_table
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.decision import BudgetError, CalibrationError

SECONDS = {"small": 0.5, "middle": 1.0, "large": 4.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A benchmark whose answers were timed, and routers trained on it."""
    root = tmp_path_factory.mktemp("timed")
    write_own_tables(root / "own", images=False)
    path = next((root / "own").glob("outcomes.*"))
    outcomes = read_saved_table(path, TableForm(("sample_id", "candidate"))).to_pylist()
    path.unlink()
    lines = [json.dumps(row | {"latency_s": SECONDS[row["candidate"]]}) for row in outcomes]
    (root / "own" / "outcomes.jsonl").write_text("\n".join(lines))
    build_benchmark(root / "own", root / "benchmark")
    for family in ("flagship", "knn"):
        ended = run_program("train", root / "benchmark", "--router", family, "--out", root / family)
        assert ended.status == 0, ended.err
    return root


def test_a_saved_router_knows_how_long_its_candidates_take(folder):
    router = AutoRouter.from_pretrained(folder / "flagship")
    assert router.answer_times() == SECONDS and router.quick_enough(1.0) == ["small", "middle"]
    router.remove_candidate("small")
    assert router.answer_times(1.0) == {"middle": 1.0, "large": 4.0}


def test_only_quick_candidates_are_asked_whatever_else_is_asked_for(folder):
    router = AutoRouter.from_pretrained(folder / "flagship")
    free = router.route("A hard proof?", usd_weight=0.0)
    quick = router.route("A hard proof?", usd_weight=0.0, max_latency_s=1.0)
    assert free.candidate == "large" and quick.candidate == "middle" and set(quick.score) == {"small", "middle"}
    assert router.route("A hard proof?", max_latency_s=0.5).candidate == "small"
    assert router.route("A hard proof?", max_latency_s=5.0) == router.route("A hard proof?")
    with pytest.raises(BudgetError, match=r"95 % of its answers in 0\.1 s; the quickest, small, took 0\.5 s"):
        router.route("A hard proof?", max_latency_s=0.1)
    with pytest.raises(BudgetError, match="the quickest, large"):
        router.route("A hard proof?", max_latency_s=1.0, candidates=["large"])


def test_a_family_that_does_not_know_says_which_do(folder):
    with pytest.raises(CalibrationError, match="max_latency_s.*flagship"):
        AutoRouter.from_pretrained(folder / "knn").route("Why?", max_latency_s=1.0)


def test_a_router_trained_without_times_says_so(trained_folders):
    with pytest.raises(BudgetError, match="not known. Train on outcomes with latency_s"):
        AutoRouter.from_pretrained(trained_folders["flagship"]).route("Why?", max_latency_s=1.0)


@pytest.mark.parametrize("more", [(), ("--average-cost-usd", "0.01"), ("--usd-weight", "0")])
def test_a_table_of_questions_is_decided_in_time(folder, tmp_path, more):
    (tmp_path / "questions.csv").write_text("question\nA hard proof?\nAn easy colour?\n")
    asked = ("route", "--router", folder / "flagship", "--questions", tmp_path / "questions.csv")
    ended = run_program(*asked, "--max-latency-s", "1", *more, "--out", tmp_path / "out.csv", "--json")
    assert ended.status == 0, ended.err
    assert set(json.loads(ended.out)["chosen"]) <= {"small", "middle"}


def test_one_question_is_decided_in_time(folder):
    asked = ("route", "--router", folder / "flagship", "--question", "A hard proof?")
    ended = run_program(*asked, "--usd-weight", "0", "--max-latency-s", "1", "--json")
    assert json.loads(ended.out)["candidate"] == "middle"
    refused = run_program(*asked, "--max-latency-s", "0.1")
    assert refused.status == 1 and "max_latency_s" in refused.err
