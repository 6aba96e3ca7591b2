"""One drawn item: an image, a question that fits it, and which skills answering it takes.

Decisions
- `demands` are caused by what is visible (number of bars, size of print, steps of reasoning), so that a router which
  reads the content can learn who succeeds. What is not visible is added later, as chance and hidden difficulty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

SKILLS: tuple[str, ...] = ("reading", "chart", "diagram", "scene", "math", "knowledge")
"""What a candidate can be good or bad at. `reading` is reading print, `scene` is objects and their positions."""


@dataclass(frozen=True)
class DrawnItem:
    """A drawn image with its question.

    Attributes:
        image: in RGB.
        question: the question, without options.
        options: answer options in order, empty for an open question.
        hint: extra instruction or context, "" for none.
        demands: skill -> difficulty in [0, 1] (0 trivial, 1 very hard); skills that are not needed are absent.
        answer: the right answer (an option's text, or free text); for tests and display only.
    """

    image: Image.Image
    question: str
    options: tuple[str, ...]
    hint: str
    demands: Mapping[str, float]
    answer: str
