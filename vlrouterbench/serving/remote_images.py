"""Images that a request names by an address: fetched from hosts of the configuration alone, within bounds.

Decisions
- An address is looked up once, checked, and connected to as it was looked up: a name that answers otherwise the second
  time changes nothing. Addresses that are not public are refused whatever their name, also those that only wrap an
  IPv4 address.
- No redirects, no proxies, no cookies, no credentials in the address. What was fetched takes the address's place as a
  data URL, so that the candidate sees what was decided on.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from vlrouterbench.measuring.asking.images import image_format
from vlrouterbench.serving.request_error import RequestError

MOST_BYTES = 20 * 2**20
TIMEOUT_S = 10.0
_KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
_WRAPPING = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: Address) -> bool:
    """Whether an address is one of the public network."""
    if isinstance(address, ipaddress.IPv6Address):
        if any(address in network for network in _WRAPPING):
            return False
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
    return address.is_global and not address.is_multicast


class _Checked(AbstractResolver):
    """Looks names up and gives public addresses alone."""

    def __init__(self, may_ask: Callable[[Address], bool]) -> None:
        self._inner, self._may_ask = aiohttp.ThreadedResolver(), may_ask

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not all(self._may_ask(ipaddress.ip_address(entry["host"].partition("%")[0])) for entry in found):
            raise OSError("its address is not a public one")
        return found

    async def close(self) -> None:
        await self._inner.close()


class RemoteImages:
    """Fetches images; in one event loop.

    Args:
        hosts: from which.
        may_ask: which addresses.
    """

    def __init__(self, hosts: Collection[str], may_ask: Callable[[Address], bool] = is_public) -> None:
        self._hosts, self._may_ask = {host.lower() for host in hosts}, may_ask

    async def brought(self, messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Messages with data URLs in the place of addresses; those without an address as they are.

        Raises:
            RequestError: 403, a host that is not allowed; 400, what cannot be fetched or is no image.
        """
        brought = [dict(turn) for turn in messages]
        for turn in brought:
            if isinstance(turn.get("content"), list):
                turn["content"] = [await self._part(part) for part in turn["content"]]
        return brought

    async def _part(self, part: Any) -> Any:
        image = part.get("image_url") if isinstance(part, dict) and part.get("type") == "image_url" else None
        url = image.get("url") if isinstance(image, dict) else image
        if not isinstance(url, str) or url[:5].lower() == "data:":
            return part
        fetched = await self.fetch(url)
        return {**part, "image_url": {**image, "url": fetched} if isinstance(image, dict) else fetched}

    async def fetch(self, url: str) -> str:
        """An image as a data URL; errors as for `brought`."""
        self._check(url)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                content = await self._get(url)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise RequestError(400, f"an image cannot be fetched: {type(error).__name__}.") from error
        kind = _KINDS.get(image_format(content))
        if kind is None:
            raise RequestError(400, f"expected an image at its address ({', '.join(_KINDS)}), found something else.")
        return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, literal = (parts.hostname or "").lower(), _literal(parts.hostname or "")
            is_fit = parts.scheme in ("http", "https") and not parts.username and not parts.password and parts.port != 0
        except ValueError:
            raise RequestError(400, "expected an image as a data URL, found an address that is none.") from None
        if not self._hosts:
            raise RequestError(403, "expected an image as a data URL, found an address: nothing is fetched here.")
        if not is_fit or host not in self._hosts:
            raise RequestError(
                403,
                "expected an image as a data URL, or as an http(s) address without credentials of a host that this "
                "gateway's configuration allows.",
            )
        if literal is not None and not self._may_ask(literal):
            raise RequestError(403, "images are fetched from public addresses alone: send a data URL.")

    async def _get(self, url: str) -> bytes:
        connector = aiohttp.TCPConnector(resolver=_Checked(self._may_ask), use_dns_cache=False)
        async with (
            aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise RequestError(400, f"an image cannot be fetched: HTTP {response.status}.")
            parts, size = list[bytes](), 0
            async for chunk in response.content.iter_chunked(2**16):
                size += len(chunk)
                if size > MOST_BYTES:
                    raise RequestError(400, f"expected an image of at most {MOST_BYTES:,} bytes, found more.")
                parts.append(chunk)
        return b"".join(parts)


def _literal(host: str) -> Address | None:
    """The address that a host is, None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
