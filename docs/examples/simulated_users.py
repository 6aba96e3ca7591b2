"""Simulated users of a gateway: they ask the questions of a simulated benchmark and rate the answers by its outcomes.

    python simulated_users.py TRAFFIC endpoints.yaml --gateway http://127.0.0.1:8000 --requests 1000

What it stands for is simulated, the way is not: questions go to the gateway over HTTP, the gateway asks the upstream of
this script over HTTP, which answers with the tokens that the benchmark has of that candidate, and ratings come in at
`/v1/feedback`. `--worse NAME=0.5` lets a candidate answer wrongly in half of what it knew: it changed since a router
learnt. `--endpoints-only` writes the endpoints file and ends, so that the gateway can be started first.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import threading
import urllib.request
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

import vlrouterbench

PORT = 8001
Messages = list[dict[str, Any]]


class Traffic:
    """Requests with the outcome of every candidate.

    Args:
        folder: a simulated benchmark.
        worse: candidate -> share of its right answers that are wrong now.
    """

    def __init__(self, folder: str | Path, worse: Mapping[str, float] | None = None) -> None:
        self.table = vlrouterbench.load_table(folder)
        self.messages = [self._asked(row, image) for row, image in enumerate(self.table.iter_images())]
        self.places = {_key(messages): place for place, messages in enumerate(self.messages)}
        self.quality = self.table.quality.copy()
        for name, share in (worse or {}).items():
            lost = np.array([_draw(f"{name} {place}") < share for place in range(len(self.messages))])
            self.quality[lost, self.table.pool.names.index(name)] = 0.0

    def _asked(self, row: int, image: bytes | None) -> Messages:
        text = "\n".join([self.table.column("question")[row], *(self.table.column("options")[row] or ())])
        parts: list[dict[str, Any]] = [{"type": "text", "text": text}]
        if image is not None:
            url = f"data:image/png;base64,{base64.b64encode(image).decode()}"
            parts.append({"type": "image_url", "image_url": {"url": url}})
        return [{"role": "user", "content": parts}]

    def usage(self, messages: Messages, name: str) -> dict[str, int]:
        """Tokens that a candidate's answer is billed by."""
        row, column = self.places[_key(messages)], self.table.pool.names.index(name)
        counts = [int(self.table.matrices[kind][row, column]) for kind in ("input_tokens", "output_tokens")]
        return {"prompt_tokens": counts[0], "completion_tokens": counts[1]}


def _key(messages: Messages) -> bytes:
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).digest()


def _draw(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def write_endpoints(traffic: Traffic, path: str | Path, port: int = PORT) -> None:
    """An endpoints file whose candidates all live at this script."""
    base_url, pool = f"http://127.0.0.1:{port}/v1", traffic.table.pool.candidates
    entries = [
        {"name": one.name, "base_url": base_url, "model": one.name, "max_images": 8}
        | {"input_price": one.input_price, "output_price": one.output_price}
        for one in pool
    ]
    Path(path).write_text(json.dumps({"candidates": entries}, indent=1))


class Upstream:
    """A server that answers for every candidate; to be used as a context."""

    def __init__(self, traffic: Traffic, port: int = PORT) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                message = {"role": "assistant", "content": "Simulated: nobody was asked."}
                content = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
                content["usage"] = traffic.usage(body["messages"], body["model"])
                answer = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def ask_and_rate(traffic: Traffic, gateway: str, places: Iterable[int], threads: int = 4) -> np.ndarray:
    """Ask the requests at some places, rate every answer.

    Returns:
        Quality and cost (USD) of each, (num_requests, 2).
    """
    names, table = traffic.table.pool.names, traffic.table

    def post(path: str, content: Mapping[str, Any]) -> Message:
        request = urllib.request.Request(gateway + path, json.dumps(content).encode(), method="POST")
        request.add_header("content-type", "application/json")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            answer.read()
            return cast(Message, answer.headers)

    def one(place: int) -> tuple[float, float]:
        headers = post("/v1/chat/completions", {"model": "auto", "messages": traffic.messages[place]})
        column = names.index(headers["x-vlrouter-candidate"])
        quality = float(traffic.quality[place, column])
        post("/v1/feedback", {"request_id": headers["x-vlrouter-request-id"], "quality": quality})
        return quality, float(table.cost[place, column])

    with ThreadPoolExecutor(threads) as pool:
        return np.array(list(pool.map(one, places)))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("traffic")
    parser.add_argument("endpoints")
    parser.add_argument("--gateway", default="http://127.0.0.1:8000")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--skip", type=int, default=0, help="requests that were asked before")
    parser.add_argument("--worse", action="append", default=[], metavar="NAME=SHARE")
    parser.add_argument("--endpoints-only", action="store_true")
    given = parser.parse_args()
    worse = {name: float(share) for name, _, share in (one.rpartition("=") for one in given.worse)}
    traffic = Traffic(given.traffic, worse)
    write_endpoints(traffic, given.endpoints, given.port)
    if given.endpoints_only:
        return
    with Upstream(traffic, given.port):
        found = ask_and_rate(traffic, given.gateway, range(given.skip, given.skip + given.requests))
    accuracy, cost = found.mean(axis=0)
    told = f"{len(found)} requests, {100 * accuracy:.2f} % right, {10_000 * cost:.3f} USD per 10,000"
    sys.stdout.write(f"simulated: {told}\n")


if __name__ == "__main__":
    main()
