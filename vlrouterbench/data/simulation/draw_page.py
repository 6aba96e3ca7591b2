"""Pages of print: receipts, forms, letters, tables, passages, single words and infographics.

Decisions
- Every page is rows of cells, so one function sets them all; the print shrinks where rows would not fit.
- The `reading` level sets print size, contrast, noise, and how many rows stand around the one in question.
- `math` comes from asking for a calculation over a page's amounts, `knowledge` from passages on harder subjects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vlrouterbench.data.simulation import canvas, vocabulary
from vlrouterbench.data.simulation.canvas import Asked, draw_level, pick, pick_some, rung_of
from vlrouterbench.data.simulation.item import DrawnItem

PORTRAIT = (0.62, 0.85)
MATH_SHARE = 0.55
SIGNS = "ABDEFGHJKLMNPRSTUVXYZ23456789"


@dataclass(frozen=True)
class _Page:
    """Rows of cells to print, with what can be asked about them.

    Attributes:
        rows: cells from left to right; one cell stands at the left margin, the last of several at the right one.
        asked: question, answer and options as in `DrawnItem`.
        extra_demands: skills needed besides reading.
    """

    rows: list[tuple[str, ...]]
    asked: Asked
    extra_demands: tuple[tuple[str, float], ...] = ()


def draw_page(rng: np.random.Generator, dataset: str) -> DrawnItem:
    """A page of print with an open question; `options` holds texts to choose from, or is empty for a number.

    Args:
        rng: the only source of randomness.
        dataset: whose look and kinds of page to take.
    """
    kind = pick(rng, vocabulary.PAGE_KINDS.get(dataset, vocabulary.OTHER_PAGES))
    level = draw_level(rng)
    type_ = canvas.print_for(rng, level)
    if kind == "word":
        return _draw_word(rng, dataset, level, type_)
    if kind == "infographic":
        return _draw_infographic(rng, dataset, level, type_)
    image, paper = canvas.new_canvas(rng, dataset, (0.9, 1.4) if kind in ("table", "passage") else PORTRAIT)
    makers = {"receipt": _receipt, "form": _form, "letter": _letter, "table": _table, "passage": _passage}
    page = makers[kind](rng, level)
    _set_rows(image, page.rows, canvas.ink_on(paper, type_.contrast), type_.size, ruled=kind in ("form", "table"))
    demands = {"reading": level, **dict(page.extra_demands)}
    question, answer, options = page.asked
    return DrawnItem(canvas.add_noise(rng, image, type_.noise), question, options, "", demands, answer)


def _set_rows(image: Image.Image, rows: list[tuple[str, ...]], ink: canvas.RGB, size: int, ruled: bool) -> None:
    """Print rows of cells from the top, in the largest print up to `size` that fits the page."""
    draw, margin = ImageDraw.Draw(image), 12
    width, height = image.width - 2 * margin, image.height - 2 * margin
    leading = 1.8 if ruled else 1.3
    lines = rows
    for tried in range(size, canvas.MIN_PRINT - 1, -1):
        size, lines = tried, [line for row in rows for line in _lines_of(row, tried, width)]
        if len(lines) * tried * leading <= height:
            break
    pitch = min(size * leading, height / len(lines))
    for index, cells in enumerate(lines):
        y, slot = margin + (index + 0.5) * pitch, width / len(cells)
        for column, cell in enumerate(cells):
            x, anchor = margin + column * slot, "lm"
            if column and column == len(cells) - 1:
                x, anchor = image.width - margin, "rm"
            canvas.write(draw, (x, y), cell, ink, size, max_width=slot - 4, anchor=anchor)
        if ruled:
            draw.line((margin, y + pitch / 2, image.width - margin, y + pitch / 2), fill=ink)


def _lines_of(row: tuple[str, ...], size: int, width: float) -> list[tuple[str, ...]]:
    return [row] if len(row) > 1 else [(line,) for line in canvas.wrapped(row[0], size, width - 4)]


def _value(rng: np.random.Generator, sort: str) -> str:
    """A value of the sort a form field takes."""
    if sort == "date":
        return f"{int(rng.integers(1, 29))} {pick(rng, vocabulary.MONTHS)} {int(rng.integers(1990, 2025))}"
    if sort == "code":
        return f"{pick(rng, SIGNS)}{pick(rng, SIGNS)}-{int(rng.integers(1000, 99999))}"
    if sort == "phone":
        return f"555-{int(rng.integers(1000, 9999))}"
    lists = {"city": vocabulary.CITIES, "company": vocabulary.COMPANIES, "product": vocabulary.PRODUCTS}
    return pick(rng, lists[sort])


def _ask_value(rng: np.random.Generator, question: str, sort: str, answer: str) -> Asked:
    """The question with its answer and other values of the same sort."""
    return question, answer, (answer, *(_value(rng, sort) for _ in range(6)))


def _receipt(rng: np.random.Generator, level: float) -> _Page:
    names = pick_some(rng, vocabulary.PRODUCTS, 3 + rung_of(level, 11))
    cents = [int(price) for price in rng.integers(2, 80, len(names)) * 25]
    total, number, date = sum(cents), _value(rng, "code"), _value(rng, "date")
    paid = (total // 5000 + 1) * 5000
    rows = [(_value(rng, "company"),), (_value(rng, "city"), date), ("Receipt no", number), ("-" * 24,)]
    rows += [(name, f"{price / 100:.2f}") for name, price in zip(names, cents, strict=True)]
    if rng.random() < MATH_SHARE:
        level = draw_level(rng)
        rate = int(rng.integers(1, 10)) * 4
        ladder = (
            (f"What do {names[0]} and {names[1]} cost together?", cents[0] + cents[1]),
            ("What is the total of all the prices?", total),
            (f"How much change is given back when {paid // 100}.00 is paid for all the items?", paid - total),
            (f"What has to be paid for all the items after a discount of {rate} percent is taken off the total and a "
             "delivery charge of 4.50 is then added?", total * (100 - rate) / 100 + 450),
        )  # fmt: skip
        question, amount = ladder[rung_of(level, len(ladder))]
        return _Page(rows, (question, f"{amount / 100:.2f}", ()), (("math", level),))
    rows += [("-" * 24,), ("TOTAL", f"{total / 100:.2f}"), ("Cash", f"{paid / 100:.2f}")]
    asked = (
        ("What is the total on the receipt?", f"{total / 100:.2f}", ()),
        (f"What is the price of {names[-1]}?", f"{cents[-1] / 100:.2f}", ()),
        _ask_value(rng, "What is the receipt number?", "code", number),
        _ask_value(rng, "What is the date on the receipt?", "date", date),
    )
    return _Page(rows, pick(rng, asked))


def _form(rng: np.random.Generator, level: float) -> _Page:
    fields = pick_some(rng, vocabulary.FORM_FIELDS, 4 + rung_of(level, 10))
    rows = [(name, _value(rng, sort)) for name, sort in fields]
    index = int(rng.integers(len(rows)))
    name, answer = rows[index]
    asked = _ask_value(rng, f"What is the {name.lower()} on the form?", fields[index][1], answer)
    return _Page([(_value(rng, "company").upper(),), *rows], asked)


def _letter(rng: np.random.Generator, level: float) -> _Page:
    sender, date, number, city = (_value(rng, sort) for sort in ("company", "date", "code", "city"))
    body = " ".join(pick_some(rng, vocabulary.SENTENCES, 1 + rung_of(level, 9)))
    rows = [(sender,), (city, date), (f"Reference: {number}",), ("Dear customer,",), (body,), ("Kind regards,",)]
    asked = (
        _ask_value(rng, "What is the date of the letter?", "date", date),
        _ask_value(rng, "What is the reference number?", "code", number),
        _ask_value(rng, "Which company sent the letter?", "company", sender),
        _ask_value(rng, "Which city is the letter from?", "city", city),
    )
    return _Page([*rows, (sender,)], pick(rng, asked))


def _table(rng: np.random.Generator, level: float) -> _Page:
    shape = (3 + rung_of(level, 10), 2 + rung_of(level, 3))
    names, heads = pick_some(rng, vocabulary.CITIES, shape[0]), [str(2015 + index) for index in range(shape[1])]
    cells = rng.integers(10, 400, shape)
    rows = [("Visitors", *heads)]
    rows += [(name, *(str(int(cell)) for cell in line)) for name, line in zip(names, cells, strict=True)]
    row, column = int(rng.integers(shape[0])), int(rng.integers(shape[1]))
    if rng.random() > MATH_SHARE:
        return _Page(rows, (f"What is the number for {names[row]} in {heads[column]}?", str(cells[row, column]), ()))
    level, last, other = draw_level(rng), cells[:, -1], (row + 1) % shape[0]
    ladder = (
        (f"How far apart are {names[row]} and {names[other]} in {heads[-1]}?", str(abs(last[row] - last[other]))),
        (f"What is the sum of all numbers in the row of {names[row]}?", str(cells[row].sum())),
        (f"What is the average of all cities in {heads[-1]}, to one decimal?", f"{last.mean():.1f}"),
        (f"What percentage is {names[row]} in {heads[-1]} of its own value in {heads[0]}, rounded to one decimal?",
         f"{100 * last[row] / cells[row, 0]:.1f}"),
        (f"What is the median of the absolute deviations from the median over all cities in {heads[-1]}?",
         f"{np.median(np.abs(last - np.median(last))):g}"),
    )  # fmt: skip
    return _Page(rows, (*ladder[rung_of(level, len(ladder))], ()), (("math", level),))


def _passage(rng: np.random.Generator, level: float) -> _Page:
    subject = draw_level(rng)
    rung = vocabulary.TERMS[rung_of(subject, len(vocabulary.TERMS))]
    term, definition = pick(rng, rung)
    filler = " ".join(pick_some(rng, vocabulary.SENTENCES, rung_of(level, 7)))
    rows: list[tuple[str, ...]] = [
        (f"Chapter {int(rng.integers(1, 20))}",),
        (f"This chapter deals with {definition}. {filler}",),
    ]
    asked = ("Which term does the first sentence of the chapter describe?", term, tuple(other for other, _ in rung))
    return _Page(rows, asked, (("knowledge", subject),))


def _draw_word(rng: np.random.Generator, dataset: str, level: float, type_: canvas.Print) -> DrawnItem:
    """One word or code, turned, small and pale as the level says."""
    image, paper = canvas.new_canvas(rng, dataset, (1.1, 2.2))
    word, positions = pick(rng, vocabulary.WORDS), pick_some(rng, range(4), 4)
    options = (word, *pick_some(rng, vocabulary.WORDS, 4))
    if rng.random() < level:
        word = "".join(pick_some(rng, SIGNS, 6))
        options = (word, *(f"{word[:column]}{pick(rng, 'CQW')}{word[column + 1 :]}" for column in positions))
    turn = float(rng.normal(0, 4 + 28 * level))
    letters = canvas.turned_word(word, round(image.width * (0.85 - 0.55 * level)), turn, rng.uniform(0.8, 1.5))
    letters.thumbnail((image.width - 8, image.height - 8))
    plate = canvas.colours_on(rng, paper, 1)[0][1] if rng.random() < 0.5 else paper
    left, top = (int(rng.integers(image.width - letters.width)), int(rng.integers(image.height - letters.height)))
    image.paste(plate, (left, top, left + letters.width, top + letters.height))
    image.paste(canvas.ink_on(plate, type_.contrast), (left, top), letters)
    image = canvas.add_noise(rng, image, type_.noise)
    return DrawnItem(image, "What is written in the picture?", options, "", {"reading": level}, word)


def _draw_infographic(rng: np.random.Generator, dataset: str, level: float, type_: canvas.Print) -> DrawnItem:
    """Coloured bands, each with a big number and a caption."""
    image, paper = canvas.new_canvas(rng, dataset, (0.55, 1.0))
    count, draw, middle = 3 + rung_of(level, 8), ImageDraw.Draw(image), image.width / 2
    labels = pick_some(rng, vocabulary.INFO_LABELS, count)
    numbers = [int(number) for number in rng.permutation(np.arange(3, 98))[:count]]
    colours, top = canvas.colours_on(rng, paper, 4), type_.size + 18
    band = (image.height - top) / count
    big = min(34, int(band * 0.7))
    left, size = 28 + big * 2.1, min(type_.size, int(band * 0.7))
    title = f"Life in {pick(rng, vocabulary.CITIES)}"
    canvas.write(draw, (middle, top / 2), title, canvas.ink_on(paper), 24, max_width=image.width - 12)
    for index, (label, number) in enumerate(zip(labels, numbers, strict=True)):
        fill, y = colours[index % len(colours)][1], top + index * band
        draw.rectangle((6, y + 2, image.width - 6, y + band - 2), fill=fill)
        canvas.write(draw, (14, y + band / 2), f"{number}%", canvas.ink_on(fill), big, anchor="lm")
        ink, space = canvas.ink_on(fill, type_.contrast), image.width - left - 8
        canvas.write(draw, (left, y + band / 2), label, ink, size, max_width=space, anchor="lm")
    (question, answer, options), demands = _ask_numbers(rng, labels, numbers)
    return DrawnItem(
        canvas.add_noise(rng, image, type_.noise), question, options, "", {"reading": level, **demands}, answer
    )


def _ask_numbers(rng: np.random.Generator, labels: list[str], numbers: list[int]) -> tuple[Asked, dict[str, float]]:
    """A question about percentages and what it takes besides reading."""
    (first, second), highest = labels[:2], labels[int(np.argmax(numbers))]
    if rng.random() > MATH_SHARE:
        asked = (
            (f"What percentage is given for '{first}'?", f"{numbers[0]}%", ()),
            ("Which statement has the highest percentage?", highest, tuple(labels)),
        )
        return pick(rng, asked), {}
    level = draw_level(rng)
    ladder = (
        (f"How many percentage points lie between '{first}' and '{second}'?", str(abs(numbers[0] - numbers[1]))),
        ("What is the range from the smallest to the largest percentage?", str(max(numbers) - min(numbers))),
        ("What is the average of all percentages, to one decimal?", f"{sum(numbers) / len(numbers):.1f}"),
        (f"If '{first}' and '{second}' are statistically independent events, what is the probability in percent that "
         "both hold, rounded to two decimals?", f"{numbers[0] * numbers[1] / 100:.2f}"),
    )  # fmt: skip
    return (*ladder[rung_of(level, len(ladder))], ()), {"math": level}
