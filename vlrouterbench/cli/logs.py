"""`vlrouterbench logs`: the gateway's log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vlrouterbench.cli.help import GroupedCommand

logs = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Log = Annotated[Path, typer.Option("--log", help="Folder of the log, as `serve --log` was given it.")]


@logs.callback()
def _group() -> None:
    """The gateway's log: what it holds, tables to train on, estimates of other routers, deletion."""


@logs.command(cls=GroupedCommand)
def show(log: Log) -> None:
    """Say what a log holds: requests by candidate, feedback, costs, time."""
    from vlrouterbench.cli import console
    from vlrouterbench.serving.logs.showing import summarise

    summary = summarise(log)
    table = console.plain_table("", ("candidate", "requests", "rated", "quality", "$/10K", "seconds"))
    for name, figures in summary["candidates"].items():
        quality, cost, seconds = (
            "-" if value is None else f"{factor * value:.{digits}f}"
            for value, factor, digits in (
                (figures["quality"], 1, 3),
                (figures["cost_usd"], 10_000, 3),
                (figures["seconds"], 1, 2),
            )
        )
        table.add_row(name, f"{figures['requests']:,}", f"{figures['rated']:,}", quality, cost, seconds)
    counts = ", ".join(f"{count:,} {mode}" for mode, count in summary["modes"].items())
    console.show(
        summary,
        f"{summary['requests']:,} requests from {summary['first']} to {summary['last']} (UTC): {counts}",
        table,
        f"explored: {summary['explored']:,}; with features: {summary['with_features']:,}; with content: "
        f"{summary['with_content']:,}",
    )


@logs.command(cls=GroupedCommand)
def export(
    log: Log, out: Annotated[Path, typer.Option(help="Folder of the tables; replaced when they are whole.")]
) -> None:
    """Write own tables of the answers that were rated, for `build`: one outcome a sample, nothing imputed."""
    from vlrouterbench.cli import console
    from vlrouterbench.serving.logs.export import export_log

    report = export_log(log, out)
    console.show(
        {"out": str(out), **report},
        f"{report['rows']:,} of {report['requests']:,} requests to {out}: {report['with_propensity']:,} with a "
        f"propensity, {report['with_features_alone']:,} with features in the place of content",
        *(f"left out: {count:,} with {reason}" for reason, count in report["left_out"].items()),
    )


@logs.command(cls=GroupedCommand)
def delete(
    log: Log,
    request: Annotated[list[str], typer.Option("--request", metavar="ID", help="Id of a request; repeat for several.")],
) -> None:
    """Delete requests, with their feedback and content. Tables that were exported before keep theirs."""
    from vlrouterbench.cli import console
    from vlrouterbench.serving.logs.parts import delete_requests

    count = delete_requests(log, request)
    console.show({"deleted": count}, f"deleted {count:,} of {log}")
