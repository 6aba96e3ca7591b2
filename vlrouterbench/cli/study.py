"""`vlrouterbench study`: families compared over several splits of one benchmark, with paired intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlrouterbench.cli.parameters import BACKBONE, BackboneRequest, GoalRequest, fields_of, options_of
from vlrouterbench.cli.unused_options import say_without_backbone
from vlrouterbench.core.limits import LARGEST_SEED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from vlrouterbench.data.table import RoutingTable
    from vlrouterbench.evaluation.study.context import StudyContext
    from vlrouterbench.evaluation.study.part import TextTable


REWORDINGS = "rewordings"
"""The part that compares text encoders."""
LEARNING_CURVES = "learning-curves"
"""The part that trains on fewer samples."""


@dataclass(frozen=True)
class StudyRequest(BackboneRequest, GoalRequest):
    """The options of the command."""

    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")]
    part: Annotated[
        list[str] | None,
        typer.Option(help="Part of the study; repeat. Default: routers; an unknown name is answered with all names."),
    ] = None
    router: Annotated[
        list[str] | None,
        typer.Option(
            help="FAMILY, FAMILY:VARIANT, FAMILY@TEXT_ENCODER, shuffled/FAMILY, policy or file of decisions; repeat. "
            "The first is compared with the others. Default: all over features, or what the parts state."
        ),
    ] = None
    seed: Annotated[
        list[int] | None,
        typer.Option(min=0, max=LARGEST_SEED, help="Split; 0 is the benchmark's own. Repeat; default: 0 to 4."),
    ] = None
    against_text: Annotated[
        str | None, typer.Option(help="Text encoder that --text is compared with, by the part rewordings.")
    ] = None
    train_samples: Annotated[
        list[int] | None,
        typer.Option(help="Sizes of the part learning-curves, beside all; repeat. Default: halvings of all."),
    ] = None
    out: Annotated[Path | None, typer.Option(help="Folder to write: study.json and study.html.")] = None
    num_epochs: Annotated[
        int | None,
        typer.Option(help="At most so many epochs of end-to-end routers; else their own.", rich_help_panel=BACKBONE),
    ] = None
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Learning rate of end-to-end routers; else their own.", rich_help_panel=BACKBONE),
    ] = None
    bf16: Annotated[
        bool, typer.Option(help="Train end-to-end routers in bfloat16 (autocast).", rich_help_panel=BACKBONE)
    ] = False
    candidates: Annotated[
        str,
        typer.Option(
            help="Which routers are trained and scored on: all, shared (those that the evaluations of given files of "
            "decisions scored), or A,B,..."
        ),
    ] = "all"


@options_of(StudyRequest)
def study(request: StudyRequest) -> None:
    """Train and score families on several splits of a benchmark: does a lead hold on more than one split?"""
    from vlrouterbench.cli import console
    from vlrouterbench.data.table import load_table
    from vlrouterbench.evaluation.decisions import is_decisions_file
    from vlrouterbench.evaluation.pool import candidates_beside, scored_candidates, with_candidates
    from vlrouterbench.evaluation.study.study import (
        DEFAULT_PARTS,
        STUDY_PAGE,
        check_request,
        default_routers,
        write_study,
    )
    from vlrouterbench.evaluation.study.study import study as run_study

    console.quiet_libraries()
    parts = request.part or DEFAULT_PARTS
    if request.against_text is not None and (REWORDINGS not in parts or request.against_text == request.text):
        raise typer.BadParameter(
            f"--against-text is another text encoder than --text ({request.text}), for --part {REWORDINGS}."
        )
    if request.train_samples and LEARNING_CURVES not in parts:
        raise typer.BadParameter(
            f"--train-samples are sizes of --part {LEARNING_CURVES}: give it too, or leave them out."
        )
    routers, seeds = request.router or default_routers(parts), tuple(request.seed or range(5))
    check_request(routers, parts, seeds)
    whole = load_table(request.folder).judged_by(request.goal())
    beside = {name: candidates_beside(Path(name)) or whole.pool.names for name in routers if is_decisions_file(name)}
    table = with_candidates(whole, scored_candidates(request.candidates, whole, beside))
    result = run_study(_context(request, table, routers, seeds), routers, parts)
    written = []
    if request.out is not None:
        write_study(result, request.out)
        written = [f"page: {request.out / STUDY_PAGE}"]
    left_out = [name for name in whole.pool.names if name not in table.pool.index]
    note = f"Trained and scored on {len(table.pool)} of {len(whole.pool)} candidates; left out: {', '.join(left_out)}."
    console.show(result.content(), *map(terminal_line, result.tables()), *([note] if left_out else []), *written)


def _context(request: StudyRequest, table: RoutingTable, routers: Sequence[str], seeds: Sequence[int]) -> StudyContext:
    """What a study of these routers is made on, with what they read encoded once it is known to be there."""
    from vlrouterbench.cli import console
    from vlrouterbench.evaluation.study.context import StudyContext, family_and_variant, text_of
    from vlrouterbench.features.choices import check_encoders
    from vlrouterbench.features.encode import encode_benchmark
    from vlrouterbench.routers.registry import END_TO_END, ROUTERS
    from vlrouterbench.training.arguments import RouterTrainingArguments

    families = [family_and_variant(name)[0] for name in routers]
    texts = {
        text for name, family in zip(routers, families, strict=True) if family in ROUTERS and (text := text_of(name))
    }
    options = request.feature_options()
    more = {request.against_text} if request.against_text is not None else set()
    others = {text: replace(options, text=text) for text in sorted(texts | more)}
    for named in (options, *others.values()):
        check_encoders(named)
    if not set(families) & set(END_TO_END):
        say_without_backbone(request, others)
    with console.stage("encode text and images") as progress:
        work = request.work(progress=progress)
        features = encode_benchmark(table, options, work)
        encoded = {text: encode_benchmark(table, named, work) for text, named in others.items()}
        rows = request.backbone_rows(table, work) if set(families) & set(END_TO_END) else None
    return StudyContext(
        table,
        features,
        seeds,
        console.stage,
        encoded.get(request.against_text or ""),
        by_text={text: encoded[text] for text in texts},
        rows=rows,
        fine_tuning=fields_of(request, RouterTrainingArguments, seed=None),
        train_samples=request.train_samples or (),
    )


def terminal_line(line: TextTable | str) -> RenderableType:
    """A table or a sentence of a study as the terminal shows it."""
    from vlrouterbench.cli import console

    if isinstance(line, str):
        return console.sentence(line)
    shown = console.plain_table(line.title, line.columns)
    for cells in line.rows:
        shown.add_row(*cells, style="bold" if cells[0] == line.emphasis else "")
    return shown
