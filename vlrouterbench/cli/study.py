"""`vlrouterbench study`: families compared over several splits of one benchmark, with paired intervals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from vlrouterbench.cli.parameters import FeatureRequest, options_of


@dataclass(frozen=True)
class StudyRequest(FeatureRequest):
    """What is asked for on the command line."""

    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")]
    part: Annotated[
        list[str] | None, typer.Option(help="What is studied; repeat. Else routers; a wrong name is answered with all.")
    ] = None
    router: Annotated[
        list[str] | None,
        typer.Option(
            help="FAMILY, FAMILY:VARIANT, shuffled/FAMILY or policy; repeat. The first is compared with the others. "
            "Else all."
        ),
    ] = None
    seed: Annotated[list[int] | None, typer.Option(help="Split; 0 is the benchmark's own. Repeat; else 0 to 4.")] = None
    out: Annotated[Path | None, typer.Option(help="Folder to write: study.json and study.html.")] = None


@options_of(StudyRequest)
def study(request: StudyRequest) -> None:
    """Train and score families on several splits of a benchmark: is a lead more than the luck of one split?"""
    from vlrouterbench.cli import console
    from vlrouterbench.cli.study_tables import study_lines
    from vlrouterbench.data.table import load_table
    from vlrouterbench.evaluation.study.page import STUDY_PAGE
    from vlrouterbench.evaluation.study.splits import Ground
    from vlrouterbench.evaluation.study.study import DEFAULT_ROUTERS, write_study
    from vlrouterbench.evaluation.study.study import study as run_study
    from vlrouterbench.features.encode import encode_benchmark

    console.quiet_libraries()
    table = load_table(request.folder)
    with console.stage("encode text and images") as progress:
        features = encode_benchmark(table, request.feature_options(), request.work(progress=progress))
    ground = Ground(table, features, tuple(request.seed or range(5)), console.stage)
    content = run_study(ground, request.router or DEFAULT_ROUTERS, request.part or ("routers",))
    written = []
    if request.out is not None:
        write_study(content, ground, request.out)
        written = [f"page: {request.out / STUDY_PAGE}"]
    console.show(content, *study_lines(content), *written)
