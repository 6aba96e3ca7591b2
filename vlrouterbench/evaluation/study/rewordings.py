"""Changes of a request that leave its meaning: other words around the question, another encoding of the image.

Decisions
- Every change is a function of the sample alone, without a draw: the same benchmark gives the same figures.
- A change that does not apply (options of a sample that has none, a picture that is not there) leaves a sample out of
  its figures. Options are reversed only where none of them speaks of the others.
- The question itself is not translated, which would take a model. An instruction stands before it in three languages;
  the English one says how much of a change is the sentence, and not its language.
- Images are changed as a client would: encoded again, or scaled before they are sent.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.features.encode import read_blocks
from vlrouterbench.features.inputs import router_inputs
from vlrouterbench.features.options import EncodingWork
from vlrouterbench.routers.encoders.block import IMAGE, TEXT
from vlrouterbench.routers.encoders.builtin.image import as_rgb
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder, RawFeatures
from vlrouterbench.routers.encoders.sample_input import RouterInput

_FINAL = " \t\n.?!:"
_OF_OTHERS = re.compile(r"\b(above|below|preceding|following|both|neither|none|all)\b|^\W*[a-h1-9]\W*$", re.IGNORECASE)
"""In an option: its meaning depends on where others stand, or it is a letter or number of one in the picture."""


@dataclass(frozen=True)
class Rewording:
    """A change that leaves what is asked as it is.

    Attributes:
        name: in tables.
        modality: TEXT or IMAGE, the only one that it touches.
        change: of a sample; None where it does not apply.
    """

    name: str
    modality: str
    change: Callable[[RouterInput], RouterInput | None]


@dataclass(frozen=True)
class Reworded:
    """The samples that a change applies to.

    Attributes:
        rewording: the change.
        rows: of the samples in their table, (num_changed,).
        features: of the changed samples, (num_changed, dim) float32.
    """

    rewording: Rewording
    rows: np.ndarray
    features: np.ndarray


def _asked(words: Callable[[str], str], sample: RouterInput) -> RouterInput | None:
    """The sample with its question in other words; None where they are the same."""
    question = words(sample.question)
    return None if question == sample.question else replace(sample, question=question)


def _with_picture(sample: RouterInput) -> RouterInput | None:
    """As Solve for x in the picture shown, in the place of Solve for x: in the first question, else at the end."""
    if sample.image is None:
        return None
    text = sample.question
    end = text.find("?") if "?" in text else len(text.rstrip(_FINAL))
    end = len(text[:end].rstrip())
    return replace(sample, question=f"{text[:end]} in the picture shown{text[end:]}")


def _reversed_options(sample: RouterInput) -> RouterInput | None:
    """The options from the last to the first; None of fewer than two, or where one speaks of others."""
    if len(sample.options) < 2 or any(_OF_OTHERS.search(option) for option in sample.options):
        return None
    return replace(sample, options=tuple(reversed(sample.options)))


def _drawn(change: Callable[[Image.Image], Image.Image], sample: RouterInput) -> RouterInput | None:
    """The sample with every image changed; None where it has none."""
    if sample.image is None:
        return None
    return replace(sample, image=change(sample.image), further=tuple(map(change, sample.further)))


def _encoded_again(image: Image.Image, form: str, **options: Any) -> Image.Image:
    content = io.BytesIO()
    as_rgb(image).save(content, form, **options)
    again = Image.open(content)
    again.load()
    return again


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return as_rgb(image).resize(size, Image.Resampling.LANCZOS)


def _text(name: str, words: Callable[[str], str]) -> Rewording:
    return Rewording(name, TEXT, partial(_asked, words))


def _image(name: str, change: Callable[[Image.Image], Image.Image]) -> Rewording:
    return Rewording(name, IMAGE, partial(_drawn, change))


REWORDINGS: Sequence[Rewording] = (
    _text("upper case", str.upper),
    _text("lower case", str.lower),
    _text("double spaces", lambda text: text.replace(" ", "  ") + "\n"),
    _text("no final mark", lambda text: text.rstrip(_FINAL) or text),
    _text("could you please", lambda text: f"Could you please help me with this? {text}"),
    _text("thank you", lambda text: f"{text} Thank you!"),
    Rewording("in the picture shown", TEXT, _with_picture),
    Rewording("options reversed", TEXT, _reversed_options),
    _text("instruction, English", lambda text: f"Answer the question. {text}"),
    _text("instruction, German", lambda text: f"Beantworte die Frage. {text}"),
    _text("instruction, Chinese", lambda text: f"请回答问题。{text}"),
    _image("PNG", partial(_encoded_again, form="PNG")),
    _image("JPEG 90", partial(_encoded_again, form="JPEG", quality=90)),
    _image("JPEG 50", partial(_encoded_again, form="JPEG", quality=50)),
    _image("half the size", partial(_scaled, factor=0.5)),
    _image("twice the size", partial(_scaled, factor=2.0)),
)
"""In the order of tables."""


def reworded_features(
    encoder: FeatureEncoder, samples: RoutingTable, rewordings: Sequence[Rewording] = REWORDINGS
) -> list[Reworded]:
    """Features of samples after each change that the encoder reads anything of.

    Args:
        encoder: fitted.
        samples: a benchmark's, or a part of them, in the order of its folder.
        rewordings: to try.
    """
    read = read_blocks(samples, encoder.blocks, EncodingWork())
    tried = [rewording for rewording in rewordings if rewording.modality in encoder.blocks]
    rows: list[list[int]] = [[] for _ in tried]
    values: list[list[np.ndarray]] = [[] for _ in tried]
    for row, sample in enumerate(router_inputs(samples)):
        raw = read.take([row])
        for number, rewording in enumerate(tried):
            changed = rewording.change(sample)
            if changed is not None:
                rows[number].append(row)
                values[number].append(encoder.features_of_row(_read_again(encoder, raw, rewording, changed), 0))
    nothing = np.zeros((0, encoder.dim), np.float32)
    return [
        Reworded(rewording, np.array(changed, dtype=int), np.stack(features) if features else nothing)
        for rewording, changed, features in zip(tried, rows, values, strict=True)
    ]


def _read_again(encoder: FeatureEncoder, raw: RawFeatures, rewording: Rewording, changed: RouterInput) -> RawFeatures:
    """What was read of a sample, with that of the changed modality read anew."""
    again = encoder.blocks[rewording.modality].read_samples([changed])
    return replace(raw, text=again) if rewording.modality == TEXT else replace(raw, image=again)
