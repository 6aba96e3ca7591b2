"""What is told of an answer: its headers, and a plan as JSON.

Decisions
- Texts in headers are printable ASCII, others percent-encoded: no name can end a header.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from vlrouterbench.serving.forwarding import Outcome, closed_off
from vlrouterbench.serving.gateway import Served
from vlrouterbench.serving.planning import DIRECT, Plan
from vlrouterbench.serving.wishes import HEADER

REQUEST_ID = f"{HEADER}request-id"
_REASON_CHARACTERS = 300
_VISIBLE = " !#$&'()*+,-./:;<=>?@[]^_`{|}~"


def header_text(value: str) -> str:
    """A text as a header can hold it."""
    return quote(value, safe=_VISIBLE, errors="replace")


def answer_headers(served: Served) -> dict[str, str]:
    """The gateway's own headers of an answer."""
    plan, outcome = served.plan, served.outcome
    values: dict[str, str] = {
        "candidate": outcome.candidate,
        "request-id": served.request_id,
        "reason": (outcome.instead(plan.order[0]) or plan.reason)[:_REASON_CHARACTERS],
        "attempts": str(len(outcome.attempts)),
        "overhead-ms": f"{1000 * served.overhead_s:.2f}",
    }
    decision = None if plan.mode == DIRECT or plan.ranking is None else plan.ranking.decision
    if decision is not None and decision.estimated_accuracy is not None and outcome.candidate in decision.score:
        values["estimated-accuracy"] = f"{decision.estimated_accuracy[outcome.candidate]:.4f}"
    if decision is not None and (cost := decision.estimated_cost_usd.get(outcome.candidate)) is not None:
        values["estimated-cost-usd"] = f"{cost:.8f}"
    if decision is not None and decision.unfamiliar is not None:
        values["unfamiliar"] = f"{decision.unfamiliar:.4f}"
    return {HEADER + name: header_text(value) for name, value in values.items()}


def described(plan: Plan, closed: Mapping[str, float]) -> dict[str, Any]:
    """A plan as JSON; the candidate is the first that would be asked, as endpoints are at present."""
    name = next((name for name in plan.order if name not in closed), plan.order[0])
    instead = Outcome(name, closed_off=dict(closed)).instead(plan.order[0])
    content: dict[str, Any] = {
        "candidate": name,
        "mode": plan.mode,
        "reason": instead or plan.reason,
        "objective": plan.objective or None,
        "order": list(plan.order),
        "passed_over": dict(plan.passed_over),
        "closed_off": {name: closed_off(wait) for name, wait in closed.items()},
    }
    return content | {"decision": None if plan.ranking is None else plan.ranking.decision.as_dict()}
