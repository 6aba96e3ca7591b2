"""A real server: `transformers serve` with a small random LLaVA, measured with images, and asked by the gateway."""

import json

import httpx
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import run_program
from tests.measuring.made import measured, write_samples
from tests.serving.conftest import NAMES, running_gateway
from tests.serving.test_gateway import with_image
from tests.standins.openai_server import endpoint_entry, write_endpoints
from tests.standins.served_model import serve_model, write_tiny_llava

pytest.importorskip("openai", reason="transformers serve needs the package openai")
LONGEST = 5


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The model's folder and the base URL of its server."""
    folder = tmp_path_factory.mktemp("real")
    model = write_tiny_llava(folder / "model")
    with serve_model(model, folder / "cache") as base_url:
        yield str(model), base_url


def test_a_real_server_answers_images_with_its_own_usage(real, tmp_path):
    model, base_url = real
    entry = endpoint_entry("tiny", base_url, max_output_tokens=LONGEST, timeout_s=60, model=model)
    checked = run_program("endpoints", "check", write_endpoints(tmp_path / "check.yaml", entry), "--json")
    assert checked.status == 0, checked.err
    ended, out = measured(tmp_path, [entry], samples=write_samples(tmp_path / "samples", 4))
    assert ended.status == 0, ended.err
    rows = pq.read_table(out / "outcomes.parquet").to_pylist()
    assert [row["error"] for row in rows] == [None] * 4
    assert all(0 < row["output_tokens"] <= LONGEST and not row["tokens_counted_here"] for row in rows)
    assert all(row["input_tokens"] > 10 and row["latency_s"] > 0 for row in rows)
    figures = json.loads((out / "measure_report.json").read_text())["candidates"][0]
    assert (figures["answered"], figures["graded"], figures["failed"]) == (4, 4, 0)


def test_the_gateway_passes_a_real_servers_answer_and_stream_on(real, router_folder, tmp_path):
    model, base_url = real
    messages, timeout = with_image("what is in the picture ?"), 60
    own = {name: {"model": model} for name in NAMES}
    body = {"messages": messages, "max_tokens": LONGEST, "temperature": 0}
    streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
    at = httpx.URL(base_url).port
    with running_gateway(router_folder, tmp_path, at=at, own=own, timeout_s=timeout, log=True) as running:
        direct = httpx.post(f"{base_url}/chat/completions", json={**body, "model": model}, timeout=timeout).json()
        answer = running.ask(messages, max_tokens=LONGEST, temperature=0)
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-vlrouter-candidate"] in NAMES
        assert answer.json()["choices"] == direct["choices"] and answer.json()["usage"] == direct["usage"]
        ours = events(running.client, "/v1/chat/completions", {**streamed, "model": "auto"})
        theirs = events(httpx.Client(timeout=timeout), f"{base_url}/chat/completions", {**streamed, "model": model})
    assert [event["choices"] for event in ours] == [event["choices"] for event in theirs]
    assert "".join(part_of(event) for event in ours) == direct["choices"][0]["message"]["content"]
    assert [event.get("usage") for event in ours] == [event.get("usage") for event in theirs]


def events(client, url, body):
    """What a stream says, without its end mark."""
    with client.stream("POST", url, json=body) as response:
        assert response.status_code == 200
        lines = [line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def part_of(event):
    """The text that an event adds."""
    return "".join(choice["delta"].get("content") or "" for choice in event["choices"])
