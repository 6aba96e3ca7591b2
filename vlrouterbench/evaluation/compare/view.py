"""A comparison as a reader sees it: tables of the terminal, the page, Markdown and LaTeX, all of the same record.

Decisions
- Every benchmark whose data are simulated says so in its own heading: a column is quoted without the rest.
- The terminal has two benchmarks beside each other, so that a table stays within 80 columns whatever there are.
- What routers are judged by is one number in the cells; accuracy, cost and Rank Score are on the page and in the JSON.
"""

from __future__ import annotations

from collections.abc import Sequence

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.output_text import latex_text, markdown_text
from vlrouterbench.core.simulated import marked
from vlrouterbench.evaluation.compare.records import Cell, ComparedBenchmark, ComparedRouter, CompareRecord, Tally
from vlrouterbench.evaluation.paired import MIXTURE
from vlrouterbench.evaluation.study.over_splits import score_text
from vlrouterbench.evaluation.study.part import TextTable
from vlrouterbench.evaluation.tables import markdown_rows
from vlrouterbench.evaluation.view import NOTHING, interval_text
from vlrouterbench.metrics.objectives import ACCURACY, ACCURACY_SHARE, BUDGET, RANK_SCORE, USD_WEIGHT, Objective
from vlrouterbench.plotting.page import render_page

_BESIDE = 2
"""Benchmarks in one table of the terminal."""
_VALUES = {
    RANK_SCORE: "the Rank Score (0 to 100)",
    ACCURACY_SHARE: "above 100 where the share is kept, the cheaper the more; below 100 the part of it that is reached",
    BUDGET: "accuracy in points within the budget; 0 and below where it is exceeded",
    USD_WEIGHT: "accuracy in points, less 100 times the weighted cost in USD",
    ACCURACY: "accuracy in points",
}
"""Kind of objective -> what its value is."""


def notes_of(record: CompareRecord) -> list[str]:
    """What is to be said of a comparison beside its figures."""
    objective = Objective.parse(record["objective"])
    wanted = "" if objective.kind == RANK_SCORE else f" Wanted is {objective.words}."
    notes = [f"Value: {_VALUES[objective.kind]}.{wanted} {MIXTURE} is the best static mixture by it on train."]
    for one in record["benchmarks"]:
        notes += [f"{one['label']}: {text}" for text in (one["rank_score_reason"], *one["notes"]) if text]
    notes.append(
        "Wins, ties and losses count benchmarks: a win over the mixture is a paired 95 % interval above 0. Intervals "
        "of mean ranks are over samples of these benchmarks and say nothing of others."
    )
    return notes


def title_of(one: ComparedBenchmark) -> str:
    """A benchmark's heading, with the mark of simulated data."""
    return marked(one["label"], simulated=one["benchmark"]["simulated"])


def splits_of(one: ComparedBenchmark) -> str:
    """On what a benchmark's figures rest."""
    low, high = min(one["num_samples"]), max(one["num_samples"])
    samples = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    count = len(one["seeds"])
    return f"{'mean of ' if count > 1 else ''}{count} test split{'s' if count > 1 else ''}, {samples} samples"


def terminal_tables(record: CompareRecord) -> list[TextTable | str]:
    """Tables and lines for the terminal, at most 80 columns wide."""
    lines: list[TextTable | str] = [
        f"[{number}] {title_of(one)}: {splits_of(one)}" for number, one in enumerate(record["benchmarks"], 1)
    ]
    overall = [(row["router"], *rank_cells(row), tally_text(row)) for row in record["routers"]]
    lines.append(TextTable("", ("router", "mean rank", "95 %", "wins/ties/losses"), overall))
    for start in range(0, len(record["benchmarks"]), _BESIDE):
        shown = record["benchmarks"][start : start + _BESIDE]
        columns = ["router"]
        for number in range(start + 1, start + 1 + len(shown)):
            columns += [f"[{number}]", "vs mixture, 95 %"]
        rows = [
            (row["router"], *(text for one in shown for text in value_cells(row["benchmarks"][one["label"]])))
            for row in record["routers"]
        ]
        lines.append(TextTable("", columns, rows))
    return [*lines, *notes_of(record)]


def rank_cells(row: ComparedRouter) -> tuple[str, str]:
    """A router's mean rank and its interval in print."""
    rank, span = row["mean_rank"], row["mean_rank_ci95"]
    return (NOTHING, NOTHING) if rank is None else (f"{rank:.2f}", interval_text(span))


def tally_text(row: ComparedRouter) -> str:
    """Wins, ties and losses against the mixture."""
    return NOTHING if row["router"] == MIXTURE else counts_text(row["versus_mixture"])


def counts_text(counts: Tally) -> str:
    """Wins, ties and losses in print, "3/1/0"."""
    return f"{counts['wins']}/{counts['ties']}/{counts['losses']}"


def value_cells(cell: Cell) -> tuple[str, str]:
    """What a router is judged by on a benchmark, and the interval of its difference from the mixture."""
    span = cell["vs_mixture"]["ci95"]
    return f"{cell['objective_value']:.2f}", NOTHING if span == [0.0, 0.0] else interval_text(span, sign="+")


def page(record: CompareRecord) -> str:
    """The page."""
    drawn = [one["label"] for one in record["benchmarks"] if one["benchmark"]["simulated"]]
    named = ", ".join(one["label"] for one in record["benchmarks"])
    return render_page(
        "evaluation.compare",
        "compare.html",
        record=record,
        report={"simulated": len(drawn) == len(record["benchmarks"]), "name": named},
        drawn=drawn,
        titles=[title_of(one) for one in record["benchmarks"]],
        splits=[splits_of(one) for one in record["benchmarks"]],
        notes=notes_of(record),
        per=SAMPLES_PER_COST_UNIT,
        rank_cells=rank_cells,
        tally_text=tally_text,
        counts_text=counts_text,
        value_cells=value_cells,
        score_text=score_text,
    )


def markdown(record: CompareRecord) -> str:
    """The table as Markdown: routers as rows, benchmarks as columns."""
    header, rows = _table(record)
    text = markdown_rows([markdown_text(cell) for cell in header], [map(markdown_text, row) for row in rows])
    return text + "".join(f"\n{markdown_text(note)}\n" for note in _caption(record))


def latex(record: CompareRecord) -> str:
    """The same as LaTeX (`booktabs`)."""
    header, rows = _table(record)
    caption = " ".join(note if note.endswith(".") else f"{note}." for note in _caption(record))
    lines = [r"\begin{table}", r"\centering", f"\\caption{{{latex_text(caption)}}}"]
    lines += [f"\\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}", r"\toprule", _latex_row(header), r"\midrule"]
    lines += [*map(_latex_row, rows), r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(latex_text, cells)) + r" \\"


def _caption(record: CompareRecord) -> list[str]:
    lines = [f"{title_of(one)}: {splits_of(one)}" for one in record["benchmarks"]]
    return [*lines, "In brackets: the 95 % interval of the difference from the best static mixture.", *notes_of(record)]


def _table(record: CompareRecord) -> tuple[list[str], list[list[str]]]:
    header = ["router", "mean rank (95 %)", "wins/ties/losses", *map(title_of, record["benchmarks"])]
    rows = []
    for row in record["routers"]:
        rank, span = rank_cells(row)
        cells = [row["router"], rank if span == NOTHING else f"{rank} ({span})", tally_text(row)]
        for one in record["benchmarks"]:
            value, difference = value_cells(row["benchmarks"][one["label"]])
            cells.append(value if difference == NOTHING else f"{value} ({difference})")
        rows.append(cells)
    return header, rows
