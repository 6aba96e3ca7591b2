"""Scenes: coloured objects under a sky, signs with words, and questions about what is where.

Decisions
- The `scene` level sets how many objects there are (and so how small they are), how grey their colours and how grainy
  the image is.
- Objects stand in cells of a grid, so that none hides another and a count has one answer.
- A sign adds `reading` (its print) and, when the question is what its shop sells, `knowledge` (rarity of the trade).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vlrouterbench.data.simulation import canvas, vocabulary
from vlrouterbench.data.simulation.canvas import RGB, Asked, draw_level, pick, pick_some, rung_of
from vlrouterbench.data.simulation.item import DrawnItem

SIGN_SHARE: dict[str, float] = {"TextVQA_VAL": 0.9, "OCRBench": 0.8, "RealWorldQA": 0.35, "MMBench_DEV_EN_V11": 0.3}
OTHER_SIGN_SHARE = 0.2
MATH_SHARE = 0.35
SKIES: tuple[tuple[RGB, RGB], ...] = (
    ((120, 180, 240), (225, 240, 252)),
    ((250, 190, 120), (252, 232, 200)),
    ((150, 160, 172), (222, 226, 230)),
    ((30, 36, 70), (110, 100, 140)),
)
GROUNDS: tuple[tuple[RGB, RGB], ...] = (
    ((150, 190, 120), (96, 146, 80)),
    ((214, 196, 150), (180, 156, 110)),
    ((168, 168, 170), (120, 120, 124)),
    ((236, 240, 246), (206, 212, 222)),
)
GREY: RGB = (140, 140, 140)


@dataclass(frozen=True)
class _Thing:
    """An object of a scene: kind, colour and the middle of its cell."""

    kind: str
    colour: str
    x: float
    y: float

    @property
    def name(self) -> str:
        """The colour and kind in words."""
        return f"{self.colour} {self.kind}"


def draw_scene(rng: np.random.Generator, dataset: str) -> DrawnItem:
    """A scene with an open question; `options` holds texts to choose from, or is empty for a number.

    Args:
        rng: the only source of randomness.
        dataset: whose size and share of signs to take.
    """
    demands = {"scene": draw_level(rng)}
    level = demands["scene"]
    image = _draw_land(rng, canvas.canvas_size(rng, dataset, (0.9, 1.6)))
    things = _draw_things(rng, image, level)
    if rng.random() < SIGN_SHARE.get(dataset, OTHER_SIGN_SHARE):
        question, answer, options = _add_sign(rng, image, demands)
    elif rng.random() < MATH_SHARE:
        demands["math"] = draw_level(rng)
        question, answer, options = _ask_sum(rng, things, demands["math"])
    else:
        question, answer, options = _ask_scene(rng, things, level)
    noise = max(0.3 * level, 0.4 * demands.get("reading", 0.0))
    return DrawnItem(canvas.add_noise(rng, image, noise), question, options, "", demands, answer)


def _draw_land(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Sky above, ground below."""
    horizon = round(size[1] * rng.uniform(0.3, 0.45))
    image = canvas.gradient(size, *pick(rng, SKIES))
    image.paste(canvas.gradient((size[0], size[1] - horizon), *pick(rng, GROUNDS)), (0, horizon))
    return image


