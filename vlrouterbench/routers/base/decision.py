"""A request: how it is read, what it may ask of a router, what it is answered, and what is refused.

Decisions
- Samples, chats and the columns of a processor are read by one reader (`sample_input.py`), so that the same sample is
  decided alike however it comes.
- Of a chat the last turn of the user decides. What it shows must stand in it: nothing is fetched or opened.
- All images of a request are read. A router that takes the first alone decides by it, and the decision says how many
  had no part in it: a request of several is not refused, since one that was trained so is used so.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from os import PathLike
from typing import Any

from PIL import Image

from vlrouterbench.routers.encoders.sample_input import (
    RAISE,
    TEXT_ONLY,
    EncoderError,
    RouterInput,
    RouterInputError,
    image_cell,
    image_items,
    is_missing,
    kind_of,
    one_line,
    read_image,
    read_options,
    read_text,
)

KINDS = ("usd_weight", "max_cost_usd", "min_accuracy")
"""How a request may trade accuracy against cost."""
MAX_IMAGES, MAX_PIXELS_TOGETHER = 64, 200_000_000
"""The most images of one request, and their pixels: all are in memory at once."""
MAX_LATENCY = "max_latency_s"
"""What a request may ask besides, of a router with an open pool: an answer in so many seconds."""
COST_CONFIDENCE = "cost_confidence"
"""With a ceiling on cost, of such a router: the probability that an answer keeps to it."""
BUDGETS = (*KINDS, MAX_LATENCY, COST_CONFIDENCE)
"""All that a request may ask of its decision by a number."""


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
        images_left_out: where one had, how many more of the request had none; `reason` says why.
        unfamiliar: how unlike the training samples the request is, 0 to 1: 1 less the share of training samples that
            lie at least as far from the others (`familiarity.py`). None of a family that keeps none of them, or of a
            router that was saved before.
        cost_at_most_usd: what an answer of each considered candidate costs at most with the probability that a ceiling
            on cost was to be kept with (`cost_confidence`), USD per sample; None where none was asked for.
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
    images_left_out: int = 0
    unfamiliar: float | None = None
    cost_at_most_usd: dict[str, float] | None = None

    @property
    def ceiling_cost_usd(self) -> Mapping[str, float | None]:
        """What a ceiling on cost is held against, per considered candidate."""
        return self.cost_at_most_usd or self.estimated_cost_usd

    def of_images(self, sample: RouterInput, encoder: Any) -> RoutingDecision:
        """The decision with what it says of the sample's images; `encoder` is what read them."""
        if sample.image is None or encoder.image is None:
            return replace(self, image_used=False)
        unused = len(sample.images) - used_images(sample, encoder)
        if not unused + sample.unread:
            return replace(self, image_used=True)
        used = len(sample.images) - unused
        first = "the first alone" if used == 1 else f"the first {used}"
        parts = [f"of {len(sample.images)} images this router reads {first}"] if unused else []
        parts += [f"{sample.unread} more cannot be read"] if sample.unread else []
        note = f"{' and '.join(parts)}: {unused + sample.unread} had no part in this decision."
        reason = f"{note[0].upper()}{note[1:]} {self.reason}".rstrip()  # first: a header holds no long one whole
        return replace(self, image_used=True, images_left_out=unused + sample.unread, reason=reason)

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


def used_images(sample: RouterInput, encoder: Any) -> int:
    """How many images of a sample an encoder takes in: all, or the most that it was made for, which is one of old."""
    most = getattr(encoder, "most_images", 1)
    return len(sample.images) if most is None else min(len(sample.images), most)


def read_sample(sample: Any, on_bad_image: str = RAISE) -> RouterInput:
    """A sample from a mapping with `question` and, where there are any, `options`, `hint` and `image` or `images`.

    Raises:
        RouterInputError: neither a question nor an image, or something that cannot be read (see `read_images`).
    """
    if isinstance(sample, RouterInput):
        return sample
    if not isinstance(sample, Mapping):
        raise RouterInputError(f'expected a sample as a dict with "question", found {kind_of(sample)}.')
    image = image_cell(sample)
    if image is None and is_missing(sample.get("question")):
        raise RouterInputError("neither a question nor an image.")
    question, hint = (read_text(sample.get(name), name) for name in ("question", "hint"))
    return RouterInput.of(question, read_options(sample.get("options")), hint, *read_images(image, on_bad_image))


