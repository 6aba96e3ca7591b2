"""From questions to tables against a scripted server: faults, resuming, money, and what is written."""

import base64
import json
import os
import signal

import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import run_program
from tests.measuring.made import KEY, KEY_VARIABLE, measured, write_samples
from tests.standins.openai_server import OpenAIStandIn, Scripted, endpoint_entry, write_endpoints
from vlrouterbench.measuring.answers import opened


@pytest.fixture
def quick(monkeypatch):
    """Waits between two attempts take no time."""
    monkeypatch.setattr("vlrouterbench.measuring.asking.pace.FIRST_WAIT_S", 0.001)


def rows_of(out):
    return {(row["sample_id"], row["candidate"]): row for row in pq.read_table(out / "outcomes.parquet").to_pylist()}


def report_of(out):
    return json.loads((out / "measure_report.json").read_text())


def test_tables_are_those_that_build_reads_and_hold_what_was_answered(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, KEY)

    def script(asked, number):
        if asked.body["model"] == "org/small":
            return Scripted("B", usage={"prompt_tokens": 30, "completion_tokens": 1})
        return Scripted("The answer is A", usage={"prompt_tokens": 40, "completion_tokens": 4})

    samples = write_samples(tmp_path / "samples", 40, dataset="d", grading=lambda n: "exact" if n == 3 else None)
    with OpenAIStandIn(script) as server:
        entries = [endpoint_entry(name, server.base_url, api_key_env=KEY_VARIABLE) for name in ("small", "large")]
        ended, out = measured(tmp_path, entries, "--json", samples=samples)
    assert ended.status == 0, ended.err
    report = json.loads(ended.out)
    assert [entry["accuracy"] for entry in report["candidates"]] == [0.0, 39 / 40]
    rows = rows_of(out)
    assert (
        len(rows) == 80
        and rows["s0", "large"]["quality"] == 1
        and rows["s0", "large"]["prediction"] == "The answer is A"
    )
    assert rows["s3", "large"]["grading"] == "exact" and rows["s3", "large"]["quality"] == 0
    assert (rows["s0", "small"]["input_tokens"], rows["s0", "small"]["output_tokens"]) == (30, 1)
    assert rows["s0", "small"]["latency_s"] > 0 and rows["s0", "small"]["finish_reason"] == "stop"
    assert report["paid_usd"] == pytest.approx(40 * (30 + 2 * 1 + 40 + 2 * 4) / 1e6)
    asked = min(server.asked, key=lambda one: one.text)
    assert (
        asked.text == "What is in 0?\nOptions:\nA. a cat\nB. a dog\nAnswer with the letter of the correct option alone."
    )
    assert asked.image_urls[0].startswith("data:image/png;base64,") and asked.body["temperature"] == 0
    built = run_program("build", out, "--out", tmp_path / "benchmark", "--json")
    assert built.status == 0, built.err
    kept = pq.read_table(next((tmp_path / "benchmark" / "outcomes").glob("*.parquet"))).to_pylist()
    assert {row["prediction"] for row in kept} == {"B", "The answer is A"} and all(row["latency_s"] > 0 for row in kept)
    left_out = json.loads((tmp_path / "benchmark" / "build_report.json").read_text())["left_out"]
    assert left_out == []
    everything = "".join(str(path.read_bytes()) for path in out.rglob("*") if path.is_file()) + ended.out + ended.err
    assert KEY not in everything
    page = (out / "measure_report.html").read_text()
    assert "97.5" in page and "Where candidates disagree" in page


