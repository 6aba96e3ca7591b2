"""`bench measure`: 2,000 questions with images to a server that answers in 200 ms, against the time that it must take.

Decisions
- The server is a process of its own on this machine: it reads each request whole, waits, and answers. So its work is
  part of the time, as on two cores nothing else would be honest.
- The baseline is arithmetic and no program: requests times the server's time, divided by those it allows at once.
- `ours` is everything from the table of questions to the tables of outcomes.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from PIL import Image

from vlrouterbench.bench.comparison import Comparison, compared, peak_memory_gib, timed
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.measuring.measure import measure
from vlrouterbench.measuring.measurement import Measurement
from vlrouterbench.measuring.prompts import DEFAULT_TEMPLATE
from vlrouterbench.measuring.sample_sources import read_samples
from vlrouterbench.measuring.samples import take_in

NUM_REQUESTS, AT_ONCE, ANSWER_SECONDS = 2_000, 64, 0.2
_SIDE, _IMAGES = 512, 100
_ANSWER = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "A"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 300, "completion_tokens": 1},
}


class MeasureComparison(Comparison):
    """`bench measure`; times are seconds, `requests_per_second` ours."""

    requests: int
    at_once: int
    answer_seconds: float
    failed: int
    requests_per_second: float
    peak_memory_gib: float


def bench_measure(*, scale: float = 1.0) -> MeasureComparison:
    """Measure a share of 2,000 questions of one candidate.

    Returns:
        Seconds that it must take and took, and their ratio: 1 would be no work of ours at all.
    """
    count = max(AT_ONCE, round(NUM_REQUESTS * scale))
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as scratch, _server() as base_url:
        source, out = Path(scratch) / "samples", Path(scratch) / "tables"
        _write_samples(source, count)
        endpoint = Endpoint("a", "m", 1.0, 1.0, base_url=base_url, max_concurrency=AT_ONCE, max_output_tokens=16)

        def work() -> int:
            samples = take_in(read_samples(source, None), out, None)
            report = measure(Measurement(samples, DEFAULT_TEMPLATE, (endpoint,)), out, prices_from="bench")
            return report["candidates"][0]["failed"]

        failed, seconds = timed(work)
    return {
        **compared("measure", ours=seconds, baseline=count * ANSWER_SECONDS / AT_ONCE),
        "requests": count,
        "at_once": AT_ONCE,
        "answer_seconds": ANSWER_SECONDS,
        "failed": failed,
        "requests_per_second": count / seconds,
        "peak_memory_gib": peak_memory_gib(),
    }


def picture(rng: np.random.Generator) -> bytes:
    """A JPEG of 512 px, as large as photographs are."""
    coarse = Image.fromarray(rng.integers(0, 255, (_SIDE // 4, _SIDE // 4, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    coarse.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _write_samples(folder: Path, count: int) -> None:
    """Questions with options on images of 512 px, as large as photographs are."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(_IMAGES):
        (folder / f"{number}.jpg").write_bytes(picture(rng))
    rows = [
        {"sample_id": f"s{n}", "question": f"What is in picture {n}?", "image": f"{n % _IMAGES}.jpg"}
        | {"options": ["a cat", "a dog"], "answer": "A"}
        for n in range(count)
    ]
    (folder / "samples.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


@contextmanager
def _server() -> Iterator[str]:
    """The server's base URL, while it runs in a process of its own."""
    command = [sys.executable, "-c", "from vlrouterbench.bench.measure import serve; serve()"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            if not port:
                raise VLRouterBenchError("expected the server of `bench measure` to start, found that it ended.")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


def serve() -> None:
    """Answer chat completions after ANSWER_SECONDS, until the process ends; the port is written to stdout."""
    body = json.dumps(_ANSWER).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            due = time.monotonic() + ANSWER_SECONDS
            self.rfile.read(int(self.headers["content-length"]))
            time.sleep(max(0.0, due - time.monotonic()))
            head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: a line for every request is no part of what is timed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.request_queue_size = 2 * AT_ONCE
    server.socket.listen(2 * AT_ONCE)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
