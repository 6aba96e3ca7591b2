"""`vlrouterbench regrade`: the answers of a measurement, graded again without asking candidates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlrouterbench.cli.measure import GradingHelp, MaxUSD
from vlrouterbench.core.errors import VLRouterBenchError

if TYPE_CHECKING:
    from vlrouterbench.measuring.judge_estimate import JudgeEstimate


def regrade(
    tables: Annotated[Path, typer.Argument(help="Folder that measure wrote.")],
    grading: Annotated[str, typer.Option(help=f"{GradingHelp}; a column grading wins.")],
    endpoints: Annotated[Path | None, typer.Option(help="Endpoints file with the judge.")] = None,
    judge: Annotated[str | None, typer.Option(help="Its model that judges.")] = None,
    max_usd: MaxUSD = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask the judge without a question first.")] = False,
) -> None:
    """Grade the answers of a measurement again; no candidate is asked."""
    from vlrouterbench.cli import console
    from vlrouterbench.cli.measure import agree_to, fail_where_stopped, judge_text, show_report, shown_progress
    from vlrouterbench.measuring.endpoints.read import read_endpoints
    from vlrouterbench.measuring.grading.kinds import parse_grading
    from vlrouterbench.measuring.regrade import regrade as grade_again

    kind = parse_grading(grading)
    if (endpoints is None) != (judge is None):
        raise VLRouterBenchError("expected --endpoints and --judge together, found one of them.")
    file = None if endpoints is None else read_endpoints(endpoints)
    asked = None if file is None or judge is None else file.find(judge)

    def agree(foreseen: JudgeEstimate) -> None:
        agree_to([judge_text(foreseen)], max_usd, yes=yes)

    with console.stage("grade", with_note=True) as progress:
        shown = shown_progress(progress)
        report = grade_again(tables, kind, judge=asked, max_usd=max_usd, agree=agree, progress=shown)
    show_report(report, tables, [])
    fail_where_stopped(report, tables)
