"""Whom a request is sent to, and why: by the router, by name, in shadow or as one of two arms.

Decisions
- One function plans every request; `/v1/route` answers with the same plan that a chat is sent by.
- The fallback of a request unlike the training samples is asked whatever was learnt, kept or to be explored besides.
- The arm of a split is a stable hash of the conversation, so that a conversation stays in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vlrouterbench.core.errors import VLRouterBenchError, unknown_name
from vlrouterbench.metrics.objectives import Objective
from vlrouterbench.routers.base.decision import COST_CONFIDENCE
from vlrouterbench.serving.adapting import Adaptation
from vlrouterbench.serving.affinity import Affinity
from vlrouterbench.serving.chat import ChatRequest
from vlrouterbench.serving.chooser import Chooser, Ranking
from vlrouterbench.serving.exploring import affordable, explored
from vlrouterbench.serving.forwarding import Forwarder
from vlrouterbench.serving.ledger import Room
from vlrouterbench.serving.request_error import RequestError
from vlrouterbench.serving.reserving import reserve_of
from vlrouterbench.serving.settings import AUTO, Key, Settings

DIRECT, ROUTE, SHADOW, CONTROL = "direct", "route", "shadow", "control"
_MEAN = "this key's mean cost a request"
_TOLD = {SHADOW: "one candidate answers everything, in shadow mode", CONTROL: "the control arm of a split"}


@dataclass(frozen=True)
class Plan:
    """Whom to ask.

    Attributes:
        mode: "direct", "route", "shadow" or "control".
        order: candidates, the best first; one alone unless the request is routed.
        ranking: the router's, None for a direct request.
        objective: by which, "" for the router's own.
        reason: why the first candidate, in a sentence.
        passed_over: candidate -> why it cannot take the request.
        propensity: probability with which the first candidate is asked; None unless the request is routed.
        explored: whether the first candidate was drawn at random.
        undecided: why there is no ranking of a request that a fixed candidate answers; "" where there is one.
    """

    mode: str
    order: tuple[str, ...]
    ranking: Ranking | None
    objective: str
    reason: str
    passed_over: Mapping[str, str]
    propensity: float | None = None
    explored: bool = False
    undecided: str = ""


class Planner:
    """Plans requests by one router, one set of endpoints and one configuration."""

    def __init__(
        self,
        chooser: Chooser,
        forwarder: Forwarder,
        settings: Settings,
        affinity: Affinity,
        adaptation: Adaptation | None = None,
    ) -> None:
        self._adaptation = adaptation
        self._chooser, self._forwarder, self._settings, self._affinity = chooser, forwarder, settings, affinity
        pool = chooser.router.config.candidate_names
        self.choosable: tuple[str, ...] = tuple(settings.candidates or pool)

    @property
    def names(self) -> list[str]:
        """Every model name that is answered."""
        return [AUTO, *self._settings.models, *self._forwarder.endpoints]

    async def plan(
        self, request: ChatRequest, key: Key | None, room: Room | None = None, *, explores: bool = False
    ) -> Plan:
        """Plan a request.

        Args:
            request: as it came.
            key: whose it is.
            room: what it may be charged; None for anything.
            explores: whether the configured share of requests asks a candidate at random.

        Raises:
            RequestError: 404 for an unknown model, 403 for what the key may not ask, 400 for what cannot be decided,
                429 where no candidate's reserve fits the key's day or mean.
        """
        allowed = key.candidates if key is not None and key.candidates else tuple(self._forwarder.endpoints)
        if request.model in self._forwarder.endpoints:
            return self._direct(request, allowed, room)
        if request.model != AUTO and request.model not in self._settings.models:
            raise RequestError(404, str(unknown_name("model", request.model, self.names)), "model_not_found")
        objective, budget = self._objective(request, key), self._budget(request, key)
        considered = self._considered(request, allowed)
        mode, fixed = self._mode_of(request, allowed)
        if fixed:
            self._payable([fixed], request, room)
            return await self._watched(request, considered, mode, fixed, objective, budget)
        names, passed_over = self._forwarder.capable(considered, request)
        names, dear = self._payable(names, request, room)
        ranking = await self._chooser.rank(request.messages, names, budget, objective)
        if self._settings.when_unfamiliar.settles(ranking.decision):
            told = ranking.decision.reason
            return Plan(ROUTE, ranking.order, ranking, objective, told, passed_over | dear, 1.0)
        ranking = ranking if self._adaptation is None else self._adaptation.applied(ranking)
        order = self._affinity.order(request.conversation, ranking) if request.is_later else ranking.order
        told = ranking.decision.reason
        if order[0] != ranking.decision.candidate:
            told = (
                f"{order[0]} answered this conversation before, and {ranking.decision.candidate} is not far enough "
                "ahead."
            )
        within = affordable(order, ranking.decision, ranking.budget)
        order, propensity, is_drawn = explored(order, within, self._settings.explore if explores else 0.0)
        told = f"drawn at random out of {len(within)}, to explore." if is_drawn else told
        return Plan(ROUTE, order, ranking, objective, told, passed_over | dear, propensity, is_drawn)

    def _direct(self, request: ChatRequest, allowed: Sequence[str], room: Room | None) -> Plan:
        name = request.model
        if name not in allowed:
            raise RequestError(403, f"this key may not ask {name}. It may ask {', '.join(allowed)}.")
        if request.wish.names:
            raise RequestError(
                400,
                f"expected no {request.wish.names[0]} where a candidate is asked by its name ({name}), found one. It "
                f'belongs to requests that are routed: ask the model "{AUTO}", or leave it out.',
            )
        self._forwarder.capable([name], request)
        self._payable([name], request, room)
        return Plan(DIRECT, (name,), None, "", "asked for by its name.", {})

    async def _watched(
        self,
        request: ChatRequest,
        considered: Sequence[str],
        mode: str,
        fixed: str,
        objective: str,
        budget: Mapping[str, float],
    ) -> Plan:
        """The plan of a request that a fixed candidate answers, whatever the router says of it."""
        try:
            names, passed_over = self._forwarder.capable(considered, request)
            ranking = await self._chooser.rank(request.messages, names, budget, objective)
        except RequestError as error:
            told = f"{_TOLD[mode]}; the router has no decision: {error.message}"
            return Plan(mode, (fixed,), None, objective, told, {}, undecided=error.message)
        told = f"{_TOLD[mode]}; the router would have asked {ranking.decision.candidate}."
        return Plan(mode, (fixed,), ranking, objective, told, passed_over)

    def _payable(self, names: list[str], request: ChatRequest, room: Room | None) -> tuple[list[str], dict[str, str]]:
        """Those of some candidates whose reserve fits, and why the others' does not."""
        if room is None:
            return names, {}
        reserves = {name: reserve_of(self._forwarder.endpoints[name], request) for name in names}
        fits = [name for name in names if room.takes(reserves[name])]
        if not fits:
            raise RequestError(429, _too_dear(room, reserves), "insufficient_quota")
        told = {name: "this key's day" if not room.day_takes(cost) else _MEAN for name, cost in reserves.items()}
        return fits, {
            name: f"its reserve of {reserves[name]:.3g} USD does not fit {told[name]}."
            for name in names
            if name not in fits
        }

    def _mode_of(self, request: ChatRequest, allowed: Sequence[str]) -> tuple[str, str]:
        """The mode of a routed request, and who answers it where that is not for the router to say."""
        mode, fixed = ROUTE, ""
        if self._settings.shadow:
            mode, fixed = SHADOW, self._settings.shadow
        elif share_of(request.conversation) < self._settings.split:
            mode, fixed = CONTROL, self._settings.control
        if fixed and fixed not in allowed:
            raise RequestError(403, f"this key may not ask {fixed}, which answers this request ({mode}).")
        if fixed:
            self._forwarder.capable([fixed], request)
        return mode, fixed

    def _objective(self, request: ChatRequest, key: Key | None) -> str:
        wished = (
            request.wish.objective or self._settings.models.get(request.model, "") or (key.objective if key else "")
        )
        if not wished:
            return ""
        try:
            objective = str(Objective.parse(self._settings.models.get(wished, wished)))
        except VLRouterBenchError:
            objective = ""
        if objective not in self._chooser.weights:
            # A trade-off for it takes seconds to choose, and anybody could ask for one after another.
            known = [*self._settings.models, *self._chooser.weights]
            if not known:
                raise RequestError(400, "expected no objective: this gateway's configuration names none.")
            raise RequestError(400, str(unknown_name("objective of this gateway", wished, known)))
        return objective

    def _considered(self, request: ChatRequest, allowed: Sequence[str]) -> list[str]:
        wished = request.wish.candidates or self.choosable
        for name in wished:
            if name not in self.choosable:
                raise RequestError(400, str(unknown_name("candidate", name, self.choosable)))
        names = [name for name in self.choosable if name in wished and name in allowed]
        if not names:
            raise RequestError(403, f"this key may ask none of {', '.join(wished)}.")
        return names

    def _budget(self, request: ChatRequest, key: Key | None) -> dict[str, float]:
        budget = dict(request.wish.budget)
        if key is not None and key.max_cost_usd is not None:
            asked = budget.get("max_cost_usd", key.max_cost_usd)
            others = [name for name in budget if name in ("usd_weight", "min_accuracy")]
            if others:
                raise RequestError(
                    400, f"{others[0]}: this key's answers may cost {key.max_cost_usd:g} USD; leave it out."
                )
            budget["max_cost_usd"] = min(asked, key.max_cost_usd)
            if key.cost_confidence is not None:
                budget[COST_CONFIDENCE] = max(budget.get(COST_CONFIDENCE, 0.0), key.cost_confidence)
        return budget


def share_of(conversation: str) -> float:
    """A number in [0, 1) that follows from a conversation alone."""
    digest = hashlib.sha256(f"split {conversation}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _too_dear(room: Room, reserves: Mapping[str, float]) -> str:
    """What is left to a key, of its day or else of its mean, where no reserve fits, and what helps."""
    least = min(reserves, key=reserves.__getitem__)
    told = f"the least that could be reserved is {reserves[least]:.3g} USD ({least})"
    less = "A smaller max_tokens or a shorter request reserves less"
    if not room.day_takes(reserves[least]):
        left = f"{max(0.0, room.day_left_usd):.3g} USD is left of this key's day (UTC)"
        return f"{left}, and {told}. {less}; at midnight (UTC) another day begins."
    return f"{_MEAN} leaves {room.most_usd:.3g} USD for the next one, and {told}. {less}."
