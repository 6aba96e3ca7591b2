"""kill -9 in the middle of a measurement: no answer is asked for again, nothing that was paid is forgotten."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pyarrow.parquet as pq

from tests.measuring.made import measured, write_samples
from tests.standins.openai_server import OpenAIStandIn, Scripted, endpoint_entry, write_endpoints

NUM, AT_ONCE = 60, 4
USAGE = {"prompt_tokens": 100, "completion_tokens": 10}


def test_after_kill_9_a_rerun_asks_nothing_twice_but_what_was_under_way(tmp_path):
    samples = write_samples(tmp_path / "samples", NUM, images=False)
    with OpenAIStandIn(lambda asked, number: Scripted("A", usage=USAGE, delay=0.02)) as server:
        entry = endpoint_entry("a", server.base_url, max_concurrency=AT_ONCE, max_output_tokens=10)
        file = write_endpoints(tmp_path / "endpoints.yaml", entry)
        command = [sys.executable, "-m", "vlrouterbench", "measure", samples, "--endpoints", file, "--yes"]
        command += ["--out", tmp_path / "tables", "--max-usd", "1"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(server.asked) < NUM // 2 and process.poll() is None:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        before = len(server.asked)
        assert NUM // 2 <= before < NUM
        ended, out = measured(tmp_path, [entry], "--max-usd", "1", samples=samples)
        assert ended.status == 0, ended.err
        times = Counter(asked.text for asked in server.asked)
    assert len(times) == NUM and sum(times.values()) - NUM <= AT_ONCE
    rows = pq.read_table(out / "outcomes.parquet").to_pylist()
    assert [row["quality"] for row in rows] == [1.0] * NUM
    report = json.loads((out / "measure_report.json").read_text())
    twice = sum(times.values()) - NUM
    # Requests that were under way count as paid at their reserve: 1 USD per million of at most 700 and 2 of 10 tokens.
    assert (
        report["paid_usd"] + 1e-12 >= NUM * 120 / 1e6
        and twice * 120 / 1e6 <= report["maybe_paid_usd"] <= AT_ONCE * 8e-4
    )
