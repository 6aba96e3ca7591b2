"""`vlrouterbench inspect`: the contents of a benchmark folder as tables, as JSON, and as a page with plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT, SPLITS
from vlrouterbench.core.simulated import marked

if TYPE_CHECKING:
    from rich.table import Table

    from vlrouterbench.data.summary import BenchmarkSummary, DatasetSummary


def inspect(
    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")],
    html: Annotated[Path | None, typer.Option(help="Also write a page with plots to this file.")] = None,
) -> None:
    """Show counts, accuracies, costs, agreement and what was left out."""
    from vlrouterbench.cli import console
    from vlrouterbench.data.summary import summarize
    from vlrouterbench.data.table import load_table

    table = load_table(folder)
    content = summarize(table)
    if html is not None:
        from vlrouterbench.data.inspection.page import write_inspection

        with console.stage("draw the page"):
            write_inspection(content, table, html)
    candidates = console.plain_table(
        f"{marked(content['name'], simulated=content['simulated'])}: {content['samples']:,} samples",
        ("candidate", "pairs", "accuracy %", "$/10K", "out tokens"),
    )
    for row in content["per_candidate"]:
        cells = (f"{row['num_pairs']:,}", _percent(row["accuracy"]), _usd(row["average_cost_usd"]))
        candidates.add_row(row["name"], *cells, _number(row["average_output_tokens"]))
    # One table per dataset: seventeen candidates side by side would not fit a terminal.
    datasets = [_dataset_table(part) for part in content["per_dataset"]]
    page = [f"page: {html}"] if html is not None else []
    tables = [piece for part in (*datasets, _count_table(content)) for piece in ("", part)]
    console.show(content, candidates, *tables, "", *_closing_lines(content), *page)


def _dataset_table(part: DatasetSummary) -> Table:
    from vlrouterbench.cli import console

    table = console.plain_table(f"{part['dataset']}: {part['samples']:,} samples", ("candidate", "accuracy %", "$/10K"))
    for name, value in part["accuracy"].items():
        if value is not None:
            table.add_row(name, _percent(value), _usd(part["average_cost_usd"][name]))
    return table


def _count_table(content: BenchmarkSummary) -> Table:
    from vlrouterbench.cli import console

    table = console.plain_table("samples by task group and split", ("task group", *SPLITS, "all"))
    rows = [(part["task_group"], part) for part in content["per_group"]]
    for name, part in (*rows, ("all", content)):
        table.add_row(name, *(f"{part['splits'][split]:,}" for split in SPLITS), f"{part['samples']:,}")
    return table


def _closing_lines(content: BenchmarkSummary) -> Sequence[str]:
    from vlrouterbench.data.inspection.page import ranked_pairs

    solved, pairs = content["solved_by"], ranked_pairs(content)
    extremes = [("least", pairs[0]), ("most", pairs[-1])] if len(pairs) > 1 else []
    return (
        f"solved by nobody {solved['none']:,}, by one {solved['one']:,}, by all {solved['all']:,}",
        f"mean pairwise agreement {_percent(content['mean_agreement'])} % (every pair stands in --json and --html)",
        *(f"  {word}: {a} and {b}, {_percent(share)} %" for word, (share, a, b) in extremes),
        f"left out: {'' if content['left_out'] else 'nothing'}".rstrip(),
        *(
            f"  {reason} {count:,}, for example {content['left_out_examples'][reason][0]['file']}"
            for reason, count in content["left_out"].items()
        ),
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.3f}"


def _usd(value: float | None) -> str:
    return "-" if value is None else f"{SAMPLES_PER_COST_UNIT * value:.4f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"
