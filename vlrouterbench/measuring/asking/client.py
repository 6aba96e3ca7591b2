"""One request to an OpenAI-compatible server, and what became of it.

Decisions
- The client is aiohttp, which the core has through `evaluate` and `fsspec[http]`: 0.25 ms of CPU for a request with an
  image, against 0.9 with httpx2, 1.5 with httpx and 1.6 with `huggingface_hub.AsyncInferenceClient`. The last one could
  not be used anyway: it refuses every request, also to this machine, under HF_HUB_OFFLINE=1; without a key it sends the
  user's Hub token to any base_url (`_prepare_api_key` of its provider helpers); it reads answers of any size and gives
  no headers of those that succeed.
- An answer is read up to a bound, redirects are not followed (the key and the question go to the address in the file
  and nowhere else), and no `.netrc` is looked at. Proxies are those of the environment, never for this machine.
- Whatever a server says is shown without the key.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from vlrouterbench.core.errors import SHOWN_CHARACTERS
from vlrouterbench.core.output_text import one_line
from vlrouterbench.measuring.asking.replies import Failure, Fault, Reply, error_of_body, fault_of_status, read_reply
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.version import __version__

MOST_ANSWER_BYTES = 16 * 2**20
_CHUNK = 2**16
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class ChatClient:
    """Asks endpoints; to be used as an asynchronous context, in one event loop."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> ChatClient:
        # Limits are the endpoints' own: the session has none.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            headers={"user-agent": f"vlrouterbench/{__version__}", "content-type": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, endpoint: Endpoint, body: bytes) -> Reply | Failure:
        """Ask once.

        Args:
            endpoint: whom.
            body: of the request, JSON.

        Raises:
            EndpointError: its key is not in the environment.
        """
        key = endpoint.key()
        started = time.perf_counter()
        try:
            async with asyncio.timeout(endpoint.timeout_s):
                found = await self._post(endpoint, body, key)
        except TimeoutError:
            return Failure(Fault.TIMEOUT, f"no whole answer in {endpoint.timeout_s:g} s")
        except aiohttp.ClientConnectorError as error:
            return Failure(Fault.UNREACHABLE, _said(endpoint, f"{endpoint.address}: {error}"))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Failure(Fault.BROKEN, _said(endpoint, f"{type(error).__name__}: {error}"))
        if isinstance(found, Failure):
            return found
        text = endpoint.hidden(found.text)
        seconds = time.perf_counter() - started
        return Reply(text, found.finish_reason, found.refused, found.input_tokens, found.output_tokens, seconds)

    async def _post(self, endpoint: Endpoint, body: bytes, key: str) -> Reply | Failure:
        if self._session is None:
            raise RuntimeError("ChatClient is used outside its context")
        headers = {"authorization": f"Bearer {key}"} if key else {}
        async with self._session.post(
            endpoint.url,
            data=body,
            headers=headers,
            allow_redirects=False,
            proxy=proxy_of(endpoint.url),
            timeout=aiohttp.ClientTimeout(total=None),
        ) as response:
            content = await _read(response)
            if content is None:
                return Failure(Fault.BROKEN, f"expected an answer of at most {MOST_ANSWER_BYTES:,} bytes, found more")
            if response.status == 200:
                reply = read_reply(content)
                return Failure(reply.fault, _said(endpoint, reply.detail)) if isinstance(reply, Failure) else reply
            detail = f"HTTP {response.status}: {error_of_body(content)}"
            wait = retry_after(response.headers.get("retry-after", ""))
            return Failure(fault_of_status(response.status), _said(endpoint, detail), wait)


def retry_after(header: str) -> float | None:
    """Seconds that a `Retry-After` header asks to wait (a number or a date, RFC 9110); None where it says nothing."""
    try:
        seconds = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if seconds == seconds and seconds != float("inf") else None


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The body, None where it is over the bound."""
    parts, size = [], 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        size += len(chunk)
        if size > MOST_ANSWER_BYTES:
            return None
        parts.append(chunk)
    return b"".join(parts)


def proxy_of(url: str) -> str | None:
    """The environment's proxy for an address, None where it has none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _THIS_MACHINE or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def _said(endpoint: Endpoint, text: str) -> str:
    return one_line(endpoint.hidden(text))[: 2 * SHOWN_CHARACTERS].rstrip(".")
