"""Charts: bar, row, line, pie and scatter, with questions about their values.

Decisions
- The `chart` level sets how many values there are and takes away printed values, then grid lines.
- The `reading` level sets the print; the `math` level picks the calculation, from a difference to a standard deviation.
- Values are whole numbers and all different, so that "largest" has one answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from vlrouterbench.data.simulation import canvas, vocabulary
from vlrouterbench.data.simulation.canvas import Asked, draw_level, pick, pick_some, rung_of
from vlrouterbench.data.simulation.item import DrawnItem

CHART_STYLES: tuple[str, ...] = ("bar", "bar", "row", "line", "pie", "scatter")
MATH_SHARE = 0.5


@dataclass(frozen=True)
class _Series:
    """Names with values, and the axis step."""

    title: str
    names: tuple[str, ...]
    values: tuple[int, ...]
    step: int


@dataclass(frozen=True)
class _Sheet:
    """Where and how a chart is drawn: the plot box inside the image, print and inks."""

    draw: ImageDraw.ImageDraw
    box: tuple[int, int, int, int]
    print: canvas.Print
    ink: canvas.RGB
    faint: canvas.RGB
    colours: list[tuple[str, canvas.RGB]]
    level: float


def draw_chart(rng: np.random.Generator, dataset: str) -> DrawnItem:
    """A chart with an open question; `options` holds names to choose from, or is empty for a number.

    Args:
        rng: the only source of randomness.
        dataset: whose look to take.
    """
    demands = {"chart": draw_level(rng), "reading": draw_level(rng)}
    style = pick(rng, CHART_STYLES)
    image, paper = canvas.new_canvas(rng, dataset, (1.05, 1.7))
    type_ = canvas.print_for(rng, demands["reading"])
    left, top = round(image.width * 0.14) + 6, type_.size + 16
    sheet = _Sheet(
        draw=ImageDraw.Draw(image),
        box=(left, top, image.width - 12, image.height - type_.size - 14),
        print=type_,
        ink=canvas.ink_on(paper, type_.contrast),
        faint=canvas.ink_on(paper, 0.14),
        colours=canvas.colours_on(rng, paper, 6),
        level=demands["chart"],
    )
    if style == "scatter":
        question, answer, options = _draw_scatter(rng, sheet, image)
    else:
        series = _new_series(rng, style, sheet.level)
        _title(sheet, image, series.title)
        {"bar": _draw_bars, "row": _draw_rows, "line": _draw_line, "pie": _draw_pie}[style](sheet, series)
        if rng.random() < MATH_SHARE and not (style == "pie" and sheet.level > 0.6):
            demands["math"] = draw_level(rng)
            question, answer, options = _ask_math(rng, series, demands["math"])
        else:
            question, answer, options = _ask_chart(rng, series, style, sheet.level)
    return DrawnItem(canvas.add_noise(rng, image, type_.noise), question, options, "", demands, answer)


def _new_series(rng: np.random.Generator, style: str, level: float) -> _Series:
    count = 3 + rung_of(level, 10 if style != "pie" else 6)
    title, unit = pick(rng, vocabulary.MEASURES)
    step = pick(rng, (5, 10, 20))
    first_year = int(rng.integers(1980, 2012))
    if style == "line" or (style == "bar" and rng.random() < 0.5):
        names = tuple(str(first_year + index) for index in range(count)) if count < 9 else vocabulary.MONTHS[:count]
    elif style == "bar":
        names = vocabulary.MONTHS[:count] if rng.random() < 0.7 else tuple("ABCDEFGHIJKL"[:count])
    else:
        names = tuple(pick_some(rng, vocabulary.PRODUCTS if rng.random() < 0.5 else vocabulary.CITIES, count))
    if style == "pie":
        least, apart = int(rng.integers(3, 6)), int(rng.integers(1, 1 + 84 // ((count - 1) * (count - 2))))
        small = [least + apart * index for index in range(count - 1)]
        shares = rng.permutation([100 - sum(small), *small]).tolist()
        return _Series(f"{title} by share (%)", names, tuple(shares), step)
    fine = step // 5 if level > 0.5 else step // 2 if step > 5 else step
    values = rng.permutation(np.arange(1, 1 + 8 * step // fine))[:count] * fine
    return _Series(f"{title} ({unit})", names, tuple(int(value) for value in values), step)


def _title(sheet: _Sheet, image: Image.Image, title: str) -> None:
    point = (image.width / 2, sheet.box[1] / 2)
    canvas.write(sheet.draw, point, title, sheet.ink, sheet.print.size, max_width=image.width - 12)


def _ticks(sheet: _Sheet, series: _Series, upright: bool) -> float:
    """Draw the value axis with its ticks and return pixels per unit of value."""
    left, top, right, bottom = sheet.box
    ceiling = math.ceil((max(series.values) + 1) / series.step) * series.step
    scale = ((bottom - top) if upright else (right - left)) / ceiling
    size = min(sheet.print.size, 15)
    skip = series.step * math.ceil((size + 4 if upright else 2.4 * size) / (series.step * scale))
    for tick in range(0, ceiling + 1, skip):
        x, y = left + tick * scale, bottom - tick * scale
        if sheet.level < 0.7:
            sheet.draw.line((left, y, right, y) if upright else (x, top, x, bottom), fill=sheet.faint)
        point, anchor = ((left - 4, y), "rm") if upright else ((x, bottom + 4), "mt")
        canvas.write(sheet.draw, point, str(tick), sheet.ink, size, max_width=left - 6, anchor=anchor)
    sheet.draw.line((left, top, left, bottom, right, bottom), fill=sheet.ink, width=2)
    return scale


def _columns(sheet: _Sheet, series: _Series) -> tuple[list[tuple[float, float]], float]:
    """Draw axes, names and (on easy charts) values; return the top of every value and the width of a slot."""
    left, _, right, bottom = sheet.box
    scale = _ticks(sheet, series, upright=True)
    slot = (right - left) / len(series.values)
    size = min(canvas.fitting_size(name, sheet.print.size, slot - 3) for name in series.names)
    tops = [(left + (index + 0.5) * slot, bottom - value * scale) for index, value in enumerate(series.values)]
    for (x, y), name, value in zip(tops, series.names, series.values, strict=True):
        canvas.write(sheet.draw, (x, bottom + 4), name, sheet.ink, size, anchor="mt")
        if sheet.level < 0.4:
            canvas.write(sheet.draw, (x, y - 5), str(value), sheet.ink, size, max_width=slot, anchor="mb")
    return tops, slot


def _draw_bars(sheet: _Sheet, series: _Series) -> None:
    tops, slot = _columns(sheet, series)
    for index, (x, y) in enumerate(tops):
        fill = sheet.colours[index % 2 if sheet.level > 0.5 else 0][1]
        sheet.draw.rectangle((x - slot * 0.36, y, x + slot * 0.36, sheet.box[3] - 1), fill=fill)


def _draw_line(sheet: _Sheet, series: _Series) -> None:
    tops, _ = _columns(sheet, series)
    sheet.draw.line(tops, fill=sheet.colours[0][1], width=3)
    for x, y in tops:
        sheet.draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=sheet.colours[1][1])


def _draw_rows(sheet: _Sheet, series: _Series) -> None:
    left, top, right, bottom = sheet.box
    inner = left + (right - left) // 5
    scale = _ticks(replace(sheet, box=(inner, top, right, bottom)), series, upright=False)
    slot = (bottom - top) / len(series.values)
    size = min(canvas.fitting_size(name, min(sheet.print.size, int(slot) - 1), inner - 8) for name in series.names)
    for index, (name, value) in enumerate(zip(series.names, series.values, strict=True)):
        middle, end = top + (index + 0.5) * slot, inner + value * scale
        sheet.draw.rectangle((inner + 1, middle - slot * 0.35, end, middle + slot * 0.35), fill=sheet.colours[0][1])
        canvas.write(sheet.draw, (inner - 5, middle), name, sheet.ink, size, anchor="rm")
        if sheet.level < 0.4:
            inside = canvas.ink_on(sheet.colours[0][1])
            canvas.write(
                sheet.draw, (end - 3, middle), str(value), inside, size, max_width=end - inner - 4, anchor="rm"
            )


def _draw_pie(sheet: _Sheet, series: _Series) -> None:
    _, top, right, bottom = sheet.box
    side = min(bottom - top + 10, right // 2)
    start, middle = -90.0, (top + bottom) / 2
    disc = (10, middle - side / 2, 10 + side, middle + side / 2)
    slot = min(sheet.print.size + 6, (bottom - top + 10) // len(series.names))
    for index, (name, value) in enumerate(zip(series.names, series.values, strict=True)):
        base = sheet.colours[index % len(sheet.colours)][1]
        fill = canvas.mix(base, sheet.ink, 0.4) if index >= len(sheet.colours) else base
        end = start + value * 3.6
        sheet.draw.pieslice(disc, start, end, fill=fill, outline=sheet.faint)
        x, y = side + 22, middle + (index + 0.5 - len(series.names) / 2) * slot
        sheet.draw.rectangle((x, y - 4, x + 8, y + 4), fill=fill)
        label, size = name if sheet.level > 0.6 else f"{name} {value}%", min(sheet.print.size, slot)
        canvas.write(sheet.draw, (x + 13, y), label, sheet.ink, size, max_width=right - x - 8, anchor="lm")
        start = end


def _draw_scatter(rng: np.random.Generator, sheet: _Sheet, image: Image.Image) -> Asked:
    """Two colours of points with whole-number coordinates, and a count to ask for."""
    left, top, right, bottom = sheet.box
    first, second = pick_some(rng, vocabulary.PRODUCTS, 2)
    _title(sheet, image, f"{first} and {second}: price and weight")
    scale = _ticks(sheet, _Series("", (), (39,), 5), upright=True)
    count = 4 + round(sheet.level * 26)
    points = rng.permutation(18 * 13)[:count]
    kinds = rng.integers(0, 2, count)
    heights = [3 * int(point % 13) + 2 for point in points]
    for point, kind, height in zip(points, kinds, heights, strict=True):
        x, y = left + (int(point) // 13 + 0.7) * (right - left) / 19, bottom - height * scale
        sheet.draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=sheet.colours[int(kind)][1])
    threshold = pick(rng, (10, 15, 25, 30))
    name = int(rng.integers(2))
    colour = sheet.colours[name][0]
    counts = (
        (f"How many {colour} points are in the chart?", sum(int(kind) == name for kind in kinds)),
        (f"How many points lie above {threshold}?", sum(height > threshold for height in heights)),
        (
            f"How many {colour} points lie below {threshold}?",
            sum(height < threshold and kind == name for height, kind in zip(heights, kinds, strict=True)),
        ),
    )
    question, answer = counts[rung_of(sheet.level, 3)]
    return question, str(answer), ()


def _ask_chart(rng: np.random.Generator, series: _Series, style: str, level: float) -> Asked:
    """A question that needs reading the chart only."""
    order = sorted(range(len(series.values)), key=lambda index: -series.values[index])
    target = int(rng.integers(len(series.values)))
    readable = style != "pie" or level <= 0.6
    if readable and rng.random() < 0.4:
        return f"What is the value for {series.names[target]}?", str(series.values[target]), ()
    if readable and level > 0.4 and rng.random() < 0.4:
        threshold = sorted(series.values)[len(series.values) // 2]
        return f"How many values exceed {threshold}?", str(sum(value > threshold for value in series.values)), ()
    extreme, rank = pick(rng, (("highest", 0), ("lowest", -1), *([("second highest", 1)] if level > 0.35 else [])))
    return f"Which entry has the {extreme} value?", series.names[order[rank]], series.names


def _ask_math(rng: np.random.Generator, series: _Series, level: float) -> Asked:
    """A calculation over the values, harder with the level."""
    first, second, third = pick_some(rng, range(len(series.values)), 3)
    (a, b, c), names = (series.values[first], series.values[second], series.values[third]), series.names
    rate = int(rng.integers(2, 9))
    three = f"{names[first]}, {names[second]} and {names[third]}"
    ladder = (
        (f"What is the difference between {names[first]} and {names[second]}?", abs(a - b)),
        (f"What is the sum of the values of {three}?", a + b + c),
        (f"What is the average of {three}, to one decimal?", f"{(a + b + c) / 3:.1f}"),
        (f"What is the ratio of {names[first]} to the total of all values in percent, to one decimal?",
         f"{100 * a / sum(series.values):.1f}"),
        (f"If the value of {names[first]} first doubles and then grows by {rate}% compounded per year, what will it be "
         "after three years, rounded to one decimal?", f"{2 * a * (1 + rate / 100) ** 3:.1f}"),
        (f"What is the population standard deviation of the values of {three}, that is the square root of their "
         "variance, rounded to two decimals?", f"{np.std((a, b, c)):.2f}"),
    )  # fmt: skip
    question, answer = ladder[rung_of(level, len(ladder))]
    return question, str(answer), ()