def test_each_fault_costs_its_own_question_and_is_named(tmp_path, quick):
    """Number of a sample -> what its first answers are."""
    faults = {
        0: [Scripted("slow down", status=429, headers={"retry-after": "0.01"})],
        1: [Scripted("oops", status=500)] * 2,
        2: [Scripted(cut=20)],
        3: [Scripted(raw=b"<html>proxy</html>", content_type="text/html")] * 9,
        4: [Scripted(usage=None)],
        5: [Scripted(refusal="I cannot help with that.")],
        6: [Scripted("too long", status=400)] * 9,
        7: [Scripted(delay=6.0)],
        8: [Scripted(raw=b'{"choices": []}')],
        9: [Scripted("A", finish_reason="length")],
    }

    def script(asked, number):
        queue = faults[int(asked.text.split()[3].strip("?"))]
        return queue.pop(0) if queue else Scripted("A")

    samples = write_samples(tmp_path / "samples", 10)
    with OpenAIStandIn(script) as server:
        ended, out = measured(tmp_path, [endpoint_entry("a", server.base_url, timeout_s=2)], samples=samples)
    assert ended.status == 0, ended.err
    rows = {int(sample_id[1:]): row for (sample_id, _), row in rows_of(out).items()}
    assert [rows[n]["attempts"] for n in range(10) if n != 7] == [2, 3, 2, 6, 1, 1, 1, 2, 1]
    assert rows[7]["attempts"] > 1
    assert {n for n in rows if rows[n]["quality"] is None} == {3, 6}
    assert rows[3]["error"] == 'broken answer: expected JSON, found "<html>proxy</html>"'
    assert rows[6]["error"] == "request rejected: HTTP 400: too long"
    assert [rows[n]["quality"] for n in (0, 1, 2, 4, 5, 7, 8, 9)] == [1, 1, 1, 1, 0, 1, 1, 1]
    assert rows[4]["tokens_counted_here"] and rows[4]["output_tokens"] == 1 and rows[4]["input_tokens"] > 256
    assert rows[5]["refused"] and rows[5]["prediction"] == "I cannot help with that."
    (figures,) = report_of(out)["candidates"]
    assert (figures["answered"], figures["failed"], figures["graded"]) == (8, 2, 8)
    assert (figures["refused"], figures["cut_short"], figures["tokens_counted_here"]) == (1, 1, 1)
    assert figures["failures"] == {"broken answer": 1, "request rejected": 1}
    assert figures["accuracy"] == pytest.approx(7 / 8)


def test_a_rerun_asks_only_what_failed_for_now(tmp_path, quick):
    broken = True

    def script(asked, number):
        if "in 1?" in asked.text:
            return Scripted("policy", status=400)
        return Scripted("later", status=503) if "in 2?" in asked.text and broken else Scripted("A")

    with OpenAIStandIn(script) as server:
        entries = [endpoint_entry("a", server.base_url)]
        measured(tmp_path, entries)
        first, broken = len(server.asked), False
        ended, out = measured(tmp_path, entries)
        assert ended.status == 0 and len(server.asked) - first == 1
        assert rows_of(out)["s2", "a"]["quality"] == 1 and rows_of(out)["s1", "a"]["quality"] is None
        renamed = [endpoint_entry("a", server.base_url) | {"name": "b"}]
        before = len(server.asked)
        assert measured(tmp_path, renamed)[0].status == 0 and len(server.asked) == before
        for changed in ({"max_output_tokens": 7}, {"model": "other"}, {"extra_body": {"top_p": 0.5}}):
            before = len(server.asked)
            assert measured(tmp_path, [entries[0] | changed])[0].status == 0
            assert len(server.asked) - before == 6, changed
        (tmp_path / "prompt.txt").write_text("{question}\n{options}")
        before = len(server.asked)
        assert measured(tmp_path, entries, "--prompt", tmp_path / "prompt.txt")[0].status == 0
        assert len(server.asked) - before == 6


def test_concurrency_and_requests_per_minute_hold(tmp_path):
    samples = write_samples(tmp_path / "samples", 12, images=False)
    with OpenAIStandIn(lambda asked, number: Scripted("A", delay=0.02)) as server:
        measured(tmp_path, [endpoint_entry("a", server.base_url, max_concurrency=3)], samples=samples)
        assert 2 <= server.most_at_once <= 3
    with OpenAIStandIn() as server:
        measured(tmp_path, [endpoint_entry("b", server.base_url, requests_per_minute=1800)], samples=samples)
        times = [asked.at for asked in server.asked]
    assert times[-1] - times[0] >= 11 * 60 / 1800 * 0.95


