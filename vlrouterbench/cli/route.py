"""`vlrouterbench route`: one decision with what the router thinks of every candidate, or a table of questions at once.

Decisions
- The options are defined in `route_request.py`; a table is decided in `route_batch.py`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from vlrouterbench.cli.parameters import options_of
from vlrouterbench.cli.route_request import RouteRequest
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.simulated import SIMULATED_ROUTER

if TYPE_CHECKING:
    from rich.table import Table

    from vlrouterbench.routers.base.decision import RoutingDecision
    from vlrouterbench.routers.base.modeling_router import PreTrainedRouter


@options_of(RouteRequest)
def route(request: RouteRequest) -> None:
    """Decide which candidate to ask about an image and a question."""
    from vlrouterbench.cli import console
    from vlrouterbench.cli.route_parts import route_in_parts
    from vlrouterbench.routers.base.decision import REFUSALS

    request.check()
    try:
        if request.question is None and request.in_parts:
            route_in_parts(request)
            return
        console.quiet_libraries()
        loaded, note = request.source().open()
        if note:
            console.warn(note)
        if request.question is None:
            from vlrouterbench.cli.route_batch import route_questions

            route_questions(loaded, request, note)
        else:
            _route_one(loaded, request.question, request, note)
    except REFUSALS as error:
        raise RouterError(str(error)) from error


def _route_one(router: PreTrainedRouter, question: str, request: RouteRequest, objective_note: str) -> None:
    from rich.text import Text

    from vlrouterbench.cli import console
    from vlrouterbench.routers.base.familiarity import unfamiliar_text
    from vlrouterbench.routers.encoders.sample_input import RAISE, TEXT_ONLY

    when = request.if_unfamiliar
    when.check(router, request.names)
    decide = partial(
        router.route,
        question,
        images=request.image,
        options=request.option or (),
        hint=request.hint,
        candidates=request.names,
        on_bad_image=TEXT_ONLY if request.allow_text_only else RAISE,
        **request.budget,
    )
    decision = when.applied(
        router, decide, {"max_cost_usd": request.max_cost_usd, "min_accuracy": request.min_accuracy}
    )
    unread = bool(request.image) and not decision.image_used
    simulated = console.trained_on_simulated_data(router)
    console.show(
        decision.as_dict() | request.objective_facts(objective_note) | {"trained_on_simulated_data": simulated},
        _table(decision),
        Text.assemble("ask: ", (decision.candidate, "bold")),
        *([decision.reason] if decision.reason else []),
        *([unlike] if (unlike := unfamiliar_text(decision.unfamiliar)) else []),
        *([SIMULATED_ROUTER] if simulated else []),
        *([f"The image{'s' * (len(request.image or ()) > 1)} had no part in this decision."] if unread else []),
    )


def _table(decision: RoutingDecision) -> Table:
    from vlrouterbench.cli import console

    kind = "mean $/10K on train" if decision.estimated_accuracy is None else "$/10K"
    table = console.plain_table("", ("candidate", "score", "p(correct)", kind))
    accuracy, cost = decision.estimated_accuracy or {}, decision.estimated_cost_usd or {}
    for name, score in sorted(decision.score.items(), key=lambda entry: -entry[1]):
        chance = f"{accuracy[name]:.3f}" if name in accuracy else "-"
        usd = cost.get(name)
        price = "-" if usd is None else f"{SAMPLES_PER_COST_UNIT * usd:.3f}"
        table.add_row(name, f"{score:.4f}", chance, price, style="bold" if name == decision.candidate else "")
    return table
