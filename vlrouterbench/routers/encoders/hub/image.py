"""Image features from a pretrained vision model of the Hub or a local folder.

Decisions
- The pooled output is the family's own: SigLIP's attention-pooled vector, CLIP's projection into the space it shares
  with text, the class token of DINOv2 and ViT (whose pooler is often published without weights). Of a model of images
  and texts only the vision tower is loaded.
- A sample without an image has the zero vector; `has_image` tells it from the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from PIL import Image

from vlrouterbench.routers.encoders.hub.folder import HubEncoderError, ModelFolder
from vlrouterbench.routers.encoders.hub.image_input import ImagePreparer
from vlrouterbench.routers.encoders.hub.model import HubDescription, HubEncoder, load_model, reads_images
from vlrouterbench.routers.encoders.sample_input import RouterInput

HUB_IMAGE_VERSION = 1


@dataclass(frozen=True)
class ImageFamily:
    """How to use a vision model.

    Attributes:
        name: of the family.
        model_class: class of transformers that holds no more than is needed.
        pooling: "pooler" (the model's own pooled output), "projection", "cls" (first token) or "mean" (over tokens).
        poolerless: whether the class has a pooler to leave out.
    """

    name: str
    model_class: str
    pooling: str
    poolerless: bool = False


_SIGLIP = ImageFamily("siglip", "SiglipVisionModel", "pooler")
_SIGLIP2 = ImageFamily("siglip2", "Siglip2VisionModel", "pooler")
_CLIP = ImageFamily("clip", "CLIPVisionModelWithProjection", "projection")
_OTHER = ImageFamily("unknown", "AutoModel", "pooler")
IMAGE_FAMILIES = {
    "siglip": _SIGLIP,
    "siglip_vision_model": _SIGLIP,
    "siglip2": _SIGLIP2,
    "siglip2_vision_model": _SIGLIP2,
    "clip": _CLIP,
    "clip_vision_model": _CLIP,
    "dinov2": ImageFamily("dinov2", "AutoModel", "cls"),
    "dinov2_with_registers": ImageFamily("dinov2", "AutoModel", "cls"),
    "vit": ImageFamily("vit", "AutoModel", "cls", poolerless=True),
    "deit": ImageFamily("vit", "AutoModel", "cls", poolerless=True),
}
"""By `model_type`; another model of images gives its own pooled output, or the mean over its last hidden state."""


class HubImageEncoder(HubEncoder):
    """A pretrained image encoder: arguments, attributes and errors of `HubEncoder`; a text model is an error too."""

    def _load(self) -> int:
        self.family = _image_family(self._config, self._folder)
        self._processor = ImagePreparer(self._folder)
        self._model = _load_vision_model(self.family, self._config, self._folder, self._dtype).to(self.device)
        return self._settle()

    def describe(self) -> HubDescription:
        """What the vectors depend on, ready for JSON."""
        return {
            **super().describe(),
            "family": self.family.name,
            "pooling": self.family.pooling,
            "normalise": True,
            **self._processor.describe(),
            "version": HUB_IMAGE_VERSION,
        }

    @torch.no_grad()
    def encode(self, inputs: Sequence[RouterInput]) -> torch.Tensor:
        """Vectors of the samples' images at unit length, (num_samples, dim) float32, in one batch.

        They lie on the encoder's device; zeros where a sample has no image (`has_image`).
        """
        vectors = torch.zeros(len(inputs), self.dim, device=self.device)
        present = has_image(inputs)
        if present.any():
            images = [self.prepare(sample.image) for sample in inputs if sample.image is not None]
            vectors[present.to(self.device)] = self.pooled(images)
        return torch.nn.functional.normalize(vectors, dim=1)

    def prepare(self, image: Image.Image) -> dict[str, torch.Tensor]:
        """What the model is given of one image, on the CPU."""
        return self._processor.prepare(image)

    @torch.no_grad()
    def _settle(self) -> int:
        """Length of a vector, seen on a blank image; a model without a pooled output of its own turns to the mean."""
        blank = [self.prepare(Image.new("RGB", (32, 32)))]
        if self.family.pooling == "pooler" and self._output(blank).get("pooler_output") is None:
            self.family = replace(self.family, pooling="mean")
        return self.pooled(blank).shape[1]

    def _output(self, images: Sequence[dict[str, torch.Tensor]]) -> Any:
        batch = {name: torch.cat([image[name] for image in images]).to(self.device) for name in images[0]}
        return self._model(**batch | {"pixel_values": batch["pixel_values"].to(self._dtype)})

    @torch.no_grad()
    def pooled(self, images: Sequence[dict[str, torch.Tensor]]) -> torch.Tensor:
        """Pooled outputs of prepared images, (num_images, dim) float32, not normalised.

        Images of one size are read in one batch, others one by one.
        """
        if len({image["pixel_values"].shape for image in images}) > 1:
            return torch.cat([self.pooled([image]) for image in images])
        output = self._output(images)
        if self.family.pooling == "projection":
            return output.image_embeds.float()
        if self.family.pooling == "cls":
            return output.last_hidden_state[:, 0].float()
        if self.family.pooling == "mean":
            return output.last_hidden_state.float().mean(dim=1)
        return output.pooler_output.float().flatten(1)


def has_image(inputs: Sequence[RouterInput]) -> torch.Tensor:
    """Which samples have an image, (num_samples,) bool."""
    return torch.tensor([sample.image is not None for sample in inputs], dtype=torch.bool)


def _image_family(config: Any, folder: ModelFolder) -> ImageFamily:
    family = IMAGE_FAMILIES.get(config.model_type)
    if family is not None:
        return family
    if reads_images(config) and not hasattr(config, "vision_config"):
        return _OTHER
    kind = "a text model" if reads_images(config) is False else "a model of another kind"
    raise HubEncoderError(
        f"expected an image encoder such as SigLIP, CLIP, DINOv2 or ViT, found {kind} ({config.model_type}) at "
        f"{folder.source}{': give it as the text encoder' if reads_images(config) is False else ''}."
    )


def _load_vision_model(family: ImageFamily, config: Any, folder: ModelFolder, dtype: torch.dtype) -> Any:
    import transformers

    options: dict[str, Any] = {"add_pooling_layer": False} if family.poolerless else {}
    if hasattr(config, "vision_config"):
        options["config"] = config.vision_config
        if family.pooling == "projection":
            # The size of the shared space is the whole model's to say; its vision part may still state a default.
            config.vision_config.projection_dim = config.projection_dim
    return load_model(getattr(transformers, family.model_class), folder, dtype=dtype, **options)
