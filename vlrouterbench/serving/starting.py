"""From a command's options to a gateway that answers; the same for one process and for each of several.

Decisions
- Everything that can be wrong is found before an address is opened.
- A router is used only after a first decision, which also loads what libraries load late.
- Another router is loaded beside the running one and checked in the same way; where that fails, nothing has changed.
  The one before is kept, to go back to.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.measuring.endpoints.read import read_endpoints
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.decision import COST_CONFIDENCE, BudgetError, CalibrationError
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.pool.bounded import BoundedRouter
from vlrouterbench.serving.chooser import Chooser
from vlrouterbench.serving.gateway import Gateway
from vlrouterbench.serving.ledger import Ledger
from vlrouterbench.serving.logs.candidates import keep_candidates
from vlrouterbench.serving.logs.writing import LogOptions, RequestLog
from vlrouterbench.serving.metrics import Metrics
from vlrouterbench.serving.settings import Key, ServingError, Settings, check_names
from vlrouterbench.serving.settings_file import read_settings
from vlrouterbench.serving.telling import tell


@dataclass(frozen=True)
class Start:
    """What a gateway is started with; all of it fits into JSON, for other processes.

    Attributes:
        router: folder or Hub id.
        endpoints: path of the endpoints file.
        config: path of the configuration, "" for none.
        log: folder of the log, "" for none.
        trust_remote_code: whether code that a router brings may run.
        log_content: whether the log keeps what was asked.
        adapt: whether estimates follow feedback.
    """

    router: str
    endpoints: str
    config: str = ""
    log: str = ""
    trust_remote_code: bool = False
    log_content: bool = False
    adapt: bool = False

    def settings(self) -> Settings:
        """The configuration; errors are those of `read_settings`."""
        return read_settings(Path(self.config)) if self.config else Settings()

    def by_name(self) -> dict[str, Endpoint]:
        """The endpoints by candidate; errors are those of `read_endpoints`, and an environment without their keys."""
        file = read_endpoints(Path(self.endpoints))
        for endpoint in file.endpoints:
            endpoint.key()
        return {endpoint.name: endpoint for endpoint in file.endpoints}


def load_chooser(router: str, endpoints: Mapping[str, Endpoint], settings: Settings, *, trusted: bool) -> Chooser:
    """A router that can answer for these endpoints.

    Raises:
        RouterError, UnknownNameError: it cannot be loaded, or does not say which requests are unfamiliar where
            something is to be done with them.
        ServingError: its pool and the endpoints differ, or it cannot follow an objective of the configuration.
    """
    loaded = AutoRouter.from_pretrained(router, trust_remote_code=trusted)
    check_names(settings, loaded.config.candidate_names, list(endpoints))
    for name in settings.candidates:
        if name not in loaded.config.candidate_names:
            raise ServingError(f'candidates: "{name}" is not in the pool of the router {router}.')
    _first_decision(loaded, router)
    settings.when_unfamiliar.check(loaded, settings.candidates or None, router)
    for key in settings.keys:
        if key.cost_confidence is not None:
            _check_ceiling(loaded, key)
    of_keys = [key.objective for key in settings.keys if key.objective]
    chooser = Chooser(
        loaded,
        list(dict.fromkeys([*settings.models.values(), *of_keys])),
        settings.unreadable_images,
        when_unfamiliar=settings.when_unfamiliar,
    )
    chooser.name = router
    return chooser


def _check_ceiling(router: PreTrainedRouter, key: Key) -> None:
    """Refuse a ceiling on cost that every request of a key would be refused for."""
    ceiling = {"max_cost_usd": key.max_cost_usd, COST_CONFIDENCE: key.cost_confidence}
    try:
        router.check_budget(ceiling)
        if isinstance(router, BoundedRouter):
            router.requested(ceiling)
    except (BudgetError, CalibrationError) as error:
        raise ServingError(f'key "{key.name}": {error}') from error


def make_gateway(start: Start) -> Gateway:
    """A gateway that is ready to be started in an event loop."""
    settings, endpoints = start.settings(), start.by_name()
    chooser = load_chooser(start.router, endpoints, settings, trusted=start.trust_remote_code)
    metrics = Metrics()
    ledger = None if settings.state is None else Ledger(settings.state)
    kept = LogOptions(content=start.log_content, features=settings.log_features, days=settings.log_days)
    log = RequestLog(Path(start.log), metrics.lost.inc, kept) if start.log else None
    if log is not None:
        keep_candidates(Path(start.log), endpoints.values())
    return Gateway(chooser, endpoints, settings, ledger, log, metrics, adapts=start.adapt)


class Swaps:
    """Puts another router in the place of the running one.

    Args:
        gateway: whose.
        start: what it was started with.
    """

    def __init__(self, gateway: Gateway, start: Start) -> None:
        self._gateway, self._start = gateway, start
        self._router, self._before = start.router, start.router
        self._previous: Chooser | None = None
        self._lock = asyncio.Lock()

    async def swap(self, folder: Path | None, *, back: bool = False) -> dict[str, Any]:
        """Load a router and decide by it from the next request on.

        Args:
            folder: of the router; None for the one that is served, as it is now.
            back: to the one before, which is still loaded.

        Raises:
            VLRouterBenchError: it cannot be used; the running one goes on.
        """
        async with self._lock:
            running = self._gateway.chooser
            if back:
                if self._previous is None:
                    raise ServingError("expected a router that was served before, found none.")
                chooser, router = self._previous, self._before
            else:
                router = self._router if folder is None else str(folder)
                start, gateway = self._start, self._gateway
                chooser = await asyncio.to_thread(
                    load_chooser,
                    router,
                    gateway.forwarder.endpoints,
                    gateway.settings,
                    trusted=start.trust_remote_code,
                )
                chooser.start()
            self._gateway.use(chooser)
            if not back and self._previous is not None:
                await self._previous.stop()
            self._previous, self._before, self._router = running, self._router, router
            return {"router": router, "before": self._before}

    async def stop(self) -> None:
        """End the router that was kept to go back to."""
        if self._previous is not None:
            await self._previous.stop()

    def on_hangup(self) -> None:
        """Load the served router anew at SIGHUP; what fails is said, and the running one goes on."""
        if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(self._reloaded()))

    async def _reloaded(self) -> None:
        try:
            done = await self.swap(None)
            tell("reloaded", done["router"])
        except VLRouterBenchError as error:
            tell("error", f"{error} The router that was served is served on.")


def _first_decision(router: PreTrainedRouter, where: str) -> None:
    try:
        router.route("Is this a question?")
    except (ValueError, RuntimeError) as error:
        raise ServingError(f"the router at {where} cannot decide: {error}") from error
