"""How the tokens of logged answers are counted: as the reference did, or as was really sent and written.

Decisions
- `reference` is comparable with the published table: `cl100k_base` of the question alone, 256 for the image whatever
  its size, the prediction's text as output.
- `measured` counts question, hint and options, the image by each candidate's own rule from its size, and thinking where
  it was logged apart. An image whose size is not known leaves the input tokens unmeasured: null, never an estimate.
- Text is counted with one tokenizer for all candidates under both.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Protocol as StructuralType

from PIL import Image

from vlrouterbench.data.candidates import CandidatePool
from vlrouterbench.data.choices import Protocol
from vlrouterbench.data.image_tokens import image_rule
from vlrouterbench.data.images import read_image_bytes
from vlrouterbench.data.sources.source_logs import ImageReference
from vlrouterbench.data.tokens import REFERENCE_IMAGE_TOKENS
from vlrouterbench.routers.encoders.sample_input import RouterInput


class Prompt(StructuralType):
    """What a candidate is sent beside the image: anything with a question, options and a hint."""

    @property
    def question(self) -> str:
        """The question."""

    @property
    def options(self) -> Sequence[str]:
        """Its options."""

    @property
    def hint(self) -> str:
        """Its hint."""


def prompt_text(prompt: Prompt, protocol: Protocol) -> str:
    """The text whose tokens are priced as input."""
    if protocol is Protocol.REFERENCE:
        return prompt.question
    return RouterInput(prompt.question, tuple(prompt.options), prompt.hint).text


def tokens_of_images(
    images: Sequence[ImageReference], pool: CandidatePool, protocol: Protocol
) -> dict[str, int | None]:
    """Candidate -> tokens of a sample's images; None where the size of one is not known.

    The reference counts a sample's images as one, whatever their number.

    Raises:
        SourceError: the measured protocol meets a candidate without an image rule.
    """
    if protocol is Protocol.REFERENCE:
        return dict.fromkeys(pool.names, REFERENCE_IMAGE_TOKENS)
    rules = {candidate.name: image_rule(candidate.name, candidate.image_rule) for candidate in pool.candidates}
    sizes = [_size(image) for image in images]
    known = [size for size in sizes if size is not None]
    return {
        name: sum(rule(*size) for size in known) if len(known) == len(sizes) else None for name, rule in rules.items()
    }


def _size(image: ImageReference) -> tuple[int, int] | None:
    """(width, height) from the image's header; None where there is none or it is no image."""
    try:
        content = read_image_bytes(image)
        if content is None:
            return None
        with Image.open(io.BytesIO(content)) as opened:
            return opened.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
