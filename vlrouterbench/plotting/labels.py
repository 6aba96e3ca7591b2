"""Names beside the points of a figure, where they cover nothing.

Decisions
- A name takes the first position beside its point where it covers neither another name nor a point, nor a line while
  there is such a position. One that must be read goes further away, on a line to its point; one that need not is left
  out, since its table has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from vlrouterbench.plotting.figures import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import BboxBase

Offset = tuple[float, float]
Box = tuple[float, float, float, float]
_LABEL_OFFSETS: tuple[Offset, ...] = ((7, 5), (7, -12), (-7, 5), (-7, -12), (7, 17), (7, -24), (-7, 17), (-7, -24))
"""Right and up of the point, in points, the preferred first; a name ends where it stands to the left of its point."""
_FAR_OFFSETS: tuple[Offset, ...] = tuple(
    (side * right, up)
    for right, up in ((18, 30), (18, -38), (34, 44), (34, -52), (50, 20), (50, -28), (60, 62), (60, -70), (90, 40))
    for side in (1, -1)
)
"""Where a needed name goes that has no space beside its point."""
_MOST_LABELS = 60
_REACH = 5.0
"""Half the side of a marker's box, in pixels."""


class PointLabel(NamedTuple):
    """A name beside a point.

    Attributes:
        text: the name.
        point: in the units of the axes.
        colour: of the letters.
        needed: whether it is written even where it must cover something; the others are left out there.
    """

    text: str
    point: tuple[float, float]
    colour: str
    needed: bool = True


def label_points(axes: Axes, labels: Sequence[PointLabel], lines: Sequence[np.ndarray] = ()) -> None:
    """Write a name beside each point, clear of names, points and lines where there is space, the first labels first.

    A name away from its point is joined to it by a line. Of more than _MOST_LABELS names the first that are needed and
    the highest are written: among more, none could be read. `lines` are (num_points, 2) in the units of the axes.
    """
    if len(labels) > _MOST_LABELS:
        kept = sorted(range(len(labels)), key=lambda index: (not labels[index].needed, -labels[index].point[1]))
        labels = [labels[index] for index in sorted(kept[:_MOST_LABELS])]
    # The stubs allow for a subfigure, of which our figures have none.
    figure = cast("Figure", axes.figure)
    figure.draw_without_rendering()
    centres = axes.transData.transform([label.point for label in labels]) if labels else np.empty((0, 2))
    taken = [(x - _REACH, y - _REACH, x + _REACH, y + _REACH) for x, y in centres]
    frame, scale = _corners(axes.bbox), figure.dpi / 72
    paths = [axes.transData.transform(line) for line in lines if len(line) > 1]
    segments = np.vstack([np.hstack([path[:-1], path[1:]]) for path in paths]) if paths else np.empty((0, 4))
    for index, label in enumerate(labels):
        note = axes.annotate(
            shortened(label.text),
            label.point,
            textcoords="offset points",
            xytext=(0, 0),
            fontsize=9,
            color=label.colour,
            parse_math=False,
        )
        box = _corners(note.get_window_extent())
        # Far positions keep crowded names apart; what is not needed does without.
        offsets = (*_LABEL_OFFSETS, *_FAR_OFFSETS) if label.needed else _LABEL_OFFSETS
        moved = [(offset, _moved(box, offset, scale)) for offset in offsets]
        others = np.array([other for place, other in enumerate(taken) if place != index]).reshape(-1, 4)
        clear = [(offset, at) for offset, at in moved if _is_clear(at, frame, others)]
        found = next((one for one in clear if not _crosses(segments, one[1])), clear[0] if clear else None)
        if found is None and not label.needed:
            note.remove()
            continue
        offset, at = found or (_LABEL_OFFSETS[0], _moved(box, _LABEL_OFFSETS[0], scale))
        note.set_position(offset)
        note.set_horizontalalignment("left" if offset[0] > 0 else "right")
        if offset in _FAR_OFFSETS:
            line = {"arrowstyle": "-", "color": label.colour, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 3}
            axes.annotate("", label.point, textcoords="offset points", xytext=offset, arrowprops=line)
        taken.append(at)


def _corners(box: BboxBase) -> Box:
    left, bottom, right, top = box.extents
    return left, bottom, right, top


def _moved(box: Box, offset: Offset, scale: float) -> Box:
    """The box of letters that stand at their point, in pixels, after a move in points."""
    left, bottom, right, top = box
    across, up = offset
    x, y = across * scale - (right - left if across < 0 else 0), up * scale
    return left + x, bottom + y, right + x, top + y


def _is_clear(box: Box, frame: Box, others: np.ndarray) -> bool:
    """Whether a box is within the frame and covers no other; all of them are (left, bottom, right, top)."""
    left, bottom, right, top = box
    inside = frame[0] <= left and right <= frame[2] and frame[1] <= bottom and top <= frame[3]
    apart = (others[:, 0] >= right) | (others[:, 2] <= left) | (others[:, 1] >= top) | (others[:, 3] <= bottom)
    return bool(inside and apart.all())


def _crosses(segments: np.ndarray, box: Box) -> bool:
    """Whether a line of (num_lines, 4), from x, y to x, y, passes through a box: cut at each of its sides in turn."""
    (x, y, _, _), (across, up) = segments.T, (segments[:, 2:] - segments[:, :2]).T
    steps = np.stack([-across, across, -up, up])
    room = np.stack([x - box[0], box[2] - x, y - box[1], box[3] - y])
    with np.errstate(divide="ignore", invalid="ignore"):
        at = room / steps
    first = np.where(steps < 0, at, 0.0).max(axis=0, initial=0.0)
    last = np.where(steps > 0, at, 1.0).min(axis=0, initial=1.0)
    beside = ((steps == 0) & (room < 0)).any(axis=0)
    return bool((~beside & (first <= last)).any())
