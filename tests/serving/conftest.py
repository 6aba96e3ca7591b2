"""A small router, and gateways that run in a thread of the test on a port of their own."""

import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import httpx
import pytest
import uvicorn

import vlrouterbench as vrb
from tests.standins.openai_server import OpenAIStandIn, endpoint_entry, write_endpoints
from tests.tables import CANDIDATES, write_own_tables
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.serving.server import app_of
from vlrouterbench.serving.starting import Start

NAMES = [name for name, *_ in CANDIDATES]
EASY, HARD = "A easy colour, number 3?", "A hard proof, number 3?"


@pytest.fixture(scope="session")
def router_folder(tmp_path_factory):
    """A flagship over three candidates: hard questions need the large one."""
    root = tmp_path_factory.mktemp("served")
    build_benchmark(write_own_tables(root / "tables", num_samples=90), root / "benchmark")
    table = vrb.load_table(root / "benchmark")
    vrb.save_router(vrb.train_router("flagship", vrb.Problem(table, vrb.encode_benchmark(table))), root / "router")
    return root / "router"


@dataclass
class Running:
    """A gateway that answers: its address, a client, and the upstream that it asks."""

    url: str
    client: httpx.Client
    upstream: OpenAIStandIn
    app: object

    def ask(self, question=EASY, model="auto", headers=None, **body):
        """One chat completion."""
        messages = question if isinstance(question, list) else [{"role": "user", "content": question}]
        content = {"model": model, "messages": messages, **body}
        return self.client.post("/v1/chat/completions", json=content, headers=headers)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(app, port):
    """An application behind a real server in a thread."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    server.install_signal_handlers = lambda: None
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(30)


@contextmanager
def running_gateway(router, folder, script=None, config=None, log=False, at=None, own=None, **fields):
    """A gateway of a router that asks a scripted upstream, or the port `at`; `fields` are of every endpoint.

    `own` has fields by candidate, which go before those.
    """
    with OpenAIStandIn(script) as upstream:
        base_url = upstream.base_url if at is None else f"http://127.0.0.1:{at}/v1"
        entries = [endpoint_entry(name, base_url, **fields | (own or {}).get(name, {})) for name in NAMES]
        endpoints = write_endpoints(folder / "endpoints.yaml", *entries)
        path = folder / "serve.yaml"
        path.write_text(json.dumps(config or {}))
        port = free_port()
        app = app_of(Start(str(router), str(endpoints), str(path), str(folder / "log") if log else ""))
        url = f"http://127.0.0.1:{port}"
        with served(app, port), httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            yield Running(url, client, upstream, app)


@pytest.fixture
def gateway(router_folder, tmp_path):
    """Starts gateways: `gateway(script, config={...}, **fields)` as a context; see `running_gateway`."""
    return partial(running_gateway, router_folder, tmp_path)


def asked_models(running):
    """Names of the candidates that were asked, in order."""
    return [asked.body["model"].removeprefix("org/") for asked in running.upstream.asked]