def test_an_endpoint_that_is_gone_stops_alone_and_a_rerun_goes_on(tmp_path, quick):
    def script(asked, number):
        unknown = asked.body["model"] == "org/typo"
        return Scripted(f"no model org/typo, key {KEY}", status=404) if unknown else Scripted("A")

    with OpenAIStandIn(script) as server:
        entries = [endpoint_entry("good", server.base_url), endpoint_entry("typo", server.base_url, max_concurrency=1)]
        entries.append(endpoint_entry("nobody", "http://127.0.0.1:9/v1"))
        ended, out = measured(tmp_path, entries)
        assert ended.status == 1
        assert "typo: not found: HTTP 404" in ended.errors[0] and "nobody: unreachable" in ended.errors[0]
        assert sum(asked.body["model"] == "org/typo" for asked in server.asked) == 1
        assert {name for _, name in rows_of(out)} >= {"good"} and len(report_of(out)["stopped"]) == 2
        entries[1]["model"] = "org/right"
        ended, out = measured(tmp_path, entries[:2])
    assert ended.status == 0 and all(row["quality"] == 1 for row in rows_of(out).values())
    assert sum(asked.body["model"] == "org/good" for asked in server.asked) == 6


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({"answer": None}, (), "expected a column answer"),
        ({"answer": "C"}, (), "expected an option or its letter"),
        ({}, ("--grading", "nummeric"), 'Did you mean "numeric"'),
        ({}, ("--grading", "numeric"), "expected a number as answer"),
        ({}, ("--grading", "judge"), "expected a model that judges in --judge"),
        ({"image": "nowhere.png"}, (), "found nothing at 'nowhere.png'"),
        ({"image": "../../etc/passwd"}, (), "leaves the folder"),
        ({}, ("--candidates", "b"), "unknown endpoint"),
        ({"sample_id": "same"}, (), "expected each sample_id once"),
    ],
)
def test_bad_input_is_named_before_anybody_is_asked(tmp_path, columns, options, said):
    samples = write_samples(tmp_path / "samples", **columns)
    if "image" in columns:
        text = (samples / "samples.jsonl").read_text().replace('"0.png"', json.dumps(columns["image"]))
        (samples / "samples.jsonl").write_text(text)
    with OpenAIStandIn() as server:
        ended, out = measured(tmp_path, [endpoint_entry("a", server.base_url)], *options, samples=samples)
    assert ended.status == 1 and said in ended.errors[0] and not server.asked
    assert not (out / "outcomes.parquet").exists()


def test_without_yes_and_without_a_terminal_nobody_is_asked(tmp_path):
    with OpenAIStandIn() as server:
        file = write_endpoints(tmp_path / "e.yaml", endpoint_entry("a", server.base_url, max_output_tokens=100))
        source, out = write_samples(tmp_path / "samples"), tmp_path / "tables"
        ask = ("measure", source, "--endpoints", file, "--out", out)
        ended = run_program(*ask)
        assert ended.status == 1 and "Give --yes" in ended.errors[0] and "6 requests, about" in ended.err
        dry = run_program("measure", source, "--endpoints", file, "--out", tmp_path / "dry", "--dry-run", "--json")
    content = json.loads(dry.out)
    assert content["estimate"][0]["requests"] == 6 and content["prompt"].startswith("What is in 0?")
    assert not server.asked and not (tmp_path / "dry").exists()


def test_an_image_over_the_limit_is_encoded_anew_and_said(tmp_path):
    with OpenAIStandIn() as server:
        entries = [
            endpoint_entry("a", server.base_url, max_image_bytes=1000),
            endpoint_entry("b", server.base_url, max_images=0),
        ]
        ended, out = measured(tmp_path, entries)
    sizes = [len(base64.b64decode(asked.image_urls[0].split(",")[1])) for asked in server.asked]
    assert ended.status == 0 and sizes and max(sizes) <= 1000
    assert all(row["image_encoded_anew"] for (_, name), row in rows_of(out).items() if name == "a")
    assert "6 answers to an image that was encoded anew" in ended.out
    assert rows_of(out)["s0", "b"]["error"] == "image: 1 images, where the endpoint takes 0"


def test_a_question_without_options_is_graded_by_the_same_text_unless_it_says_otherwise(tmp_path):
    samples = write_samples(
        tmp_path / "samples", 3, images=False, options=None, answer=lambda n: ["Paris", "paris, France"]
    )
    with OpenAIStandIn(
        lambda asked, number: Scripted("Paris, France." if "in 0?" in asked.text else "It is Paris")
    ) as server:
        ended, out = measured(tmp_path, [endpoint_entry("a", server.base_url)], samples=samples)
    assert ended.status == 0 and "graded by exact: 3" in ended.out
    assert [row["quality"] for row in rows_of(out).values()] == [1, 0, 0]


def test_a_key_that_only_the_judge_lacks_is_told_before_anything_is_paid(tmp_path):
    with OpenAIStandIn() as server:
        entries = [endpoint_entry("a", server.base_url), endpoint_entry("j", server.base_url, api_key_env="VLR_NO_KEY")]
        ended, _ = measured(tmp_path, entries, "--grading", "judge", "--judge", "j")
    assert ended.status == 1 and "VLR_NO_KEY" in ended.errors[0] and not server.asked


