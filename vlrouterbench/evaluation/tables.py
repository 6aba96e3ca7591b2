"""The table of results for papers and READMEs: LaTeX and Markdown with the same cells.

Decisions
- Both say what the data are in words, so that a table of simulated data cannot be taken for another.
- LaTeX is for `booktabs`; every name is escaped, in both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.files import staged_file
from vlrouterbench.core.simulated import marked
from vlrouterbench.evaluation.ranking import Rank, places_text

MARKDOWN_FILE, LATEX_FILE = "results.md", "results.tex"
_HEADINGS = ("router", "place", "accuracy %", "USD per 10,000", "Rank Score", "95 % interval", "against mixture, 95 %")
_LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}


def write_tables(records: Sequence[dict[str, Any]], ranks: Mapping[str, Rank], out: Path) -> list[Path]:
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


def markdown_table(records: Sequence[dict[str, Any]], ranks: Mapping[str, Rank]) -> str:
    """The table as Markdown, routers by Rank Score."""
    lines = [_caption(records), "", f"| {' | '.join(_HEADINGS)} |", f"|---|{'---:|' * (len(_HEADINGS) - 1)}"]
    lines += [f"| {' | '.join(map(_markdown, row))} |" for row in _rows(records, ranks)]
    return "\n".join(lines) + "\n"


def latex_table(records: Sequence[dict[str, Any]], ranks: Mapping[str, Rank]) -> str:
    """The table as LaTeX (`booktabs`), routers by Rank Score."""
    lines = [r"\begin{table}", r"\centering", f"\\caption{{{_latex(_caption(records))}}}"]
    lines += [f"\\begin{{tabular}}{{l{'r' * (len(_HEADINGS) - 1)}}}", r"\toprule", _latex_row(_HEADINGS), r"\midrule"]
    lines += [_latex_row(row) for row in _rows(records, ranks)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def _caption(records: Sequence[dict[str, Any]]) -> str:
    first = records[0]
    data = marked(first["benchmark"]["name"], simulated=first["benchmark"]["simulated"])
    return f"{data}, {first['split']} split, {first['num_samples']:,} samples"


def _rows(records: Sequence[dict[str, Any]], ranks: Mapping[str, Rank]) -> list[tuple[str, ...]]:
    rows = []
    for r in sorted(records, key=lambda record: -record["rank_score"]):
        rank = ranks.get(r["router"])
        (low, high), (less, more) = r["ci95"]["rank_score"], r["vs_mixture"]["ci95"]
        rows.append(
            (
                r["router"],
                places_text(rank.best, rank.worst) if rank else "-",
                f"{100 * r['accuracy']:.2f}",
                f"{SAMPLES_PER_COST_UNIT * r['average_cost_usd']:.3f}",
                f"{r['rank_score']:.2f}",
                f"{low:.1f} to {high:.1f}",
                "-" if r["router_config"].get("name") == "mixture" else f"{less:+.1f} to {more:+.1f}",
            )
        )
    return rows


def _markdown(text: str) -> str:
    return re.sub(r"([\\|`*_\[\]<])", r"\\\1", " ".join(text.split()))


def _latex(text: str) -> str:
    return "".join(_LATEX_SPECIAL.get(letter, letter) for letter in " ".join(text.split()))


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_latex, cells)) + r" \\"
