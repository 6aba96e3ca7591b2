"""The Leaderboard tab: the evaluation's figures, and a visitor's submission among them.

Decisions
- A submission is scored like any other (`leaderboard`): from its decisions and the benchmark alone. It is shown to its
  visitor and not kept.
- The size that a parquet file states is checked before its rows are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.demo.errors import DemoError
from vlrouterbench.demo.html import escaped, row, table
from vlrouterbench.demo.workspace import Workspace
from vlrouterbench.evaluation.leaderboard.ranking import rank_submissions
from vlrouterbench.evaluation.leaderboard.records import LeaderboardRecord, leaderboard_rows, plot_kind, rank_text
from vlrouterbench.evaluation.leaderboard.submissions import Submission
from vlrouterbench.evaluation.plots import frontier_entry, frontier_plot
from vlrouterbench.evaluation.view import headings, number_text, results_caption
from vlrouterbench.evaluation.writing import DECISIONS_FILE
from vlrouterbench.routing.limits import LIMITS, MIB, Limits, checked_file

MOST_ROUTERS = 20
_YOURS = "your submission"
_FIGURES = (
    "router",
    "accuracy",
    "average_cost_usd",
    "rank_score",
    "ci95",
    "vs_mixture",
    "num_samples",
    "kind",
    "rank",
    "rank_range",
    "tied_with",
)
"""Fields of a record that the API returns."""
_COLUMNS = ("router", "rank", "accuracy", "cost", "rank_score", "interval", "difference_interval")


def ranked_records(
    workspace: Workspace, submission: Path | str | None = None, limits: Limits = LIMITS
) -> list[LeaderboardRecord]:
    """Records by Rank Score: the evaluation's routers, the reference policies, and a submission where one is given.

    Args:
        workspace: what the tabs work on.
        submission: a `decisions.parquet`, or None.
        limits: see Limits.

    Raises:
        DemoError: the file is too large, or no parquet file.
        SubmissionError: its decisions do not fit this benchmark; the message says why.
    """
    submissions = [Submission(workspace.folder.evaluation / DECISIONS_FILE, "this app", None)]
    if submission is not None:
        submissions.append(Submission(checked_submission(submission, limits), _YOURS, None))
    return rank_submissions(submissions, workspace.folder.benchmark).records


def checked_submission(path: Path | str, limits: Limits = LIMITS) -> Path:
    """The path of a submitted file that is small enough to be read.

    Raises:
        DemoError: the file is too large, or no parquet file.
    """
    path = checked_file(path, "submission", limits.table_bytes)
    try:
        with pq.ParquetFile(path) as file:
            facts = file.metadata
            unpacked = sum(facts.row_group(group).total_byte_size for group in range(facts.num_row_groups))
    except (pa.ArrowInvalid, OSError) as error:
        raise DemoError("The submission is not readable as parquet. `vlrouterbench evaluate` writes one.") from error
    if facts.num_rows > limits.submission_rows or unpacked > limits.unpacked_bytes:
        raise DemoError(
            f"The submission has {facts.num_rows:,} rows of {unpacked / MIB:.0f} MiB; at most "
            f"{limits.submission_rows:,} rows of {limits.unpacked_bytes / MIB:.0f} MiB are accepted."
        )
    return path


def api_records(records: Sequence[LeaderboardRecord]) -> list[dict[str, object]]:
    """The records with the figures that the API returns."""
    return [
        {name: value for name, value in record.items() if name in _FIGURES} | {"submitted": _submitted(record)}
        for record in records
    ]


def ranking_html(records: Sequence[LeaderboardRecord]) -> str:
    """The leaderboard as a table; a submission's rows are marked."""
    rows = []
    for record, entry in zip(records, leaderboard_rows(records), strict=True):
        figures = dict(zip(_COLUMNS, map(escaped, entry.cells(_COLUMNS)), strict=True))
        cells = (
            *(figures | {"rank_score": f"<strong>{figures['rank_score']}</strong>"}).values(),
            "yours" if _submitted(record) else "router" if record["kind"] == "submission" else "policy",
        )
        kind = "vrb-row-chosen" if _submitted(record) else "vrb-row-frontier" if record["kind"] == "submission" else ""
        rows.append(row(cells, kind=kind))
    head = (*headings(_COLUMNS, short=True, rank_score="Rank Score"), "kind")
    return table(head, rows, caption="Leaderboard on the test split")


def frontier_figure(workspace: Workspace, records: Sequence[LeaderboardRecord]) -> str:
    """Accuracy versus cost with intervals; the style sheet has its colours in the dark theme."""
    frontiers = {record["router"]: record["frontier"] for record in workspace.records}
    drawn = [frontier_entry(r, plot_kind(r), None if _submitted(r) else frontiers.get(r["router"])) for r in records]
    svg = frontier_plot(drawn, workspace.test).svg()
    return (
        '<figure class="vrb-paper" role="img" tabindex="0" aria-label="Accuracy versus average cost of every router '
        f'and policy, with 95 % intervals; the table has the figures.">{svg}</figure>'
    )


def ranking_summary(records: Sequence[LeaderboardRecord]) -> str:
    """The benchmark of a leaderboard, and the rank of a submission."""
    scored = f"{results_caption(records[0])}."
    yours = [
        f"{r['router']}: rank {rank_text(r)}, Rank Score {number_text(r['rank_score'], '.1f')}"
        for r in records
        if _submitted(r)
    ]
    return f"<p>{escaped(scored)} {escaped('; '.join(yours[:MOST_ROUTERS]))}</p>"


def unscored_html(workspace: Workspace) -> str:
    """Why the router of the page has no row here, where it has none."""
    return f'<p class="vrb-card" role="note">{escaped(workspace.unscored)}</p>' if workspace.unscored else ""


def _submitted(record: LeaderboardRecord) -> bool:
    return record["submission"] == _YOURS
