"""`vlrouterbench route`: one decision, with what the router thinks of every candidate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vlrouterbench.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.errors import RouterError


def route(
    router: Annotated[str, typer.Option(help="Router folder or Hub id.")],
    question: Annotated[str, typer.Option(help="The question, without options.")],
    image: Annotated[Path | None, typer.Option(help="Image file.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="An answer option; repeat for each.")] = None,
    candidates: Annotated[str | None, typer.Option(help="Comma-separated names to choose from.")] = None,
    usd_weight: Annotated[float | None, typer.Option(help="Accuracy per USD; needs calibrated estimates.")] = None,
    max_cost_usd: Annotated[float | None, typer.Option(help="Most that one answer may cost.")] = None,
    min_accuracy: Annotated[float | None, typer.Option(help="Least chance of a correct answer.")] = None,
) -> None:
    """Decide which candidate to ask about an image and a question."""
    from rich.text import Text

    from vlrouterbench.cli import console
    from vlrouterbench.routers.auto import AutoRouter
    from vlrouterbench.routers.decision import CalibrationError, PoolMismatchError
    from vlrouterbench.routers.encoding_input import RouterInputError

    console.quiet_libraries()
    loaded = AutoRouter.from_pretrained(router)
    names = None if candidates is None else [name.strip() for name in candidates.split(",") if name.strip()]
    try:
        decision = loaded.route(
            question,
            image,
            options=option or (),
            candidates=names,
            usd_weight=usd_weight,
            max_cost_usd=max_cost_usd,
            min_accuracy=min_accuracy,
        )
    except (CalibrationError, PoolMismatchError, RouterInputError) as error:
        raise RouterError(str(error)) from error
    simulated = bool(loaded.config.training.get("benchmark", {}).get("simulated"))
    note = "This router was trained on simulated data: it knows nothing about real models."
    console.show(
        decision.as_dict() | {"trained_on_simulated_data": simulated},
        _table(decision.as_dict()),
        Text.assemble("ask: ", (decision.candidate, "bold")),
        *([note] if simulated else []),
    )


def _table(decision: dict[str, Any]) -> Any:
    from vlrouterbench.cli import console

    table = console.plain_table("", ("candidate", "score", "p(correct)", "mean $/10K on train"))
    accuracy, cost = decision["estimated_accuracy"] or {}, decision["estimated_cost_usd"] or {}
    for name, score in sorted(decision["score"].items(), key=lambda entry: -entry[1]):
        chance = f"{accuracy[name]:.3f}" if name in accuracy else "-"
        price = "-" if cost.get(name) is None else f"{SAMPLES_PER_COST_UNIT * cost[name]:.3f}"
        table.add_row(name, f"{score:.4f}", chance, price, style="bold" if name == decision["candidate"] else "")
    return table
