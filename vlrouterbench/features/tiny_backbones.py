"""Small random backbones to try things out with, and the tokenizer that is trained for them.

Decisions
- Widths are such that a few hundred images train in seconds on one core; nothing about them is tuned for quality.
- The tokenizer is byte-level, so that any text has tokens, and knows the train split's texts alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from vlrouterbench.core.files import staged_file

ModelConfig = dict[str, Any]
"""Of a model of transformers, whose fields are its own."""
MakeConfig = Callable[[int, int, int], ModelConfig]
"""A configuration for a vocabulary, a longest text and an image size."""
TINY_IMAGE_SIZE, TINY_PATCH = 64, 16
VOCABULARY = 2000
_WIDTH, _HEADS, _INNER = 64, 4, 128
_SPECIAL = ("[PAD]", "[CLS]", "[SEP]")


def _lxmert(vocabulary: int, longest: int, size: int) -> ModelConfig:
    return {
        "vocab_size": vocabulary,
        "hidden_size": _WIDTH,
        "num_attention_heads": _HEADS,
        "intermediate_size": _INNER,
        "l_layers": 1,
        "r_layers": 1,
        "x_layers": 1,
        "visual_feat_dim": _WIDTH,
        "max_position_embeddings": longest,
        "initializer_range": 0.05,
    }


def _visual_bert(vocabulary: int, longest: int, size: int) -> ModelConfig:
    return _bert(vocabulary, longest, size) | {"visual_embedding_dim": _WIDTH}


def _siglip(vocabulary: int, longest: int, size: int) -> ModelConfig:
    tower = {
        "hidden_size": _WIDTH,
        "num_attention_heads": _HEADS,
        "intermediate_size": _INNER,
        "num_hidden_layers": 1,
    }
    text = {"vocab_size": vocabulary, "max_position_embeddings": longest, "projection_size": _WIDTH}
    text |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    return {"text_config": tower | text, "vision_config": tower | {"image_size": size, "patch_size": TINY_PATCH}}


def _bert(vocabulary: int, longest: int, size: int) -> ModelConfig:
    return {
        "vocab_size": vocabulary,
        "hidden_size": _WIDTH,
        "num_attention_heads": _HEADS,
        "intermediate_size": _INNER,
        "num_hidden_layers": 2,
        "max_position_embeddings": longest,
        "initializer_range": 0.05,
    }


def _decoder(vocabulary: int, longest: int) -> ModelConfig:
    return {
        "vocab_size": vocabulary,
        "hidden_size": _WIDTH,
        "num_attention_heads": _HEADS,
        "num_key_value_heads": _HEADS // 2,
        "intermediate_size": _INNER,
        "num_hidden_layers": 2,
        # The image's tokens come before the text.
        "max_position_embeddings": 2 * longest + 512,
        "initializer_range": 0.05,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }


def _smolvlm(vocabulary: int, longest: int, size: int) -> ModelConfig:
    vision: ModelConfig = {"hidden_size": _WIDTH, "num_attention_heads": _HEADS, "intermediate_size": _INNER}
    vision |= {"num_hidden_layers": 1, "image_size": size, "patch_size": TINY_PATCH // 2, "initializer_range": 0.05}
    text = {"model_type": "llama"} | _decoder(vocabulary, longest)
    return {"text_config": text, "vision_config": vision, "scale_factor": 2, "image_token_id": 0}


def _qwen(vocabulary: int, longest: int, size: int) -> ModelConfig:
    vision: ModelConfig = {"hidden_size": _WIDTH, "num_heads": _HEADS, "intermediate_size": _INNER, "depth": 2}
    vision |= {"out_hidden_size": _WIDTH, "patch_size": TINY_PATCH // 2, "window_size": 2 * TINY_PATCH}
    vision |= {"fullatt_block_indexes": [1], "initializer_range": 0.05}
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
    text = _decoder(vocabulary, longest) | {"rope_parameters": rope}
    return {"text_config": text, "vision_config": vision, "image_token_id": 0}


TINY: dict[str, tuple[str, MakeConfig]] = {
    "tiny-lxmert": ("lxmert", _lxmert),
    "tiny-visualbert": ("visual_bert", _visual_bert),
    "tiny-siglip": ("siglip", _siglip),
    "tiny-smolvlm": ("smolvlm", _smolvlm),
    "tiny-qwen2.5-vl": ("qwen2_5_vl", _qwen),
    "tiny-bert": ("bert", _bert),
}
"""Name -> model type of transformers, and its configuration."""


def tiny_tokenizer(texts: Iterable[str], path: Path) -> Any:
    """A byte-level tokenizer trained on texts, kept at `path`; read from there where it is."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    if not path.is_file():
        tokenizer = Tokenizer(models.BPE())
        tokenizer.normalizer = normalizers.Lowercase()
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=list(_SPECIAL), initial_alphabet=alphabet, show_progress=False
        )
        clean = (text.encode(errors="replace").decode() for text in texts)
        tokenizer.train_from_iterator(clean, trainer)
        ends = [(token, tokenizer.token_to_id(token)) for token in _SPECIAL[1:]]
        tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
        with staged_file(path) as staging:
            staging.write_text(tokenizer.to_str(), encoding="utf-8")
    whole = Tokenizer.from_file(str(path))
    pad, first, last = _SPECIAL
    return PreTrainedTokenizerFast(tokenizer_object=whole, pad_token=pad, cls_token=first, sep_token=last)
