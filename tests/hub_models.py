"""Small random models of real transformers classes, saved as a folder of the Hub would look."""

import json
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

WORDS = (
    "what is the average of tallest bars in this chart which one shows a cat or dog read total from invoice "
    "query instruct retrieve semantically similar text hint look closely at left right upper lower edge page"
)
TEXT_SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
VISION_SIZE = TEXT_SIZE | {"image_size": 32, "patch_size": 8}


def word_tokenizer(first="[CLS]", last="[SEP]"):
    """One token a word, with a special token at both ends."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", first, last]
    punctuation = "( ) : . , ?"
    trainer = trainers.WordLevelTrainer(special_tokens=special)
    tokenizer.train_from_iterator([f"{WORDS} {punctuation} {' '.join('abcdefgh')}"], trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in (first, last)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{first} $A {last}", special_tokens=ends)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token=first, sep_token=last
    )


def byte_tokenizer():
    """Byte pairs, any text, one special token at the end, as Qwen's embedding models have it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|end|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator([WORDS], trainer)
    ends = [("<|end|>", tokenizer.token_to_id("<|end|>"))]
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <|end|>", special_tokens=ends)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<|end|>")


def save_text_model(folder, kind="bert", *, max_length=64, files=None):
    """A text encoder of one kind in a folder: "bert", "distilbert", "roberta", "xlm-roberta", "modernbert", "qwen3"."""
    torch.manual_seed(0)
    tokenizer = byte_tokenizer() if kind == "qwen3" else word_tokenizer()
    size = TEXT_SIZE | {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    ends = {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    config = {
        "bert": lambda: transformers.BertConfig(**size, max_position_embeddings=max_length),
        "distilbert": lambda: transformers.DistilBertConfig(
            vocab_size=len(tokenizer), dim=32, n_layers=2, n_heads=4, hidden_dim=48, max_position_embeddings=max_length
        ),
        "roberta": lambda: transformers.RobertaConfig(**size, max_position_embeddings=max_length + 1),
        "xlm-roberta": lambda: transformers.XLMRobertaConfig(**size, max_position_embeddings=max_length + 1),
        "modernbert": lambda: transformers.ModernBertConfig(**size | ends, max_position_embeddings=max_length),
        "qwen3": lambda: transformers.Qwen3Config(
            **size, num_key_value_heads=2, head_dim=8, max_position_embeddings=max_length
        ),
    }[kind]()
    _with_livelier_weights(transformers.AutoModel.from_config(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return _with_files(folder, files)


def sentence_files(
    pooling="cls_token", *, normalise=True, prompts=None, default_prompt=None, max_length=None, **pooling_said
):
    """Files that sentence-transformers lays beside a model."""
    kinds = ["Transformer", "Pooling", "Normalize"][: 3 if normalise else 2]
    paths = ["", "1_Pooling", "2_Normalize"]
    flags = {
        f"pooling_mode_{name}": name == pooling for name in ("cls_token", "mean_tokens", "max_tokens", "lasttoken")
    }
    return {
        "modules.json": [
            {"idx": i, "name": str(i), "path": paths[i], "type": f"sentence_transformers.models.{kind}"}
            for i, kind in enumerate(kinds)
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": 32, **flags} | pooling_said,
        "config_sentence_transformers.json": {"prompts": prompts or {}, "default_prompt_name": default_prompt},
        "sentence_bert_config.json": {"do_lower_case": False} | ({"max_seq_length": max_length} if max_length else {}),
    }


def save_image_model(folder, kind="siglip", **processor_said):
    """An image encoder of one kind in a folder: "siglip", "siglip2", "clip", "dinov2" or "vit"."""
    torch.manual_seed(0)
    text = TEXT_SIZE | {"vocab_size": 40, "max_position_embeddings": 16}
    shared = {"text_config": text, "vision_config": VISION_SIZE}
    naflex = {"text_config": text, "vision_config": TEXT_SIZE | {"patch_size": 8, "num_patches": 16}}
    middle = {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}}
    config, processor = {
        "siglip": lambda: (transformers.SiglipConfig(**shared), transformers.SiglipImageProcessorPil(size=_square(32))),
        "siglip2": lambda: (
            transformers.Siglip2Config(**naflex),
            transformers.Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16),
        ),
        "clip": lambda: (
            transformers.CLIPConfig(**shared, projection_dim=24),
            transformers.CLIPImageProcessorPil(**middle),
        ),
        "dinov2": lambda: (
            transformers.Dinov2Config(**VISION_SIZE),
            transformers.BitImageProcessorPil(**middle, image_mean=[0.485, 0.456, 0.406], **processor_said),
        ),
        "vit": lambda: (transformers.ViTConfig(**VISION_SIZE), transformers.ViTImageProcessorPil(size=_square(32))),
    }[kind]()
    _with_livelier_weights(transformers.AutoModel.from_config(config)).save_pretrained(folder)
    processor.save_pretrained(folder)
    return Path(folder)


def _square(side):
    return {"height": side, "width": side}


def _with_livelier_weights(model):
    """Fresh weights are so small that every input gives nearly one vector; these tell inputs apart."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8)
    return model.eval()


def _with_files(folder, files):
    for name, content in (files or {}).items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    return Path(folder)
