"""A learning curve: how a figure of a router grows with its training samples, and where more stop to pay.

Decisions
- An interval resamples the splits and, within each, the groups of its test samples, paired over sizes: a mean over few
  trainings is not better known than they agree.
- What lies beyond the table follows a power law, figure = limit - scale * n ** -exponent, the usual form of learning
  curves (Viering and Loog, "The Shape of Learning Curves", IEEE TPAMI 45(6), 2023), by least squares; its interval fits
  every resample anew. It assumes more questions of the same kind, and the same candidates, features and settings.
- A curve is extrapolated where it rises beyond chance, and has MIN_SIZES sizes: a flat, falling or short one is said.
- More questions pay where twice as many bring WORTH points. Where that lies within the interval of what twice as many
  bring, neither "enough" nor "more" is said: other sizes of the same table would then say the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np

from vlrouterbench.metrics.bootstrap import interval

MIN_TRAIN = 16
"""Training samples of the smallest size."""
MIN_SIZES = 4
"""Sizes that a curve is extrapolated from at least."""
FITTED = 5
"""Largest sizes that the power law is fitted to: the smallest follow another one."""
WORTH = 0.5
"""Points that twice as many training samples must bring to be worth their labels."""
FARTHEST = 8
"""Times the training samples of the table: no figure is said for more."""
EXPONENTS = np.geomspace(0.1, 2.0, 40)
Shape = Literal["rising", "flat", "falling", "too few samples"]


class Change(TypedDict):
    """A difference of two figures, with its interval [low, high]."""

    points: float
    ci95: list[float]


class PowerLaw(TypedDict):
    """limit - scale * n ** -exponent, for n training samples."""

    limit: float
    scale: float
    exponent: float


class Extrapolation(TypedDict):
    """What lies beyond the table.

    Attributes:
        power_law: as fitted to the mean curve.
        doubled: what twice the training samples should bring.
        foreseen: what the same fit without the largest size predicts there, less what was measured: how far off it was.
        enough: training samples from which twice as many bring less than WORTH; None where that is beyond FARTHEST
            times those of the table.
    """

    power_law: PowerLaw
    doubled: Change
    foreseen: Change
    enough: int | None


class CurveShape(TypedDict):
    """What a curve says.

    Attributes:
        shape: whether it rises from the fewest to all training samples.
        gain: by how much; None where there is one size alone.
        extrapolation: None unless it rises.
    """

    shape: Shape
    gain: Change | None
    extrapolation: Extrapolation | None


@dataclass(frozen=True)
class Curve:
    """A figure at growing numbers of training samples.

    Attributes:
        sizes: training samples, (num_sizes,), growing.
        values: the figure, mean over splits, (num_sizes,).
        draws: resamples of it, (num_resamples, num_sizes).
    """

    sizes: np.ndarray
    values: np.ndarray
    draws: np.ndarray


def over_splits(draws: Sequence[np.ndarray], *, seed: int = 0) -> np.ndarray:
    """Resampled means over splits, (num_resamples, num_sizes), from resamples within each split of that shape."""
    stacked = np.stack(draws)
    picked = np.random.default_rng(seed).integers(len(stacked), size=stacked.shape[:2])
    rows = np.arange(stacked.shape[1])
    return np.mean([stacked[splits, rows] for splits in picked], axis=0)


def curve_shape(curve: Curve) -> CurveShape:
    """What a curve says, and what lies beyond it."""
    if len(curve.sizes) < 2:
        return {"shape": "too few samples", "gain": None, "extrapolation": None}
    gain = change(curve.values[-1] - curve.values[0], curve.draws[:, -1] - curve.draws[:, 0])
    low, high = gain["ci95"]
    shape: Shape = "rising" if low > 0 else "falling" if high < 0 else "flat"
    if len(curve.sizes) < MIN_SIZES:
        return {"shape": "too few samples", "gain": gain, "extrapolation": None}
    return {"shape": shape, "gain": gain, "extrapolation": _extrapolation(curve) if shape == "rising" else None}


def change(points: float, draws: np.ndarray) -> Change:
    """A difference with the interval of its resamples (num_resamples,)."""
    return {"points": float(points), "ci95": interval(draws)}


def _extrapolation(curve: Curve) -> Extrapolation:
    most = float(curve.sizes[-1])
    sizes = curve.sizes[-FITTED:] / most
    limit, scale, exponent = (float(each[0]) for each in power_laws(sizes, curve.values[None, -FITTED:]))
    _, scales, exponents = power_laws(sizes, curve.draws[:, -FITTED:])
    enough, foreseen = float(curve.sizes[0]), _foreseen(sizes, curve.values[None, -FITTED:])
    if scale > 0:
        enough = max(enough, most * (scale * (1 - 2.0**-exponent) / WORTH) ** (1 / exponent))
    return {
        "power_law": {"limit": limit, "scale": scale * most**exponent, "exponent": exponent},
        "doubled": change(scale * (1 - 2.0**-exponent), scales * (1 - 2.0**-exponents)),
        "foreseen": change(foreseen[0], _foreseen(sizes, curve.draws[:, -FITTED:])),
        "enough": round(enough) if enough <= FARTHEST * most else None,
    }


def _foreseen(sizes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values at the last of sizes, (num_curves,), as the others foresee them, less the measured ones."""
    limit, scale, exponent = power_laws(sizes[:-1], values[:, :-1])
    return limit - scale * sizes[-1] ** -exponent - values[:, -1]


