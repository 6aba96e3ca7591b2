"""A request: how it is read, what it may ask of a router, what it is answered, and what is refused.

Decisions
- Samples, chats and the columns of a processor are read by one reader (`sample_input.py`), so that the same sample is
  decided alike however it comes.
- Of a chat the last turn of the user decides. What it shows must stand in it: nothing is fetched or opened.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

from vlrouterbench.routers.encoders.sample_input import (
    RAISE,
    EncoderError,
    RouterInput,
    RouterInputError,
    image_cell,
    is_missing,
    kind_of,
    one_line,
    read_image,
    read_options,
    read_text,
    usable_image,
)

KINDS = ("usd_weight", "max_cost_usd", "min_accuracy")
"""How a request may trade accuracy against cost."""
MAX_LATENCY = "max_latency_s"
"""What a request may ask besides, of a router with an open pool: an answer in so many seconds."""


class PoolMismatchError(ValueError):
    """A request names candidates that the router does not know."""


class CalibrationError(ValueError):
    """A request needs calibrated estimates that the router does not have."""


class BudgetError(ValueError):
    """A budget that makes no sense, or that no candidate fits."""


class ScoreError(ValueError):
    """A router gave a score that nothing can be decided by."""


REFUSALS = (BudgetError, CalibrationError, EncoderError, PoolMismatchError, RouterInputError, ScoreError)
"""What a request can be refused with; every message is written for the person who made the request."""


@dataclass(frozen=True)
class RoutingDecision:
    """One decision.

    Attributes:
        candidate: the chosen one.
        score: what the family ranks by, per considered candidate; comparable within one decision only.
        estimated_accuracy: calibrated probability of a correct answer per candidate, None where the family has none.
        estimated_cost_usd: expected cost of asking per candidate, USD per sample. Without a cost model it is the
            candidate's mean over the training split, None where it was never measured.
        usd_weight: accuracy per USD that the decision traded at, None where the family has no such control.
        standard_error: of `estimated_accuracy` per candidate, None where the family has none.
        target_met: False where no candidate reached the accuracy that was asked for.
        within_budget: False where a stream had to ask a candidate whose reserve did not fit its budget.
        reason: why this candidate, in a sentence; empty where the family has no estimates to explain it by.
        image_used: whether an image had a part in the decision.
    """

    candidate: str
    score: dict[str, float]
    estimated_accuracy: dict[str, float] | None
    estimated_cost_usd: Mapping[str, float | None]
    usd_weight: float | None = None
    standard_error: dict[str, float] | None = None
    target_met: bool = True
    reason: str = ""
    image_used: bool = True
    within_budget: bool = True

    def as_dict(self) -> dict[str, Any]:
        """As JSON-ready content."""
        return asdict(self)


def considered(names: Sequence[str], candidates: Sequence[str] | None) -> list[int]:
    """Indices of the candidates that may be chosen: all, or a subset by name.

    Raises:
        PoolMismatchError: the subset is empty or names an unknown candidate.
    """
    if candidates is None:
        return list(range(len(names)))
    if isinstance(candidates, str) or not isinstance(candidates, Collection):
        raise PoolMismatchError(f"expected candidates as a list of names, found {candidates!r}.")
    unknown = [str(name) for name in candidates if name not in names]
    if unknown or not candidates:
        same_letters = {name.casefold(): name for name in names}
        near = difflib.get_close_matches(unknown[0].casefold(), same_letters, 1) if unknown else []
        hint = f' Did you mean "{same_letters[near[0]]}"?' if near else ""
        raise PoolMismatchError(
            f"expected candidates out of {', '.join(names)}; found {', '.join(unknown) or 'an empty list'}.{hint}"
        )
    return [index for index, name in enumerate(names) if name in set(candidates)]


def read_sample(sample: Any, on_bad_image: str = RAISE) -> RouterInput:
    """A sample from a mapping with `question` and, where there are any, `options`, `hint` and `image`.

    Raises:
        RouterInputError: neither a question nor an image, or something that cannot be read (see `usable_image`).
    """
    if isinstance(sample, RouterInput):
        return sample
    if not isinstance(sample, Mapping):
        raise RouterInputError(f'expected a sample as a dict with "question", found {kind_of(sample)}.')
    image = image_cell(sample)
    if image is None and is_missing(sample.get("question")):
        raise RouterInputError("neither a question nor an image.")
    question, hint = (read_text(sample.get(name), name) for name in ("question", "hint"))
    return RouterInput(question, read_options(sample.get("options")), hint, usable_image(image, on_bad_image))


def read_request(sample: Any, on_bad_image: str = RAISE) -> RouterInput:
    """A sample as `read_sample` reads it, or from its `messages`; errors of both."""
    messages = sample.get("messages") if isinstance(sample, Mapping) else None
    if messages is None:
        return read_sample(sample, on_bad_image)
    if given := [name for name in ("question", "image", "images") if not is_missing(sample.get(name))]:
        raise RouterInputError(f"expected messages or {given[0]}, found both.")
    return read_sample({**sample, **read_messages(messages, on_bad_image)}, on_bad_image)


def read_messages(messages: Any, on_bad_image: str = RAISE) -> dict[str, object]:
    """`question` and `images` of a chat in OpenAI's form: those of its last user turn.

    Args:
        messages: dicts with `role` and `content`: a text, or parts of `type` "text", "image_url" (a data URL) and
            "image" (what holds pixels or encoded bytes).
        on_bad_image: an image that is given by its address alone is an error, or left out under "text-only".

    Raises:
        RouterInputError: another form, no turn of the user, such an image, or nothing in the turn.
    """
    if not isinstance(messages, list | tuple) or not all(isinstance(turn, Mapping) for turn in messages):
        raise RouterInputError(
            f"expected messages as a list of dicts with role and content, found {kind_of(messages)}."
        )
    turn = next((turn for turn in reversed(messages) if turn.get("role") == "user"), None)
    if turn is None:
        raise RouterInputError(f"expected messages with a turn of the user, found none in {len(messages)}.")
    content = turn.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(parts, list | tuple) or not all(isinstance(part, Mapping) for part in parts):
        raise RouterInputError(f"expected the content of a message as text or a list of parts, found {kind_of(parts)}.")
    texts, images = list[str](), list[Any]()
    for part in parts:
        kind = part.get("type")
        if kind == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind in ("image_url", "image"):
            images += _content_of(part.get(kind), on_bad_image)
        else:
            found = f"one without a text in it: {kind_of(part.get('text'))}" if kind == "text" else str(kind)
            raise RouterInputError(f"expected parts of type text or image_url, found {one_line(found, 60)}.")
    if not images and not "".join(texts).strip():
        raise RouterInputError("neither a question nor an image in the last turn of the user.")
    return {"question": "\n".join(texts), "images": images}


def _content_of(image: Any, on_bad_image: str) -> list[Any]:
    """The image of a part, which holds it: one that is somewhere else is refused, or left out where that is allowed."""
    image = image.get("url") if isinstance(image, Mapping) else image
    if not is_missing(image) and (not isinstance(image, str | PathLike) or str(image)[:5].lower() == "data:"):
        return [image]
    if on_bad_image != RAISE:
        return []
    raise RouterInputError(
        "expected the image of a message as a data URL (data:image/png;base64,...), found "
        f"{'none' if is_missing(image) else 'an address'}: nothing is fetched or opened for a message."
    )


def samples_of(text: Any, images: Any = None, options: Any = None, hints: Any = None) -> list[RouterInput]:
    """Samples from what a processor is given: a text or several, with an image, options and a hint for each or none.

    Raises:
        RouterInputError: other lengths than the texts', several images of one text, or one that cannot be read.
    """
    texts = [text] if isinstance(text, str) else list(text)
    if images is not None and not isinstance(images, list | tuple):
        images = [images]
    for name, part in (("images", images), ("options", options), ("hints", hints)):
        if part is not None and len(part) != len(texts):
            raise RouterInputError(f"{name}: expected one for each of {len(texts)} texts, found {len(part)}.")
    columns = [[None] * len(texts) if part is None else part for part in (options, hints, images)]
    return [
        RouterInput(read_text(question, "text"), read_options(choices), read_text(hint, "hint"), read_image(image))
        for question, choices, hint, image in zip(texts, *columns, strict=True)
    ]
