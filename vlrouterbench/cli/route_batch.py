"""`vlrouterbench route --questions`: a table of questions -> a file of decisions, and what is shown of them.

Decisions
- The files are the user's own: nothing limits their size.
- Bad rows are listed and good rows decided; where every row is bad, that is an error and nothing is written.
"""

from __future__ import annotations

from typing import TypedDict

from vlrouterbench.cli import console
from vlrouterbench.cli.route_request import RouteRequest
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.simulated import SIMULATED_ROUTER
from vlrouterbench.routers.base.familiarity import SAID_FROM
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.encoders.sample_input import RAISE, TEXT_ONLY
from vlrouterbench.routing.images import ImageFolder
from vlrouterbench.routing.limits import QuestionError
from vlrouterbench.routing.options import RoutingOptions
from vlrouterbench.routing.parts.shards import is_many
from vlrouterbench.routing.route_table import route_table
from vlrouterbench.routing.routed_table import BadRow, RoutedTable, check_decisions_file

_MOST_LISTED, _MOST_IN_ERROR = 10, 3


class RoutedSummary(TypedDict):
    """What `route --questions --json` prints."""

    rows: int
    decided: int
    bad: list[BadRow]
    out: str
    chosen: dict[str, int]
    average_estimated_cost_usd: float | None
    average_cost_usd: float | None
    average_may_exceed_usd: float | None
    without_image: int
    without_picture: int
    fewer_images: int
    trained_on_simulated_data: bool


def route_questions(router: PreTrainedRouter, request: RouteRequest, objective_note: str) -> None:
    """Decide every row of `request.questions` and write `request.out`.

    Args:
        router: at the trade-off that the request asks for.
        request: the command's options.
        objective_note: what of its objective cannot be met, else empty.

    Raises:
        RouterError: the table cannot be read, every row is bad, or an average is asked of a router without open pool.
        BudgetError: an average below what the cheapest decisions cost.
    """
    questions, out = request.table_files()
    check_decisions_file(out)
    if not questions.is_file():
        many = ", which takes one that ends in none (a folder) as --out" if is_many(questions) else ""
        raise RouterError(f"expected a table of questions, found no file at {questions}{many}.")
    images = ImageFolder(questions.parent, TEXT_ONLY if request.allow_text_only else RAISE)
    with console.stage("decide") as progress:
        options = RoutingOptions(
            name=request.source().name,
            candidates=request.names,
            usd_weight=request.usd_weight,
            max_cost_usd=request.max_cost_usd,
            min_accuracy=request.min_accuracy,
            max_latency_s=request.max_latency_s,
            cost_confidence=request.cost_confidence,
            average_cost_usd=request.average_cost_usd,
            when_unfamiliar=request.if_unfamiliar,
            progress=progress,
        )
        try:
            routed = route_table(router, questions, options, images)
        except QuestionError as error:
            raise RouterError(f"{questions}: {error}") from error
    if not routed.decisions:
        problems = " ".join(f"Row {bad['row']}: {bad['problem']}" for bad in routed.bad[:_MOST_IN_ERROR])
        raise RouterError(
            f"expected rows that can be decided in {questions}, found none of {len(routed):,}. {problems}"
        )
    routed.write(out)
    _show(routed, request, objective_note, simulated=console.trained_on_simulated_data(router))


def _show(routed: RoutedTable, request: RouteRequest, objective_note: str, *, simulated: bool) -> None:
    mean, (_, out), average_cost_usd = (
        routed.average_estimated_cost_usd,
        request.table_files(),
        request.average_cost_usd,
    )
    may_exceed = None if routed.ahead_usd is None else routed.ahead_usd / len(routed.decisions)
    summary: RoutedSummary = {
        **routed.counts(),
        "out": str(out),
        "chosen": routed.chosen,
        "average_estimated_cost_usd": mean,
        "average_cost_usd": average_cost_usd,
        "average_may_exceed_usd": may_exceed,
        "without_image": routed.without_image,
        "without_picture": routed.without_image,  # the name that 0.x wrote, for one release
        "fewer_images": routed.fewer_images,
        "trained_on_simulated_data": simulated,
    }
    when = request.if_unfamiliar
    unlike = {"when_unfamiliar": str(when), "unfamiliar": routed.num_unfamiliar(when.level)} if when.acts else {}
    told = routed.num_unfamiliar(SAID_FROM)
    table = console.plain_table("", ("candidate", "rows", "share %"))
    for name, count in routed.chosen.items():
        table.add_row(name, f"{count:,}", f"{100 * count / len(routed.decisions):.1f}")
    bad = [f"row {bad['row']}: {bad['problem']}" for bad in routed.bad[:_MOST_LISTED]]
    more = len(routed.bad) - len(bad)
    console.show(
        {**summary, **unlike, **request.objective_facts(objective_note)},
        f"{len(routed.decisions):,} of {len(routed):,} rows decided",
        table,
        *([_spending(routed, mean, average_cost_usd)] if mean is not None else []),
        *([f"unlike the training samples ({when}): {unlike['unfamiliar']:,} decided rows"] if unlike else []),
        *([f"unlike the training samples: {told:,} of the decided rows"] if told and not unlike else []),
        *([f"rows decided without their image: {routed.without_image:,}"] if routed.without_image else []),
        *([f"rows decided without some of their images: {routed.fewer_images:,}"] if routed.fewer_images else []),
        *bad,
        *([f"and {more:,} more bad rows; --json lists all"] if more else []),
        *([SIMULATED_ROUTER] if simulated else []),
        f"decisions: {out}",
    )


def _spending(routed: RoutedTable, mean: float, average_cost_usd: float | None) -> str:
    """What was spent on average, what was asked for, and, where it is more, why it may be."""
    spent = f"expected cost: {SAMPLES_PER_COST_UNIT * mean:.4g} $/10K on average"
    if average_cost_usd is None:
        return spent
    spent += f"; asked for {SAMPLES_PER_COST_UNIT * average_cost_usd:.4g}"
    if routed.ahead_usd is None or mean <= average_cost_usd:
        return spent
    rows = f"{len(routed.decisions):,} rows" if len(routed.decisions) > 1 else "one row"
    most = SAMPLES_PER_COST_UNIT * routed.ahead_usd / len(routed.decisions)
    return (
        f"{spent}, which {rows} may exceed by {most:.3g}: together they may be one reserve ahead of the budget, "
        "which more rows make up for (docs/budgets.md)"
    )