def power_laws(sizes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Limit, scale and exponent, (num_curves,) each, of the power laws that fit curves best.

    Args:
        sizes: (num_sizes,), in any unit.
        values: (num_curves, num_sizes). One that no growing power law fits has its mean as the limit, and scale 0.
    """
    mean = values.mean(axis=1)
    best = ((values - mean[:, None]) ** 2).sum(axis=1)
    limit, scale, exponent = mean.copy(), np.zeros(len(values)), np.ones(len(values))
    for candidate in EXPONENTS:
        x = sizes**-candidate
        centred = x - x.mean()
        slope = -(values @ centred) / (centred @ centred)
        error = ((values - mean[:, None] + slope[:, None] * centred) ** 2).sum(axis=1)
        better = (slope > 0) & (error < best)
        best = np.where(better, error, best)
        limit = np.where(better, mean + slope * x.mean(), limit)
        scale = np.where(better, slope, scale)
        exponent = np.where(better, candidate, exponent)
    return limit, scale, exponent


def answer(router: str, shape: CurveShape, *, sizes: Sequence[int], in_all: float, figure: str) -> str:
    """The answer to how many questions are needed, in one sentence.

    Args:
        router: its name.
        shape: of its curve.
        sizes: training samples of the curve.
        in_all: questions of the table for one training sample.
        figure: what the curve is of, in points of 0 to 100.
    """
    most, gain = sizes[-1], shape["gain"]
    if shape["shape"] == "too few samples" or gain is None:
        least = MIN_TRAIN * 2 ** (MIN_SIZES - 1)
        return (
            f"{router}: {most:,} training samples are too few to say how many are needed; that takes at least "
            f"{least:,} ({_about(least * in_all)} questions in all)."
        )
    extrapolation = shape["extrapolation"]
    if extrapolation is None:
        moved = "falls" if shape["shape"] == "falling" else "does not measurably grow"
        span = f"from {sizes[0]:,} to {most:,} training samples {figure} {moved}"
        return f"{router}: more questions are not known to help: {span}, {_points(gain)}; nothing is extrapolated."
    enough, doubled = extrapolation["enough"], _points(extrapolation["doubled"])
    twice = f"twice your {most:,} training samples should bring {doubled} in {figure}"
    low, high = extrapolation["doubled"]["ci95"]
    if low < WORTH < high:
        still = f"still grows at {FARTHEST} times as many"
        mean = still if enough is None else f"stops paying at {_samples(enough, in_all)}"
        unsure = f"{router}: whether more questions pay cannot be said"
        return f"{unsure}: {twice}, and {WORTH}, from which they pay, lies within. By its mean alone the curve {mean}."
    if enough is None:
        return f"{router}: more questions than yours can tell: {twice}, and at {FARTHEST} times as many it still grows."
    need = _samples(enough, in_all)
    if enough > most:
        return f"{router}: you need more questions, {need}, until twice as many bring less than {WORTH}; {twice}."
    return f"{router}: you have enough questions: {need} would do, for twice as many bring less than {WORTH}; {twice}."


def _samples(number: float, in_all: float) -> str:
    return f"about {_about(number)} training samples ({_about(number * in_all)} questions in all)"


def _points(gain: Change) -> str:
    low, high = gain["ci95"]
    return f"{gain['points']:+.2f} (95 % {low:+.2f} to {high:+.2f})"


def _about(number: float) -> str:
    """A number to two digits."""
    digits = max(0, len(f"{number:.0f}") - 2)
    return f"{round(number, -digits):,.0f}"
