"""What a request asks of its decision: in headers (`x-vlrouter-...`), or in the body's `vlrouter`, not passed on.

Decisions
- A name that nobody knows is refused in a header as in the body: a ceiling that is misspelt would hold nobody back.
- Headers that answers have are let through: proxies and clients may send them back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from vlrouterbench.core.errors import shown, unknown_name
from vlrouterbench.routers.base.decision import BUDGETS, KINDS
from vlrouterbench.serving.request_error import RequestError, kind_of

HEADER = "x-vlrouter-"
OWN_FIELD = "vlrouter"
CONVERSATION = "conversation"
OF_ANSWERS = (
    "candidate", "request-id", "reason", "attempts", "overhead-ms", "estimated-accuracy", "estimated-cost-usd",
    "unfamiliar",
)  # fmt: skip
"""Headers of answers, without their prefix."""
_NUMBERS = BUDGETS
_WISHES = ("objective", *_NUMBERS, "candidates")
_TRADES = KINDS
_PLAIN = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True)
class Wish:
    """What a request asks of its decision.

    Attributes:
        objective: as text, "" for what its model or key says.
        budget: of `BUDGETS`, those that were given.
        candidates: to choose from; empty for all that are allowed.
    """

    objective: str = ""
    budget: Mapping[str, float] = field(default_factory=dict)
    candidates: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Fields that were given."""
        stated = {"objective": self.objective, "candidates": self.candidates}
        return [*(name for name, value in stated.items() if value), *self.budget]


def read_wish(own: object, headers: Mapping[str, str]) -> Wish:
    """Read the own field of a body and the headers of its request; what stands in the body goes before.

    Raises:
        RequestError: 400, a field or header that does not exist, a value that makes no sense, or two wishes of which
            only one can be followed.
    """
    if not isinstance(own, Mapping):
        raise RequestError(400, f'expected "{OWN_FIELD}" as an object, found {kind_of(own)}.')
    for name in own:
        if name not in _WISHES:
            raise RequestError(400, str(unknown_name(f'field of "{OWN_FIELD}"', name, _WISHES)))
    given = _of_headers(headers) | dict(own)
    objective, names = given.get("objective", ""), given.get("candidates", ())
    if not isinstance(objective, str):
        raise RequestError(400, f'expected "objective" as a text, found {kind_of(objective)}.')
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise RequestError(400, f'expected "candidates" as a list of names, found {kind_of(names)}.')
    if "candidates" in given and not any(names):
        raise RequestError(400, 'expected a name in "candidates", found none. Leave it out to choose from all.')
    budget = {name: _number(name, given[name]) for name in _NUMBERS if given.get(name) is not None}
    trades = [name for name in _TRADES if name in budget]
    if objective and trades:
        raise RequestError(
            400, f'expected "objective" or "{trades[0]}", found both. Each says how cost counts; leave one out.'
        )
    return Wish(objective, budget, tuple(names))


def _of_headers(headers: Mapping[str, str]) -> dict[str, object]:
    known = {name.replace("_", "-"): name for name in _WISHES}
    given = dict[str, object]()
    for header, text in headers.items():
        if not header.lower().startswith(HEADER):
            continue
        name = header.lower().removeprefix(HEADER).replace("_", "-")
        if name in known:
            given.setdefault(
                known[name], [part.strip() for part in text.split(",")] if name == "candidates" else text.strip()
            )
        elif name != CONVERSATION and name not in OF_ANSWERS:
            valid = [HEADER + one for one in (*known, CONVERSATION)]
            raise RequestError(400, str(unknown_name("header", HEADER + name, valid)))
    return given


def _number(name: str, value: object) -> float:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, str) and _PLAIN.fullmatch(value):
            return float(value)
    except OverflowError:
        pass
    raise RequestError(400, f'expected "{name}" as a number, found {shown(value)}.')
