"""What becomes of a request that is unlike a router's training samples: nothing, a guard, a fallback, or a refusal.

Decisions
- The router decides first, and its own score (`RoutingDecision.unfamiliar`) says which requests are meant. All others
  keep their decision, bit for bit.
- The guard is the router's own, raised for this one decision. A budget that trades by no weight has none, and a
  fallback that may not be asked is not asked: the router's decision stays then, and its reason says why.
- A router without a score, or without a guard where one is asked for, is refused before the first request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from vlrouterbench.core.errors import RouterError, VLRouterBenchError, quoted, unknown_name
from vlrouterbench.data.prices.numbers import plain_number
from vlrouterbench.routers.base.decision import RoutingDecision
from vlrouterbench.routers.base.familiarity import FEATURES, SAID_FROM, unfamiliar_text, unfamiliarities
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.registry import family_name

GUARD, FALLBACK, ERROR, IGNORE = "guard", "fallback", "error", "ignore"
ACTIONS = (GUARD, FALLBACK, ERROR, IGNORE)
STANDARD_ERRORS = 2.0
"""Of a guard that states none."""
_MOST = 1e6
_NAME = "when unfamiliar"


class UnfamiliarError(VLRouterBenchError):
    """A request that is refused because it is unlike the training samples."""


@dataclass(frozen=True)
class WhenUnfamiliar:
    """What is done with a request whose score is at or above a level.

    Attributes:
        action: one of ACTIONS.
        guard: of the action guard, standard errors (`FlagshipRouterConfig.guard`).
        fallback: of the action fallback, the candidate that is asked.
        level: of `RoutingDecision.unfamiliar`, 0 to 1.
    """

    action: str = IGNORE
    guard: float = STANDARD_ERRORS
    fallback: str = ""
    level: float = SAID_FROM

    @classmethod
    def parse(cls, given: str) -> WhenUnfamiliar:
        """Read `ignore`, `error`, `guard`, `guard=STANDARD_ERRORS` or `fallback=NAME`, each with `@LEVEL` or without.

        Raises:
            UnknownNameError: no such action.
            RouterError: a value that makes no sense.
            SourceError: no plain number.
        """
        text, at, end = given.strip().rpartition("@")
        if not at or not end.replace(".", "", 1).isdigit():  # names of candidates may have an @, too
            text, end = given.strip(), ""
        level = float(plain_number(end, "the level", _NAME)) if end else SAID_FROM
        if not 0 < level <= 1:
            raise RouterError(f"{_NAME}: expected a level above 0 and at most 1, found {level:g}.")
        action, sign, value = text.partition("=")
        if action not in ACTIONS:
            raise unknown_name(f"action {_NAME}", action, ACTIONS)
        if action == FALLBACK and not value:
            raise RouterError(f"{_NAME}: expected fallback=NAME, a candidate's, found {quoted(given)}.")
        if sign and action not in (GUARD, FALLBACK):
            raise RouterError(f"{_NAME}: expected {action} without a value, found {quoted(given)}.")
        guard = float(plain_number(value, GUARD, _NAME)) if sign and action == GUARD else STANDARD_ERRORS
        if not 0 < guard <= _MOST:
            raise RouterError(f"{_NAME}: expected a guard above 0 and at most {_MOST:,.0f}, found {guard:g}.")
        return cls(action, guard, value if action == FALLBACK else "", level)

    def __str__(self) -> str:
        value = {GUARD: f"={self.guard:g}", FALLBACK: f"={self.fallback}"}.get(self.action, "")
        return self.action + value + ("" if self.level == SAID_FROM else f"@{self.level:g}")

    @property
    def acts(self) -> bool:
        """Whether anything is done."""
        return self.action != IGNORE

    def check(self, router: PreTrainedRouter, candidates: Sequence[str] | None = None, name: str = "") -> None:
        """Refuse a router that it cannot be done with.

        Args:
            router: of any family.
            candidates: names that may be chosen, None for the whole pool.
            name: the router's, for messages; else where it was loaded from, or its family.

        Raises:
            RouterError: it has no score, or no guard.
            UnknownNameError: the fallback is none of the candidates.
        """
        if not self.acts:
            return
        family = family_name(router)
        who = f'the router "{name or router.name_or_path or family}" ({family})'
        if not hasattr(router, "unfamiliarity") or router.end_to_end or FEATURES not in (router.held_out or {}):
            raise RouterError(
                f"{_NAME}: {who} does not say how unlike its training samples a request is: its family keeps none of "
                f"them, or it was saved before they were kept. Train a flagship anew, or leave {self} out."
            )
        if self.action == GUARD and not hasattr(router.config, "guard"):
            raise RouterError(f"{_NAME}: {who} has no guard, which flagships have. Ask for fallback=NAME or error.")
        names = list(router.config.candidate_names if candidates is None else candidates)
        if self.action == FALLBACK and self.fallback not in names:
            raise unknown_name(f"fallback {_NAME}", self.fallback, names)

    def applied(
        self, router: PreTrainedRouter, decide: Callable[[], RoutingDecision], budget: Mapping[str, float | None]
    ) -> RoutingDecision:
        """A decision, as it is where the request is like the training samples.

        Args:
            router: that was checked; it is used by one thread at a time.
            decide: makes the router's decision; a guard calls it twice.
            budget: that it keeps to, as for `PreTrainedRouter.route`.

        Raises:
            UnfamiliarError: such requests are refused.
        """
        decision = decide()
        if not self.acts or decision.unfamiliar is None or decision.unfamiliar < self.level:
            return decision
        said = f"Unlike the training samples ({decision.unfamiliar:.3f})"
        if self.action == ERROR:
            told = unfamiliar_text(decision.unfamiliar) or f"{said}."
            raise UnfamiliarError(f"{told} Such requests are refused here ({self}): ask a candidate by its name.")
        if self.action == FALLBACK:
            return self._fallen_back(decision, said, budget)
        if decision.usd_weight is None:
            return replace(decision, reason=f"{said}; a guard does not apply under this budget. {decision.reason}")
        with self.guarding(router):
            guarded = decide()
        return replace(guarded, reason=f"{said}: a guard of {self.guard:g} standard errors. {guarded.reason}")

    def settles(self, decision: RoutingDecision) -> bool:
        """Whether a decision is the fallback's, which no later preference changes."""
        is_meant = decision.unfamiliar is not None and decision.unfamiliar >= self.level
        return self.action == FALLBACK and is_meant and decision.candidate == self.fallback

    def unlike(self, router: PreTrainedRouter, features: torch.Tensor) -> torch.Tensor:
        """Which samples are meant, (num_samples,) bool, by features (num_samples, dim) for a checked router."""
        scores = unfamiliarities(features, router.held_out, router.encoder)
        return torch.zeros(len(features), dtype=torch.bool) if scores is None else scores >= self.level

    @contextmanager
    def guarding(self, router: PreTrainedRouter) -> Iterator[None]:
        """While it is open, the router decides under this guard, or under its own where that is larger."""
        config: Any = router.config
        own = config.guard
        config.guard = max(own, self.guard)
        try:
            yield
        finally:
            config.guard = own

    def _fallen_back(self, decision: RoutingDecision, said: str, budget: Mapping[str, float | None]) -> RoutingDecision:
        name, most, least = self.fallback, budget.get("max_cost_usd"), budget.get("min_accuracy")
        if name not in decision.score:
            return replace(decision, reason=f"{said}; {name}, the fallback, may not be asked here. {decision.reason}")
        cost = decision.ceiling_cost_usd.get(name)
        if most is not None and (cost is None or cost > most):
            return replace(decision, reason=f"{said}; {name}, the fallback, is above the budget. {decision.reason}")
        alone = "as the router would" if decision.candidate == name else f"the router would ask {decision.candidate}"
        accuracy = (decision.estimated_accuracy or {}).get(name)
        return replace(
            decision,
            candidate=name,
            target_met=least is None or accuracy is None or accuracy >= least,
            reason=f"{said}, so the fallback {name} is asked; {alone}.",
        )


NOTHING = WhenUnfamiliar()
"""Every decision is the router's."""
