"""The gateway's addresses: who may ask, what a request is, and how its answer is put into HTTP.

Decisions
- Without keys only this machine may ask, and no page that a browser shows: the `Host` must be this machine's, and an
  `Origin` likewise, so that no site can spend through a visitor's browser.
- Bodies are read up to a bound and a time. Errors have OpenAI's form, one line each; what is unexpected is told without
  its text, which may hold what somebody asked.
- Every answer to a request for a completion has its id, also where it was refused.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from vlrouterbench.core.errors import VLRouterBenchError, said, shown, unknown_name
from vlrouterbench.serving.chat import ChatRequest, read_chat, read_object
from vlrouterbench.serving.describing import answer_headers, described
from vlrouterbench.serving.gateway import ANYBODY, Gateway, Served
from vlrouterbench.serving.refusing import Whole, refused
from vlrouterbench.serving.remote_images import RemoteImages
from vlrouterbench.serving.request_error import RequestError
from vlrouterbench.serving.settings import AUTO, Key
from vlrouterbench.serving.starting import Swaps
from vlrouterbench.serving.turn import new_id

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_BODY_S = 30.0
_LONGEST_ID = 100
_RECENT = 10_000

Endpoint = Callable[[Request], Awaitable[Response]]


class Addresses:
    """What each address does.

    Args:
        gateway: who answers.
        swaps: of its router; None where there are none.
    """

    def __init__(self, gateway: Gateway, swaps: Swaps | None) -> None:
        self.gateway, self._swaps = gateway, swaps
        self._images = RemoteImages(gateway.settings.image_hosts)
        self.is_ready = False
        self._recent: OrderedDict[str, tuple[str, str]] = OrderedDict()

    async def chat(self, request: Request) -> Response:
        """`POST /v1/chat/completions`."""
        request.state.id = new_id()
        key = self._caller(request)
        chat = await self._with_images(read_chat(read_object(await self._body(request)), request.headers))
        served = await self.gateway.serve(chat, key, request.state.id)
        self._remember(served, key)
        headers = {**served.answer.headers, **answer_headers(served)}
        if chat.stream:
            return _Relayed(served, headers)
        try:
            whole = b"".join([chunk async for chunk in served.body])
        finally:
            await asyncio.shield(served.close())
        return Response(whole, served.answer.status, headers)

    async def route(self, request: Request) -> Response:
        """`POST /v1/route`: the decision alone."""
        key = self._caller(request)
        content = {"model": AUTO, **read_object(await self._body(request))}
        chat = await self._with_images(read_chat(content, request.headers))
        plan = await self.gateway.plan(chat, key)
        return JSONResponse(described(plan, self.gateway.forwarder.closed(plan.order)))

    async def models(self, request: Request) -> Response:
        """`GET /v1/models`."""
        key = self._caller(request)
        return JSONResponse({"object": "list", "data": [_model(name) for name in self._names(key)]})

    async def model(self, request: Request) -> Response:
        """`GET /v1/models/NAME`."""
        name, names = request.path_params["name"], self._names(self._caller(request))
        if name not in names:
            raise RequestError(404, str(unknown_name("model", name, names)), "model_not_found")
        return JSONResponse(_model(name))

    async def feedback(self, request: Request) -> Response:
        """`POST /v1/feedback`: how good an answer was, 0 to 1; of the key that asked, or one that may do anything."""
        key = self._caller(request)
        content = read_object(await self._body(request))
        _check_fields(content, ("request_id", "quality"))
        name, quality = content.get("request_id"), content.get("quality")
        if not isinstance(name, str) or isinstance(quality, bool) or not isinstance(quality, int | float):
            raise RequestError(400, 'expected "request_id" as a text and "quality" as a number from 0 to 1.')
        if not 0 <= quality <= 1:
            raise RequestError(400, f"expected a quality from 0 to 1, found {shown(quality)}.")
        log, candidate = self.gateway.log, None
        owner = None if key is None or key.admin else key.name
        if name.isascii() and name.isprintable() and len(name) <= _LONGEST_ID:
            if log is None:
                candidate, asker = self._recent.get(name, (None, ANYBODY))
                candidate = candidate if owner in (None, asker) else None
            else:
                candidate = await asyncio.to_thread(log.rate, name, float(quality), owner)
        if candidate is None:
            raise RequestError(
                404, "expected the x-vlrouter-request-id of an answer to this key, found one that is not known."
            )
        self.gateway.rated(name, candidate, float(quality))
        return JSONResponse({"request_id": name, "candidate": candidate, "quality": quality})

    async def healthz(self, _: Request) -> Response:
        """`GET /healthz`: the process answers."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """`GET /readyz`: requests can be decided."""
        return JSONResponse({"status": "ready" if self.is_ready else "starting"}, 200 if self.is_ready else 503)

    async def metrics(self, _: Request) -> Response:
        """`GET /metrics`."""
        return Response(self.gateway.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def admin_reload(self, request: Request) -> Response:
        """`POST /admin/reload`: another router, or the one before."""
        key = self._caller(request)
        if key is not None and not key.admin:
            raise RequestError(403, "expected a key with admin: true, found another.", "permission_error")
        if self._swaps is None:
            raise RequestError(409, "several processes serve: send SIGHUP to the first, which reloads all of them.")
        content = read_object(await self._body(request))
        _check_fields(content, ("router", "back"))
        folder, back = content.get("router"), content.get("back", False)
        if (folder is not None and not isinstance(folder, str)) or not isinstance(back, bool) or (folder and back):
            raise RequestError(400, 'expected "router" as a path, or "back" as true or false, or neither.')
        try:
            return JSONResponse(await self._swaps.swap(None if folder is None else Path(folder), back=back))
        except (VLRouterBenchError, OSError, ValueError) as error:
            raise RequestError(409, f"{said(error)}. The router that was served is served on.") from error

    def routes(self) -> list[Route]:
        """All of them."""
        known: list[tuple[str, str, Endpoint]] = [
            ("/v1/chat/completions", "POST", self.chat),
            ("/v1/route", "POST", self.route),
            ("/v1/models", "GET", self.models),
            ("/v1/models/{name:path}", "GET", self.model),
            ("/v1/feedback", "POST", self.feedback),
            ("/healthz", "GET", self.healthz),
            ("/readyz", "GET", self.readyz),
            ("/metrics", "GET", self.metrics),
            ("/admin/reload", "POST", self.admin_reload),
        ]
        return [Route(path, endpoint, methods=[method]) for path, method, endpoint in known]

    def _names(self, key: Key | None) -> list[str]:
        """Model names that a key may ask."""
        names = self.gateway.planner.names
        if key is None or not key.candidates:
            return names
        return [name for name in names if name not in self.gateway.forwarder.endpoints or name in key.candidates]

    def _caller(self, request: Request) -> Key | None:
        settings = self.gateway.settings
        if not settings.keys:
            for name in ("host", "origin"):
                value = request.headers.get(name)
                if value is not None and _host_of(value if name == "origin" else f"//{value}") not in LOOPBACK:
                    raise RequestError(
                        403, f"without keys only this machine may ask; found another {name}.", "permission_error"
                    )
            return None
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        key = settings.key_of(bearer.strip()) if scheme.lower() == "bearer" else None
        if key is None:
            raise RequestError(
                401, "expected a key of this gateway as a bearer, found none or another.", "authentication_error"
            )
        return key

    async def _with_images(self, chat: ChatRequest) -> ChatRequest:
        return chat.with_messages(await self._images.brought(chat.messages)) if chat.names_images else chat

    async def _body(self, request: Request) -> bytes:
        most = self.gateway.settings.max_body_bytes
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestError(415, "expected a body without content-encoding, found an encoded one.")
        stated = request.headers.get("content-length", "")
        parts, size = list[bytes](), int(stated) if stated.isdigit() else 0
        if size <= most:
            size = 0
            try:
                async with asyncio.timeout(_BODY_S):
                    async for chunk in request.stream():
                        parts.append(chunk)
                        size += len(chunk)
                        if size > most:
                            break
            except TimeoutError:
                raise RequestError(408, f"expected the whole body within {_BODY_S:g} s.") from None
            except ClientDisconnect:
                raise RequestError(400, "the caller went away.") from None
        if size > most:
            raise RequestError(413, f"expected a body of at most {most:,} bytes, found more.")
        return b"".join(parts)

    def _remember(self, served: Served, key: Key | None) -> None:
        self._recent[served.request_id] = served.outcome.candidate, ANYBODY if key is None else key.name
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)


class _Relayed(StreamingResponse):
    """A stream that is closed in the end, also where its caller went away before it began."""

    def __init__(self, served: Served, headers: dict[str, str]) -> None:
        super().__init__(served.body, served.answer.status, headers)
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await asyncio.shield(self._served.close())


def _check_fields(content: Mapping[str, object], known: tuple[str, ...]) -> None:
    """A field that means nothing here is refused: it may be one that is written wrong.

    Raises:
        RequestError: there is one.
    """
    for name in content:
        if name not in known:
            raise RequestError(400, str(unknown_name("field", name, known)))


def _model(name: str) -> dict[str, str | int]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "vlrouterbench"}


def make_app(gateway: Gateway, swaps: Swaps | None = None) -> Starlette:
    """The application of a gateway."""
    addresses = Addresses(gateway, swaps)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await gateway.start()
        if swaps is not None:
            swaps.on_hangup()
        addresses.is_ready = True
        try:
            yield
        finally:
            addresses.is_ready = False
            if swaps is not None:
                await swaps.stop()
            await gateway.stop()

    handlers: dict[Any, Any] = {RequestError: refused, HTTPException: refused, Exception: refused}
    whole = [Middleware(Whole)]
    app = Starlette(routes=addresses.routes(), lifespan=lifespan, exception_handlers=handlers, middleware=whole)
    app.state.gateway = gateway
    return app


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