def _draw_things(rng: np.random.Generator, image: Image.Image, level: float) -> list[_Thing]:
    """Draw objects in cells of a grid, a row of which stays free above for a sign."""
    count = 3 + round(21 * level)
    columns = max(3, round((count * 1.5 * image.width / image.height) ** 0.5))
    rows = -(-(count + 1) // columns)
    top = image.height * 0.28
    cell = (image.width / columns, (image.height - top) / rows)
    reach = min(cell) * 0.4
    kinds = pick_some(rng, vocabulary.OBJECTS, 2 + rung_of(level, 5))
    colours = canvas.colours_on(rng, GREY, 3 + rung_of(level, 4))
    draw, things = ImageDraw.Draw(image), []
    for cell_index in sorted(pick_some(rng, range(rows * columns), count)):
        (row, column), (name, full) = divmod(cell_index, columns), pick(rng, colours)
        x, y = (column + 0.5) * cell[0] + rng.uniform(-0.08, 0.08) * cell[0], top + (row + 0.5) * cell[1]
        thing = _Thing(pick(rng, kinds), name, float(x), y)
        _draw_thing(draw, thing, reach, canvas.mix(full, GREY, 0.35 * level))
        things.append(thing)
    return things


def _draw_thing(draw: ImageDraw.ImageDraw, thing: _Thing, reach: float, fill: RGB) -> None:
    """Draw one object within `reach` of its middle; only the part that names its colour is filled with it."""
    line: RGB = (40, 40, 44)
    x, y, r = thing.x, thing.y, reach
    if thing.kind == "house":
        draw.rectangle((x - r * 0.8, y - r * 0.1, x + r * 0.8, y + r), fill=fill, outline=line)
        draw.polygon(((x - r, y - r * 0.1), (x, y - r), (x + r, y - r * 0.1)), fill=fill, outline=line)
        draw.rectangle((x - r * 0.2, y + r * 0.35, x + r * 0.2, y + r), fill=line)
    elif thing.kind == "tree":
        draw.rectangle((x - r * 0.12, y, x + r * 0.12, y + r), fill=line)
        draw.ellipse((x - r * 0.7, y - r, x + r * 0.7, y + r * 0.4), fill=fill, outline=line)
    elif thing.kind == "car":
        draw.rectangle((x - r * 0.5, y - r * 0.5, x + r * 0.5, y), fill=fill, outline=line)
        draw.rectangle((x - r, y - r * 0.1, x + r, y + r * 0.4), fill=fill, outline=line)
        for wheel in (-0.55, 0.55):
            draw.ellipse((x + r * (wheel - 0.22), y + r * 0.2, x + r * (wheel + 0.22), y + r * 0.64), fill=line)
    elif thing.kind == "ball":
        draw.ellipse((x - r * 0.7, y - r * 0.7, x + r * 0.7, y + r * 0.7), fill=fill, outline=line)
    elif thing.kind == "box":
        draw.rectangle((x - r * 0.7, y - r * 0.6, x + r * 0.7, y + r * 0.7), fill=fill, outline=line)
        draw.line((x - r * 0.7, y, x + r * 0.7, y), fill=line)
    elif thing.kind == "flag":
        draw.line((x - r * 0.6, y - r, x - r * 0.6, y + r), fill=line, width=2)
        draw.rectangle((x - r * 0.6, y - r, x + r * 0.8, y), fill=fill, outline=line)
    elif thing.kind == "kite":
        draw.polygon(((x, y - r), (x + r * 0.6, y - r * 0.2), (x, y + r * 0.5), (x - r * 0.6, y - r * 0.2)), fill, line)
        draw.line((x, y + r * 0.5, x + r * 0.3, y + r), fill=line)
    else:
        angles = np.arange(10) * np.pi / 5
        far = np.where(np.arange(10) % 2 == 0, r, r * 0.42)
        points = zip((x + far * np.sin(angles)).tolist(), (y - far * np.cos(angles)).tolist(), strict=True)
        draw.polygon(list(points), fill=fill, outline=line)


def _add_sign(rng: np.random.Generator, image: Image.Image, demands: dict[str, float]) -> Asked:
    """Put a sign into the sky, add what reading it takes to `demands`, and ask about it."""
    reading = demands["reading"] = draw_level(rng)
    about_shop = bool(rng.random() < 0.4)
    level = draw_level(rng) if about_shop else 0.0
    index = rung_of(level, len(vocabulary.SHOPS))
    word = vocabulary.SHOPS[index][0] if about_shop else pick(rng, vocabulary.WORDS)
    width = round(image.width * (0.75 - 0.5 * reading))
    mask = canvas.turned_word(word, width, float(rng.normal(0, 2 + 10 * reading)))
    mask.thumbnail((width, round(image.height * 0.26)))
    board = pick(rng, ((250, 250, 244), (30, 60, 120), (20, 90, 60), (250, 214, 60), (150, 30, 30)))
    left, top = int(rng.integers(image.width - mask.width)), int(image.height * 0.01)
    image.paste(board, (left, top, left + mask.width, top + mask.height))
    image.paste(canvas.ink_on(board, canvas.print_for(rng, reading).contrast), (left, top), mask)
    if not about_shop:
        return "What is written on the sign?", word, (word, *pick_some(rng, vocabulary.WORDS, 5))
    demands["knowledge"] = level
    goods = tuple(thing for _, thing in vocabulary.SHOPS)
    return "What is sold or made at the place with the sign?", vocabulary.SHOPS[index][1], goods


def _ask_scene(rng: np.random.Generator, things: list[_Thing], level: float) -> Asked:
    """A question about counts, colours and positions."""
    kinds, names = Counter(thing.kind for thing in things), Counter(thing.name for thing in things)
    target = pick(rng, things)
    questions: list[Asked] = [
        (f"How many {_plural(target.kind)} are there in the picture?", str(kinds[target.kind]), ()),
        (f"How many {_plural(target.name)} are there in the picture?", str(names[target.name]), ()),
    ]
    single = [thing for thing in things if kinds[thing.kind] == 1]
    if single:
        hues = tuple(name for name, _ in vocabulary.COLOURS)
        questions += [(f"What colour is the {single[0].kind}?", single[0].colour, hues)] * 2
    alone = [thing for thing in things if names[thing.name] == 1]
    apart = [(a, b) for a in alone for b in alone if abs(a.x - b.x) > 40]
    if apart:
        a, b = pick(rng, apart)
        side = "left" if a.x < b.x else "right"
        question = f"On which side of the {b.name} is the {a.name}, left or right?"
        questions += [(question, side, ("left", "right"))] * 2
    ranked = sorted(things, key=lambda thing: thing.x)
    if ranked[1].x - ranked[0].x > 12:
        others = tuple(dict.fromkeys(thing.name for thing in things))
        questions.append(("Which object is farthest to the left?", ranked[0].name, others))
    return pick(rng, questions)


def _ask_sum(rng: np.random.Generator, things: list[_Thing], level: float) -> Asked:
    """A calculation over counts, harder with the level."""
    counts = Counter(thing.kind for thing in things)
    first, second = (*counts, *(kind for kind in vocabulary.OBJECTS if kind not in counts))[:2]
    a, b = counts[first], counts[second]
    each, price, draws = int(rng.integers(2, 7)), int(rng.integers(3, 20)), len(things)
    ladder = (
        (f"How many {_plural(first)} and {_plural(second)} are there together?", str(a + b)),
        (f"What is the difference between the number of {_plural(first)} and of {_plural(second)}?", str(abs(a - b))),
        (f"If every {first} costs {price} coins and every {second} costs {each} coins, what do all of these cost "
         "together?", str(a * price + b * each)),
        (f"What percentage of all objects are {_plural(first)}, rounded to one decimal?", f"{100 * a / draws:.1f}"),
        (f"If one object is chosen at random and put back, and then another is chosen, what is the probability in "
         f"percent that exactly one of the two is a {first}, to one decimal?",
         f"{200 * a * (draws - a) / draws**2:.1f}"),
    )  # fmt: skip
    return (*ladder[rung_of(level, len(ladder))], ())


def _plural(name: str) -> str:
    return f"{name}es" if name.endswith("box") else f"{name}s"
