"""`bench demo`: the routing demo's speed: one route call, a slider's move, 50 clients at once, memory over many calls.

Decisions
- The app runs as its own process, on a benchmark made for it, and is called on the loopback as programs call it: one
  request to start a call, one to read its end. Clients share this machine with the app.
- The baseline is deciding with encoding, ours is deciding on kept features: what a move of the slider spares.
- Memory is the app's resident memory after a warm-up and at the end; where the system does not tell it, it is null.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np
from PIL import Image

from vlrouterbench.bench.comparison import Comparison, Spread, compared, resident_mib, spread
from vlrouterbench.demo.controls import Preference
from vlrouterbench.demo.deciding import answer, encode
from vlrouterbench.demo.workspace import Workspace, prepare
from vlrouterbench.routing.limits import checked_image

CLIENTS, SECONDS, CALLS = 50, 60.0, 2_000
_NUM_SAMPLES = 600
_LOCAL_CALLS = 200
_WARM_UP = 500
"""Calls until the libraries' own stores are as large as they get: measured over 4,000."""
_QUESTION = "Which of the bars is the tallest, and by how much?"


class Clients(TypedDict):
    """Calls of several clients at once; percentiles where there were any, and the first errors."""

    clients: int
    seconds: float
    calls: int
    errors: int
    calls_per_second: float
    p50_ms: NotRequired[float]
    p95_ms: NotRequired[float]
    p99_ms: NotRequired[float]
    first_errors: list[str]


class Memory(TypedDict):
    """Resident memory of the app around so many calls; None where the system does not tell it."""

    calls: int
    after_warm_up_mib: float | None
    at_the_end_mib: float | None


class DemoComparison(Comparison):
    """`bench demo`."""

    route_call: Spread
    with_encoding: Spread
    on_kept_features: Spread
    clients: Clients
    memory: Memory
    scale: float


def bench_demo(*, scale: float = 1.0) -> DemoComparison:
    """Measure at a share of 60 seconds and 2,000 calls.

    Returns:
        Milliseconds (p50) of a decision with encoding (`baseline`) and on kept features (`ours`), their ratio; and
        `route_call`, `clients` and `memory`, see below.
    """
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-bench-demo-") as temporary:
        folder = Path(temporary) / "app"
        workspace = prepare(folder, num_samples=_NUM_SAMPLES)
        image = next(image for image in workspace.test.iter_images() if image is not None)
        encoded, kept = _decisions(workspace, image, max(5, round(_LOCAL_CALLS * scale)))
        with _running_app(folder) as (process, url):
            caller = Caller(url)
            alone = [caller.timed(image) for _ in range(max(5, round(_LOCAL_CALLS * scale)))]
            memory = _memory(process, caller, image, max(10, round(CALLS * scale)))
            clients = _many_clients(url, image, seconds=max(1.0, SECONDS * scale))
    ours, baseline = float(np.median(kept)), float(np.median(encoded))
    return {
        **compared("demo", ours=ours, baseline=baseline, unit="ms"),
        "route_call": spread(alone),
        "with_encoding": spread(encoded),
        "on_kept_features": spread(kept),
        "clients": clients,
        "memory": memory,
        "scale": scale,
    }


class Caller:
    """Calls the app's `/route` as a program does.

    Args:
        url: of the app, with a slash at its end.
    """

    def __init__(self, url: str) -> None:
        import httpx

        self.url = url
        self._client = httpx.Client(base_url=f"{url}gradio_api/", timeout=120.0, trust_env=False)
        self._path: str | None = None

    def timed(self, image: bytes) -> float:
        """Milliseconds of one call; the image is uploaded with the first.

        Raises:
            RuntimeError: the app answered with an error.
        """
        if self._path is None:
            sent = self._client.post("upload", files={"files": ("image.jpg", image)})
            self._path = sent.raise_for_status().json()[0]
        file = {"path": self._path, "meta": {"_type": "gradio.FileData"}}
        start = time.perf_counter()
        begun = self._client.post("call/route", json={"data": [_QUESTION, file, None, None, None, None]})
        event = begun.raise_for_status().json()["event_id"]
        events = self._client.get(f"call/route/{event}").raise_for_status().text
        took = 1000 * (time.perf_counter() - start)
        if "event: complete" not in events:
            raise RuntimeError(f"the demo answered with an error: {events[-300:]}")
        return took


def _decisions(workspace: Workspace, content: bytes, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of decisions in this process: with reading and encoding the image, and on kept features."""
    encoded, kept = [], []
    for number in range(count):
        start = time.perf_counter()
        features = encode(workspace.router, _QUESTION, checked_image(content))
        answer(workspace.router, features, Preference(), strongest=workspace.strongest)
        middle = time.perf_counter()
        answer(workspace.router, features, Preference(position=number % 101), strongest=workspace.strongest)
        encoded.append(1000 * (middle - start))
        kept.append(1000 * (time.perf_counter() - middle))
    return encoded, kept


@contextmanager
def _running_app(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = ["-m", "vlrouterbench", "demo", "--json", "--folder", str(folder), "--num-samples", str(_NUM_SAMPLES)]
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        output = ""
        while not output.rstrip().endswith("}"):
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError("the demo ended before it was ready: run `vlrouterbench demo` to see why.")
            output += line
        yield process, json.loads(output)["url"]
    finally:
        process.terminate()
        process.wait()


def _many_clients(url: str, image: bytes, *, seconds: float) -> Clients:
    """CLIENTS at once, each calling again as soon as it got an answer: calls, errors, milliseconds."""
    took: list[float] = []
    errors: list[str] = []
    until = time.monotonic() + seconds

    def ask() -> None:
        try:
            caller = Caller(url)
            while time.monotonic() < until:
                took.append(caller.timed(image))
        except (RuntimeError, OSError, _http_error()) as error:
            errors.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures: Clients = {
        "clients": CLIENTS,
        "seconds": seconds,
        "calls": len(took),
        "errors": len(errors),
        "calls_per_second": len(took) / seconds,
        "first_errors": errors[:3],
    }
    return {**figures, **spread(took)} if took else figures


def _http_error() -> type[Exception]:
    import httpx

    return httpx.HTTPError


def _memory(process: subprocess.Popen[str], caller: Caller, image: bytes, calls: int) -> Memory:
    """Resident memory of the app after a warm-up and after `calls` more calls, MiB."""
    for _ in range(min(_WARM_UP, calls)):
        caller.timed(image)
    before = resident_mib(process.pid)
    # Images of other sizes too: nothing may be kept of them.
    for number in range(calls):
        caller.timed(image)
        if number % 100 == 0:
            Caller(caller.url).timed(_noise(number))
    return {"calls": calls, "after_warm_up_mib": before, "at_the_end_mib": resident_mib(process.pid)}


def _noise(seed: int) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (400 + seed % 300, 500, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()
