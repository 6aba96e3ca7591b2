"""The upstream of `bench serve`: answers every chat completion at once with the same bytes, in a process of its own.

Decisions
- It reads the whole body, as every server does, and does nothing else: what is measured is what stands before it.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

_ANSWER = {
    "id": "bench",
    "object": "chat.completion",
    "created": 0,
    "model": "bench",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "A"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 300, "completion_tokens": 1, "total_tokens": 301},
}
Message = MutableMapping[str, Any]


def serve() -> None:
    """Answer until the process ends; the port is written to stdout."""
    import uvicorn

    body = json.dumps(_ANSWER).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def app(
        _: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    with socket.socket() as listening:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections take it over
        listening.bind(("127.0.0.1", 0))
        listening.listen(256)
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(app, lifespan="off", log_level="critical", access_log=False, timeout_keep_alive=600)
        uvicorn.Server(config).run(sockets=[listening])
