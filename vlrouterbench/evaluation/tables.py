"""The table of results for papers and READMEs: LaTeX and Markdown with the same cells.

Decisions
- Both say what the data are in words, so that a table of simulated data cannot be taken for another.
- LaTeX is for `booktabs`; every name is escaped, in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vlrouterbench.core.files import staged_file
from vlrouterbench.core.output_text import latex_text, markdown_text
from vlrouterbench.evaluation.overlap import overlap_notes
from vlrouterbench.evaluation.ranking import Rank
from vlrouterbench.evaluation.records import ResultRecord
from vlrouterbench.evaluation.view import headings, judged_notes, result_rows, results_caption

MARKDOWN_FILE, LATEX_FILE = "results.md", "results.tex"
_COLUMNS = ("router", "rank", "accuracy", "cost", "rank_score", "interval", "difference_interval")


def write_tables(records: Sequence[ResultRecord], ranks: Mapping[str, Rank], out: Path) -> list[Path]:
    """Write `results.md` and `results.tex` into a folder.

    Args:
        records: as in `results.json`.
        ranks: router -> its rank, for the ranked ones.
        out: folder of the evaluation.
    """
    paths = []
    for name, text in ((MARKDOWN_FILE, markdown_table(records, ranks)), (LATEX_FILE, latex_table(records, ranks))):
        with staged_file(out / name) as staging:
            staging.write_text(text, encoding="utf-8")
        paths.append(out / name)
    return paths


def markdown_table(records: Sequence[ResultRecord], ranks: Mapping[str, Rank]) -> str:
    """The table as Markdown, routers by Rank Score."""
    rows = [map(markdown_text, row.cells(_COLUMNS)) for row in result_rows(records, ranks)]
    notes = "".join(f"\n{markdown_text(note)}\n" for note in [*judged_notes(records[0]), *overlap_notes(records)])
    return f"{markdown_text(results_caption(records[0]))}\n\n{markdown_rows(headings(_COLUMNS), rows)}{notes}"


def markdown_rows(header: Sequence[str], rows: Sequence[Iterable[str]]) -> str:
    """A Markdown table: the first column left, the others right; cells are taken as they are."""
    lines = [f"| {' | '.join(header)} |", f"|---|{'---:|' * (len(header) - 1)}"]
    lines += [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join(lines) + "\n"


def latex_table(records: Sequence[ResultRecord], ranks: Mapping[str, Rank]) -> str:
    """The table as LaTeX (`booktabs`), routers by Rank Score."""
    notes = [note.removesuffix(".") for note in (*judged_notes(records[0]), *overlap_notes(records))]
    caption = ". ".join((results_caption(records[0]), *notes))
    lines = [r"\begin{table}", r"\centering", f"\\caption{{{latex_text(caption)}}}"]
    lines += [f"\\begin{{tabular}}{{l{'r' * (len(_COLUMNS) - 1)}}}", r"\toprule"]
    lines += [_latex_row(headings(_COLUMNS)), r"\midrule"]
    lines += [_latex_row(row.cells(_COLUMNS)) for row in result_rows(records, ranks)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(latex_text, cells)) + r" \\"
