"""`vlrouterbench endpoints check`: one tiny request to each endpoint.

Decisions
- With an image of a few pixels where the endpoint takes images, since that is what will be asked.
- All are asked at once, each once: a limit on requests is no reason to wait, and a failure is what is looked for.
"""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass, replace

from PIL import Image

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.measuring.asking.client import ChatClient
from vlrouterbench.measuring.asking.images import data_url
from vlrouterbench.measuring.asking.replies import Failure, Reply
from vlrouterbench.measuring.asking.request import request_body
from vlrouterbench.measuring.endpoints.endpoint import Endpoint, EndpointFile

QUESTION = "Answer with the one word: yes"
_TOKENS = 16
_SIDE = 32


@dataclass(frozen=True)
class Checked:
    """How an endpoint answered; `problem` is "" where it did."""

    name: str
    problem: str
    latency_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    answer: str = ""


def check_endpoints(file: EndpointFile) -> list[Checked]:
    """Ask each endpoint once, in the order of the file."""
    return asyncio.run(_check_all(file))


async def _check_all(file: EndpointFile) -> list[Checked]:
    async with ChatClient() as client:
        return list(await asyncio.gather(*(_check(client, endpoint) for endpoint in file.endpoints)))


async def _check(client: ChatClient, endpoint: Endpoint) -> Checked:
    cap = min(_TOKENS, endpoint.max_output_tokens or _TOKENS)
    body = request_body(replace(endpoint, max_output_tokens=cap), QUESTION, [_tiny()] if endpoint.max_images else [])
    try:
        found: Reply | Failure = await client.ask(endpoint, body)
    except VLRouterBenchError as error:
        return Checked(endpoint.name, str(error))
    if isinstance(found, Failure):
        return Checked(endpoint.name, str(found))
    return Checked(endpoint.name, "", found.latency_s, found.input_tokens, found.output_tokens, found.text)


def _tiny() -> str:
    """A small image as a data URL."""
    buffer = io.BytesIO()
    Image.new("RGB", (_SIDE, _SIDE), (40, 90, 200)).save(buffer, "PNG")
    return data_url(buffer.getvalue(), None).url
