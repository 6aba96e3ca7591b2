"""Whether the Hub can be reached, asked with one short connection: no minute of retries where there is none."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

CONNECT_SECONDS = 5.0


def hub_reachable() -> bool:
    """Whether the Hub may be asked (HF_HUB_OFFLINE) and something listens there; a proxy is taken to reach it."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    parts = urlsplit(constants.ENDPOINT)
    host, proxies = parts.hostname or "", getproxies()
    if (parts.scheme in proxies or "all" in proxies) and not proxy_bypass(host):
        return True
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((host, port), timeout=CONNECT_SECONDS):
            return True
    except OSError:
        return False
