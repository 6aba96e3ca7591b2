"""The server around a gateway: one process, or several that share an address.

Decisions
- Several processes are told what to do by whoever starts them (`cli/serve.py`), each of which makes its application.
- The server sends no name of itself; nothing of a request is written to its log.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import uvicorn
from PIL import Image
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from vlrouterbench.serving.app import LOOPBACK, make_app
from vlrouterbench.serving.demo import stand_in_routes
from vlrouterbench.serving.metrics import MULTIPROCESS
from vlrouterbench.serving.settings import ServingError, Settings
from vlrouterbench.serving.starting import Start, Swaps, make_gateway

_OPTIONS: dict[str, Any] = {
    "log_level": "critical",  # what fails is said by `refusing.refused`, without what was asked
    "access_log": False,
    "server_header": False,
    "timeout_keep_alive": 30,
    "timeout_graceful_shutdown": 30,
}
_LOADING_S = 120
"""Until a process that takes another's place must have loaded its router; at SIGHUP the other serves until then."""


class _Announced(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As the base's."""
        await super().startup(sockets)
        if self.started:
            self._ready()


def check_free(host: str, port: int) -> None:
    """Refuse an address that is taken.

    Raises:
        ServingError: it is, or is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise ServingError(f"{host}:{port} cannot be opened: {error.strerror}. Give another --port.") from error


def check_host(host: str, settings: Settings) -> None:
    """Refuse an address that others can reach where nobody needs a key.

    Raises:
        ServingError: it is one.
    """
    if not settings.keys and host not in LOOPBACK:
        raise ServingError(
            f"without keys only this machine may ask, found --host {host}. List keys in the configuration, or leave "
            "--host out."
        )


def app_of(start: Start, *, demo: bool = False, alone: bool = True) -> Starlette:
    """The application; with swaps of its router where it is the only process."""
    # Images of very many pixels are refused; Pillow would say so again on stderr, for everybody who sends one.
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    gateway = make_gateway(start)
    app = make_app(gateway, Swaps(gateway, start) if alone else None)
    if demo:
        app.router.routes.extend(stand_in_routes())
    return app


def serve(start: Start, *, host: str, port: int, ready: Callable[[], None], demo: bool = False) -> None:
    """Answer until stopped; `ready` is called when the address is open.

    Raises:
        VLRouterBenchError: what would be served is not as it should be.
        ServingError: the address is taken.
    """
    check_free(host, port)
    _Announced(uvicorn.Config(app_of(start, demo=demo), host=host, port=port, **_OPTIONS), ready).run()


def serve_by_several(
    start: Start, factory: str, *, host: str, port: int, ready: Callable[[], None], workers: int
) -> None:
    """As `serve`, by several processes that share the address.

    Args:
        start: as for `serve`.
        factory: `module:function` that makes the application in each process.
        host: as for `serve`.
        port: as for `serve`.
        ready: called when the processes are being started.
        workers: how many.
    """
    check_free(host, port)
    app_of(start, alone=False)  # what is wrong is said once, here, and not by every process again and again
    ready()
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-metrics-") as folder:
        os.environ[MULTIPROCESS] = folder
        several = {**_OPTIONS, "timeout_worker_healthcheck": _LOADING_S}
        config = uvicorn.Config(factory, factory=True, host=host, port=port, workers=workers, **several)
        with contextlib.suppress(KeyboardInterrupt), opened_address(config) as opened:
            Multiprocess(config, sockets=[opened]).run()


def opened_address(config: uvicorn.Config) -> socket.socket:
    """The address of several processes; connections do not wait for acknowledgements before an answer goes on.

    One process gets that of asyncio, which leaves the 40 ms where a socket is handed to it without a protocol.
    """
    opened = config.bind_socket()
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened
