"""Preparing an image for a pretrained vision model: all of it, to its edges.

Decisions
- Where the model's processor would cut out the middle, the image is scaled to fit the same square and padded with the
  processor's mean colour, which becomes zero: edges of charts and pages carry axes and totals. Where the processor only
  resizes, it does so as it says.
- Pillow and numpy do the work; torchvision is not needed.
"""

from __future__ import annotations

from typing import Any, TypedDict

import torch
from PIL import Image

from vlrouterbench.routers.encoders.builtin.image import as_rgb
from vlrouterbench.routers.encoders.hub.folder import HubEncoderError, ModelFolder, first_line

PAD, AS_THE_PROCESSOR_SAYS = "pad", "as the processor says"


class Resizing(TypedDict):
    """How images are brought to size; `canvas` is [width, height], None where the processor's own way is kept."""

    resize: str
    canvas: list[int] | None


class ImagePreparer:
    """The image processor of a model's folder, with its crop replaced by padding.

    Args:
        folder: files of the model.

    Raises:
        HubEncoderError: no image processor that works with Pillow alone.
    """

    def __init__(self, folder: ModelFolder) -> None:
        self._processor = _load_processor(folder)
        self.canvas = _canvas_size(self._processor)

    def describe(self) -> Resizing:
        """How images are brought to size, ready for JSON; `canvas` is [width, height]."""
        if self.canvas is None:
            return {"resize": AS_THE_PROCESSOR_SAYS, "canvas": None}
        return {"resize": PAD, "canvas": list(self.canvas)}

    def prepare(self, image: Image.Image) -> dict[str, torch.Tensor]:
        """What the model is given of one image: `pixel_values` (1, ...) and what else the processor makes."""
        whole, options = as_rgb(image), {}
        if self.canvas is not None:
            resample = Image.Resampling(int(self._processor.resample))
            whole = padded(whole, self.canvas, mean_colour(self._processor), resample)
            options = {"do_resize": False, "do_center_crop": False}
        # Stated, since an image three pixels high would pass for one of three channels.
        return dict(self._processor([whole], return_tensors="pt", input_data_format="channels_last", **options))


def padded(
    image: Image.Image, size: tuple[int, int], colour: tuple[int, int, int], resample: Image.Resampling
) -> Image.Image:
    """The whole image scaled to fit (width, height), its shape kept, in the middle of a canvas of one colour."""
    scale = min(size[0] / image.width, size[1] / image.height)
    fitted = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    canvas = Image.new("RGB", size, colour)
    canvas.paste(image.resize(fitted, resample), ((size[0] - fitted[0]) // 2, (size[1] - fitted[1]) // 2))
    return canvas


def mean_colour(processor: Any) -> tuple[int, int, int]:
    """The colour that normalisation brings to zero, mid-grey where there is none."""
    mean = processor.image_mean if processor.do_normalize else None
    red, green, blue = (round(255 * value) for value in (mean or (0.5, 0.5, 0.5)))
    return red, green, blue


def _canvas_size(processor: Any) -> tuple[int, int] | None:
    """(width, height) to pad to where the processor would crop, None where it keeps the whole image."""
    if getattr(processor, "do_center_crop", None) and processor.crop_size:
        return int(processor.crop_size["width"]), int(processor.crop_size["height"])
    # ConvNeXt's processor crops without saying so by that name.
    if getattr(processor, "crop_pct", None) and (edge := processor.size["shortest_edge"]):
        return int(edge), int(edge)
    return None


def _load_processor(folder: ModelFolder) -> Any:
    from transformers import AutoImageProcessor

    try:
        return AutoImageProcessor.from_pretrained(folder.path, backend="pil", trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, ImportError, AttributeError) as error:
        raise HubEncoderError(
            f"expected an image processor in {folder.path} that works with Pillow alone, found none that loads: "
            f"{first_line(error)}."
        ) from error
