"""A sample as one row of bytes: its images at the size a backbone wants, and its tokens.

Decisions
- A row is `pixels | has_image | tokens`: the image's bytes (size x size x 3), four bytes that say whether there is
  one, then the tokens as little-endian int32, -1 where the text has ended. Rows of one benchmark form one uint8 matrix
  that lies on disk and is mapped, and everything that takes feature rows takes these. A backbone that takes several
  images has `pixels | has_image` of each, those that are there first.
- Tokens come last, so a batch is cut to its longest text by leaving columns out.
- The whole image is scaled to fit a square and padded with the colour that normalisation brings to zero; never
  cropped: edges of charts and pages carry axes and totals.
- A sample without an image says so; a backbone puts a learnt vector in its place, not a black square.
- Of one modality alone the other is left out for every sample: rows of text hold no images, and rows of images the
  tokens of an empty text. A model of texts alone has rows of text.
- A text that is longer than a model of texts reads is shortened as for text encoders (`hub/prompt.py`), behind the
  prefix of the model's family; other backbones lose its end.
- A tokenizer keeps the length that it last cut texts to, and would be saved with it: the same training would give other
  bytes where its texts were stored already. What is saved or named by digest is the tokenizer without it (`uncalled`).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import numpy as np
import torch
from PIL import Image
from torch import nn

from vlrouterbench.routers.base.binding import mismatch, out_of_range, shown
from vlrouterbench.routers.encoders.block import IMAGE, TEXT
from vlrouterbench.routers.encoders.builtin.image import as_rgb
from vlrouterbench.routers.encoders.hub.image_input import padded
from vlrouterbench.routers.encoders.hub.prompt import prompt_tokens
from vlrouterbench.routers.encoders.sample_input import RouterInput

_FLAG_BYTES, _TOKEN_BYTES = 4, 4
_CHANNELS, _LEAST_SPREAD = 3, 1e-6
_NO_LIMIT = 10**9
NO_TOKEN = -1


@dataclass(frozen=True)
class BackboneInput:
    """A batch as a backbone takes it.

    Attributes:
        pixels: (batch, 3, size, size) float, normalised; (batch, most_images, 3, size, size) where several are taken;
            zeros where images are not read.
        has_image: (batch,) bool; (batch, most_images) where several are taken.
        tokens: (batch, length) int64, 0 where the text has ended.
        mask: (batch, length) int64: 1 where there is a token.
    """

    pixels: torch.Tensor
    has_image: torch.Tensor
    tokens: torch.Tensor
    mask: torch.Tensor


class RowDescription(TypedDict):
    """What an end-to-end router reads of samples, as results and cards state it.

    `image_size` is absent for a backbone of texts, `max_images` where it is 1; `modality` is there where one is read.
    """

    backbone: str
    image_size: NotRequired[int]
    max_tokens: int
    max_images: NotRequired[int]
    modality: NotRequired[str]


def uncalled(tokenizer: Any) -> Any:
    """A copy of a fast tokenizer of transformers without what calls leave in it: a length to cut or to fill up to."""
    copied = copy.deepcopy(tokenizer)
    copied.backend_tokenizer.no_truncation()
    copied.backend_tokenizer.no_padding()
    return copied


class SampleEncoder(nn.Module):
    """Samples -> rows of bytes, and rows -> what a backbone takes.

    Args:
        config: `image_size` in pixels, `image_mean` and `image_std` (three each, of pixels in [0, 1]), `max_tokens`,
            `fixed_length` (whether every text is padded to `max_tokens`), the description of the backbone under
            "backbone", and `max_images`, the most of a sample that the backbone takes, 1 where absent. `modality`, TEXT
            or IMAGE, is the only one that is read; of TEXT what says how images are read may be absent. `prefix` stands
            before every text of a model of texts; `lower_case` is for those that want it.

    Attributes:
        tokenizer: of the backbone; None until it is loaded.
        pretrained: part of the backbone -> its weights, where it was opened with weights to start from.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        if config.get("modality", TEXT) not in (TEXT, IMAGE):
            raise ValueError(f"modality: expected {TEXT} or {IMAGE}, found {shown(config['modality'])}.")
        pictures = ("image_size", "image_mean", "image_std")
        needed = () if config.get("modality") == TEXT and not set(pictures) & set(config) else pictures
        for field in (*needed, "max_tokens", "backbone"):
            if field not in config:
                raise ValueError(f'expected "{field}" in the configuration of an end-to-end router, found none.')
        if mismatch(config.get("prefix", ""), str):
            raise ValueError(f"prefix: expected a text, found {shown(config['prefix'])}.")
        for field, least in (("image_mean", 0.0), ("image_std", _LEAST_SPREAD)) if needed else ():
            wrong = mismatch(config[field], list[float]) or out_of_range(config[field], least, 1)
            if wrong or len(config[field]) != _CHANNELS:
                raise ValueError(f"{field}: expected three numbers from {least:g} to 1, found {shown(config[field])}.")
        if mismatch(most := config.get("max_images", 1), int) or most < 1:
            raise ValueError(f"max_images: expected a whole number from 1 on, found {shown(most)}.")
        self.config = dict(config)
        self.tokenizer: Any = None
        self.pretrained: dict[str, Mapping[str, Any]] = {}

    @property
    def image(self) -> SampleEncoder | None:
        """What reads images, None where nothing does; feature encoders have a block here, or None."""
        return self if self.most_images else None

    @property
    def most_images(self) -> int:
        """How many images of a sample are taken in at most; 0 where texts alone are read."""
        return 0 if self.config.get("modality") == TEXT else self.config.get("max_images", 1)

    @property
    def image_size(self) -> int:
        """Side of an image in pixels, 0 for a backbone of texts."""
        return self.config.get("image_size", 0)

    @property
    def pixel_bytes(self) -> int:
        """Bytes of an image."""
        return 3 * self.image_size**2

    @property
    def image_bytes(self) -> int:
        """Bytes of all images of a row, with their flags."""
        return self.most_images * (self.pixel_bytes + _FLAG_BYTES)

    @property
    def dim(self) -> int:
        """Bytes of a row with the longest text."""
        return self.image_bytes + _TOKEN_BYTES * self.config["max_tokens"]

    def encode(self, inputs: Sequence[RouterInput]) -> torch.Tensor:
        """Rows of samples, (num_samples, width) uint8, cut to the longest text."""
        images = np.stack([self.images_row(sample) for sample in inputs])
        tokens = self.token_rows(inputs)
        return shortened(torch.from_numpy(np.concatenate([images, tokens.view(np.uint8)], axis=1)), self)

    def images_row(self, sample: RouterInput) -> np.ndarray:
        """A sample's images with their flags, the first `most_images` of them, (image_bytes,) uint8."""
        images = [*sample.images, *[None] * self.most_images][: self.most_images]
        return np.concatenate([np.zeros(0, dtype=np.uint8), *(self.image_row(image) for image in images)])

    def image_row(self, image: Image.Image | None) -> np.ndarray:
        """An image's bytes and its flag, (pixel_bytes + 4,) uint8; zeros where there is none."""
        row = np.zeros(self.pixel_bytes + _FLAG_BYTES, dtype=np.uint8)
        if image is not None:
            size = self.config["image_size"]
            red, green, blue = (round(255 * value) for value in self.config["image_mean"])
            canvas = padded(as_rgb(image), (size, size), (red, green, blue), Image.Resampling.BICUBIC)
            row[: self.pixel_bytes] = np.asarray(canvas).ravel()
            row[self.pixel_bytes] = 1
        return row

    def token_rows(self, samples: Sequence[RouterInput]) -> np.ndarray:
        """Token ids of samples' texts, (num_samples, max_tokens) int32, -1 where a text has ended."""
        longest = self.config["max_tokens"]
        rows = np.full((len(samples), longest), NO_TOKEN, dtype="<i4")
        for row, ids in zip(rows, self._token_ids(samples, longest), strict=True):
            row[: len(ids)] = ids
        return rows

    def num_shortened(self, samples: Sequence[RouterInput]) -> int:
        """How many samples have texts longer than are read."""
        return sum(len(ids) > self.config["max_tokens"] for ids in self._token_ids(samples, _NO_LIMIT))

    def _token_ids(self, samples: Sequence[RouterInput], longest: int) -> list[list[int]]:
        if self.tokenizer is None:
            raise ValueError("expected the router's tokenizer, found none: load the router with `from_pretrained`.")
        if self.config.get("modality") == IMAGE:
            samples = [RouterInput("")] * len(samples)
        if (prefix := self.config.get("prefix")) is not None:
            how = {"prefix": prefix, "max_length": longest, "lower_case": bool(self.config.get("lower_case"))}
            return [prompt_tokens(sample, self.tokenizer, **how) for sample in samples]
        # Half a surrogate pair, as broken JSON gives it, has no encoding.
        clean = [sample.text.encode(errors="replace").decode() for sample in samples]
        return self.tokenizer(clean, truncation=True, max_length=longest, padding=False)["input_ids"] if clean else []

    def unpacked(self, rows: torch.Tensor) -> BackboneInput:
        """What a backbone takes, from rows (batch, width) uint8."""
        size, most = self.image_size, self.most_images
        # Cloned, since a view of another type needs an address that it divides.
        tokens = rows[:, self.image_bytes :].clone().view(torch.int32).long()
        mask = (tokens >= 0).long()
        if not most:
            pixels = torch.zeros(len(rows), 3, size, size, device=rows.device)
            nothing = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
            return BackboneInput(pixels, nothing, tokens.clamp(min=0), mask)
        images = rows[:, : self.image_bytes].reshape(len(rows) * most, self.pixel_bytes + _FLAG_BYTES)
        pixels = images[:, : self.pixel_bytes].reshape(-1, size, size, 3).permute(0, 3, 1, 2)
        # Not buffers: what is not stored with the weights is lost where a model is loaded.
        mean, std = (pixels.new_tensor(self.config[name], dtype=torch.float32) for name in ("image_mean", "image_std"))
        normalised = (pixels / 255 - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
        there = images[:, self.pixel_bytes] > 0
        if most > 1:
            normalised, there = normalised.unflatten(0, (-1, most)), there.unflatten(0, (-1, most))
        return BackboneInput(normalised, there, tokens.clamp(min=0), mask)

    def text_lengths(self, rows: torch.Tensor) -> torch.Tensor:
        """Number of tokens in each row, (num_rows,) int64."""
        tokens = rows[:, self.image_bytes :].clone().view(torch.int32)
        return (tokens >= 0).sum(dim=1)

    def features_of_packed(self, packed: Mapping[str, torch.Tensor | None]) -> torch.Tensor:
        """Always an error: the processor of an end-to-end router gives features."""
        raise ValueError("expected features, as the processor of an end-to-end router gives them; found none.")

    def describe(self) -> RowDescription:
        """What a router reads of samples, for results and cards."""
        config = self.config
        described: RowDescription = {"backbone": config["backbone"]["name"], "max_tokens": config["max_tokens"]}
        if self.image_size:
            described = {"backbone": described["backbone"], "image_size": self.image_size, **described}
        if self.most_images > 1:
            described["max_images"] = self.most_images
        if "modality" in config:
            described["modality"] = config["modality"]
        return described


def shortened(rows: torch.Tensor, encoder: SampleEncoder) -> torch.Tensor:
    """Rows (batch, width) less the columns in which every text has ended; one token at least is kept."""
    if encoder.config.get("fixed_length"):
        return rows
    longest = max(1, int(encoder.text_lengths(rows).max())) if len(rows) else 1
    return rows[:, : encoder.image_bytes + _TOKEN_BYTES * longest]
