"""One view of a record: the columns that tables show, each with its headings and its number format.

Decisions
- Every table of results (terminal, page, Markdown, LaTeX, leaderboard, ablation, demo) picks some of these columns, so
  that a figure looks the same wherever it stands.
- Cells are text without markup; whoever writes a table escapes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.simulated import marked
from vlrouterbench.evaluation.changes import changes_in_words
from vlrouterbench.evaluation.paired import MIXTURE
from vlrouterbench.evaluation.ranking import Rank
from vlrouterbench.evaluation.records import Captioned, Difference, Interval, ResultRecord, Scored, ScoredRecord
from vlrouterbench.metrics.objectives import RANK_SCORE

FEW_SAMPLES = 30
"""Of fewer scored samples the bootstrap's intervals are said to be too narrow."""
NOTHING = "-"
"""What stands in a cell that has nothing to show."""


@dataclass(frozen=True)
class Row:
    """A record as a row of a table.

    Attributes:
        name: what the row is of.
        scored: its figures.
        difference: from what the table compares with; None for the row of that itself.
        rank: its rank in print.
        kind: "router" where it was trained, else "policy".
        record: its record of `results.json`, which some columns need.
    """

    name: str
    scored: Scored
    difference: Difference | None
    rank: str = NOTHING
    kind: str = "policy"
    record: ResultRecord | None = None

    def cells(self, columns: Sequence[str]) -> list[str]:
        """The row's cells in some of COLUMNS."""
        return [COLUMNS[name].cell(self) for name in columns]


@dataclass(frozen=True)
class Column:
    """A column of tables.

    Attributes:
        heading: on pages and in papers.
        cell: text of a row in it.
        short: heading in a terminal, where it is another one.
    """

    heading: str
    cell: Callable[[Row], str]
    short: str = ""


def interval_text(interval: Interval | None, *, sign: str = "") -> str:
    """An interval of Rank Scores; `sign` is "+" for an interval of differences."""
    if interval is None:
        return NOTHING
    low, high = interval
    return f"{low:{sign}.1f} to {high:{sign}.1f}"


def number_text(value: float | None, form: str = ".2f") -> str:
    """A figure in print; a dash where it does not exist."""
    return NOTHING if value is None else format(value, form)


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:.0f} %"


def _latency(row: Row) -> str:
    throughput = row.record and row.record["throughput"]
    return f"{throughput['latency_ms_p50']:.1f}" if throughput else NOTHING


COLUMNS: Mapping[str, Column] = {
    "router": Column("router", lambda row: row.name),
    "rank": Column("rank", lambda row: row.rank),
    "accuracy": Column("accuracy %", lambda row: f"{100 * row.scored['accuracy']:.2f}", "acc. %"),
    "cost": Column(
        f"USD per {SAMPLES_PER_COST_UNIT:,}",
        lambda row: f"{SAMPLES_PER_COST_UNIT * row.scored['average_cost_usd']:.3f}",
        f"$/{SAMPLES_PER_COST_UNIT // 1000}K",
    ),
    "rank_score": Column("Rank Score", lambda row: number_text(row.scored["rank_score"]), "score"),
    "interval": Column("95 % interval", lambda row: interval_text(row.scored["ci95"]["rank_score"])),
    "difference": Column(
        "versus mixture", lambda row: number_text(row.difference and row.difference["rank_score"], "+.2f")
    ),
    "difference_interval": Column(
        "versus mixture, 95 %",
        lambda row: interval_text(row.difference["ci95"], sign="+") if row.difference else NOTHING,
        "vs mixture, 95 %",
    ),
    "oracle_gap": Column("gap to oracle closed", lambda row: _share(row.record and row.record["oracle_gap_closed"])),
    "upper_bound_gap": Column(
        "gap to upper bound closed", lambda row: _share(row.record and row.record["upper_bound_gap_closed"])
    ),
    "latency": Column("ms at batch 1", _latency),
}
"""Name of a column -> its headings and cells."""


def headings(columns: Sequence[str], *, short: bool = False, **others: str) -> list[str]:
    """Headings of some of COLUMNS.

    Args:
        columns: their names.
        short: as in a terminal.
        others: heading of a column, by name, that this table gives another one.
    """
    given = [COLUMNS[name] for name in columns]
    texts = [column.short or column.heading if short else column.heading for column in given]
    return [others.get(name, text) for name, text in zip(columns, texts, strict=True)]


def result_rows(records: Sequence[ResultRecord], ranks: Mapping[str, Rank] | None = None) -> list[Row]:
    """Rows of records of `results.json`, by Rank Score.

    Args:
        records: the records.
        ranks: router -> its rank, for the ranked ones.
    """
    return [_result_row(record, (ranks or {}).get(record["router"])) for record in by_rank_score(records)]


def by_rank_score(records: Sequence[ResultRecord]) -> list[ResultRecord]:
    """The records, the best first: by Rank Score, or by whatever else the objective is."""
    return sorted(records, key=lambda record: -record["objective_value"])


def _result_row(record: ResultRecord, rank: Rank | None) -> Row:
    config = record["router_config"]
    return Row(
        record["router"],
        record,
        None if config.get("name") == MIXTURE else record["vs_mixture"],
        rank.text if rank else NOTHING,
        config.get("kind", "policy"),
        record,
    )


def judged_notes(record: ScoredRecord) -> list[str]:
    """What rows are judged by where it is not the Rank Score, which the columns of scores show whatever it is."""
    objective = record.get("objective", RANK_SCORE)
    if objective == RANK_SCORE:
        return []
    return [
        f"Judged by the objective {objective}: it orders the rows, decides ranks and ties, and picks the mixture on "
        "train; score and differences are of Rank Score all the same."
    ]


def few_samples_notes(record: Captioned) -> list[str]:
    """That intervals are of so few samples that they promise too much."""
    count = record["num_samples"]
    if count >= FEW_SAMPLES:
        return []
    return [
        f"note: intervals resample {count} sample{'s' * (count != 1)} alone; of fewer than {FEW_SAMPLES} they come out "
        "too narrow, so score more questions before you trust a difference"
    ]


def results_caption(record: Captioned) -> str:
    """What records are of: benchmark, split and number of samples."""
    data = marked(record["benchmark"]["name"], simulated=record["benchmark"]["simulated"])
    changes = changes_in_words(record.get("pool_changes"))
    return f"{data}, {record['split']} split, {record['num_samples']:,} samples{changes}"
