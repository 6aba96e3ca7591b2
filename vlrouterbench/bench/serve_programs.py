"""The programs of `bench serve`, each started as its users start it: upstream, gateway, and LiteLLM's proxy.

Decisions
- Readiness is asked over HTTP, and a program that ends before it says why in the error.
- LiteLLM fetches nothing (`LITELLM_LOCAL_MODEL_COST_MAP`), needs no key, keeps no log and has one process, as the
  gateway that it is compared with.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.output_text import one_line

_READY_S = 180.0
_PAUSE_S = 0.05
_TOLD = 400


@dataclass(frozen=True)
class Program:
    """A server that answers.

    Attributes:
        port: of this machine.
        pid: of the process that was started.
        ready_s: seconds from its start to its first answer.
        log: of its requests, a folder; None where it keeps none.
    """

    port: int
    pid: int
    ready_s: float
    log: Path | None = None

    @property
    def pids(self) -> list[int]:
        """The process and those that it started; itself alone where the system does not tell."""
        found = [self.pid]
        for pid in found:
            try:
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
            except OSError:
                continue
            found += [int(child) for child in children.split()]
        return found


@contextmanager
def running_upstream() -> Iterator[int]:
    """The upstream's port, while it runs in a process of its own."""
    command = [sys.executable, "-c", "from vlrouterbench.bench.serve_upstream import serve; serve()"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            if not port:
                raise VLRouterBenchError("expected the upstream of `bench serve` to start, found that it ended.")
            yield int(port)
        finally:
            process.terminate()


@contextmanager
def running_gateway(router: Path, endpoints: Path, folder: Path, *, workers: int) -> Iterator[Program]:
    """`vlrouterbench serve` with a log, as a process of its own."""
    port, log = _free_port(), folder / f"log-{workers}"
    options = ["--router", str(router), "--endpoints", str(endpoints), "--log", str(log)]
    command = [sys.executable, "-m", "vlrouterbench", "serve", *options, "--port", str(port), "--workers", str(workers)]
    with _running(command, port, "/readyz", folder / f"gateway-{workers}.txt", {}) as (pid, ready_s):
        yield Program(port, pid, ready_s, log)


@contextmanager
def running_litellm(python: Path, names: Sequence[str], upstream: int, folder: Path) -> Iterator[Program]:
    """LiteLLM's proxy by the interpreter of an environment that it is installed in."""
    port = _free_port()
    how = {"api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "none"}
    models = [{"model_name": name, "litellm_params": {"model": f"openai/{name}", **how}} for name in names]
    config = folder / "litellm.yaml"
    config.write_text(json.dumps({"model_list": models, "litellm_settings": {"telemetry": False}}), encoding="utf-8")
    start = "from litellm.proxy.proxy_cli import run_server; run_server()"
    options = ["--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    own = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        "LITELLM_LOG": "ERROR",
        "NO_PROXY": "127.0.0.1",
    }
    command = [str(python), "-c", start, *options]
    with _running(command, port, "/health/liveliness", folder / "litellm.txt", own) as (pid, ready_s):
        yield Program(port, pid, ready_s)


def litellm_version(python: Path) -> str:
    """The version of LiteLLM in an environment.

    Raises:
        VLRouterBenchError: there is no interpreter, or no LiteLLM.
    """
    command = [str(python), "-c", "from importlib.metadata import version; print(version('litellm'))"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise VLRouterBenchError(
            f"--litellm {python}: expected a Python with litellm[proxy] ({type(error).__name__}). Make one: "
            "python -m venv DIR; DIR/bin/pip install 'litellm[proxy]'; --litellm DIR/bin/python."
        ) from error


@contextmanager
def _running(
    command: Sequence[str], port: int, path: str, output: Path, environment: Mapping[str, str]
) -> Iterator[tuple[int, float]]:
    started = time.perf_counter()
    with (
        output.open("wb") as written,
        subprocess.Popen(command, stdout=written, stderr=written, env={**os.environ, **environment}) as process,
    ):
        try:
            while not _answers(port, path):
                if process.poll() is not None or time.perf_counter() - started > _READY_S:
                    said = one_line(output.read_text(encoding="utf-8", errors="replace"))[-_TOLD:]
                    raise VLRouterBenchError(f"expected {command[0]} to answer at {path}, found: {said or 'nothing'}.")
                time.sleep(_PAUSE_S)
            yield process.pid, time.perf_counter() - started
        finally:
            process.terminate()


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])
