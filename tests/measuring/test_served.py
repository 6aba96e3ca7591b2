"""A real server: `transformers serve` with a small random LLaVA is asked about images, from questions to tables."""

import json

import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import run_program
from tests.measuring.made import measured, write_samples
from tests.standins.openai_server import endpoint_entry, write_endpoints
from tests.standins.served_model import serve_model, write_tiny_llava

pytest.importorskip("openai", reason="transformers serve needs the package openai")


def test_a_real_server_answers_images_with_its_own_usage(tmp_path):
    model = write_tiny_llava(tmp_path / "model")
    with serve_model(model, tmp_path / "cache") as base_url:
        entry = endpoint_entry("tiny", base_url, max_output_tokens=5, timeout_s=60) | {"model": str(model)}
        checked = run_program("endpoints", "check", write_endpoints(tmp_path / "check.yaml", entry), "--json")
        assert checked.status == 0, checked.err
        ended, out = measured(tmp_path, [entry], samples=write_samples(tmp_path / "samples", 4))
    assert ended.status == 0, ended.err
    rows = pq.read_table(out / "outcomes.parquet").to_pylist()
    assert [row["error"] for row in rows] == [None] * 4
    assert all(0 < row["output_tokens"] <= 5 and not row["tokens_counted_here"] for row in rows)
    assert all(row["input_tokens"] > 10 and row["latency_s"] > 0 for row in rows)
    figures = json.loads((out / "measure_report.json").read_text())["candidates"][0]
    assert (figures["answered"], figures["graded"], figures["failed"]) == (4, 4, 0)
