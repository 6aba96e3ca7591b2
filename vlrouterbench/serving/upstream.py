"""One request of a gateway to one endpoint: its answer as bytes, or why there is none.

Decisions
- The client is that of measuring, for the same reasons (`measuring/asking/client.py`); no redirects, no `.netrc`.
- Bytes are passed on as they come. Nothing is sent to the caller before the first byte of a body is here, so that
  until then another candidate can be asked.
- A success that is neither a stream of events nor a chat completion (a login page, no choices) is a failure as in
  measuring: another candidate can still be asked. A whole chat completion is an answer to who asked for a stream too.
- 401, 403 and 404 speak of the gateway's own key, address or model name: the caller cannot mend them, and they are
  failures of the endpoint. Other 4xx are the caller's and are passed on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

import aiohttp

from vlrouterbench.core.errors import SHOWN_CHARACTERS
from vlrouterbench.core.output_text import one_line
from vlrouterbench.measuring.asking.client import proxy_of, retry_after
from vlrouterbench.measuring.asking.replies import Failure, Fault, error_of_body, fault_of_status, read_reply
from vlrouterbench.measuring.endpoints.endpoint import Endpoint, EndpointError
from vlrouterbench.version import __version__

MOST_ANSWER_BYTES = 64 * 2**20
_CHUNK = 2**16
_CONNECT_S = 10.0
_EVENTS = "text/event-stream"
_SAYS_NOTHING = ("", "text/plain", "application/octet-stream")
_FIRST_OF_EVENTS = (b"data:", b"event:", b"id:", b"retry:", b":")
_PASSED_ON = ("content-type", "retry-after")


@dataclass
class Answer:
    """An answer that has begun.

    Attributes:
        status, headers: to be passed on.
        chunks: the body as it comes; ends by `UpstreamBroke` where it breaks.
        first_byte_s: seconds until the first byte of the body.
        is_events: whether it is a stream of events.
        on_close: called once by `close`.
    """

    status: int
    headers: Mapping[str, str]
    chunks: AsyncGenerator[bytes]
    first_byte_s: float = 0.0
    is_events: bool = False
    on_close: list[Callable[[], None]] = field(default_factory=list)

    async def close(self) -> None:
        """Let go of what is left of it; to be called when it has been passed on, and when its caller has gone."""
        await self.chunks.aclose()
        while self.on_close:
            self.on_close.pop()()


class UpstreamBroke(Exception):
    """An answer that ended before it was whole, with its reason."""


@dataclass
class Upstreams:
    """Asks endpoints; to be used as an asynchronous context, in one event loop."""

    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def __aenter__(self) -> Upstreams:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
            headers={"user-agent": f"vlrouterbench/{__version__}", "content-type": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=["accept-encoding"],
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, endpoint: Endpoint, body: bytes, *, stream: bool, first_byte_s: float) -> Answer | Failure:
        """Ask once.

        Args:
            endpoint: whom.
            body: of the request, JSON.
            stream: whether the answer is passed on chunk by chunk; else it is whole before this returns.
            first_byte_s: seconds until a stream must begin; the endpoint's timeout bounds the rest.
        """
        started = time.perf_counter()
        try:
            key = endpoint.key()
        except EndpointError:
            return Failure(Fault.KEY, f"the environment variable {endpoint.api_key_env} of the gateway is not set")
        try:
            async with asyncio.timeout(min(first_byte_s, endpoint.timeout_s) if stream else endpoint.timeout_s):
                return await self._begun(endpoint, body, key, stream=stream, started=started)
        except TimeoutError:
            return Failure(Fault.TIMEOUT, f"no answer in {time.perf_counter() - started:.3g} s")
        except aiohttp.ClientConnectorError as error:
            return Failure(Fault.UNREACHABLE, _said(endpoint, str(error)))
        except (aiohttp.ClientError, OSError, ValueError, UpstreamBroke) as error:
            return Failure(Fault.BROKEN, _said(endpoint, f"{type(error).__name__}: {error}"))

    async def _begun(
        self, endpoint: Endpoint, body: bytes, key: str, *, stream: bool, started: float
    ) -> Answer | Failure:
        if self._session is None:
            raise RuntimeError("Upstreams is used outside its context")
        response = await self._session.post(
            endpoint.url,
            data=body,
            headers={"authorization": f"Bearer {key}"} if key else {},
            allow_redirects=False,
            proxy=proxy_of(endpoint.url),
            timeout=aiohttp.ClientTimeout(total=None, connect=_CONNECT_S),
        )
        has_begun = False
        try:
            if failure := await self._refusal(endpoint, response):
                return failure
            chunks = _chunks(response, endpoint.timeout_s)
            first = await anext(chunks, b"")
            is_events = stream and response.status < 300 and _begins_events(response, first)
            begun = [first] if is_events else [first, *[chunk async for chunk in chunks]]
            if response.status < 300 and not is_events and isinstance(found := read_reply(b"".join(begun)), Failure):
                return Failure(found.fault, _said(endpoint, found.detail))
            has_begun = True
        finally:
            if not has_begun:
                response.close()
        headers = {name: value for name in _PASSED_ON if _is_plain(value := response.headers.get(name, ""))}
        answer = Answer(response.status, headers, _after(begun, chunks), time.perf_counter() - started, is_events)
        answer.on_close.append(response.close)  # does nothing to a connection that has gone back already
        return answer

    async def _refusal(self, endpoint: Endpoint, response: aiohttp.ClientResponse) -> Failure | None:
        """What a status means that is no answer for the caller; None where it is one."""
        status = response.status
        if status < 300 or (status in (400, 413, 415, 422)):
            return None
        said = error_of_body(await response.content.read(_CHUNK))
        fault = Fault.SERVER if status < 400 else fault_of_status(status)
        wait = retry_after(response.headers.get("retry-after", ""))
        return Failure(fault, _said(endpoint, f"HTTP {status}: {said}"), wait)


def _begins_events(response: aiohttp.ClientResponse, first: bytes) -> bool:
    """Whether a body is a stream of events: by its content type, or by its first bytes where the type says nothing."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return bool(first) and (kind == _EVENTS or (kind in _SAYS_NOTHING and first.startswith(_FIRST_OF_EVENTS)))


async def _chunks(response: aiohttp.ClientResponse, timeout_s: float) -> AsyncGenerator[bytes]:
    """The body's bytes; the connection goes back when it is whole, and is closed when it is not."""
    size, deadline = 0, asyncio.get_running_loop().time() + timeout_s
    whole = False
    try:
        while True:
            async with asyncio.timeout_at(deadline):
                chunk = await response.content.readany()
            if not chunk:
                break
            size += len(chunk)
            if size > MOST_ANSWER_BYTES:
                raise UpstreamBroke(f"its answer is over {MOST_ANSWER_BYTES:,} bytes")
            yield chunk
        whole = True
    except TimeoutError:
        raise UpstreamBroke(f"its answer was not whole in {timeout_s:g} s") from None
    except aiohttp.ClientError as error:
        raise UpstreamBroke(f"its answer broke off: {one_line(str(error))[:SHOWN_CHARACTERS]}") from error
    finally:
        response.release() if whole else response.close()


async def _after(begun: list[bytes], rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    for chunk in begun:
        if chunk:
            yield chunk
    async for chunk in rest:
        yield chunk


def _is_plain(value: str) -> bool:
    """Whether a header of an upstream is there and can be one of ours."""
    return bool(value) and value.isascii() and value.isprintable()


def _said(endpoint: Endpoint, text: str) -> str:
    return one_line(endpoint.hidden(text))[: 2 * SHOWN_CHARACTERS]
