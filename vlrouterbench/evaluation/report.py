"""`report.html`: one file that needs no network, with tables, figures and examples.

Decisions
- The answer comes first: a sentence per router, then accuracy against cost, which is interactive on a screen.
- Ranks are among what is evaluated but the oracle, which sees the answers; each with its range over paired resamples.
- Examples are those of the trained router that is best by the objective.
- Published figures are shown beside the real benchmark only; elsewhere the page says why they are not.
- Calibration is reported for routers that have calibrated estimates, and for no others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.files import staged_file
from vlrouterbench.data.leaks import describe_leaks
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.comparisons import compare
from vlrouterbench.evaluation.decisions import read_calls, read_decisions
from vlrouterbench.evaluation.examples import RIGHT, TOO_EXPENSIVE, WRONG, Example, select_examples
from vlrouterbench.evaluation.headline import headlines, objective_notes, reference_notes, sample_notes
from vlrouterbench.evaluation.overlap import overlap_notes
from vlrouterbench.evaluation.pool import pool_notes
from vlrouterbench.evaluation.published import PUBLISHED_RESULTS, why_not_comparable
from vlrouterbench.evaluation.ranking import NO_CALLS, Rank, rank_routers
from vlrouterbench.evaluation.records import ResultRecord
from vlrouterbench.evaluation.report_figures import OCCASIONAL_FILES, report_figures
from vlrouterbench.evaluation.results import bounds_degenerate
from vlrouterbench.evaluation.tables import write_tables
from vlrouterbench.evaluation.view import by_rank_score, few_samples_notes, headings, judged_notes, result_rows
from vlrouterbench.evaluation.writing import REPORT_PAGE
from vlrouterbench.metrics.objectives import RANK_SCORE
from vlrouterbench.plotting.page import render_page

FIGURES_FOLDER = "figures"
_UNRANKED = "oracle"
_COLUMNS = (
    "router",
    "accuracy",
    "cost",
    "rank_score",
    "interval",
    "rank",
    "difference",
    "difference_interval",
    "oracle_gap",
    "upper_bound_gap",
    "latency",
)


def write_report(records: Sequence[ResultRecord], table: RoutingTable, out: Path) -> Path:
    """Write the page.

    Args:
        records: as in `results.json`.
        table: the scored samples.
        out: folder of the evaluation, which holds its `decisions.parquet`.
    """
    path = out / REPORT_PAGE
    page = render_report(records, table, *_decided(out, table))
    with staged_file(path) as staging:
        staging.write_text(page, encoding="utf-8")
    return path


def write_figures(records: Sequence[ResultRecord], table: RoutingTable, out: Path) -> list[Path]:
    """Write each figure of the page as SVG and PNG into `out/figures`; arguments as for `write_report`.

    Older figures of calibration and answer time in that folder are removed: other records may have none of that name.
    """
    figures = report_figures(by_rank_score(records), table, *_decided(out, table))
    for pattern in OCCASIONAL_FILES:
        for old in (out / FIGURES_FOLDER).glob(pattern):
            old.unlink()
    return [path for name, figure in figures.items() for path in figure.drawing.write(out / FIGURES_FOLDER, name)]


def write_results_tables(records: Sequence[ResultRecord], table: RoutingTable, out: Path) -> list[Path]:
    """Write the table of results as Markdown and LaTeX; arguments as for `write_report`."""
    return write_tables(records, ranks_of_records(records, table, *_decided(out, table)), out)


def _decided(out: Path, table: RoutingTable) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The decisions of an evaluation, and who was asked before each."""
    return read_decisions(out, table, with_calls=True), read_calls(out, table)


def render_report(
    records: Sequence[ResultRecord],
    table: RoutingTable,
    decisions: Mapping[str, np.ndarray],
    calls: Mapping[str, np.ndarray] = NO_CALLS,
) -> str:
    """The page as text; names and questions from the data are escaped.

    Args:
        records: as in `results.json`.
        table: the scored samples.
        decisions: router -> indices in the pool (num_samples,).
        calls: router -> who was asked before each of them, of those that ask twice.
    """
    ranked, first = by_rank_score(records), records[0]
    ranks = ranks_of_records(records, table, decisions, calls)
    best = next((r["router"] for r in ranked if r["router_config"]["kind"] == "router"), None)
    reason = why_not_comparable(table, first["split"])
    return render_page(
        "evaluation",
        REPORT_PAGE,
        records=ranked,
        headings=headings(_COLUMNS),
        rows=[(row.kind, row.cells(_COLUMNS)) for row in result_rows(records, ranks)],
        first=first,
        report=table.report,
        pool=table.pool.candidates,
        per=SAMPLES_PER_COST_UNIT,
        objective=first["objective"],
        by_rank_score=first["objective"] == RANK_SCORE,
        judged=[*judged_notes(first), *few_samples_notes(first)],
        headlines=headlines(ranked),
        reference=reference_notes(ranked),
        overlaps=[*pool_notes(first), *objective_notes(ranked), *sample_notes(ranked), *overlap_notes(ranked)],
        leaks=describe_leaks(table.report["leaks"]) if "leaks" in table.report else "",
        degenerate=bounds_degenerate(table),
        comparisons=compare(ranked, ranks),
        ranks={name: rank.text for name, rank in ranks.items()},
        figures=list(report_figures(ranked, table, decisions, calls).values()),
        best=best,
        examples=_by_kind(select_examples(table, decisions[best])) if best else {},
        published=() if reason else PUBLISHED_RESULTS,
        not_published=reason,
    )


def ranks_of_records(
    records: Sequence[ResultRecord],
    table: RoutingTable,
    decisions: Mapping[str, np.ndarray],
    calls: Mapping[str, np.ndarray] = NO_CALLS,
) -> dict[str, Rank]:
    """Router -> rank among all but the oracle; arguments as for `render_report`."""
    names = [r["router"] for r in records if r["router_config"].get("name") != _UNRANKED]
    return rank_routers(table, {name: decisions[name] for name in names}, seed=records[0]["seed"], calls=calls)


def _by_kind(examples: Sequence[Example]) -> dict[str, list[Example]]:
    kinds = {kind: [example for example in examples if example.kind == kind] for kind in (RIGHT, WRONG, TOO_EXPENSIVE)}
    return {kind: chosen for kind, chosen in kinds.items() if chosen}
