"""Diagrams: geometry, curves, food webs, cause charts, labelled parts and pattern puzzles.

Decisions
- The `diagram` level sets how many nodes, arrows and helper lines there are and how small the labels get.
- The `math` level walks from a perimeter to an eigenvalue, the `knowledge` level through rarer and rarer terms.
- Figures are drawn to scale, so what an image shows and what it says agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vlrouterbench.data.simulation import canvas, vocabulary
from vlrouterbench.data.simulation.canvas import RGB, Point, draw_level, pick, pick_some, rung_of
from vlrouterbench.data.simulation.item import DrawnItem

AskedWith = tuple[str, str, tuple[str, ...], dict[str, float]]
"""Question, answer, options and demands besides `diagram`."""

SHAPES: dict[str, int] = {"triangle": 3, "square": 4, "circle": 24}
"""Figures of pattern puzzles with the number of sides they are drawn with."""


@dataclass(frozen=True)
class _Board:
    """A sheet to draw on, with the ink, print size and difficulty of the diagram."""

    image: Image.Image
    draw: ImageDraw.ImageDraw
    ink: RGB
    colours: list[tuple[str, RGB]]
    size: int
    level: float

    def at(self, across: float, down: float) -> Point:
        """The point at a share of width and height."""
        return self.image.width * across, self.image.height * down

    def label(self, position: Point, text: str, anchor: str = "mm") -> None:
        """Write a label."""
        canvas.write(self.draw, position, text, self.ink, self.size, anchor=anchor, max_width=self.image.width * 0.5)


def draw_diagram(rng: np.random.Generator, dataset: str) -> DrawnItem:
    """A diagram with an open question; `options` holds texts to choose from, or is empty for a number.

    Args:
        rng: the only source of randomness.
        dataset: whose look and kinds of diagram to take.
    """
    level = draw_level(rng)
    kind = pick(rng, vocabulary.DIAGRAM_KINDS.get(dataset, vocabulary.OTHER_DIAGRAMS))
    image, paper = canvas.new_canvas(rng, dataset, (0.85, 1.45))
    colours = canvas.colours_on(rng, paper, 6)
    board = _Board(image, ImageDraw.Draw(image), canvas.ink_on(paper), colours, round(19 - 9 * level), level)
    makers = {"geometry": _draw_figure, "web": _draw_web, "chain": _draw_chain, "parts": _draw_parts}
    question, answer, options, demands = makers.get(kind, _draw_matrix)(rng, board)
    image = canvas.add_noise(rng, image, 0.25 * level)
    return DrawnItem(image, question, options, "", {"diagram": level, **demands}, answer)


def _draw_figure(rng: np.random.Generator, board: _Board) -> AskedWith:
    level = draw_level(rng)
    ladder = (_draw_rectangle, _draw_angles, _draw_right_triangle, _draw_sector, _draw_curve, _draw_matrix_algebra)
    return (*ladder[rung_of(level, len(ladder))](rng, board), (), {"math": level})


def _draw_polygon(rng: np.random.Generator, board: _Board, corners: list[Point], labels: list[str]) -> None:
    """A polygon fitted to the board with a label outside each side, and helper lines on hard boards."""
    points = np.array(corners, dtype=float)
    turn = float(rng.normal(0, 0.1 + 0.9 * board.level))
    points = points @ np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    points -= (points.max(axis=0) + points.min(axis=0)) / 2
    middle = np.array(board.at(0.5, 0.5))
    points = points * float(((middle - 38) / np.abs(points).max(axis=0)).min()) + middle
    for index in range(rung_of(board.level, 5)):
        start, end = points[index % len(points)], middle + rng.normal(0, 30, 2)
        board.draw.line((*start, *end), fill=board.colours[1][1])
        board.label(tuple(end), "PQRS"[index])
    board.draw.polygon([tuple(point) for point in points], outline=board.colours[0][1], width=3)
    for label, start, end in zip(labels, points, np.roll(points, -1, axis=0), strict=False):
        edge, away = (start + end) / 2, (start + end) / 2 - points.mean(axis=0)
        board.label(tuple(edge + away / np.linalg.norm(away) * (board.size + 4)), label)


def _draw_rectangle(rng: np.random.Generator, board: _Board) -> tuple[str, str]:
    a, b = rng.integers(3, 20, 2).tolist()
    _draw_polygon(rng, board, [(0, 0), (a, 0), (a, b), (0, b)], [str(a), str(b)])
    name, answer = pick(rng, (("perimeter", 2 * (a + b)), ("area", a * b)))
    return f"What is the {name} of the rectangle?", str(answer)


def _draw_angles(rng: np.random.Generator, board: _Board) -> tuple[str, str]:
    a, b = (int(angle) for angle in rng.integers(35, 71, 2))
    height = 1 / (1 / math.tan(math.radians(a)) + 1 / math.tan(math.radians(b)))
    _draw_polygon(rng, board, [(0, 0), (1, 0), (height / math.tan(math.radians(a)), height)], [])
    board.label(board.at(0.5, 0.07), f"angle A = {a}°, angle B = {b}°")
    return "What is the size of the third angle C of the triangle, in degrees?", str(180 - a - b)


def _draw_right_triangle(rng: np.random.Generator, board: _Board) -> tuple[str, str]:
    a, b, c = pick(rng, ((3, 4, 5), (5, 12, 13), (8, 15, 17), (7, 24, 25)))
    scale = int(rng.integers(1, 5))
    _draw_polygon(rng, board, [(0, 0), (a, 0), (0, b)], [str(a * scale), "x", str(b * scale)])
    return "What is the length x of the hypotenuse of the right triangle?", str(c * scale)


def _draw_sector(rng: np.random.Generator, board: _Board) -> tuple[str, str]:
    radius, angle = int(rng.integers(2, 15)), int(rng.integers(4, 33)) * 10
    (x, y), reach = board.at(0.5, 0.54), min(board.image.size) * 0.38
    box = (x - reach, y - reach, x + reach, y + reach)
    board.draw.ellipse(box, outline=board.ink)
    board.draw.pieslice(box, 0, angle, fill=board.colours[0][1], outline=board.ink)
    board.label(board.at(0.5, 0.06), f"r = {radius}, angle = {angle}°")
    question = "What is the area of the coloured circular sector of the given radius and central angle, to one decimal?"
    return question, f"{math.pi * radius**2 * angle / 360:.1f}"


def _draw_curve(rng: np.random.Generator, board: _Board) -> tuple[str, str]:
    """The graph of f(x) = ax^2 + bx with its axes."""
    a, b, at = int(rng.integers(2, 6)), pick(rng, (-6, -4, -3, 3, 4, 5)), int(rng.integers(1, 5))
    across = np.linspace(-3, 3, 40)
    heights = a * across**2 + b * across
    downs = 0.9 - 0.75 * (heights - heights.min()) / np.ptp(heights)
    zero = 0.9 + 0.75 * float(heights.min() / np.ptp(heights))
    board.draw.line((*board.at(0.05, zero), *board.at(0.95, zero)), fill=board.ink)
    board.draw.line((*board.at(0.5, 0.12), *board.at(0.5, 0.95)), fill=board.ink)
    curve = [board.at(0.5 + x * 0.14, y) for x, y in zip(across.tolist(), downs.tolist(), strict=True)]
    board.draw.line(curve, fill=board.colours[0][1], width=3)
    board.label(board.at(0.5, 0.06), f"f(x) = {a}x^2 {'+' if b >= 0 else '-'} {abs(b)}x")
    return f"What is the value of the derivative of the function f shown in the graph at x = {at}?", str(2 * a * at + b)


def _draw_matrix_algebra(rng: np.random.Generator, board: _Board) -> tuple[str, str]:
    """A symmetric 2 x 2 matrix with equal diagonal, so its eigenvalues are a + b and a - b."""
    a, b = (int(entry) for entry in rng.integers(1, 12, 2))
    for across, down, entry in ((0.35, 0.4, a), (0.65, 0.4, b), (0.35, 0.6, b), (0.65, 0.6, a)):
        canvas.write(board.draw, board.at(across, down), str(entry), board.ink, board.size + 6)
    for x, inward in ((0.22, 0.26), (0.78, 0.74)):
        bracket = (board.at(inward, 0.28), board.at(x, 0.28), board.at(x, 0.72), board.at(inward, 0.72))
        board.draw.line(bracket, fill=board.colours[0][1], width=3)
    return "What is the largest eigenvalue of the linear operator that the symmetric matrix represents?", str(a + b)


def _ring(board: _Board, names: list[str]) -> dict[str, Point]:
    """Positions on an ellipse for named nodes, with the names written there."""
    turn = 2 * math.pi / max(len(names), 3)
    positions = {}
    for index, name in enumerate(names):
        positions[name] = board.at(0.5 + 0.36 * math.cos(index * turn - 2.2), 0.5 + 0.4 * math.sin(index * turn - 2.2))
        board.label(positions[name], name)
    return positions


def _link(board: _Board, start: Point, end: Point, sign: str = "") -> None:
    """An arrow between two nodes that stops short of their names, with an optional sign halfway."""
    gap = min(board.size * 1.6 / math.dist(start, end), 0.3)
    step = ((end[0] - start[0]) * gap, (end[1] - start[1]) * gap)
    tail, tip = (start[0] + step[0], start[1] + step[1]), (end[0] - step[0], end[1] - step[1])
    canvas.arrow(board.draw, tail, tip, board.colours[0][1])
    halfway = ((start[0] + end[0]) / 2 + 8, (start[1] + end[1]) / 2 - 8)
    canvas.write(board.draw, halfway, sign, board.ink, board.size + 8)


def _draw_web(rng: np.random.Generator, board: _Board) -> AskedWith:
    """A food web whose arrows run from the eaten to the eater."""
    animals = pick_some(rng, vocabulary.ANIMALS, 2 + rung_of(board.level, 7))
    names = [*pick_some(rng, vocabulary.PLANTS, 2), *animals]
    pairs = [(i, j) for j in range(2, len(names)) for i in range(j)]
    first = {(int(rng.integers(j)), j) for j in range(2, len(names))}
    links = sorted(first.union(pick_some(rng, pairs, len(names) // 2)))
    positions = _ring(board, pick_some(rng, names, len(names)))
    for i, j in links:
        _link(board, positions[names[i]], positions[names[j]])
    prey, eater = pick(rng, links)
    questions: list[canvas.Asked] = [
        (f"How many arrows leave the {names[prey]}?", str(sum(i == prey for i, _ in links)), ()),
        (f"How many arrows point to the {names[eater]}?", str(sum(j == eater for _, j in links)), ()),
    ]
    if sum(i == prey for i, _ in links) == 1:
        questions = [(f"Which living thing eats the {names[prey]}?", names[eater], tuple(names))]
    return (*pick(rng, questions), {})


def _draw_chain(rng: np.random.Generator, board: _Board) -> AskedWith:
    """Causes and effects: + means 'more leads to more', - means 'more leads to less'."""
    level = draw_level(rng)
    rung = vocabulary.CAUSES[rung_of(level, len(vocabulary.CAUSES))]
    steps = 1 + rung_of(board.level, 5)
    names, signs = pick_some(rng, rung, steps + 1), [pick(rng, "+-") for _ in range(steps)]
    positions = _ring(board, names)
    for index, sign in enumerate(signs):
        _link(board, positions[names[index]], positions[names[index + 1]], sign)
    change = pick(rng, ("an increase", "a decrease"))
    up = (change == "an increase") == (signs.count("-") % 2 == 0)
    question = f"By the + and - signs on the arrows, what happens to {names[-1]} after {change} in {names[0]}?"
    options = ("It increases", "It decreases", "It stays the same", "It cannot be told")
    return question, options[0 if up else 1], options, {"knowledge": level}


def _draw_parts(rng: np.random.Generator, board: _Board) -> AskedWith:
    """A body with named spots and letters outside whose arrows point to them."""
    level = draw_level(rng)
    topic, parts = vocabulary.PARTS[rung_of(level, len(vocabulary.PARTS))]
    count = 3 + rung_of(board.level, 3)
    chosen, letters = pick_some(rng, parts, count), "ABCDE"[:count]
    body = canvas.mix(board.colours[0][1], (255, 255, 255), 0.6)
    board.draw.ellipse((*board.at(0.14, 0.12), *board.at(0.86, 0.97)), fill=body, outline=board.ink)
    sides = pick_some(rng, (0.05, 0.95), 2)
    for index, ((name, _), letter) in enumerate(zip(chosen, letters, strict=True)):
        down = 0.2 + 0.66 * (index + 0.5) / count
        spot, outside = board.at(rng.uniform(0.4, 0.6), down), board.at(sides[index % 2], down + rng.normal(0, 0.06))
        canvas.arrow(board.draw, outside, spot, board.colours[1][1] if canvas.is_light(board.ink) else board.ink)
        below, size = (board.image.width / 2, spot[1] + board.size), min(board.size, board.image.width // 16)
        canvas.write(board.draw, below, name, canvas.ink_on(body), size)
        board.label(outside, letter, "mb")
    board.label(board.at(0.5, 0.05), topic)
    (_, deed), letter = pick(rng, tuple(zip(chosen, letters, strict=True)))
    return f"Which letter's arrow points to the part that {deed}?", letter, tuple(letters), {"knowledge": level}


def _draw_matrix(rng: np.random.Generator, board: _Board) -> AskedWith:
    """A 3 x 3 pattern with the last cell missing; the level sets how many properties change, and how."""
    rung, hues = rung_of(board.level, 4), board.colours[:3]
    shapes, side = pick_some(rng, tuple(SHAPES), 3), min(board.image.size) * 0.3
    left, top = board.image.width / 2 - 1.5 * side, board.image.height / 2 - 1.5 * side
    cell = ("", "", 1)
    for index in range(9):
        row, column = divmod(index, 3)
        slant = (row + column) % 3
        hue, fill = hues[column if rung > 0 else 0]
        cell = (shapes[slant if rung == 3 else row], hue, 1 + (0, 0, column, slant)[rung])
        x, y = left + column * side, top + row * side
        board.draw.rectangle((x, y, x + side, y + side), outline=board.ink)
        if index == 8:
            canvas.write(board.draw, (x + side / 2, y + side / 2), "?", board.ink, 28)
            break
        for copy in range(cell[2]):
            centre = (x + side * (copy + 1) / (cell[2] + 1), y + side / 2)
            board.draw.regular_polygon((*centre, side * (0.31 if cell[2] == 1 else 0.14)), SHAPES[cell[0]], fill=fill)
    options = [_describe(shape, hue, count) for shape in SHAPES for hue, _ in hues for count in (1, 2, 3)]
    return "Which figure belongs in the cell with the question mark?", _describe(*cell), tuple(options), {}


def _describe(shape: str, colour: str, count: int) -> str:
    return f"{('one', 'two', 'three')[count - 1]} {colour} {shape}{'s' if count > 1 else ''}"
