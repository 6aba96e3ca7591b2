"""`vlrouterbench route`: one decision, with what the router thinks of every candidate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from vlrouterbench.cli.parameters import options_of
from vlrouterbench.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.errors import RouterError


@dataclass(frozen=True)
class RouteRequest:
    """What is asked for on the command line."""

    router: Annotated[str, typer.Option(help="Router folder or Hub id.")]
    question: Annotated[str, typer.Option(help="The question, without options.")]
    image: Annotated[Path | None, typer.Option(help="Image file.")] = None
    option: Annotated[list[str] | None, typer.Option(help="An answer option; repeat for each.")] = None
    hint: Annotated[str, typer.Option(help="Extra instruction or context.")] = ""
    candidates: Annotated[str | None, typer.Option(help="Comma-separated names to choose from.")] = None
    usd_weight: Annotated[float | None, typer.Option(help="Accuracy per USD; needs calibrated estimates.")] = None
    max_cost_usd: Annotated[float | None, typer.Option(help="Most that one answer may cost.")] = None
    min_accuracy: Annotated[float | None, typer.Option(help="Least chance of a correct answer.")] = None
    allow_text_only: Annotated[bool, typer.Option(help="Decide by the text where the image cannot be read.")] = False
    text_encoder: Annotated[str | None, typer.Option(help="Where the router's text encoder lies here.")] = None
    image_encoder: Annotated[str | None, typer.Option(help="Where the router's image encoder lies here.")] = None


@options_of(RouteRequest)
def route(request: RouteRequest) -> None:
    """Decide which candidate to ask about an image and a question."""
    from rich.text import Text

    from vlrouterbench.cli import console
    from vlrouterbench.routers.auto import AutoRouter
    from vlrouterbench.routers.budgets import KINDS, BudgetError
    from vlrouterbench.routers.decision import CalibrationError, PoolMismatchError
    from vlrouterbench.routers.encoding_hub_folder import HubEncoderError
    from vlrouterbench.routers.encoding_input import RAISE, TEXT_ONLY, RouterInputError
    from vlrouterbench.routers.encoding_ocr import OcrError

    console.quiet_libraries()
    loaded = AutoRouter.from_pretrained(request.router)
    _place_encoders(loaded, request)
    names = request.candidates and [name.strip() for name in request.candidates.split(",") if name.strip()]
    try:
        decision = loaded.route(
            request.question,
            request.image,
            options=request.option or (),
            hint=request.hint,
            candidates=names,
            on_bad_image=TEXT_ONLY if request.allow_text_only else RAISE,
            **{name: getattr(request, name) for name in KINDS},
        )
    except (BudgetError, CalibrationError, HubEncoderError, OcrError, PoolMismatchError, RouterInputError) as error:
        raise RouterError(str(error)) from error
    unread = request.image is not None and not decision.image_used
    simulated = bool(loaded.config.training.get("benchmark", {}).get("simulated"))
    note = "This router was trained on simulated data: it knows nothing about real models."
    console.show(
        decision.as_dict() | {"trained_on_simulated_data": simulated},
        _table(decision.as_dict()),
        Text.assemble("ask: ", (decision.candidate, "bold")),
        *([decision.reason] if decision.reason else []),
        *([note] if simulated else []),
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
