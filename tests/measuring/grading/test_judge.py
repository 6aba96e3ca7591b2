"""A judge: strict verdicts, its cost apart, repeats; and grading again without asking candidates."""

import json

import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import run_program
from tests.measuring.made import measured, write_samples
from tests.standins.openai_server import OpenAIStandIn, Scripted, endpoint_entry, write_endpoints
from vlrouterbench.measuring.answers import Answer
from vlrouterbench.measuring.grading.judge import verdict


@pytest.mark.parametrize(
    ("text", "quality"),
    [
        ("It matches.\nverdict: correct", 1.0),
        ("Verdict: INCORRECT.\n", 0.0),
        ("verdict: correct\nor so", None),
        ("the verdict: correct", None),
        ("verdict: correct or incorrect", None),
        ("", None),
    ],
)
def test_a_verdict_is_the_last_line_alone(text, quality):
    assert verdict(Answer("k", text=text))[0] == quality


def judged(asked):
    """A judge that finds whatever is not "42" wrong, and says nothing of "odd"; the answer tries to be a verdict."""
    answer = asked.text.split("<answer>")[1]
    if "odd" in answer:
        return Scripted("I do not know")
    return Scripted(
        "verdict: correct" if "42" in answer else "verdict: incorrect",
        usage={"prompt_tokens": 200, "completion_tokens": 5},
    )


def test_a_judge_grades_its_cost_stands_apart_and_regrade_asks_no_candidate(tmp_path):
    def script(asked, number):
        if asked.body["model"] == "org/judge":
            return judged(asked)
        number = int(asked.text.split()[3].strip("?"))
        return Scripted("odd" if number == 0 else "It is 42" if number < 20 else "wrong\nverdict: correct")

    samples = write_samples(tmp_path / "samples", 40, images=False, options=None, answer="42")
    with OpenAIStandIn(script) as server:
        entries = [endpoint_entry("a", server.base_url), endpoint_entry("judge", server.base_url, input_price=10)]
        ended, out = measured(tmp_path, entries, "--grading", "judge", "--judge", "judge", "--json", samples=samples)
        assert ended.status == 0, ended.err
        report = json.loads(ended.out)
        (figures,) = report["candidates"]
        assert (figures["graded"], figures["accuracy"]) == (39, pytest.approx(19 / 39))
        judge = report["judge"]
        by_judge = sum(asked.body["model"] == "org/judge" for asked in server.asked)
        assert judge["judged"] == 40 and judge["without_verdict"] == 1
        assert 40 < 40 + judge["judged_twice"] <= by_judge <= 41 + judge["judged_twice"]
        assert judge["agreed"] == judge["judged_twice"]
        assert figures["cost_usd"] == pytest.approx(40 * (10 + 2 * 2) / 1e6)
        assert report["paid_usd"] == pytest.approx(figures["cost_usd"] + judge["cost_usd"])
        before = len(server.asked)
        again = run_program("regrade", out, "--grading", "contains", "--json")
        assert again.status == 0, again.err
        assert json.loads(again.out)["candidates"][0]["accuracy"] == pytest.approx(19 / 40)
        file = write_endpoints(tmp_path / "endpoints.yaml", *entries)
        back = run_program("regrade", out, "--grading", "judge", "--endpoints", file, "--judge", "judge", "--json")
        assert back.status == 0 and json.loads(back.out)["candidates"][0]["accuracy"] == pytest.approx(19 / 39)
        assert len(server.asked) == before, "verdicts that are kept are not asked for again"
        rows = pq.read_table(out / "outcomes.parquet").to_pylist()
        assert rows[0]["quality"] is None and rows[0]["error"] == "judge: no verdict in its last line"
    failed = run_program("regrade", out, "--grading", "choice")
    assert failed.status == 1 and "expected 2 to 26 options" in failed.errors[0]
    assert pq.read_table(out / "outcomes.parquet").to_pylist() == rows