def read_images(source: Any, on_bad_image: str = RAISE) -> tuple[list[Image.Image], int]:
    """The images that a value names, decoded, and how many of them cannot be read.

    Args:
        source: one of FORMS, or None.
        on_bad_image: RAISE; or TEXT_ONLY, under which one that cannot be read is left out and counted.

    Raises:
        RouterInputError: see above; or more than MAX_IMAGES, or than MAX_PIXELS_TOGETHER in all.
    """
    if on_bad_image not in (RAISE, TEXT_ONLY):
        raise RouterInputError(f'expected on_bad_image "{RAISE}" or "{TEXT_ONLY}", found "{on_bad_image}".')
    items, images, unread, pixels = image_items(source), list[Image.Image](), 0, 0
    if len(items) > MAX_IMAGES:
        raise RouterInputError(f"expected at most {MAX_IMAGES} images of a question, found {len(items):,}.")
    for item in items:
        try:
            image = read_image([item] if isinstance(item, list | tuple) else item)  # a list in a list is no image
        except RouterInputError:
            if on_bad_image == RAISE:
                raise
            unread += 1
            continue
        pixels += 0 if image is None else image.width * image.height
        if pixels > MAX_PIXELS_TOGETHER:
            raise RouterInputError(f"expected at most {MAX_PIXELS_TOGETHER:,} pixels in all images, found more.")
        images += [] if image is None else [image]
    return images, unread


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
        on_bad_image: an image that is given by its address alone is an error, or one that cannot be read under
            "text-only".

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
            images.append(_content_of(part.get(kind), on_bad_image))
        else:
            found = f"one without a text in it: {kind_of(part.get('text'))}" if kind == "text" else str(kind)
            raise RouterInputError(f"expected parts of type text or image_url, found {one_line(found, 60)}.")
    if all(image is _ELSEWHERE for image in images) and not "".join(texts).strip():
        raise RouterInputError("neither a question nor an image in the last turn of the user.")
    return {"question": "\n".join(texts), "images": images}


_ELSEWHERE: Mapping[str, Any] = {}
"""In the place of an image that does not stand in its message: one that cannot be read."""


def _content_of(image: Any, on_bad_image: str) -> Any:
    """The image of a part, which holds it: one that is somewhere else is refused, or, where allowed, unreadable."""
    image = image.get("url") if isinstance(image, Mapping) else image
    if not is_missing(image) and (not isinstance(image, str | PathLike) or str(image)[:5].lower() == "data:"):
        return image
    if on_bad_image != RAISE:
        return _ELSEWHERE
    raise RouterInputError(
        "expected the image of a message as a data URL (data:image/png;base64,...), found "
        f"{'none' if is_missing(image) else 'an address'}: nothing is fetched or opened for a message."
    )


def samples_of(encoder: Any, text: Any, images: Any, options: Any, hints: Any) -> list[RouterInput]:
    """Samples from what a processor is given: a text or several, with images, options and a hint for each or none.

    Raises:
        RouterInputError: other lengths than the texts', an image that cannot be read, or more of one text than
            `encoder` takes in: tensors do not say that one had no part.
    """
    texts = [text] if isinstance(text, str) else list(text)
    if images is not None and not isinstance(images, list | tuple):
        images = [images]
    for name, part in (("images", images), ("options", options), ("hints", hints)):
        if part is not None and len(part) != len(texts):
            raise RouterInputError(f"{name}: expected one for each of {len(texts)} texts, found {len(part)}.")
    columns = [[None] * len(texts) if part is None else part for part in (options, hints, images)]
    samples = [
        RouterInput.of(read_text(question, "text"), read_options(choices), read_text(hint, "hint"), *read_images(cell))
        for question, choices, hint, cell in zip(texts, *columns, strict=True)
    ]
    most = max(samples, key=lambda sample: len(sample.images) - used_images(sample, encoder), default=None)
    if most is not None and len(most.images) > used_images(most, encoder):
        raise RouterInputError(
            f"expected at most {used_images(most, encoder)} image(s) of a question, as this router reads, found "
            f"{len(most.images)}: give those that it is about, or take a router that was trained on samples with more."
        )
    return samples
