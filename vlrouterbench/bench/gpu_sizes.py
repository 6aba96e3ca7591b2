"""Backbones of published sizes with random weights: speed depends on a model's shape alone, and nothing is fetched.

Sizes are those of unc-nlp/lxmert-base-uncased and Qwen/Qwen2.5-VL-3B-Instruct. The vocabulary is a benchmark's own: the
rows of an embedding that are never read take memory but no time.
"""

from __future__ import annotations

from dataclasses import dataclass

from vlrouterbench.features.tiny_backbones import TINY, TINY_PATCH, MakeConfig, ModelConfig


@dataclass(frozen=True)
class SizedBackbone:
    """A backbone to train.

    Attributes:
        name: in figures.
        kind: model type of transformers.
        make_config: see MakeConfig.
        image_size: side of the image in pixels.
        patch_size: of what a reader of patch tokens is given.
    """

    name: str
    kind: str
    make_config: MakeConfig
    image_size: int
    patch_size: int = TINY_PATCH


def _lxmert(vocabulary: int, longest: int, size: int) -> ModelConfig:
    return {
        "vocab_size": vocabulary,
        "hidden_size": 768,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "l_layers": 9,
        "r_layers": 5,
        "x_layers": 5,
        "visual_feat_dim": 2048,
        "max_position_embeddings": 512,
    }


def _qwen(vocabulary: int, longest: int, size: int) -> ModelConfig:
    text: ModelConfig = {
        "vocab_size": vocabulary,
        "hidden_size": 2048,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "intermediate_size": 11008,
        "num_hidden_layers": 36,
        "max_position_embeddings": 4096,
        "rope_parameters": {"rope_type": "default", "mrope_section": [16, 24, 24], "rope_theta": 1000000.0},
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    vision: ModelConfig = {
        "hidden_size": 1280,
        "num_heads": 16,
        "intermediate_size": 3420,
        "depth": 32,
        "out_hidden_size": 2048,
        "patch_size": 14,
        "window_size": 112,
        "fullatt_block_indexes": [7, 15, 23, 31],
    }
    return {"text_config": text, "vision_config": vision, "image_token_id": 0}


PUBLISHED = (
    SizedBackbone("lxmert-base", "lxmert", _lxmert, 224, 32),
    SizedBackbone("qwen2.5-vl-3b", "qwen2_5_vl", _qwen, 224),
)
SMALL = tuple(SizedBackbone(name, *TINY[name], 64) for name in ("tiny-lxmert", "tiny-qwen2.5-vl"))
"""The same kinds, for machines without a GPU."""
