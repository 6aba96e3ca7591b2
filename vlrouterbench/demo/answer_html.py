"""An answer as the Route tab shows it: the choice in words, the figure, the table with its boxes."""

from __future__ import annotations

from collections.abc import Sequence

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.demo.deciding import Answer
from vlrouterbench.demo.html import escaped, row, table, usd_per_10k
from vlrouterbench.plotting.candidates import CandidatePoint, candidates_svg
from vlrouterbench.routers.base.familiarity import unfamiliar_text

MARKS = {
    state: f'<b class="vrb-{state}" aria-hidden="true" title="{state}">{sign}</b>'
    for state, sign in (("chosen", "◆"), ("frontier", "●"), ("beaten", "○"), ("excluded", "×"))
}
"""The marks of the figure, as characters."""
LEGEND = f'<p class="vrb-legend">{"".join(f"<span>{mark} {state}</span>" for state, mark in MARKS.items())}</p>'
WAITING = '<p class="vrb-card">Drop an image or pick an example, and type a question: the answer is here at once.</p>'


def choice_card(answer: Answer) -> str:
    """The chosen candidate, the reason and the saving; screen readers announce changes."""
    decision = answer.decision
    missed = "" if decision.target_met else "<p><strong>No candidate reaches the target.</strong></p>"
    return (
        '<div class="vrb-card" role="status" aria-live="polite">'
        f'<p class="vrb-ask">Ask <strong>{escaped(decision.candidate)}</strong></p>{missed}'
        f"<p>{escaped(decision.reason or _plain_reason(answer))}</p><p>{escaped(saving_text(answer))}</p>"
        f"{f'<p>{escaped(unlike)}</p>' if (unlike := unfamiliar_text(decision.unfamiliar)) else ''}</div>"
    )


def saving_text(answer: Answer) -> str:
    """The saving relative to the strongest candidate, in a sentence."""
    chosen, strongest = answer.decision.candidate, answer.strongest
    if answer.saving is None:
        return f"The saving relative to always asking {strongest} is unknown: a cost is missing."
    if chosen == strongest:
        return f"This is the strongest candidate on the training data, {strongest}: nothing is saved."
    if answer.saving < 0:
        return f"Costs {-answer.saving:.0%} more than always asking the strongest candidate, {strongest}."
    return f"Estimated saving relative to always asking the strongest candidate, {strongest}: {answer.saving:.0%}."


def nobody_card(reason: str) -> str:
    """In the place of a choice, why there is none; screen readers announce it."""
    return f'<div class="vrb-card" role="status" aria-live="polite"><p>{escaped(reason)}</p></div>'


def figure(points: Sequence[CandidatePoint], *, calibrated: bool) -> str:
    """The candidates as points, with the legend."""
    return f'<figure class="vrb-figure">{candidates_svg(points, calibrated=calibrated)}{LEGEND}</figure>'


def candidate_table(points: Sequence[CandidatePoint], *, calibrated: bool) -> str:
    """Every candidate with a box that excludes it, the best estimate first."""
    high = "p(correct)" if calibrated else "score"
    rows = [_row(point, calibrated) for point in sorted(points, key=lambda point: -point.height)]
    head = ("candidate", high, f"$/{SAMPLES_PER_COST_UNIT // 1000}K", "")
    return table(head, rows, caption="Candidates: clear a box to exclude one")


def _row(point: CandidatePoint, calibrated: bool) -> str:
    name = escaped(point.name)
    box = f'<label><input type="checkbox" data-candidate="{name}"{"" if point.excluded else " checked"}> {name}</label>'
    height = f"{100 * point.height:.1f} %" if calibrated else f"{point.height:.3g}"
    if calibrated and point.standard_error is not None:
        height += f' <small title="standard error">±{100 * point.standard_error:.1f}</small>'
    state = "chosen" if point.chosen else "excluded" if point.excluded else "frontier" if point.frontier else "beaten"
    sign = f'{MARKS[state]}<span class="vrb-unseen">{state}</span>'
    return row((box, height, usd_per_10k(point.cost_usd), sign), kind=f"vrb-row-{state}")


def _plain_reason(answer: Answer) -> str:
    count = sum(not point.excluded for point in answer.points)
    return (
        f"It has the highest score of {count} candidates. This router's scores are no probabilities: they only rank "
        "candidates, so no budget can be set."
    )
