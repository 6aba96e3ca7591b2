"""The leaderboard tab: the evaluation's figures, and a visitor's submission among them.

Decisions
- A submission is scored like any other (`leaderboard`): from its decisions and the benchmark alone. It is shown to its
  visitor and kept nowhere.
- The size that a parquet file states is looked at before anything of it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.simulated import marked
from vlrouterbench.demo.html import escaped, row, table
from vlrouterbench.demo.workspace import Ground
from vlrouterbench.evaluation.leaderboard.page import rank_text
from vlrouterbench.evaluation.leaderboard.ranking import rank_submissions
from vlrouterbench.evaluation.leaderboard.submissions import Submission
from vlrouterbench.evaluation.plots import frontier_plot
from vlrouterbench.evaluation.writing import DECISIONS_FILE
from vlrouterbench.routing.limits import LIMITS, MIB, DemoError, Limits, checked_file

MOST_ROUTERS = 20
_FIGURES = ("router", "accuracy", "average_cost_usd", "rank_score", "ci95", "vs_mixture", "num_samples")
_PLACE = ("kind", "rank", "rank_range", "tied_with")


def standings(ground: Ground, submission: Path | str | None = None, limits: Limits = LIMITS) -> list[dict[str, Any]]:
    """Records by Rank Score: the evaluation's routers, the reference policies, and a submission where one is given.

    Args:
        ground: what the app stands on.
        submission: a `decisions.parquet`.
        limits: see Limits.

    Raises:
        DemoError: the file is too large, or no parquet.
        SubmissionError: its decisions are not ones on this benchmark; the message says what is wrong.
    """
    own = Submission(ground.place.evaluation / DECISIONS_FILE, "this app", None)
    given = [own]
    if submission is not None:
        given.append(Submission(checked_submission(submission, limits), "your submission", None))
    return rank_submissions(given, ground.place.benchmark).records


def checked_submission(path: Path | str, limits: Limits = LIMITS) -> Path:
    """A submitted file that is small enough to be read.

    Raises:
        DemoError: it is not, or it is no parquet file.
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
            f"{limits.submission_rows:,} rows of {limits.unpacked_bytes / MIB:.0f} MiB are taken."
        )
    return path


def api_records(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records with the figures that a program wants, for the API."""
    return [
        {name: record[name] for name in (*_FIGURES, *_PLACE)} | {"submitted": _submitted(record)} for record in records
    ]


def standings_html(records: Sequence[dict[str, Any]]) -> str:
    """The leaderboard as a table; a submission's rows are marked."""
    rows = []
    for record in records:
        (low, high), (less, more) = record["ci95"]["rank_score"], record["vs_mixture"]["ci95"]
        mixture = record["router"] == "mixture" and record["kind"] == "policy"
        cells = (
            escaped(record["router"]),
            rank_text(record),
            f"{100 * record['accuracy']:.1f}",
            f"{SAMPLES_PER_COST_UNIT * record['average_cost_usd']:.2f}",
            f"<strong>{record['rank_score']:.1f}</strong>",
            f"{low:.1f} to {high:.1f}",
            "-" if mixture else f"{less:+.1f} to {more:+.1f}",
            "yours" if _submitted(record) else "router" if record["kind"] == "submission" else "policy",
        )
        kind = "vrb-row-chosen" if _submitted(record) else "vrb-row-frontier" if record["kind"] == "submission" else ""
        rows.append(row(cells, kind=kind))
    unit = f"$/{SAMPLES_PER_COST_UNIT // 1000}K"
    head = ("router", "place", "acc. %", unit, "Rank Score", "95 % interval", "vs mixture, 95 %", "what")
    return table(head, rows, caption="Leaderboard on the test split")


def frontier_figure(ground: Ground, records: Sequence[dict[str, Any]]) -> str:
    """Accuracy against cost with intervals, on white paper in light and dark alike."""
    frontiers = {record["router"]: record["frontier"] for record in ground.records}
    drawn = [
        r
        | {
            "frontier": None if _submitted(r) else frontiers.get(r["router"]),
            "router_config": {"kind": "policy" if r["kind"] == "policy" else "router"},
        }
        for r in records
    ]
    svg = frontier_plot(drawn, ground.test).svg()
    return (
        '<figure class="vrb-paper" role="img" tabindex="0" aria-label="Accuracy against average cost of every router '
        f'and policy, with 95 % intervals; the figures stand in the table.">{svg}</figure>'
    )


def first_words(records: Sequence[dict[str, Any]]) -> str:
    """What a leaderboard is of, and where a submission stands."""
    first = records[0]
    benchmark = first["benchmark"]
    data = marked(benchmark["name"], simulated=benchmark["simulated"])
    said = f"{data}, {first['split']} split, {first['num_samples']:,} samples."
    yours = [f"{r['router']}: place {rank_text(r)}, Rank Score {r['rank_score']:.1f}" for r in records if _submitted(r)]
    return f"<p>{escaped(said)} {escaped('; '.join(yours[:MOST_ROUTERS]))}</p>"


def _submitted(record: dict[str, Any]) -> bool:
    return record["submission"] == "your submission"
