"""`vlrouterbench serve`: the gateway.

Decisions
- All that is served is checked before the address is opened, and the address is printed when requests are answered.
- Other processes load the plugins, and trust the code, that the first was started with.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlrouterbench.cli.extras import require_extra
from vlrouterbench.cli.parameters import options_of
from vlrouterbench.cli.plugins import allowing, load_plugins, loaded_plugins
from vlrouterbench.core.errors import VLRouterBenchError

if TYPE_CHECKING:
    from starlette.applications import Starlette

PORT = 8000
_VARIABLE = "VLROUTERBENCH_SERVE"
"""Of the environment: what other processes are started with, paths and flags, never a key."""


@dataclass(frozen=True)
class ServeRequest:
    """The options of `serve` as given on the command line."""

    router: Annotated[str | None, typer.Option(help="Router folder or Hub id.")] = None
    endpoints: Annotated[
        Path | None, typer.Option(help="Endpoints file (YAML) with an entry for every candidate; see docs/measure.md.")
    ] = None
    demo: Annotated[
        bool, typer.Option("--demo", help="A router of simulated data and upstreams that only say who was asked.")
    ] = False
    config: Annotated[
        Path | None, typer.Option(help="Configuration (YAML): objectives, keys, modes; see docs/serve.md.")
    ] = None
    log: Annotated[
        Path | None, typer.Option(help="Folder for a log of decisions and costs, without what was asked.")
    ] = None
    log_content: Annotated[
        bool, typer.Option("--log-content", help="Keep what was asked in the log as well, images too.")
    ] = False
    adapt: Annotated[
        bool,
        typer.Option("--adapt", help="Let estimates of accuracy and cost follow feedback, candidate by candidate."),
    ] = False
    host: Annotated[str, typer.Option(help="Address; another than this machine's needs keys.")] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = PORT
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer.")] = 1

    def check(self) -> None:
        """Refuse options that do not go together."""
        if self.demo and (self.router or self.endpoints):
            raise VLRouterBenchError("expected --demo or --router with --endpoints, found both.")
        if self.log_content and self.log is None:
            raise VLRouterBenchError("--log-content: expected --log FOLDER with it, found none.")
        if not self.demo and not (self.router and self.endpoints):
            found = "--router" if self.router else "--endpoints" if self.endpoints else "neither"
            raise VLRouterBenchError(f"expected --router and --endpoints, found {found}. `serve --demo` needs neither.")


@options_of(ServeRequest)
def serve(request: ServeRequest) -> None:
    """Serve an OpenAI-compatible address that picks the candidate to ask, asks it and passes its answer on."""
    request.check()
    for library in ("starlette", "uvicorn", "prometheus_client"):
        require_extra("serve", library, "serve")
    if request.log is not None:
        from vlrouterbench.serving.logs.parts import check_folder

        check_folder(request.log)
    from vlrouterbench.cli import console
    from vlrouterbench.core.simulated import SIMULATED_DATA
    from vlrouterbench.data.build import home_folder
    from vlrouterbench.routers.auto import fetches_encoders, trusts_code
    from vlrouterbench.serving import server
    from vlrouterbench.serving.demo import STAND_INS, demo_files
    from vlrouterbench.serving.starting import Start

    console.quiet_libraries()
    start = Start(
        router=request.router or "",
        endpoints=str(request.endpoints or ""),
        config=str(request.config or ""),
        log=str(request.log or ""),
        trust_remote_code=trusts_code.get(),
        log_content=request.log_content,
        adapt=request.adapt,
    )
    server.check_host(request.host, start.settings())
    if request.demo:
        with console.stage("a router of simulated data"):
            made, endpoints = demo_files(home_folder() / "serve-demo", request.port)
        start = replace(start, router=str(made), endpoints=str(endpoints))
    address = f"http://{request.host}:{request.port}"

    state = "answering" if request.workers == 1 else f"{request.workers} processes are loading the router to answer"
    notes = [f"{SIMULATED_DATA.capitalize()}: {STAND_INS}"] if request.demo else []

    def ready() -> None:
        console.show({"url": address, "router": start.router}, f"{state} at {address}/v1 (stop with Ctrl+C)", *notes)

    if request.workers == 1:
        server.serve(start, host=request.host, port=request.port, ready=ready, demo=request.demo)
        return
    told = {
        "start": asdict(start),
        "demo": request.demo,
        "plugins": list(loaded_plugins.get()),
        "downloads": fetches_encoders.get(),
    }
    os.environ[_VARIABLE] = json.dumps(told)
    server.serve_by_several(
        start, f"{__name__}:worker_app", host=request.host, port=request.port, ready=ready, workers=request.workers
    )


def worker_app() -> Starlette:
    """The application of one of several processes, which is told by a variable what the first was started with."""
    from vlrouterbench.cli import console
    from vlrouterbench.serving import server
    from vlrouterbench.serving.starting import Start

    console.quiet_libraries()
    told = json.loads(os.environ[_VARIABLE])
    load_plugins(told["plugins"])
    start = Start(**told["start"])
    with allowing(code=start.trust_remote_code, downloads=told["downloads"]):
        return server.app_of(start, demo=told["demo"], alone=False)
