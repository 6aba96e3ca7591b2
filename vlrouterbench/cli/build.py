"""`vlrouterbench build`: logs or own tables -> a benchmark folder."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from vlrouterbench.data.splits import SplitBy


class Quality(StrEnum):
    """What quality is."""

    SCORE = "score"
    CORRECT = "correct"


class Protocol(StrEnum):
    """How tokens of logs are counted."""

    REFERENCE = "reference"


def build(
    source: Annotated[Path, typer.Argument(help="Folder of VLMEvalKit logs or of own tables.")],
    out: Annotated[Path | None, typer.Option(help="Benchmark folder to write; else the user's benchmark home.")] = None,
    candidates: Annotated[
        Path | None, typer.Option(help="Pool: csv or yaml with name, input_price, output_price.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="Price sheet that overrides prices only.")] = None,
    quality: Annotated[Quality, typer.Option(help="Graded score, or 0/1 at 0.5.")] = Quality.SCORE,
    split_by: Annotated[SplitBy, typer.Option(help="Grouped hash, or the reference's shuffle.")] = SplitBy.HASH,
    strict: Annotated[bool, typer.Option(help="Fail if anything is left out.")] = False,
) -> None:
    """Build a benchmark folder from VLMEvalKit logs or own tables."""
    from vlrouterbench.cli import console
    from vlrouterbench.data.build import BuildOptions, build_benchmark, registered_benchmark

    target = out or registered_benchmark()
    options = BuildOptions(candidates, prices, quality is Quality.SCORE, split_by, strict)
    with console.stage(f"build {source.name}"):
        report = build_benchmark(source, target, options)
    console.show(report, _describe(report, target))


def _describe(report: dict[str, Any], target: Path) -> str:
    splits = ", ".join(f"{name} {count:,}" for name, count in report["splits"].items())
    bounds = report["cost_bounds_usd"]
    left_out = Counter(entry["reason"] for entry in report["left_out"])
    named = ", ".join(f"{reason} {count:,}" for reason, count in left_out.most_common()) or "nothing"
    return "\n".join(
        (
            f"{report['samples']:,} samples x {report['candidates']} candidates, "
            f"{report['pairs_kept']:,} of {report['pairs_read']:,} pairs kept ({splits})",
            f"mean cost from {10_000 * bounds['cmin']:.4f} ({bounds['cmin_candidate']}) "
            f"to {10_000 * bounds['cmax']:.4f} ({bounds['cmax_candidate']}) USD per 10,000 samples",
            f"left out, each named in build_report.json: {named}",
            f"written to {target}; look with: vlrouterbench inspect {target}",
        )
    )
