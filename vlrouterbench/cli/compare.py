"""`vlrouterbench compare`: routers over several benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from vlrouterbench.cli.parameters import FeatureRequest, GoalRequest, options_of
from vlrouterbench.cli.study import terminal_line
from vlrouterbench.cli.unused_options import say_length


@dataclass(frozen=True)
class CompareRequest(FeatureRequest, GoalRequest):
    """The options of the command."""

    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Benchmark folders.")]
    router: Annotated[
        list[str],
        typer.Option(
            help="FAMILY, FAMILY:VARIANT, shuffled/FAMILY (trained on every split), router folder or Hub id (scored as "
            "it is), function of a plugin, or policy; repeat for several."
        ),
    ]
    out: Annotated[Path, typer.Option(help="Folder for compare.json, compare.html, compare.md and compare.tex.")]
    seed: Annotated[
        list[int] | None, typer.Option(help="Split; 0 is each benchmark's own. Repeat; default: 0 to 4.")
    ] = None
    candidates: Annotated[
        str,
        typer.Option(help="Which are scored: all, shared (those that every saved router has), or A,B,..."),
    ] = "all"


@options_of(CompareRequest)
def compare(request: CompareRequest) -> None:
    """Train families on several benchmarks, score saved routers on them, and rank them over all."""
    from vlrouterbench.cli import console
    from vlrouterbench.data.table import load_table
    from vlrouterbench.evaluation.compare.compare import COMPARE_FILES, asked_table, write_comparison
    from vlrouterbench.evaluation.compare.compare import compare as run_comparison
    from vlrouterbench.evaluation.compare.saved import load_asked
    from vlrouterbench.evaluation.compare.view import terminal_tables
    from vlrouterbench.evaluation.evaluate import EvaluationOptions
    from vlrouterbench.evaluation.study.context import StudyContext
    from vlrouterbench.features.encode import encode_benchmark

    console.quiet_libraries()
    say_length(request)
    asked = load_asked(request.router)
    contexts = []
    for table in [load_table(folder).judged_by(request.goal()) for folder in request.folders]:
        kept = asked_table(table, request.candidates, asked)
        with console.stage(f"{table.folder.name}: encode text and images") as progress:
            features = encode_benchmark(kept, request.feature_options(), request.work(progress=progress))
        contexts.append(StudyContext(kept, features, tuple(request.seed or range(5)), console.stage))
    options = EvaluationOptions(
        time_routers=False, rechoose=request.objective is not None, candidates=request.candidates
    )
    record = run_comparison(contexts, asked, options)
    write_comparison(record, request.out)
    written = [str(request.out / name) for name in COMPARE_FILES]
    console.show(
        {"out": str(request.out), "written": written, **record},
        *map(terminal_line, terminal_tables(record)),
        f"page: {request.out / COMPARE_FILES[1]}",
    )