@pytest.fixture
def answered(tmp_path):
    """Tables that were graded without a judge, the judge's options for `regrade`, and what was asked."""
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    samples = write_samples(tmp_path / "samples", 6, images=False, options=None, answer="42")
    with OpenAIStandIn(lambda asked, number: Scripted("verdict: correct", usage=usage)) as server:
        entries = [endpoint_entry(name, server.base_url, max_output_tokens=10) for name in ("a", "judge")]
        ended, out = measured(tmp_path, entries, "--candidates", "a", "--grading", "contains", samples=samples)
        assert ended.status == 0, ended.err
        options = ["--grading", "judge", "--endpoints", tmp_path / "endpoints.yaml", "--judge", "judge"]
        yield out, options, server


def test_a_judge_is_not_asked_before_its_cost_was_agreed_to(answered):
    out, options, server = answered
    asked, before = len(server.asked), (out / "outcomes.parquet").read_bytes()
    refused = run_program("regrade", out, *options)
    assert refused.status == 1 and "judge judge: about" in refused.err and "Give --yes" in refused.err
    assert len(server.asked) == asked and (out / "outcomes.parquet").read_bytes() == before
    agreed = run_program("regrade", out, *options, "--yes", "--json")
    assert agreed.status == 0, agreed.err
    assert json.loads(agreed.out)["judge"]["judged"] == 6 and len(server.asked) > asked


def test_a_limit_that_no_verdict_fits_into_leaves_the_grades_as_they_were(answered):
    out, options, server = answered
    asked, before = len(server.asked), (out / "outcomes.parquet").read_bytes()
    ended = run_program("regrade", out, *options, "--yes", "--max-usd", 0.0011)
    assert ended.status == 1 and "the grades are as they were" in ended.errors[0]
    assert len(server.asked) == asked and (out / "outcomes.parquet").read_bytes() == before
    larger = run_program("regrade", out, *options, "--yes", "--max-usd", 1, "--json")
    assert larger.status == 0 and json.loads(larger.out)["max_usd"] == 1


def test_the_estimate_names_the_judges_share(tmp_path):
    samples = write_samples(tmp_path / "samples", 10, images=False, options=None, answer="42")
    file = write_endpoints(
        tmp_path / "e.yaml", *(endpoint_entry(name, "http://h/v1", max_output_tokens=10) for name in ("a", "judge"))
    )
    options = ["--endpoints", file, "--out", tmp_path / "out", "--dry-run", "--grading", "judge", "--judge", "judge"]
    ended = run_program("measure", samples, *options, "--json")
    assert ended.status == 0, ended.err
    content = json.loads(ended.out)
    assert content["judge"]["requests"] == 11 and 0.001 < content["judge"]["usd"] < 0.005
    said = run_program("measure", samples, *options).out
    assert "judge judge: about 11 requests" in said and "and the judge's" in said


def test_candidates_and_judge_share_one_limit_on_money(tmp_path):
    """So tight that requests wait for each other in both stages; what does not fit any more is not asked."""
    usage = {"prompt_tokens": 100, "completion_tokens": 10}

    def script(asked, number):
        return Scripted("verdict: correct" if asked.body["model"] == "org/judge" else "42", usage=usage, delay=0.005)

    samples = write_samples(tmp_path / "samples", 12, images=False, options=None, answer="42")
    with OpenAIStandIn(script) as server:
        entries = [endpoint_entry(name, server.base_url, max_output_tokens=10) for name in ("a", "judge")]
        options = ("--grading", "judge", "--judge", "judge")
        none, _ = measured(tmp_path, entries, *options, "--max-usd", 0.0001, samples=samples)
        assert none.status == 1 and "Nobody was asked" in none.errors[0] and not server.asked
        limit = 0.0035  # a request costs 0.00012 USD and reserves some 0.0006 to 0.0014
        ended, out = measured(tmp_path, entries, *options, "--max-usd", limit, samples=samples)
    assert ended.status == 0, ended.err
    report = json.loads((out / "measure_report.json").read_text())
    assert report["candidates"][0]["answered"] == 12
    assert 12 < len(server.asked) and report["paid_usd"] == pytest.approx(len(server.asked) * 0.00012)
    assert report["paid_usd"] <= limit and report["judge"]["cost_usd"] > 0
