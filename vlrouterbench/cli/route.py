"""`vlrouterbench route`: one decision with what the router thinks of every candidate, or a table of questions at once.

Decisions
- One of --question and --questions; an option that belongs to the other one is wrong usage, not passed over.
- A table is `route_batch.py`'s: here stands what both ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from vlrouterbench.cli.parameters import options_of
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.simulated import SIMULATED_ROUTER


@dataclass(frozen=True)
class RouteRequest:
    """What is asked for on the command line."""

    router: Annotated[str, typer.Option(help="Router folder or Hub id.")]
    question: Annotated[str | None, typer.Option(help="The question, without options.")] = None
    image: Annotated[Path | None, typer.Option(help="Image file.")] = None
    option: Annotated[list[str] | None, typer.Option(help="An answer option; repeat for each.")] = None
    hint: Annotated[str, typer.Option(help="Extra instruction or context.")] = ""
    questions: Annotated[
        Path | None,
        typer.Option(help="Instead: a csv or parquet with question; sample_id, image, hint, options if any."),
    ] = None
    out: Annotated[Path | None, typer.Option(help="Parquet file for the decisions on --questions.")] = None
    average_cost_usd: Annotated[
        float | None,
        typer.Option(help="Of --questions: what an answer may cost on average; needs an open pool."),
    ] = None
    candidates: Annotated[str | None, typer.Option(help="Comma-separated names to choose from.")] = None
    usd_weight: Annotated[float | None, typer.Option(help="Accuracy per USD; needs calibrated estimates.")] = None
    max_cost_usd: Annotated[float | None, typer.Option(help="Most that one answer may cost.")] = None
    min_accuracy: Annotated[float | None, typer.Option(help="Least chance of a correct answer.")] = None
    allow_text_only: Annotated[bool, typer.Option(help="Decide by the text where the image cannot be read.")] = False
    text_encoder: Annotated[str | None, typer.Option(help="Where the router's text encoder lies here.")] = None
    image_encoder: Annotated[str | None, typer.Option(help="Where the router's image encoder lies here.")] = None

    @property
    def budget(self) -> dict[str, float | None]:
        """As `route()` of a router takes it."""
        from vlrouterbench.routers.base.decision import KINDS

        return {name: getattr(self, name) for name in KINDS}

    @property
    def names(self) -> list[str] | None:
        """Candidates to choose from, None for all."""
        if self.candidates is None:
            return None
        return [name.strip() for name in self.candidates.split(",") if name.strip()]

    def check(self) -> None:
        """Raise typer.BadParameter for options that do not go together."""
        if (self.question is None) == (self.questions is None):
            raise typer.BadParameter("give --question, or --questions with a table of them; one of the two.")
        if self.question is not None:
            for name in ("out", "average_cost_usd"):
                if getattr(self, name) is not None:
                    raise typer.BadParameter(_belongs(name, "questions"))
            return
        for name in ("image", "option", "hint"):
            if getattr(self, name):
                raise typer.BadParameter(_belongs(name, "question") + " A table has a column for it.")
        if self.out is None:
            raise typer.BadParameter("--questions needs --out, a parquet file for the decisions.")
        given = [_flag(name) for name, value in self.budget.items() if value is not None]
        if self.average_cost_usd is not None and given:
            raise typer.BadParameter(f"give --average-cost-usd or {given[0]}: an average sets each answer's trade-off.")


@options_of(RouteRequest)
def route(request: RouteRequest) -> None:
    """Decide which candidate to ask about an image and a question."""
    from vlrouterbench.cli import console
    from vlrouterbench.cli.route_batch import route_table
    from vlrouterbench.routers.auto import AutoRouter
    from vlrouterbench.routers.base.decision import REFUSALS

    request.check()
    console.quiet_libraries()
    loaded = AutoRouter.from_pretrained(request.router)
    _place_encoders(loaded, request)
    try:
        if request.questions is None:
            _route_one(loaded, request)
        else:
            route_table(loaded, request)
    except REFUSALS as error:
        raise RouterError(str(error)) from error


def _route_one(router: Any, request: RouteRequest) -> None:
    from rich.text import Text

    from vlrouterbench.cli import console
    from vlrouterbench.routers.encoders.sample_input import RAISE, TEXT_ONLY

    decision = router.route(
        request.question,
        request.image,
        options=request.option or (),
        hint=request.hint,
        candidates=request.names,
        on_bad_image=TEXT_ONLY if request.allow_text_only else RAISE,
        **request.budget,
    )
    unread = request.image is not None and not decision.image_used
    simulated = bool(router.config.training.get("benchmark", {}).get("simulated"))
    console.show(
        decision.as_dict() | {"trained_on_simulated_data": simulated},
        _table(decision.as_dict()),
        Text.assemble("ask: ", (decision.candidate, "bold")),
        *([decision.reason] if decision.reason else []),
        *([SIMULATED_ROUTER] if simulated else []),
        *(["The image had no part in this decision."] if unread else []),
    )


def _place_encoders(router: Any, request: RouteRequest) -> None:
    for kind, source in (("text", request.text_encoder), ("image", request.image_encoder)):
        if source is None:
            continue
        block = getattr(router.encoder, kind)
        if not hasattr(block, "use"):
            raise RouterError(f"--{kind}-encoder was given, but this router has no pretrained {kind} encoder.")
        block.use(source)


def _table(decision: dict[str, Any]) -> Any:
    from vlrouterbench.cli import console

    kind = "mean $/10K on train" if decision["estimated_accuracy"] is None else "$/10K"
    table = console.plain_table("", ("candidate", "score", "p(correct)", kind))
    accuracy, cost = decision["estimated_accuracy"] or {}, decision["estimated_cost_usd"] or {}
    for name, score in sorted(decision["score"].items(), key=lambda entry: -entry[1]):
        chance = f"{accuracy[name]:.3f}" if name in accuracy else "-"
        price = "-" if cost.get(name) is None else f"{SAMPLES_PER_COST_UNIT * cost[name]:.3f}"
        table.add_row(name, f"{score:.4f}", chance, price, style="bold" if name == decision["candidate"] else "")
    return table


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _belongs(name: str, other: str) -> str:
    return f"{_flag(name)} belongs to {_flag(other)}."
