"""`vlrouterbench endpoints`: files that say where candidates are asked."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vlrouterbench.cli.help import GroupedCommand
from vlrouterbench.core.errors import VLRouterBenchError

endpoints = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
File = Annotated[Path, typer.Argument(help="Endpoints file (YAML), as docs/measure.md describes it.")]
UnlikelyPrices = Annotated[
    bool, typer.Option("--allow-unlikely-prices", help="Take prices that look like another unit as they stand.")
]
_SHOWN = 3
"""Endpoints whose reasons fit into one message."""


@endpoints.callback()
def _group() -> None:
    """Files that say where candidates are asked."""


@endpoints.command(cls=GroupedCommand)
def check(file: File, allow_unlikely_prices: UnlikelyPrices = False) -> None:
    """Ask each endpoint one tiny question."""
    from vlrouterbench.cli import console
    from vlrouterbench.measuring.check import check_endpoints
    from vlrouterbench.measuring.endpoints.read import read_endpoints

    read = read_endpoints(file, allow_unlikely=allow_unlikely_prices)
    checked = check_endpoints(read)
    failed = [entry for entry in checked if entry.problem]
    table = console.plain_table("", ("endpoint", "", "seconds", "tokens in", "out"))
    for entry in checked:
        figures = (f"{entry.latency_s:.2f}" if entry.latency_s is not None else "-",)
        counts = tuple("-" if count is None else f"{count:,}" for count in (entry.input_tokens, entry.output_tokens))
        table.add_row(entry.name, "failed" if entry.problem else "answers", *figures, *counts)
    console.show(
        {"endpoints": [asdict(entry) for entry in checked], "failed": len(failed)},
        table,
        *(f"{entry.name}: {entry.problem}" for entry in (failed if len(failed) > _SHOWN else ())),
        *(f"note: {said}" for said in read.notes),
    )
    if failed:
        problems = "; ".join(f"{entry.name}: {entry.problem}" for entry in failed[:_SHOWN])
        more = f"; and {len(failed) - _SHOWN:,} more, whose reasons stand above" if len(failed) > _SHOWN else ""
        raise VLRouterBenchError(
            f"expected {len(checked)} endpoints of {file} to answer, found {len(failed)} that do not: {problems}{more}"
        )


@endpoints.command(cls=GroupedCommand)
def schema() -> None:
    """Print the JSON schema of an endpoints file, for editors and checks."""
    from vlrouterbench.cli import console
    from vlrouterbench.measuring.endpoints.fields import endpoints_schema

    content = endpoints_schema()
    console.show(content, json.dumps(content, indent=2))
