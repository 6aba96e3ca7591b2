"""Answers of candidates as the Route tab shows them: what each wrote and took, beside what the router estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.simulated import SIMULATED_DATA
from vlrouterbench.demo.asking import Asked
from vlrouterbench.demo.html import escaped, row, table, usd_per_10k
from vlrouterbench.plotting.candidates import CandidatePoint

_SHOWN_QUESTION = 80
_UNIT = f"$/{SAMPLES_PER_COST_UNIT // 1000}K"


def asked_card(
    question: str,
    asked: Sequence[Asked],
    points: Mapping[str, CandidatePoint],
    notes: Sequence[str],
    *,
    calibrated: bool,
) -> str:
    """The answers to one question; screen readers announce them.

    Args:
        question: what was asked.
        asked: the answers.
        points: what the router estimates, by candidate.
        notes: what a reader of the figures must know, a sentence each.
        calibrated: whether the heights of points are probabilities.
    """
    short = question if len(question) <= _SHOWN_QUESTION else f"{question[:_SHOWN_QUESTION]}..."
    high = "est. p(correct)" if calibrated else "score"
    head = ("candidate", high, f"est. {_UNIT}", f"real {_UNIT}", "s")
    rows = [_rows(one, points[one.name], calibrated) for one in asked]
    words = "".join(f"<p>{escaped(note)}</p>" for note in notes)
    return (
        f'<div class="vrb-card" role="status" aria-live="polite"><p>Asked: {escaped(short) or "the image alone"}</p>'
        f"{table(head, rows, caption='Answers: estimates, real cost, seconds')}{words}</div>"
    )


def simulated_note() -> str:
    """What the estimates are not, where a router was trained on simulated data."""
    return f"The estimates come from {SIMULATED_DATA} under real names: they say nothing about these answers."


def _rows(asked: Asked, point: CandidatePoint, calibrated: bool) -> str:
    """A row of figures, and one of the answer below it."""
    height = f"{100 * point.height:.1f} %" if calibrated else f"{point.height:.3g}"
    seconds = "-" if asked.latency_s is None else f"{asked.latency_s:.2f}"
    cells = (escaped(asked.name), height, usd_per_10k(point.cost_usd), usd_per_10k(asked.cost_usd), seconds)
    said = _said(asked)
    kind = "vrb-row-chosen" if point.chosen else ""
    return f'{row(cells, kind=kind)}<tr><td class="vrb-answer" colspan="{len(cells)}">{said}</td></tr>'


def _said(asked: Asked) -> str:
    if asked.problem:
        return f"<em>No answer: {escaped(asked.problem.removesuffix('.'))}.</em>"
    if asked.cost_usd is None:
        took = "cost unknown: the endpoint counted no tokens"
    else:
        tokens = f"{asked.input_tokens:,} + {asked.output_tokens:,} tokens by the endpoint's usage"
        took = f"${asked.cost_usd:.3g} for this answer ({tokens})"
    cut = "; cut at the cap on tokens" if asked.is_cut else ""
    return f"{escaped(asked.text) or '<em>an empty answer</em>'}<br><small>{escaped(took + cut)}</small>"
