"""`vlrouterbench study`: families compared over several splits of one benchmark, with paired intervals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from vlrouterbench.cli.parameters import FeatureRequest, options_of
from vlrouterbench.constants import SAMPLES_PER_COST_UNIT


@dataclass(frozen=True)
class StudyRequest(FeatureRequest):
    """What is asked for on the command line."""

    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")]
    router: Annotated[
        list[str] | None,
        typer.Option(
            help="Family, policy or shuffled/FAMILY; repeat. The first is compared with the others. Else all."
        ),
    ] = None
    seed: Annotated[list[int] | None, typer.Option(help="Split; 0 is the benchmark's own. Repeat; else 0 to 4.")] = None
    out: Annotated[Path | None, typer.Option(help="JSON file to write.")] = None


@options_of(StudyRequest)
def study(request: StudyRequest) -> None:
    """Train and score families on several splits of a benchmark: is a lead more than the luck of one split?"""
    from vlrouterbench.ablation.resplits import SHUFFLED, compare_over_splits
    from vlrouterbench.cli import console
    from vlrouterbench.data.table import load_table
    from vlrouterbench.encoders.features import encode_benchmark
    from vlrouterbench.files import write_json
    from vlrouterbench.routers.registry import ROUTERS

    console.quiet_libraries()
    table = load_table(request.folder)
    others = [name for name in ROUTERS if name != "flagship"]
    routers = request.router or ["flagship", *others, "mixture", "strongest", "cheapest", f"{SHUFFLED}flagship"]
    with console.stage("encode text and images") as progress:
        features = encode_benchmark(table, request.feature_options(), request.work(progress=progress))
    seeds = request.seed or list(range(5))
    rows = compare_over_splits(table, features, routers, seeds=seeds, stage=console.stage)
    content = {
        "benchmark": {"name": table.report["name"], "sha256": table.sha256, "simulated": table.simulated},
        "seeds": seeds,
        "first": routers[0],
        "rows": rows,
    }
    if request.out is not None:
        write_json(request.out, content)
    mark = " (simulated data)" if table.simulated else ""
    console.show(content, f"{table.report['name']}{mark}, mean of {len(seeds)} test splits", _table(rows, routers[0]))


def _table(rows: list[dict[str, Any]], first: str) -> Any:
    from vlrouterbench.cli import console

    table = console.plain_table("", ("router", "acc. %", "$/10K", "Rank", f"{first} - it, 95 %"))
    for row in rows:
        gap, (low, high) = row["first_minus_this"]["rank_score"], row["first_minus_this"]["ci95"]
        cells = [f"{100 * row['accuracy']:.2f}", f"{SAMPLES_PER_COST_UNIT * row['average_cost_usd']:.3f}"]
        cells.append(f"{row['rank_score']:.2f}")
        cells.append("-" if row["router"] == first else f"{gap:+.2f} ({low:+.2f} to {high:+.2f})")
        table.add_row(row["router"], *cells, style="bold" if row["router"] == first else "")
    return table
