"""`bench hub-encoders`: samples per second of a text and an image encoder of published sizes, and where the time goes.

Decisions
- Weights are random: speed depends on a model's shape alone, and nothing is downloaded. On a CPU the sizes are those of
  E5-small and SigLIP-base at 224 px, on a GPU those of BGE-M3 and SigLIP-large at 384 px.
- The baseline gives the same encoders one sample after the other; ours batches them, texts by length.
- Both run on one thread of the CPU. Decoding, preprocessing and the model's own part are timed one by one.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import torch

from vlrouterbench.bench.comparison import Comparison, compared, peak_memory_gib
from vlrouterbench.bench.encode import make_samples
from vlrouterbench.core.threads import one_thread
from vlrouterbench.features.reading import CPU_BATCH
from vlrouterbench.features.store import SHARD_SIZE
from vlrouterbench.routers.encoders.hub.image import HubImageEncoder
from vlrouterbench.routers.encoders.hub.text import HubTextEncoder
from vlrouterbench.routers.encoders.sample_input import RouterInput, read_image

NUM_SAMPLES = {"cpu": 64, "cuda": 4096}
_TEXT_SIZE: dict[str, Mapping[str, Any]] = {
    "cpu": {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 1536},
    "cuda": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
}
_IMAGE_SIZE: dict[str, Mapping[str, Any]] = {
    "cpu": {
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "image_size": 224,
        "patch_size": 16,
    },
    "cuda": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
        "image_size": 384,
        "patch_size": 16,
    },
}


class EncoderFigures(TypedDict):
    """Speed of one encoder, and the shares of its time by part."""

    samples_per_second: float
    shares: dict[str, float]


class HubEncodersComparison(Comparison):
    """`bench hub-encoders`; `encoders` by kind, text and image."""

    samples: int
    encoders: dict[str, EncoderFigures]
    device: str
    scale: float
    peak_memory_gib: float


def bench_hub_encoders(*, scale: float = 1.0) -> HubEncodersComparison:
    """Compare on a share of NUM_SAMPLES.

    Returns:
        Seconds of both encoders together and the ratio (contract's section 7); for each encoder samples per second and
        the shares of decoding, preprocessing and forward; the device, and peak memory.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    samples, images = make_samples(max(4, round(NUM_SAMPLES[device] * scale)))
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as folder, one_thread():
        text = HubTextEncoder(save_text_model(Path(folder) / "text", samples, device), device=device)
        image = HubImageEncoder(save_image_model(Path(folder) / "image", device), device=device)
        inputs = [
            RouterInput(sample.question, image=read_image(content))
            for sample, content in zip(samples, images, strict=True)
        ]
        start = time.perf_counter()
        for encoder in (text, image):
            for one in inputs:
                encoder.encode([one])
        baseline = time.perf_counter() - start
        seconds = {"text": _text_seconds(text, samples), "image": _image_seconds(image, images)}
    ours = sum(sum(parts.values()) for parts in seconds.values())
    encoders: dict[str, EncoderFigures] = {
        kind: {
            "samples_per_second": len(samples) / sum(parts.values()),
            "shares": {part: taken / sum(parts.values()) for part, taken in parts.items()},
        }
        for kind, parts in seconds.items()
    }
    return {
        **compared("hub-encoders", ours=ours, baseline=baseline),
        "samples": len(samples),
        "encoders": encoders,
        "device": torch.cuda.get_device_name() if device == "cuda" else "one thread of the CPU",
        "scale": scale,
        "peak_memory_gib": peak_memory_gib(),
    }


def save_text_model(folder: Path, samples: Sequence[RouterInput], device: str) -> Path:
    """A text encoder with random weights, and a tokenizer trained on the samples' texts."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([sample.text for sample in samples], trainer)
    size = tokenizer.get_vocab_size()
    config = transformers.BertConfig(**_TEXT_SIZE[device], vocab_size=size)
    transformers.BertModel(config).save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return folder


def save_image_model(folder: Path, device: str) -> Path:
    """An image encoder with random weights and its processor."""
    import transformers

    config = transformers.SiglipVisionConfig(**_IMAGE_SIZE[device])
    transformers.SiglipVisionModel(config).save_pretrained(folder)
    side = _IMAGE_SIZE[device]["image_size"]
    transformers.SiglipImageProcessorPil(size={"height": side, "width": side}).save_pretrained(folder)
    return folder


def _text_seconds(encoder: HubTextEncoder, samples: Sequence[RouterInput]) -> dict[str, float]:
    start = time.perf_counter()
    rows = sorted((encoder.tokens(RouterInput(sample.question)) for sample in samples), key=len)
    taken = {"preprocessing": time.perf_counter() - start}
    return taken | {"forward": _forward_seconds(encoder, rows)}


def _image_seconds(encoder: HubImageEncoder, images: Sequence[bytes]) -> dict[str, float]:
    start = time.perf_counter()
    decoded = [read_image(content) for content in images]
    taken = {"decoding": time.perf_counter() - start}
    start = time.perf_counter()
    prepared = [encoder.prepare(image) for image in decoded if image is not None]
    taken["preprocessing"] = time.perf_counter() - start
    return taken | {"forward": _forward_seconds(encoder, prepared)}


def _forward_seconds(encoder: HubTextEncoder | HubImageEncoder, rows: Sequence[Any]) -> float:
    size = CPU_BATCH if encoder.device.type == "cpu" else SHARD_SIZE
    start = time.perf_counter()
    for first in range(0, len(rows), size):
        # Brought to the CPU, so that the time is of work done and not of work queued.
        encoder.pooled(rows[first : first + size]).cpu()
    return time.perf_counter() - start