@pytest.fixture
def interruptible():
    """As on a terminal: a process that a shell started in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_leaves_tables_of_what_is_there_and_a_rerun_goes_on(tmp_path):
    samples = write_samples(tmp_path / "samples", 40, images=False)

    def script(asked, number):
        if number == 20:
            os.kill(os.getpid(), signal.SIGINT)
        return Scripted("A", delay=0.01)

    with OpenAIStandIn(script) as server:
        entries = [endpoint_entry("a", server.base_url, max_concurrency=4)]
        ended, out = measured(tmp_path, entries, samples=samples)
        assert ended.status == 1 and ended.errors[0].startswith("error: stopped; what was answered is in")
        report, kept = report_of(out), len(rows_of(out))
        assert report["interrupted"] and 15 <= kept < 40
        before = len(server.asked)
        assert measured(tmp_path, entries, samples=samples)[0].status == 0
        assert len(server.asked) - before == 40 - kept and len(rows_of(out)) == 40


def test_tables_of_others_are_not_touched(tmp_path):
    with OpenAIStandIn() as server:
        (tmp_path / "tables").mkdir()
        (tmp_path / "tables" / "outcomes.csv").write_text("sample_id\n")
        ended, out = measured(tmp_path, [endpoint_entry("a", server.base_url)])
    assert ended.status == 1 and "outcomes.csv" in ended.errors[0] and not server.asked
    assert (out / "outcomes.csv").read_text() == "sample_id\n"


def test_the_limit_on_money_holds_over_reruns_and_with_many_at_once(tmp_path):
    """5 USD per million tokens, 1,000 tokens an answer of which the server uses all."""
    samples = write_samples(tmp_path / "samples", 30, images=False)
    usage = {"prompt_tokens": 100, "completion_tokens": 1000}
    limit = 0.05
    with OpenAIStandIn(lambda asked, number: Scripted("A", usage=usage, delay=0.01)) as server:
        entry = endpoint_entry("a", server.base_url, output_price=5, max_output_tokens=1000, max_concurrency=16)
        for _ in range(2):
            ended, out = measured(tmp_path, [entry], "--max-usd", limit, samples=samples)
            assert ended.status == 0
            report = report_of(out)
            assert report["paid_usd"] == pytest.approx(len(server.asked) * 0.0051) and report["paid_usd"] <= limit
            assert report["overrun_bound"] == "0 USD" and not report["complete"]
        # A reserve is 0.0056 USD: of eight answers 0.0408 is paid and one more fits, of nine 0.0459 and none does.
        assert len(server.asked) == 9
        ended, out = measured(tmp_path, [entry], "--max-usd", 1, samples=samples)
        assert len(server.asked) == 30 and report_of(out)["complete"]


def test_a_reached_limit_is_said_and_equal_questions_are_asked_once(tmp_path):
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    samples = write_samples(tmp_path / "samples", 6, images=False, question="What is it?")
    with OpenAIStandIn(lambda asked, number: Scripted("A", usage=usage)) as server:
        entries = [endpoint_entry(name, server.base_url, max_output_tokens=10) for name in ("a", "b")]
        ended, _ = measured(tmp_path, entries, samples=samples)
        assert ended.status == 0 and len(server.asked) == 2
        assert "equal questions share an answer" in ended.out
        other = write_samples(tmp_path / "short" / "samples", 20, images=False)
        short, out = measured(tmp_path / "short", [entries[0]], "--max-usd", 0.001, samples=other)
    assert short.status == 0 and "a: the limit on money is reached, and not all was asked" in short.out
    assert not json.loads((out / "measure_report.json").read_text())["complete"]


@pytest.mark.parametrize("limit", ["inf", "nan"])
def test_a_limit_that_is_no_number_is_refused_before_anybody_is_asked(tmp_path, limit):
    with OpenAIStandIn() as server:
        ended, out = measured(tmp_path, [endpoint_entry("a", server.base_url)], "--max-usd", limit)
    assert ended.status != 0 and not server.asked and not out.exists()


def test_what_an_endpoint_that_answers_nothing_said_is_told(tmp_path, quick):
    with OpenAIStandIn(lambda asked, number: Scripted(status=400, raw=b'{"error": "too long"}')) as server:
        ended, _ = measured(tmp_path, [endpoint_entry("a", server.base_url)])
    assert ended.status == 1 and "400" in ended.errors[0]


def test_one_process_at_a_time_measures_into_a_folder(tmp_path):
    with OpenAIStandIn() as server:
        (tmp_path / "tables").mkdir()
        with opened(tmp_path / "tables"):
            ended = measured(tmp_path, [endpoint_entry("a", server.base_url)])[0]
        assert not server.asked
    assert ended.status == 1 and "another process that measures there" in ended.errors[0]
