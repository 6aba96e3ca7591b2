"""`vlrouterbench logs`: the gateway's log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlrouterbench.cli.help import GroupedCommand

if TYPE_CHECKING:
    from vlrouterbench.metrics.off_policy import Estimate

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
    table = console.plain_table("", ("candidate", "requests", "rated", "quality", "drift", "$/10K", "ratio", "seconds"))
    for name, figures in summary["candidates"].items():
        cells = (
            "-" if value is None else f"{factor * value:.{digits}f}"
            for value, factor, digits in (
                (figures["quality"], 1, 3),
                (figures["drift"], 1, 3),
                (figures["cost_usd"], 10_000, 3),
                (figures["cost_ratio"], 1, 2),
                (figures["seconds"], 1, 2),
            )
        )
        table.add_row(name, f"{figures['requests']:,}", f"{figures['rated']:,}", *cells)
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
def evaluate(
    log: Log,
    router: Annotated[list[str], typer.Option("--router", help="Router folder or Hub id; repeat to compare.")],
    benchmark: Annotated[
        Path | None,
        typer.Option(
            help="Benchmark of an export of this log: requests of its train and validation splits do not count."
        ),
    ] = None,
) -> None:
    """Estimate what routers would have got on a log's requests, from the probabilities that it states."""
    from vlrouterbench.cli import console
    from vlrouterbench.routers.auto import trusts_code
    from vlrouterbench.serving.logs.evaluating import evaluate_log

    console.quiet_libraries()
    found = evaluate_log(log, router, benchmark, trusted=trusts_code.get())

    def cells(estimate: Estimate, factor: float, digits: int) -> tuple[str, str]:
        low, high = (f"{factor * end:.{digits}f}" for end in (estimate.low, estimate.high))
        return f"{factor * estimate.value:.{digits}f}", f"{low} to {high}"

    def row(name: str, by: str, of: Mapping[str, Estimate]) -> None:
        table.add_row(name, by, *cells(of["accuracy"], 100, 2), *cells(of["cost_usd"], 10_000, 3))

    table = console.plain_table("", ("router", "by", "acc. %", "95 %", "$/10K", "95 %"))
    row("as logged", "mean", found.logged)
    for one in found.routers:
        for by, estimates in one.estimates.items():
            row(Path(one.router).name, by, estimates)
        if one.difference is not None:
            row(Path(one.router).name, "less the first", one.difference)
    console.show(
        {**vars(found), "logged": dict_of(found.logged), "routers": [one.as_dict() for one in found.routers]},
        f"{found.requests:,} requests of {log}",
        table,
        *(
            f"{Path(one.router).name} agrees with {one.agrees:,} of them; effective sample size {one.effective:.0f}"
            for one in found.routers
        ),
        *(
            f"{Path(one.router).name} less the first: {one.difference_by}"
            for one in found.routers
            if one.difference is not None
        ),
        *(f"left out: {count:,} with {reason}" for reason, count in found.left_out.items()),
    )


def dict_of(estimates: Mapping[str, Estimate]) -> dict[str, dict[str, float]]:
    """Estimates as JSON-ready content."""
    return {kind: vars(estimate) for kind, estimate in estimates.items()}


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
