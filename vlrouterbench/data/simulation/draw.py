"""Draw one item of a dataset: pick a kind of image, then give the question the dataset's form.

Decisions
- Drawers return open questions with a pool of possible answers; here the pool becomes 2 to 5 options, a yes/no
  question, or nothing. A number without a pool gets near misses of the same format.
- Wording differs a little per dataset, by chance, so that the text alone does not always tell where an item is from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vlrouterbench.data.simulation.canvas import pick, pick_some
from vlrouterbench.data.simulation.draw_chart import draw_chart
from vlrouterbench.data.simulation.draw_diagram import draw_diagram
from vlrouterbench.data.simulation.draw_page import draw_page
from vlrouterbench.data.simulation.draw_scene import draw_scene
from vlrouterbench.data.simulation.item import DrawnItem

DRAWERS: dict[str, Callable[[np.random.Generator, str], DrawnItem]] = {
    "chart": draw_chart,
    "page": draw_page,
    "diagram": draw_diagram,
    "scene": draw_scene,
}

DATASET_KINDS: dict[str, dict[str, float]] = {
    "MMBench_DEV_EN_V11": {"scene": 0.5, "diagram": 0.25, "chart": 0.1, "page": 0.15},
    "MMStar": {"scene": 0.3, "diagram": 0.35, "chart": 0.2, "page": 0.15},
    "MMMU_DEV_VAL": {"diagram": 0.5, "page": 0.3, "chart": 0.2},
    "RealWorldQA": {"scene": 0.9, "page": 0.1},
    "InfoVQA_VAL": {"page": 0.75, "chart": 0.25},
    "HallusionBench": {"scene": 0.4, "chart": 0.4, "diagram": 0.2},
    "MathVista_MINI": {"chart": 0.4, "diagram": 0.35, "scene": 0.15, "page": 0.1},
    "MathVision_MINI": {"diagram": 0.85, "scene": 0.15},
    "MathVerse_MINI": {"diagram": 1.0},
    "AI2D_TEST": {"diagram": 1.0},
    "ChartQA_TEST": {"chart": 1.0},
    "DocVQA_VAL": {"page": 1.0},
    "TextVQA_VAL": {"scene": 0.7, "page": 0.3},
    "OCRBench": {"page": 0.7, "scene": 0.3},
}
"""Which kinds of image each dataset draws from, with their shares."""

CHOICE_SHARES: dict[str, float] = {
    "MMBench_DEV_EN_V11": 1.0,
    "MMStar": 1.0,
    "MMMU_DEV_VAL": 1.0,
    "RealWorldQA": 1.0,
    "AI2D_TEST": 1.0,
    "MathVista_MINI": 0.5,
    "MathVision_MINI": 0.6,
    "MathVerse_MINI": 0.7,
}
"""Share of multiple choice questions; a dataset that is absent asks open (or yes/no) questions only."""

YES_NO_DATASETS: tuple[str, ...] = ("HallusionBench",)

WORDINGS: dict[str, tuple[str, ...]] = {
    "MMMU_DEV_VAL": ("{} Refer to the figure.", "{}", "Consider the figure below. {}"),
    "MMStar": ("{}", "Based on the picture: {}"),
    "RealWorldQA": ("{}", "{} Please answer directly with only the letter of the correct option."),
    "HallusionBench": ("{}", "According to the picture: {}", "{} Answer yes or no."),
    "MathVista_MINI": ("{}", "{}", "Look at the figure. {}"),
    "MathVision_MINI": ("{}", "In the picture below: {}"),
    "MathVerse_MINI": ("As shown in the figure: {}", "{}", "According to the figure: {}"),
    "ChartQA_TEST": ("{}", "{} Answer the question using a single word or phrase."),
    "DocVQA_VAL": ("{}", "{}", "{} Answer the question using a single word or phrase."),
}
HINTS: dict[str, tuple[float, tuple[str, ...]]] = {
    "MMBench_DEV_EN_V11": (
        0.25,
        (
            "Look closely at the picture before you choose.",
            "The picture shows all that is needed to find the answer.",
        ),
    ),
    "MathVista_MINI": (
        0.7,
        (
            "Please answer the question and provide the final value at the end.",
            "Please answer the question briefly, with the answer at the end.",
        ),
    ),
}
CHOICE_HINT = "Please answer the question and provide the correct option letter, e.g., A, B, C, D, at the end."

YES_NO_FORMS: tuple[tuple[str, str], ...] = (
    (r"How many (.+?) are there in the picture\?", "Are there exactly {} {} in the picture?"),
    (r"How many (.+)\?", 'Is {} the right count for "how many {}"?'),
    (r"What is written (.+)\?", 'Is "{}" written {}?'),
    (r"On which side of (.+), left or right\?", "Is it on the {} side of {}?"),
    (r"What is (.+)\?", "Is {} {}?"),
    (r"What colour is (.+)\?", "Is {} the colour of {}?"),
    (r"Which entry has (.+)\?", "Is {} the entry with {}?"),
    (r"Which figure (.+)\?", "Is {} the figure that {}?"),
    (r"Which letter's arrow (.+)\?", "Is {} the letter whose arrow {}?"),
    (r"Which living thing eats (.+)\?", "Is the {} eating {}?"),
    (r"Which object is (.+)\?", "Is the {} the object that is {}?"),
)
"""Open question -> yes/no question about a proposed answer; the first that matches is used."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def draw_item(dataset: str, rng: np.random.Generator) -> DrawnItem:
    """Draw an item as `dataset` would ask it.

    Args:
        dataset: one of the 14 dataset names.
        rng: the only source of randomness: the same state gives the same bytes.

    Raises:
        KeyError: if the dataset has no entry in `DATASET_KINDS`.
    """
    kinds = DATASET_KINDS[dataset]
    index = int(np.searchsorted(np.cumsum(list(kinds.values())), rng.random()))
    item = DRAWERS[tuple(kinds)[min(index, len(kinds) - 1)]](rng, dataset)
    if dataset in YES_NO_DATASETS:
        item = _as_yes_no(rng, item)
    elif rng.random() < CHOICE_SHARES.get(dataset, 0.0):
        item = _as_choice(rng, item)
    else:
        item = replace(item, options=())
    question = pick(rng, WORDINGS.get(dataset, ("{}",))).replace("{}", item.question)
    return replace(item, question=question, hint=_hint(rng, dataset, item))


