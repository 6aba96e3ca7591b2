"""How a text encoder is to be used: which token's vector represents the text, what precedes it, how long it may be.

Decisions
- What a folder says of itself (the files of sentence-transformers: modules.json, the pooling's config.json, prompts,
  longest input) goes before the table of families; the table goes before the default, which is the mean over tokens.
- A router compares prompts with prompts, so a family's prefix is the one for symmetric use: E5 asks for "query: " on
  features, its instruct models for their instruction of semantic similarity; BGE and GTE ask for nothing there.
- Vectors have unit length, except where an unknown model's own modules end without normalisation.
- A folder with modules that this package does not have (a dense layer, say) is refused rather than half applied.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from vlrouterbench.routers.encoders.hub.folder import HubEncoderError, ModelFolder
from vlrouterbench.routers.encoders.hub.pooling import POOLINGS

_SIMILAR = "Instruct: Retrieve semantically similar text.\nQuery:"
UNKNOWN = "unknown"
LONGEST = 8192
"""Most tokens that are read of a text, where a model could read more."""


@dataclass(frozen=True)
class TextFamily:
    """How to use a text encoder.

    Attributes:
        name: of the family.
        pooling: "cls" (first token), "mean" (over all tokens) or "last" (last token).
        prefix: written before every text.
        normalise: whether vectors are brought to unit length.
        pooling_source: who says so: "folder", "family" or "default".
        lower_case: whether the text is lower-cased first.
        max_length: longest input in tokens, special ones counted; None where neither folder nor family says.
    """

    name: str
    pooling: str
    prefix: str = ""
    normalise: bool = True
    pooling_source: str = "family"
    lower_case: bool = False
    max_length: int | None = None


# In this order: the first pattern that occurs in the lower-cased name decides.
TEXT_FAMILIES: dict[str, tuple[str, TextFamily]] = {
    "e5-instruct": (r"multilingual-e5-\w+-instruct", TextFamily("e5-instruct", "mean", f"{_SIMILAR} ")),
    "e5": (r"(^|[/_-])e5-(small|base|large)", TextFamily("e5", "mean", "query: ")),
    "bge-m3": (r"bge-m3", TextFamily("bge-m3", "cls")),
    "bge": (r"bge-(small|base|large)", TextFamily("bge", "cls")),
    "gte-qwen": (r"gte-qwen", TextFamily("gte-qwen", "last", f"{_SIMILAR} ")),
    "gte-cls": (r"gte-(modernbert|multilingual|\w+-en-v1\.5)", TextFamily("gte-cls", "cls")),
    "gte": (r"gte-(small|base|large)", TextFamily("gte", "mean")),
    "qwen3-embedding": (r"qwen3-embedding", TextFamily("qwen3-embedding", "last", _SIMILAR)),
    "arctic-embed": (r"arctic-embed", TextFamily("arctic-embed", "cls")),
    "mxbai": (r"mxbai-embed", TextFamily("mxbai", "cls")),
    "sbert": (r"all-(minilm|mpnet|distilroberta)|paraphrase-", TextFamily("sbert", "mean")),
}

_POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "last",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
}


def text_family(folder: ModelFolder, name: str | None = None) -> TextFamily:
    """How the model of a folder is used: the folder's own files, then the family's row, then the default.

    Args:
        folder: files of the model.
        name: family to take; None to tell it by the model's name.

    Raises:
        HubEncoderError: an unknown family, or modules or pooling that are not supported.
    """
    family = _family_by_name(folder.name, name)
    modules = folder.read_json("modules.json")
    sentence = folder.read_json("sentence_bert_config.json") or {}
    family = replace(
        family,
        lower_case=bool(sentence.get("do_lower_case")),
        max_length=sentence.get("max_seq_length"),
        prefix=_own_prompt(folder, family.prefix),
    )
    if modules is None:
        return _with_own_pooling(folder, family, "1_Pooling")
    kinds = [str(module.get("type", "")).rsplit(".", 1)[-1] for module in modules]
    if other := sorted(set(kinds) - {"Transformer", "Pooling", "Normalize"}):
        raise HubEncoderError(
            f"{folder.source} needs the modules {', '.join(other)}, which are not supported here: choose a model of a "
            "transformer, a pooling and a normalisation."
        )
    normalise = "Normalize" in kinds or family.name != UNKNOWN
    paths = [str(module.get("path", "")) for module, kind in zip(modules, kinds, strict=True) if kind == "Pooling"]
    return _with_own_pooling(folder, replace(family, normalise=normalise), *paths)


def _family_by_name(model_name: str, name: str | None) -> TextFamily:
    if name in TEXT_FAMILIES:
        return TEXT_FAMILIES[name][1]
    if name not in (None, UNKNOWN):
        raise HubEncoderError(f'unknown text family "{name}". Known: {", ".join([*TEXT_FAMILIES, UNKNOWN])}.')
    if name is None:
        for pattern, family in TEXT_FAMILIES.values():
            if re.search(pattern, model_name.lower()):
                return family
    return TextFamily(UNKNOWN, "mean", pooling_source="default")


def _own_prompt(folder: ModelFolder, otherwise: str) -> str:
    """The prompt that the folder names as its default; prompts for one side of a search alone are not taken."""
    settings = folder.read_json("config_sentence_transformers.json") or {}
    prompts, default = settings.get("prompts") or {}, settings.get("default_prompt_name")
    if default is None:
        return otherwise
    if default not in prompts:
        raise HubEncoderError(f'{folder.source} names the prompt "{default}", which is not among its prompts.')
    return str(prompts[default])


def _with_own_pooling(folder: ModelFolder, family: TextFamily, *paths: str) -> TextFamily:
    """The family with the pooling that the folder's own file states, where it has one."""
    settings = folder.read_json(f"{paths[0]}/config.json") if paths else None
    if settings is None:
        return family
    pooling = _stated_pooling(settings)
    if len(pooling) != 1 or pooling[0] not in POOLINGS:
        raise HubEncoderError(
            f"expected one pooling of {', '.join(POOLINGS)} in {folder.source}, found {', '.join(pooling) or 'none'}."
        )
    if family.prefix and settings.get("include_prompt") is False:
        raise HubEncoderError(f"{folder.source} leaves its prompt out of the pooling, which is not supported here.")
    return replace(family, pooling=pooling[0], pooling_source="folder")


def _stated_pooling(settings: Mapping[str, Any]) -> list[str]:
    mode = settings.get("pooling_mode")
    if mode is not None:
        modes = [mode] if isinstance(mode, str) else list(mode)
        return ["last" if mode == "lasttoken" else str(mode) for mode in modes]
    return [pooling for flag, pooling in _POOLING_FLAGS.items() if settings.get(flag)]
