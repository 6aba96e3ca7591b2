"""Functions that decide: what they are given of a sample, and what they may answer.

Decisions
- A function sees what a router sees, and never quality, cost, tokens or answers.
- It is called once, with all samples, so that it may batch as it likes; images are decoded when it looks at them.
- Whatever it raises is reported as its own failure, in one message.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from PIL import Image, UnidentifiedImageError

from vlrouterbench.core.errors import EvaluationError, unknown_name
from vlrouterbench.core.foreign_code import foreign_code
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.routers.registration import RouterFunction

MAX_SHOWN = 60
"""Characters of an answer that a message shows."""


class FunctionSample(TypedDict):
    """A sample as a function is given it; `image` is the first of `images`, None for a text-only sample."""

    sample_id: str
    dataset: str
    question: str
    options: list[str]
    hint: str
    image: Image.Image | None
    images: list[Image.Image]


def function_name(function: RouterFunction) -> str:
    """What a function is called in results."""
    name = getattr(function, "__name__", None) or type(function).__name__
    return str(name).strip("<>")


def function_samples(table: RoutingTable) -> list[FunctionSample]:
    """The samples of a table as a function is given them, in order."""
    columns = (table.column(name) for name in ("sample_id", "dataset", "question", "options", "hint"))
    samples: list[FunctionSample] = []
    further = table.further_images()
    for row, ((sample_id, dataset, question, options, hint), encoded) in enumerate(
        zip(zip(*columns, strict=True), table.iter_images(), strict=True)
    ):
        image, *others = (_opened(content) for content in (encoded, *further.get(row, ())))
        samples.append(
            {
                "sample_id": sample_id,
                "dataset": dataset,
                "question": question,
                "options": list(options or ()),
                "hint": hint or "",
                "image": image,
                "images": [one for one in (image, *others) if one is not None],
            }
        )
    return samples


def decide_by_function(name: str, function: RouterFunction, table: RoutingTable) -> np.ndarray:
    """Indices in the pool, (num_samples,), of what a function answers for the samples of a table.

    Raises:
        EvaluationError: it fails, or answers with something else than one name of a candidate for each sample.
        UnknownNameError: it names a candidate that the benchmark does not have.
    """
    samples = function_samples(table)
    with foreign_code(
        lambda failure: EvaluationError(
            f"the function {name} failed on {len(samples):,} samples: {failure}. Correct it; it is called with a list "
            "of dicts and answers with a list of candidates' names."
        )
    ):
        answers = function([dict(sample) for sample in samples])
    if inspect.iscoroutine(answers):
        answers.close()  # else Python warns of it beside the message
    if isinstance(answers, str) or not isinstance(answers, Sequence | np.ndarray):
        raise EvaluationError(
            f"the function {name}: expected a list of {len(samples):,} names of candidates, found "
            f"{type(answers).__name__}. Return one name for each sample, in order."
        )
    if len(answers) != len(samples):
        raise EvaluationError(
            f"the function {name}: expected {len(samples):,} answers, one for each sample, found {len(answers):,}. "
            "Return one name for each sample, in order."
        )
    return np.array([_index(name, answer, row, table) for row, answer in enumerate(answers)])


def _index(name: str, answer: object, row: int, table: RoutingTable) -> int:
    sample_id = table.samples["sample_id"][row].as_py()
    if not isinstance(answer, str):
        raise EvaluationError(
            f'the function {name}: expected a candidate\'s name for the sample "{sample_id}", found '
            f"{type(answer).__name__} {repr(answer)[:MAX_SHOWN]}. Known: {', '.join(table.pool.names)}."
        )
    if answer not in table.pool.index:
        asked = f'candidate from the function {name} for the sample "{sample_id}":'
        raise unknown_name(asked, answer[:MAX_SHOWN], table.pool.names)
    return table.pool.index[answer]


def _opened(encoded: bytes | None) -> Image.Image | None:
    """An image that is decoded when it is used; None where there is none, or none that can be read."""
    if encoded is None:
        return None
    try:
        return Image.open(io.BytesIO(encoded))
    except (UnidentifiedImageError, OSError):
        return None
