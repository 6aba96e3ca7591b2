"""`vlrouterbench route --questions`: a table of questions -> a file of decisions, under a budget or an average.

Decisions
- Rows are gone through as on the demo's Batch tab, without its limits: the files are the user's own.
- A picture lies in the folder of the table or below it: a table from elsewhere must not read the user's other files.
- Bad rows are listed and good rows done; where every row is bad, that is an error and nothing is written.
- Under an average with --candidates the other candidates leave the pool in memory: what a weight spends is then known
  of those that can be chosen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.simulated import SIMULATED_ROUTER

if TYPE_CHECKING:
    from vlrouterbench.cli.route_request import RouteRequest
    from vlrouterbench.demo.batch import BatchResult
    from vlrouterbench.routers.base.decision import RoutingDecision
    from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
    from vlrouterbench.routing.question_table import BatchRow

_MOST_LISTED = 10


def route_table(router: PreTrainedRouter, request: RouteRequest) -> None:
    """Decide every row of `request.questions` and write `request.out`.

    Raises:
        RouterError: the table cannot be read, every row is bad, or an average is asked of a router without open pool.
        BudgetError: an average below what the cheapest decisions cost.
    """
    from vlrouterbench.cli import console
    from vlrouterbench.demo.batch import decide_rows
    from vlrouterbench.routers.base.decision import Budget, considered
    from vlrouterbench.routing.limits import UNLIMITED

    # What would be wrong with every row is said once.
    considered(router.config.candidate_names, request.names)
    router.check_budget(request.budget)
    if any(value is not None for value in request.budget.values()):
        Budget(**request.budget)
    rows = _rows(request.questions)
    decide = _decider(router, request)
    name = Path(request.router).resolve().name if Path(request.router).exists() else request.router.split("/")[-1]
    with console.stage("decide") as progress:
        result = decide_rows(rows, decide, name, limits=UNLIMITED, progress=progress)
    if not result.decided:
        listed = " ".join(f"Row {number}: {problem}" for number, problem in result.bad[:_MOST_LISTED])
        raise RouterError(
            f"expected rows that can be decided in {request.questions}, found none of {len(result.bad):,}. {listed}"
        )
    result.write(request.out)
    _show(router, request, result)


def _rows(path: Path) -> list[dict[str, Any]]:
    from vlrouterbench.routing.limits import UNLIMITED, DemoError
    from vlrouterbench.routing.question_table import read_batch

    if not path.is_file():
        raise RouterError(f"expected a table of questions as csv or parquet, found no file at {path}.")
    try:
        return read_batch(path, UNLIMITED)
    except DemoError as error:
        raise RouterError(f"{path}: {error}") from error


def _decider(router: PreTrainedRouter, request: RouteRequest) -> Callable[[BatchRow], RoutingDecision]:
    """What decides one row."""
    from vlrouterbench.routers.encoders.sample_input import RAISE, TEXT_ONLY, RouterInputError
    from vlrouterbench.training.pool.opened import check_open_pool

    folder = request.questions.resolve().parent
    names, budget, route = request.names, request.budget, router.route
    if request.average_cost_usd is not None:
        check_open_pool(router, request.router)
        for name in router.config.candidate_names:
            if names is not None and name not in names:
                router.remove_candidate(name)
        names, budget, route = None, {}, router.stream(request.average_cost_usd).route

    def decide(asked: BatchRow) -> RoutingDecision:
        image = (folder / asked.image).resolve() if asked.image else None
        if image is not None and not image.is_relative_to(folder):
            raise RouterInputError(f'the image path "{asked.image}" leaves the folder {folder}. Give a path inside it.')
        return route(
            asked.question,
            image,
            options=asked.options,
            hint=asked.hint,
            candidates=names,
            on_bad_image=TEXT_ONLY if request.allow_text_only else RAISE,
            **budget,
        )

    return decide


def _show(router: PreTrainedRouter, request: RouteRequest, result: BatchResult) -> None:
    from vlrouterbench.cli import console

    simulated = bool(router.config.training.get("benchmark", {}).get("simulated"))
    costs = [row["estimated_cost_usd"] for row in result.decided]
    mean = None if None in costs else sum(costs) / len(costs)
    facts = result.as_dict() | {
        "out": str(request.out),
        "chosen": dict(Counter(row["candidate"] for row in result.decided).most_common()),
        "average_estimated_cost_usd": mean,
        "average_cost_usd": request.average_cost_usd,
        "without_picture": result.without_picture,
        "trained_on_simulated_data": simulated,
    }
    table = console.plain_table("", ("candidate", "rows", "share %"))
    for name, count in facts["chosen"].items():
        table.add_row(name, f"{count:,}", f"{100 * count / len(result.decided):.1f}")
    bad = [f"row {number}: {problem}" for number, problem in result.bad[:_MOST_LISTED]]
    more = len(result.bad) - len(bad)
    console.show(
        facts,
        f"{len(result.decided):,} of {facts['rows']:,} rows decided",
        table,
        *([_spending(mean, request.average_cost_usd)] if mean is not None else []),
        *([f"rows decided without their picture: {result.without_picture:,}"] if result.without_picture else []),
        *bad,
        *([f"and {more:,} more bad rows; --json lists all"] if more else []),
        *([SIMULATED_ROUTER] if simulated else []),
        f"decisions: {request.out}",
    )


def _spending(mean: float, asked: float | None) -> str:
    budget = "" if asked is None else f"; asked for {SAMPLES_PER_COST_UNIT * asked:.4g}"
    return f"expected cost: {SAMPLES_PER_COST_UNIT * mean:.4g} $/10K on average{budget}"
