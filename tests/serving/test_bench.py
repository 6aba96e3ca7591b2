"""`bench serve` asks real servers and tells what a gateway adds; its parts come from the gateway's own log."""

import itertools
import math
import os
import socket
import sqlite3

import pytest
import uvicorn

from tests.cli.conftest import run_program
from tests.serving.conftest import running_gateway
from vlrouterbench.bench import serve, serve_clients
from vlrouterbench.bench.serve_clients import Questions, Target, at_once
from vlrouterbench.bench.serve_programs import Program, running_upstream
from vlrouterbench.serving.server import opened_address


@pytest.fixture(scope="module")
def run(router_folder, tmp_path_factory):
    """A gateway in this process, the upstream in one of its own, and the bench of both at its smallest."""
    folder = tmp_path_factory.mktemp("bench")
    with running_upstream() as port, running_gateway(router_folder, folder, log=True, max_images=8, at=port) as running:
        own = running.client.base_url.port
        program = Program(own, os.getpid(), 0.5, folder / "log")
        yield serve.Bench(router_folder, port, "small", Questions(), 0.001), program


def test_all_that_is_asked_in_turn_is_answered_and_the_parts_of_decisions_are_told(run):
    bench, program = run
    alone = bench.alone(program, None)
    assert set(alone.medians) == {"upstream text", "upstream image", "text", "image", "direct"}
    added = serve.overhead(alone.medians, "")
    assert added["image"] == alone.medians["image"] - alone.medians["upstream image"]
    assert added["direct"] == alone.medians["direct"] - alone.medians["upstream text"]
    assert all(map(math.isnan, serve.overhead(alone.medians, serve.PROXY).values()))
    assert set(alone.parts_ms) == {"text", "image"} and set(alone.parts_ms["image"]) == set(serve.PARTS)
    assert alone.parts_ms["image"]["decode"] > alone.parts_ms["text"]["decode"] >= 0
    assert alone.direct_load["requests"] == serve.CLIENTS and alone.direct_load["errors"] == 0


def test_memory_is_watched_over_the_requests_that_were_asked_for(run):
    bench, program = run
    load, memory = bench.loaded(program, 9)
    assert (load["requests"], load["errors"], memory["requests"], memory["errors"]) == (serve.CLIENTS, 0, 9, 0)
    assert memory["growth"] == memory["after_mib"] / memory["before_mib"] - 1
    kinds = "select mode, count(*) from requests group by mode"
    program_log = sqlite3.connect(next(program.log.glob("requests-*.sqlite")))
    assert {mode for mode, _ in program_log.execute(kinds)} == {"route", "direct"}


def test_requests_that_are_encoded_together_are_decided_as_alone(run):
    bench, _ = run
    told = bench.batching()
    gain = told["together_per_second"] / told["single_per_second"]
    assert told["same_decisions"] and told["gain"] == pytest.approx(gain)


def test_what_is_refused_counts_as_an_error(run):
    bench, program = run
    told = at_once([Target(program.port, "nobody")], bench.questions, clients=2, requests=4)
    assert (
        (told["requests"], told["errors"]) == (0, 4) and "HTTP 404" in told["first_errors"][0] and "p50_ms" not in told
    )


def test_an_interpreter_without_litellm_is_refused_with_how_to_make_one(tmp_path):
    done = run_program("bench", "serve", "--litellm", tmp_path / "python")
    assert done.status == 1 and "litellm[proxy]" in done.err and len(done.errors) == 1
    done = run_program("bench", "measure", "--requests", "5")
    assert done.status == 1 and "--requests is an option of `bench serve`" in done.err


def test_the_address_of_several_processes_sends_answers_without_waiting_for_acknowledgements():
    with opened_address(uvicorn.Config("a:b", host="127.0.0.1", port=0)) as opened:
        opened.listen()
        with socket.create_connection(opened.getsockname()), opened.accept()[0] as taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_in_turn_nobody_is_asked_after_the_same_one_in_every_round(monkeypatch):
    asked = []

    class Client:
        def __init__(self, port):
            self.port = port

        def ask(self, body):
            asked.append(self.port)
            return 1.0

        def close(self):
            pass

    monkeypatch.setattr(serve_clients, "Client", Client)
    monkeypatch.setattr(serve_clients, "_PAUSE_S", 0)
    targets = {str(port): Target(port, "a") for port in range(4)}
    took = serve_clients.in_turn(targets, Questions(), rounds=20, warm_up=2)
    assert {name: len(times) for name, times in took.items()} == dict.fromkeys(targets, 20)
    rounds = [asked[start : start + 4] for start in range(0, len(asked), 4)]
    assert all(sorted(one) == [0, 1, 2, 3] for one in rounds)
    pairs = {pair for one in rounds for pair in itertools.pairwise(one)}
    assert len(pairs) == 12, "each follows each other"