def _hint(rng: np.random.Generator, dataset: str, item: DrawnItem) -> str:
    """A hint, for datasets that give some."""
    share, hints = HINTS.get(dataset, (0.0, ("",)))
    if rng.random() >= share:
        return ""
    return CHOICE_HINT if item.options and dataset == "MathVista_MINI" else pick(rng, hints)


def _as_choice(rng: np.random.Generator, item: DrawnItem) -> DrawnItem:
    """The item with mostly four shuffled options, one of them right."""
    wrong = _wrong_answers(rng, item)
    count = 3 if rng.random() < 0.8 else int(rng.integers(1, 5))
    options = [item.answer, *pick_some(rng, wrong, count)]
    return replace(item, options=tuple(pick_some(rng, options, len(options))))


def _as_yes_no(rng: np.random.Generator, item: DrawnItem) -> DrawnItem:
    """The item as a question about a right or a wrong answer."""
    truth = bool(rng.random() < 0.5)
    proposed = item.answer if truth else pick(rng, _wrong_answers(rng, item))
    return replace(item, question=_proposal(item.question, proposed), options=(), answer="Yes" if truth else "No")


def _proposal(question: str, proposed: str) -> str:
    """The open question turned into one about `proposed`."""
    for pattern, form in YES_NO_FORMS:
        match = re.fullmatch(pattern, question)
        if match:
            return form.format(proposed, match.group(1))
    return f'Is "{proposed}" the right answer to this: {question}'


def _wrong_answers(rng: np.random.Generator, item: DrawnItem) -> list[str]:
    """Different wrong answers: from the item's pool, or near misses of its number."""
    if item.options:
        return [option for option in dict.fromkeys(item.options) if option != item.answer]
    match = _NUMBER.search(item.answer)
    if match is None:
        raise ValueError(f"expected a pool of answers or a number, found {item.answer!r} for {item.question!r}")
    number, decimals = match.group(), len(match.group().partition(".")[2])
    unit, size = 10.0**-decimals, abs(float(number))
    step = max(unit, round(size * float(rng.uniform(0.05, 0.25)) / unit) * unit)
    shifts = [
        shift for shift in (-3, -2, -1, 1, 2, 3, 4, 5) if number.startswith("-") or float(number) + shift * step >= 0
    ]
    near = [f"{float(number) + shift * step:.{decimals}f}" for shift in shifts]
    return [item.answer.replace(number, other, 1) for other in dict.fromkeys(near) if other != number]
