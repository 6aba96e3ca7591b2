"""`serve --demo`: a router of simulated data and upstreams that only say who was asked, to try a gateway at once.

Decisions
- The stand-ins are part of the gateway's own server, under an address of their own, and are asked over the network like
  any other: nothing of the way from request to answer is left out.
- What they "answer" says that nobody was asked; tokens are counted roughly, so that costs can be seen to add up.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from vlrouterbench.core.files import staged_folder, write_json
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.simulation.simulate import SIMULATOR_VERSION, simulate_logs
from vlrouterbench.data.table import load_table
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.modeling_router import CALIBRATED_FAMILIES
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem
from vlrouterbench.version import __version__

PATH = "/stand-in/v1"
STAND_INS = "the router knows nothing about real models, and nobody is asked."
_NUM_SAMPLES = 600
_CHARS_PER_TOKEN = 4


def demo_files(folder: Path, port: int) -> tuple[Path, Path]:
    """A router of simulated data and an endpoints file of the stand-ins, made at the first start.

    Returns:
        The router's folder, and the file.
    """
    router, file = simulated_router(folder), folder / f"endpoints-{port}.json"
    write_endpoints(file, router, f"http://127.0.0.1:{port}{PATH}")
    return router, file


def simulated_router(folder: Path) -> Path:
    """The folder of a router that was trained on simulated data; made where it is not there."""
    made = folder / f"{__version__}-{SIMULATOR_VERSION}"
    if not made.is_dir():
        with staged_folder(made) as staging:
            benchmark = staging / "benchmark"
            build_from_logs(simulate_logs(num_samples=_NUM_SAMPLES, seed=0), benchmark)
            table = load_table(benchmark)
            trained = train_router(CALIBRATED_FAMILIES[0], Problem(table, encode_benchmark(table)))
            save_router(trained, staging / "router")
    return made / "router"


def write_endpoints(file: Path, router: Path, base_url: str) -> None:
    """Write an endpoints file with one address for every candidate of a router."""
    pool = AutoRouter.from_pretrained(router).config.candidates
    endpoints = [
        {
            "name": entry["name"],
            "base_url": base_url,
            "model": entry["name"],
            "input_price": entry["input_price"],
            "output_price": entry["output_price"],
            "max_images": 8,
            "tools": True,
        }
        for entry in pool
    ]
    write_json(file, {"candidates": endpoints})


def stand_in_routes() -> list[Route]:
    """The address of the stand-ins."""
    return [Route(f"{PATH}/chat/completions", _answer, methods=["POST"])]


async def _answer(request: Request) -> Response:
    body = await request.json()
    model, asked = str(body["model"]), len(json.dumps(body["messages"])) // _CHARS_PER_TOKEN
    text = f"{model} would answer this. It is a stand-in: nobody was asked."
    answered = len(text) // _CHARS_PER_TOKEN
    usage = {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}
    base = {"id": "stand-in", "created": 0, "model": model}
    if not body.get("stream"):
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return JSONResponse({**base, "object": "chat.completion", "choices": [choice], "usage": usage})
    return StreamingResponse(_events(base, text, usage), media_type="text/event-stream")


async def _events(base: dict[str, Any], text: str, usage: dict[str, int]) -> AsyncIterator[bytes]:
    def event(delta: dict[str, str], finish: str | None, **more: Any) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        content = {**base, "object": "chat.completion.chunk", "choices": choices, **more}
        return b"data: " + json.dumps(content).encode() + b"\n\n"

    yield event({"role": "assistant", "content": ""}, None)
    for word in text.split(" "):
        yield event({"content": f"{word} "}, None)
    yield event({}, "stop", usage=usage)
    yield b"data: [DONE]\n\n"
