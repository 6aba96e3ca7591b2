"""A router as a routing plugin of LiteLLM: `litellm.Router(plugins=[...])`, and `router_settings.plugins` of its proxy.

Decisions
- LiteLLM asks a plugin which of a group's models it may pick (`litellm.types.router.RoutingPlugin`, 1.110): the router
  picks one, and every other leaves the list. What the request says is the last turn of its user, images as data URLs.
- A candidate is the model that is named like it, or like it after a provider's prefix ("openai/large"), or whatever
  `models` says. Groups that hold no candidate are not the router's, and pass as they are.
- A request that the router refuses (an image that cannot be read) is an error by default; `on_refusal="pass"` leaves
  the group to LiteLLM, and says so in the signals.
- Decisions are made by one thread off the event loop, as in the gateway. LiteLLM itself is not imported here.

Only LiteLLM's asynchronous methods run plugins; it refuses the others where plugins are set.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from vlrouterbench.core.errors import unknown_name
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.asking import read_request
from vlrouterbench.routers.base.decision import REFUSALS, RoutingDecision
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.serving.settings import ServingError

RAISE, PASS = "error", "pass"
SIGNAL = "vlrouter"


class RoutingContext(Protocol):
    """What LiteLLM hands over (`litellm.types.router.RoutingContext`), as far as it is looked at."""

    structured_messages: list[dict[str, object]]
    candidate_models: list[str]
    signals: dict[str, object]


class RouterPlugin:
    """Narrows the models of a group to the one that a router picks.

    Args:
        router: a folder or Hub id.
        models: candidate -> model of LiteLLM, where the names differ.
        budget: what every decision keeps to, as `route` takes it (`usd_weight`, `max_cost_usd`, `min_accuracy`).
        on_refusal: "error", or "pass": a request that the router cannot decide is left to LiteLLM.
        trust_remote_code: whether code that the router brings may run.

    Raises:
        VLRouterBenchError: the router cannot be loaded.
        UnknownNameError: `models` names a candidate that it does not have.
    """

    def __init__(
        self,
        router: str | Path,
        models: Mapping[str, str] | None = None,
        *,
        budget: Mapping[str, float] | None = None,
        on_refusal: str = RAISE,
        trust_remote_code: bool = False,
    ) -> None:
        if on_refusal not in (RAISE, PASS):
            raise ServingError(f'expected on_refusal "{RAISE}" or "{PASS}", found "{on_refusal}".')
        self._router: PreTrainedRouter = AutoRouter.from_pretrained(str(router), trust_remote_code=trust_remote_code)
        names = self._router.config.candidate_names
        for name in models or {}:
            if name not in names:
                raise unknown_name("candidate", name, names)
        self._models, self._budget, self._on_refusal = dict(models or {}), dict(budget or {}), on_refusal
        self._router.check_budget(self._budget)
        self._thread = ThreadPoolExecutor(1, "vlrouter")

    async def run(self, context: Any) -> Any:
        """Leave of a group's models the one that the router picks; the decision stands in the context's signals."""
        asked: RoutingContext = context
        known = self._candidates(asked.candidate_models)
        if not known:
            return context
        loop = asyncio.get_running_loop()
        try:
            decision = await loop.run_in_executor(self._thread, self._decide, asked.structured_messages, list(known))
        except REFUSALS as error:
            if self._on_refusal == RAISE:
                raise
            asked.signals[SIGNAL] = {"refused": str(error)}
            return context
        asked.candidate_models = [known[decision.candidate]]
        asked.signals[SIGNAL] = decision.as_dict()
        return context

    def _candidates(self, models: Sequence[str]) -> dict[str, str]:
        """Candidate -> its model, of those that a group holds, in the order of the router's pool."""
        found = {}
        for name in self._router.config.candidate_names:
            wished = self._models.get(name)
            named = [model for model in models if model == wished or (wished is None and _is_named(model, name))]
            if named:
                found[name] = named[0]
        return found

    def _decide(self, messages: Sequence[Mapping[str, Any]], names: Sequence[str]) -> RoutingDecision:
        return self._router.decide_on([read_request({"messages": messages})], names, **self._budget)[0]


def _is_named(model: str, candidate: str) -> bool:
    """Whether a model of LiteLLM is called like a candidate, with or without what stands before its last name."""
    return model == candidate or model.endswith(f"/{candidate}")
