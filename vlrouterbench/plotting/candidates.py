"""Candidates of one decision as points, accuracy against cost: an SVG made by hand, in about a millisecond.

Decisions
- Written as text, not drawn by matplotlib: it is drawn anew at every move of a slider.
- The same colours as the other figures, and every kind of point has a shape of its own. Letters and lines take the
  page's colour, so that light and dark both read well.
- Every point tells its name and figures when it is pointed at; the table beside the figure says the same.
- The chosen candidate and those on the frontier bear their names where there is space.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.output_text import markup_text
from vlrouterbench.plotting.figures import BLUE, GREY, VERMILION, shortened

WIDTH, HEIGHT = 470, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 14, 46
_LETTER, _LINE = 6.3, 13
"""Size of a letter at 11 pixels."""
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
_LABEL_OFFSETS = (
    (9, 14, "start"),
    (9, -6, "start"),
    (-9, -6, "end"),
    (-9, 14, "end"),
    (9, 4, "start"),
    (-9, 4, "end"),
    (9, -15, "start"),
    (-9, -15, "end"),
)
"""Offset in pixels and alignment of a name beside its point, the preferred first."""


@dataclass(frozen=True)
class CandidatePoint:
    """A candidate in a decision.

    Attributes:
        name: of the candidate.
        cost_usd: expected cost, USD per sample; None where it is unknown, and then it is not drawn.
        height: estimated accuracy in [0, 1], or a score.
        standard_error: of the estimate, None where there is none.
        chosen, frontier, excluded: what it is in this decision.
    """

    name: str
    cost_usd: float | None
    height: float
    standard_error: float | None = None
    chosen: bool = False
    frontier: bool = False
    excluded: bool = False


@dataclass(frozen=True)
class _Scales:
    """From figures to pixels; costs on a logarithmic scale."""

    cost: tuple[float, float]
    height: tuple[float, float]

    def x(self, cost: float) -> float:
        low, high = (math.log(value) for value in self.cost)
        return _LEFT + (math.log(cost) - low) / (high - low) * (WIDTH - _LEFT - _RIGHT)

    def y(self, height: float) -> float:
        low, high = self.height
        return HEIGHT - _BOTTOM - (height - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)


def candidates_svg(points: Sequence[CandidatePoint], *, calibrated: bool = True) -> str:
    """The figure as an SVG element with its alt text.

    Args:
        points: one per candidate.
        calibrated: whether heights are probabilities; else they are called scores.
    """
    drawn = [point for point in points if point.cost_usd is not None and math.isfinite(point.height)]
    what = "estimated accuracy, %" if calibrated else "score (no probability)"
    head = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{markup_text(_described(drawn, what))}" '
        'font-size="11" fill="currentColor" font-family="inherit">'
    )
    if not drawn:
        return f'{head}<text x="{WIDTH / 2}" y="{HEIGHT / 2}" text-anchor="middle">no cost is known</text></svg>'
    scales = _scales(drawn)
    # What is chosen is drawn last, on top.
    order = sorted(drawn, key=lambda point: (not point.excluded, point.frontier, point.chosen))
    parts = [_axes(scales, what, calibrated), _frontier(drawn, scales), *(_mark(p, scales, calibrated) for p in order)]
    return f"{head}{''.join(parts)}{_names(drawn, scales)}</svg>"


def _cost(point: CandidatePoint) -> float:
    """Cost of a point that is drawn, USD per sample: those without one are not."""
    return point.cost_usd or 0.0


def _described(points: Sequence[CandidatePoint], what: str) -> str:
    chosen = next((point.name for point in points if point.chosen), "none")
    front = ", ".join(point.name for point in sorted(points, key=_cost) if point.frontier)
    return f"{len(points)} candidates, {what} against cost. Chosen: {chosen}. Frontier by rising cost: {front}."


def _scales(points: Sequence[CandidatePoint]) -> _Scales:
    costs = [_cost(point) for point in points if _cost(point) > 0] or [1.0]
    low, high = min(costs) / 1.35, max(costs) * 1.35
    heights = [point.height for point in points]
    spread = max(0.02, max(heights) - min(heights))
    return _Scales((low, high), (min(heights) - 0.08 * spread, max(heights) + 0.12 * spread))


def _axes(scales: _Scales, what: str, calibrated: bool) -> str:
    parts = []
    for value in _steps_of_ten(*(SAMPLES_PER_COST_UNIT * end for end in scales.cost)):
        x = scales.x(value / SAMPLES_PER_COST_UNIT)
        parts.append(_line(x, _TOP, x, HEIGHT - _BOTTOM, 0.13))
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 15}" text-anchor="middle">{value:g}</text>')
    for value in _even_steps(*scales.height):
        y = scales.y(value)
        shown = f"{100 * value:.0f}" if calibrated else f"{value:.3g}"
        parts.append(_line(_LEFT, y, WIDTH - _RIGHT, y, 0.13))
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{shown}</text>')
    parts.append(_line(_LEFT, HEIGHT - _BOTTOM, WIDTH - _RIGHT, HEIGHT - _BOTTOM, 0.6))
    parts.append(_line(_LEFT, _TOP, _LEFT, HEIGHT - _BOTTOM, 0.6))
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    label = f"expected cost, USD per {SAMPLES_PER_COST_UNIT:,} questions (log scale)"
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{label}</text>')
    upright = (_TOP + HEIGHT - _BOTTOM) / 2
    parts.append(f'<text transform="translate(13 {upright}) rotate(-90)" text-anchor="middle">{what}</text>')
    return "".join(parts)


def _line(x1: float, y1: float, x2: float, y2: float, opacity: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" opacity="{opacity}"/>'


def _steps_of_ten(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, ... between two numbers; fewer where they would crowd."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(decades) <= 4 else (1,)
    return [value for d in decades for f in factors if low <= (value := f * 10.0**d) <= high]


def _even_steps(low: float, high: float) -> list[float]:
    unit = 10.0 ** max(0, math.ceil(math.log10(max(high - low, 1e-9))))
    step = next((unit * step for step in _STEPS if (high - low) / (unit * step) <= 7), unit)
    return [step * multiple for multiple in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _frontier(points: Sequence[CandidatePoint], scales: _Scales) -> str:
    front = sorted((point for point in points if point.frontier), key=_cost)
    corners = " ".join(f"{_x(point, scales):.1f},{scales.y(point.height):.1f}" for point in front)
    return f'<polyline points="{corners}" fill="none" stroke="{BLUE}" stroke-width="1.6" stroke-dasharray="5 3"/>'


def _x(point: CandidatePoint, scales: _Scales) -> float:
    """Horizontal position; what costs nothing, which no logarithmic scale shows, stands at the left end."""
    return scales.x(max(_cost(point), scales.cost[0]))


def _mark(point: CandidatePoint, scales: _Scales, calibrated: bool) -> str:
    x, y = _x(point, scales), scales.y(point.height)
    if point.chosen:
        shape = f'<path d="M0 -9L9 0L0 9L-9 0Z" fill="{VERMILION}" stroke="currentColor" stroke-width="1.4"/>'
    elif point.excluded:
        shape = f'<path d="M-4 -4L4 4M-4 4L4 -4" stroke="{GREY}" stroke-width="1.6"/>'
    elif point.frontier:
        shape = f'<circle r="5.5" fill="{BLUE}"/>'
    else:
        shape = f'<circle r="4.5" fill="none" stroke="{GREY}" stroke-width="2"/>'
    height = f"{point.height:.1%}" if calibrated else f"score {point.height:.3g}"
    label = f"{point.name}: {height} at ${SAMPLES_PER_COST_UNIT * _cost(point):.3g} per {SAMPLES_PER_COST_UNIT:,}"
    state = ", chosen" if point.chosen else ", excluded" if point.excluded else ", frontier" if point.frontier else ""
    # A point is small: the hidden circle is what the mouse finds.
    return (
        f'<g transform="translate({x:.1f} {y:.1f})"><title>{markup_text(label + state)}</title>'
        f'<circle r="11" fill="transparent"/>{shape}</g>'
    )


def _names(points: Sequence[CandidatePoint], scales: _Scales) -> str:
    """Names beside the chosen point and the frontier, where they cover nothing."""
    taken = [(x - 7, y - 7, x + 7, y + 7) for p in points for x, y in [(_x(p, scales), scales.y(p.height))]]
    crossed = _along_frontier(points, scales)
    parts = []
    for point in sorted(points, key=lambda p: (not p.chosen, _cost(p))):
        if not (point.chosen or point.frontier):
            continue
        x, y, text = _x(point, scales), scales.y(point.height), shortened(point.name)
        places = []
        for right, down, anchor in _LABEL_OFFSETS:
            start = x + right - (len(text) * _LETTER if anchor == "end" else 0)
            box = (start, y + down - _LINE + 3, start + len(text) * _LETTER, y + down + 3)
            inside = box[0] >= _LEFT and box[2] <= WIDTH and box[1] >= 0
            if inside and not any(_overlap(box, other) for other in taken):
                places.append((sum(_overlap(box, other) for other in crossed), right, down, anchor, box))
        if not places:
            continue
        # Beside the dashed line where there is space, else where it crosses the least of the name.
        _, right, down, anchor, box = min(places, key=lambda place: place[0])
        taken.append(box)
        weight = ' font-weight="700"' if point.chosen else ""
        parts.append(
            f'<text x="{x + right:.1f}" y="{y + down:.1f}" text-anchor="{anchor}"{weight}>{markup_text(text)}</text>'
        )
    return "".join(parts)


def _along_frontier(points: Sequence[CandidatePoint], scales: _Scales) -> list[tuple[float, ...]]:
    """Small boxes along the line of the frontier, a few pixels apart."""
    front = sorted((point for point in points if point.frontier), key=_cost)
    ends = [(_x(point, scales), scales.y(point.height)) for point in front]
    boxes: list[tuple[float, ...]] = []
    for (x1, y1), (x2, y2) in pairwise(ends):
        steps = max(1, round(math.hypot(x2 - x1, y2 - y1) / 4))
        for step in range(steps + 1):
            x, y = x1 + (x2 - x1) * step / steps, y1 + (y2 - y1) * step / steps
            boxes.append((x - 1, y - 1, x + 1, y + 1))
    return boxes


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
