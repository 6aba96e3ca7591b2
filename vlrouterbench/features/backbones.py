"""Opening a backbone by name: a small random one, a Hub id or a local folder, with its tokenizer and image settings.

Decisions
- `tiny-*` are small random models to try things out with, built from configurations; their tokenizer is trained on the
  train split's texts, once per benchmark, and travels with the router.
- A Hub id or folder is loaded by the rules of pretrained encoders: no code of its own, all weights there. Where it
  reads patch tokens, `patches` names a ViT-style model for them; without one the embedding is linear and is learnt.
- An encoder of texts alone is used as a text encoder of features is: prefix, pooling and longest text are its family's.
  It takes its weights from safetensors alone.
- UNITER and ViLBERT are not in transformers, and a random BERT is not passed off as them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from vlrouterbench.core.errors import RouterError, unknown_name
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.features.choices import encoder_errors
from vlrouterbench.features.inputs import image_counts, text_inputs
from vlrouterbench.features.options import BOTH, READ
from vlrouterbench.features.tiny_backbones import TINY, TINY_IMAGE_SIZE, TINY_PATCH, MakeConfig, tiny_tokenizer
from vlrouterbench.routers.backbones.base import BackboneDescription
from vlrouterbench.routers.backbones.models import BACKBONES, build_backbone
from vlrouterbench.routers.backbones.patches import LINEAR
from vlrouterbench.routers.backbones.sample_encoder import SampleEncoder
from vlrouterbench.routers.backbones.texts import TEXT_KINDS, without_pooler
from vlrouterbench.routers.encoders.block import IMAGE, TEXT
from vlrouterbench.routers.encoders.hub.family import text_family
from vlrouterbench.routers.encoders.hub.folder import SAFETENSORS, TORCH_BINARIES, ModelFolder, find_folder
from vlrouterbench.routers.encoders.hub.model import load_config, load_model, reads_images
from vlrouterbench.routers.encoders.hub.prompt import fixed_tokens
from vlrouterbench.routers.encoders.hub.text import load_tokenizer, position_limit

NOT_IN_TRANSFORMERS = ("uniter", "vilbert")
LONGEST_TEXT, MAX_IMAGES = 128, 4
GREY = (0.5, 0.5, 0.5)
_PATCH_READERS = ("lxmert", "visual_bert")
_IMAGE_KINDS = [name for name in BACKBONES if name not in TEXT_KINDS]
_AROUND_IMAGES = {
    "smolvlm": (("<fake_token_around_image>", "<global-img>"), ("<fake_token_around_image>",)),
    "idefics3": (("<fake_token_around_image>", "<global-img>"), ("<fake_token_around_image>",)),
    "qwen2_vl": (("<|vision_start|>",), ("<|vision_end|>",)),
    "qwen2_5_vl": (("<|vision_start|>",), ("<|vision_end|>",)),
}
"""Tokens that a decoder was trained to see before and after an image."""


@dataclass(frozen=True)
class BackboneOptions:
    """Which backbone, and at what size it is used.

    Attributes:
        name: one of TINY, a folder, or `owner/name` on the Hub (`owner/name@revision` for one commit or tag).
        image_size: side of the image in pixels; None for the model's own.
        max_tokens: longest text; None for 128, or what the model can read.
        patches: folder or Hub id of a ViT-style model that gives patch tokens; None for a linear embedding.
        max_images: the most images of a sample that are read; more than 1 for decoders only. None: for a decoder as
            many as a training sample has, MAX_IMAGES at most; else 1.
        modality: one of READ: what is read of samples; None for all that the backbone can.
    """

    name: str = "tiny-lxmert"
    image_size: int | None = None
    max_tokens: int | None = None
    patches: str | None = None
    max_images: int | None = None
    modality: str | None = None

    def __post_init__(self) -> None:
        for name in ("image_size", "max_tokens", "max_images"):
            value = getattr(self, name)
            if value is not None and value < 1:
                option = "max_length" if name == "max_tokens" else name
                raise RouterError(f"expected {option} >= 1, found {value}.")
        if self.modality not in (None, *READ):
            raise unknown_name("modality", str(self.modality), READ)


def open_backbone(options: BackboneOptions, table: RoutingTable) -> SampleEncoder:
    """What turns samples into rows for a backbone, with its tokenizer, its description and its weights.

    Args:
        options: see BackboneOptions.
        table: the benchmark whose train texts a small random backbone's tokenizer is trained on.

    Raises:
        UnknownNameError: no backbone of that name.
        RouterError: a model that transformers does not have, or sizes that do not fit.
        BenchmarkError: a pretrained model cannot be found or used.
    """
    name = options.name
    if name.lower() in NOT_IN_TRANSFORMERS:
        raise RouterError(
            f"{name}: transformers has no such model, so there is nothing to load its weights into. Use a backbone of "
            f"{', '.join(BACKBONES)} by Hub id or folder, or one of {', '.join(TINY)}."
        )
    if name in TINY:
        encoder = random_backbone(options, table, *TINY[name])
    elif "/" not in name and not find_local(name):
        raise unknown_name("backbone (a Hub id has the form owner/name)", name, TINY)
    else:
        with encoder_errors():
            encoder = _pretrained(options)
    kind = encoder.config["backbone"]["kind"]
    if kind in TEXT_KINDS:
        _check_reads_text_alone(kind, options)
    elif options.modality in (TEXT, IMAGE):
        encoder.config["modality"] = options.modality
    if encoder.config.get("modality") != TEXT and (most := _most_images(kind, options, table)) > 1:
        encoder.config["max_images"] = most
    try:
        build_backbone(encoder.config["backbone"], encoder.image_size)
    except ValueError as error:
        raise RouterError(f"the backbone {name} cannot be used with these options: {error}") from error
    return encoder


def _check_reads_text_alone(kind: str, options: BackboneOptions) -> None:
    """Refuse what a backbone of texts has no use for."""
    given = [name for name in ("image_size", "patches", "max_images") if getattr(options, name) is not None]
    if options.modality in (IMAGE, BOTH):
        raise RouterError(
            f"modality {options.modality}: the backbone {options.name} ({kind}) reads texts alone. Leave it out, or "
            f"take a backbone that reads images too ({', '.join(_IMAGE_KINDS)})."
        )
    if given:
        raise RouterError(f"{', '.join(given)}: the backbone {options.name} ({kind}) reads no images. Leave it out.")


def _most_images(kind: str, options: BackboneOptions, table: RoutingTable) -> int:
    """How many images of a sample a backbone is to read."""
    if kind in _AROUND_IMAGES:
        return options.max_images or max(1, min(MAX_IMAGES, max(image_counts(table.split("train")), default=1)))
    if (options.max_images or 1) > 1:
        raise RouterError(
            f"max_images: the backbone {options.name} reads one image of a sample, found {options.max_images}. "
            f"Leave it out, or take a decoder ({', '.join(_AROUND_IMAGES)})."
        )
    return 1


def find_local(name: str) -> bool:
    """Whether a name is a folder here."""
    from pathlib import Path

    return bool(name) and Path(name).expanduser().is_dir()


def random_backbone(
    options: BackboneOptions, table: RoutingTable, kind: str, make_config: MakeConfig, *, patch_size: int = TINY_PATCH
) -> SampleEncoder:
    """What turns samples into rows for a backbone of random weights, with a tokenizer trained on a table's texts.

    Args:
        options: see BackboneOptions.
        table: a benchmark.
        kind: model type of transformers.
        make_config: its configuration for a vocabulary, a longest text and an image size.
        patch_size: side in pixels of what a reader of patch tokens is given.
    """
    texts = (sample.text for sample in text_inputs(table.split("train")))
    folder = table.folder.resolve()
    store = folder.with_name(f"{folder.name}.features")
    tokenizer = tiny_tokenizer(texts, store / f"tokenizer-{table.sha256[:16]}.json")
    size, longest = options.image_size or TINY_IMAGE_SIZE, options.max_tokens or LONGEST_TEXT // 2
    config = make_config(len(tokenizer), longest, size)
    description: BackboneDescription = {"name": options.name, "kind": kind, "random": True, "config": config}
    if kind in TEXT_KINDS:
        encoder = SampleEncoder(_text_settings(description, longest, ""))
        encoder.tokenizer = tokenizer
        return encoder
    if kind in _PATCH_READERS:
        description["patches"] = {"kind": LINEAR, "patch_size": patch_size}
    encoder = SampleEncoder(_settings(description, size, longest, {}))
    encoder.tokenizer = tokenizer
    return encoder


def _pretrained(options: BackboneOptions) -> SampleEncoder:
    from transformers import AutoModel

    folder = _folder(options.name)
    config = load_config(folder)
    if config.model_type not in BACKBONES:
        alone = reads_images(config) and not hasattr(config, "vision_config")
        kind = "which reads images alone" if alone else "which is not used here"
        raise RouterError(
            f"expected a backbone that reads texts ({', '.join(TEXT_KINDS)}) or images and texts "
            f"({', '.join(_IMAGE_KINDS)}), found {config.model_type}, {kind}, at {options.name}."
        )
    if config.model_type in TEXT_KINDS:
        return _pretrained_text(folder, config, options)
    model = load_model(AutoModel, folder, dtype=torch.float32)
    description: BackboneDescription = {
        "name": folder.name,
        "kind": config.model_type,
        "config": plain_config(model.config),
    }
    pretrained: dict[str, Mapping[str, Any]] = {"model": model.state_dict()}
    settings_folder = folder
    own_size = getattr(getattr(config, "vision_config", None), "image_size", None)
    if config.model_type in _PATCH_READERS:
        description["patches"] = {"kind": LINEAR, "patch_size": TINY_PATCH}
        if options.patches is not None:
            settings_folder = _folder(options.patches)
            vision = load_model(AutoModel, settings_folder, dtype=torch.float32, unused=("pooler",))
            vision_config: Any = vision.config
            description["patches"] = {"kind": vision_config.model_type, "config": plain_config(vision_config)}
            pretrained["patches"], own_size = vision.state_dict(), vision_config.image_size
    text = getattr(config, "text_config", config)
    longest = min(options.max_tokens or LONGEST_TEXT, text.max_position_embeddings)
    size = options.image_size or own_size or 224
    tokenizer = load_tokenizer(folder)
    if config.model_type in _AROUND_IMAGES:
        before, after = _AROUND_IMAGES[config.model_type]
        vocabulary = tokenizer.get_vocab()
        description["before"] = [vocabulary[token] for token in before if token in vocabulary]
        description["after"] = [vocabulary[token] for token in after if token in vocabulary]
    encoder = SampleEncoder(
        _settings(description, size, longest, settings_folder.read_json("preprocessor_config.json") or {})
    )
    encoder.tokenizer = tokenizer
    encoder.pretrained = pretrained
    return encoder


def _pretrained_text(folder: ModelFolder, config: Any, options: BackboneOptions) -> SampleEncoder:
    """As `_pretrained`, of an encoder of texts alone."""
    from transformers import AutoModel

    if not any((folder.path / name).is_file() for name in SAFETENSORS):
        found = next(name for name in TORCH_BINARIES if (folder.path / name).is_file())
        raise RouterError(
            f"expected weights as model.safetensors in {folder.source}, found {found} alone, which is a pickle and is "
            "not opened. Load the model with transformers, save it with `save_pretrained`, and give that folder."
        )
    tokenizer, family, limit = load_tokenizer(folder), text_family(folder), position_limit(config)
    longest, fixed = options.max_tokens or min(LONGEST_TEXT, limit), fixed_tokens(tokenizer, family.prefix)
    if not fixed < longest <= limit:
        raise RouterError(
            f"max_length: {options.name} reads texts of {fixed + 1} (prefix and special tokens take {fixed}) to "
            f"{limit} tokens, {longest} were asked for."
        )
    model = without_pooler(load_model(AutoModel, folder, dtype=torch.float32, unused=("pooler",)))
    description: BackboneDescription = {
        "name": folder.name,
        "kind": config.model_type,
        "config": plain_config(model.config),
        "pooling": family.pooling,
    }
    encoder = SampleEncoder(_text_settings(description, longest, family.prefix, lower_case=family.lower_case))
    encoder.tokenizer, encoder.pretrained = tokenizer, {"model": model.state_dict()}
    return encoder


def _text_settings(
    description: BackboneDescription, longest: int, prefix: str, *, lower_case: bool = False
) -> Mapping[str, Any]:
    """Of a backbone of texts."""
    settings: Mapping[str, Any] = {"backbone": description, "max_tokens": longest, "modality": TEXT, "prefix": prefix}
    return {**settings, "lower_case": True} if lower_case else settings


def _settings(
    description: BackboneDescription, size: int, longest: int, preprocessor: Mapping[str, Any]
) -> Mapping[str, Any]:
    return {
        "backbone": description,
        "image_size": size,
        "image_mean": list(preprocessor.get("image_mean") or GREY),
        "image_std": list(preprocessor.get("image_std") or GREY),
        "max_tokens": longest,
        # SigLIP's text tower pools the last position of all, so its texts always have the same length.
        "fixed_length": description["kind"] == "siglip",
    }


def _folder(name: str) -> ModelFolder:
    source, _, revision = name.partition("@")
    return find_folder(name) if find_local(name) else find_folder(source, revision or None)


def plain_config(config: Any) -> Mapping[str, Any]:
    """A model's configuration as JSON can hold it, without what names its class."""
    content = json.loads(config.to_json_string())
    return {name: value for name, value in content.items() if name not in ("model_type", "transformers_version")}
