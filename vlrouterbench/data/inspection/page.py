"""The page of `vlrouterbench inspect --html`: what a benchmark holds, in one file that needs no network.

Decisions
- Accuracies, costs and counts of the figures stand in tables too; the alt text of a figure gives its gist.
"""

from __future__ import annotations

from pathlib import Path

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT, SPLITS
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.files import staged_file
from vlrouterbench.data.inspection.figures import (
    accuracy_plot,
    agreement_plot,
    can_be_drawn,
    candidates_figure,
    candidates_plot,
    left_out_plot,
    solvers_plot,
    tokens_plot,
)
from vlrouterbench.data.summary import BenchmarkSummary
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.plotting.interactive import interactive_json
from vlrouterbench.plotting.page import render_page


def write_inspection(summary: BenchmarkSummary, table: RoutingTable, path: Path) -> Path:
    """Write the page.

    Args:
        summary: figures of `table`, as `summarize` gives them.
        table: the benchmark.
        path: file to write.

    Raises:
        VLRouterBenchError: a folder stands where the file should.
    """
    if path.is_dir():
        raise VLRouterBenchError(f"expected a file to write the page to, found a folder: {path}. Give --html a file.")
    page = render_inspection(summary, table)
    with staged_file(path) as staging:
        staging.write_text(page, encoding="utf-8")
    return path


def render_inspection(summary: BenchmarkSummary, table: RoutingTable) -> str:
    """The page as text; names from the data are escaped."""
    candidates = candidates_figure(summary)
    return render_page(
        "data.inspection",
        "inspection.html",
        summary=summary,
        report=table.report,
        pool=table.pool.candidates,
        splits=SPLITS,
        per=SAMPLES_PER_COST_UNIT,
        candidates_svg=candidates_plot(summary),
        interactive=interactive_json(candidates) if candidates else "",
        # A heat map of one column says nothing that the table does not.
        accuracy_svg=accuracy_plot(summary) if len(summary["per_dataset"]) > 1 else "",
        agreement_svg=agreement_plot(summary),
        solvers_svg=solvers_plot(summary),
        tokens_svg=tokens_plot(table),
        left_out_svg=left_out_plot(summary) if summary["left_out"] else "",
        not_drawn=[c["name"] for c in summary["per_candidate"] if not can_be_drawn(c)],
        alt=alt_texts(summary),
    )


def alt_texts(summary: BenchmarkSummary) -> dict[str, str]:
    """The alt text of each figure: what it shows, in words."""
    rows = [row for row in summary["per_candidate"] if row["accuracy"] is not None]
    accuracy = _measured({row["name"]: row["accuracy"] for row in rows})
    cost = _measured({row["name"]: row["average_cost_usd"] for row in rows})
    best = max(accuracy, key=accuracy.__getitem__)
    words = f"Accuracy against mean cost of {len(summary['per_candidate'])} candidates. Most accurate: {best}, "
    words += f"{100 * accuracy[best]:.1f} %."
    if cost:
        cheapest, costliest = (pick(cost, key=cost.__getitem__) for pick in (min, max))
        words += f" Cheapest: {cheapest}, {_usd(cost[cheapest])}. Most expensive: {costliest}, {_usd(cost[costliest])}."
    pairs = ranked_pairs(summary)
    shares = [_measured(part["accuracy"]).values() for part in summary["per_dataset"]]
    spans = [max(values) - min(values) for values in shares if values]
    agreement = "Share of samples on which two candidates are both right or both wrong, for every pair."
    if pairs:
        (low, a, b), (high, c, d) = pairs[0], pairs[-1]
        agreement += f" Least: {a} and {b}, {100 * low:.0f} %. Most: {c} and {d}, {100 * high:.0f} %."
    solved, reasons = summary["solved_by"], summary["left_out"].items()
    return {
        "candidates": words,
        "accuracy": f"Accuracy of every candidate on every dataset ({len(summary['per_dataset'])}). The best and the "
        f"worst candidate of one dataset lie up to {100 * max(spans):.0f} points apart.",
        "agreement": agreement,
        "solvers": f"Samples by the number of candidates that solve them: {solved['none']:,} by none, "
        f"{solved['one']:,} by one, {solved['all']:,} by all.",
        "tokens": "Histogram of output tokens per answer, one for each candidate, on one logarithmic scale.",
        "left_out": "Entries left out, by reason: " + ", ".join(f"{reason} {count:,}" for reason, count in reasons),
    }


def ranked_pairs(summary: BenchmarkSummary) -> list[tuple[float, str, str]]:
    """(agreement, candidate, candidate) of every pair with a common sample, the least agreement first."""
    names = list(summary["agreement"])
    pairs = [
        (share, a, b)
        for position, a in enumerate(names)
        for b in names[position + 1 :]
        if (share := summary["agreement"][a][b]) is not None
    ]
    return sorted(pairs, key=lambda pair: pair[0])


def _measured(values: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _usd(cost: float) -> str:
    return f"{SAMPLES_PER_COST_UNIT * cost:.3f} USD per {SAMPLES_PER_COST_UNIT:,} samples"
