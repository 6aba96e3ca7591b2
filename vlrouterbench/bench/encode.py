"""`bench encode`: samples that the built-in encoder turns into features per second on one core, from encoded images.

Decisions
- Images are made on the spot, 512 x 512, half and half: photo-like noise as JPEG, pages of print as PNG, as
  such images are kept.
- The baseline decodes the same images with Pillow and gives the text to scikit-learn (hashed words and a projection
  of the same size). It takes no statistics of an image, so it does less: the ratio says what those cost on top.
- Both run in one thread, one after the other, on images held in memory. Making and fitting are not timed.
- Seconds are the processor's, not the clock's: what else runs on the machine says nothing about the encoder.
- The four parts are timed one by one within the same run; their shares are of our whole time.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vlrouterbench.bench.comparison import Comparison, compared, peak_memory_gib
from vlrouterbench.features.fitting import fit_encoder
from vlrouterbench.routers.encoders.builtin.image import image_statistics
from vlrouterbench.routers.encoders.builtin.text import TEXT_BUCKETS, TEXT_DIM, raw_text
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder, RawFeatures
from vlrouterbench.routers.encoders.sample_input import RouterInput, read_image

NUM_SAMPLES = 3000
SIDE = 512
PARTS = ("decoding", "image_statistics", "text", "projection")
_FITTED_ON = 300
_WORDS = (
    "which",
    "bar",
    "total",
    "of",
    "the",
    "sign",
    "left",
    "angle",
    "price",
    "2019",
    "12.5",
    "page",
    "colour",
    "x=3",
)


class EncodeComparison(Comparison):
    """`bench encode`; `shares` are of our time, by part."""

    samples: int
    samples_per_second: float
    shares: dict[str, float]
    scale: float
    peak_memory_gib: float


def bench_encode(*, scale: float = 1.0) -> EncodeComparison:
    """Compare at a share of 3,000 samples.

    Returns:
        Seconds and ratio (contract's section 7), our samples per second, the share of our time that each of
        PARTS takes, and this process's peak memory, encoded images included.
    """
    from threadpoolctl import threadpool_limits

    samples, images = make_samples(max(4, round(NUM_SAMPLES * scale)))
    with threadpool_limits(limits=1):
        encoder = _fitted(samples[:_FITTED_ON], images[:_FITTED_ON])
        baseline = _decode_and_project_text(samples, images)
        start = time.process_time()
        seconds = _encode(encoder, samples, images)
        ours = time.process_time() - start
    return {
        **compared("encode", ours=ours, baseline=baseline),
        "samples": len(samples),
        "samples_per_second": len(samples) / ours,
        "shares": {part: taken / ours for part, taken in seconds.items()},
        "scale": scale,
        "peak_memory_gib": peak_memory_gib(),
    }


def make_samples(num_samples: int) -> tuple[list[RouterInput], list[bytes]]:
    """Nonsense questions, and an encoded image for each: photo-like noise and pages by turns."""
    samples, images = [], []
    for number in range(num_samples):
        rng = np.random.default_rng(number)
        samples.append(RouterInput(_words(rng, 14) + "?", tuple(_words(rng, 2) for _ in range(number % 5))))
        images.append(_page(rng) if number % 2 else _photo(rng))
    return samples, images


def _photo(rng: np.random.Generator) -> bytes:
    """Blots of colour with fine grain, as JPEG."""
    blots = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)).resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC
    )
    grain = rng.integers(-8, 9, (SIDE, SIDE, 1), dtype=np.int16)
    pixels = np.clip(np.asarray(blots, dtype=np.int16) + grain, 0, 255).astype(np.uint8)
    return _encoded(Image.fromarray(pixels), "JPEG")


def _page(rng: np.random.Generator) -> bytes:
    """Lines of print on white, as PNG."""
    page = Image.new("RGB", (SIDE, SIDE), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for line in range(int(rng.integers(4, 30))):
        draw.text((24, 20 + 16 * line), _words(rng, 10), fill="black", font=font)
    return _encoded(page, "PNG")


def _encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": 90} if kind == "JPEG" else {}))
    return buffer.getvalue()


def _words(rng: np.random.Generator, count: int) -> str:
    return " ".join(rng.choice(_WORDS, count))


def _fitted(samples: list[RouterInput], images: list[bytes]) -> FeatureEncoder:
    statistics = [image_statistics(read_image(content)) for content in images]
    return fit_encoder(RawFeatures([raw_text(sample) for sample in samples], statistics))


def _encode(encoder: FeatureEncoder, samples: list[RouterInput], images: list[bytes]) -> dict[str, float]:
    """Encode every sample; seconds that each of PARTS took."""
    seconds = dict.fromkeys(PARTS, 0.0)

    def timed(part: str, work: Callable[..., Any], *given: Any) -> Any:
        start = time.process_time()
        result = work(*given)
        seconds[part] += time.process_time() - start
        return result

    for sample, content in zip(samples, images, strict=True):
        image = timed("decoding", read_image, content)
        statistics = timed("image_statistics", image_statistics, image)
        text = timed("text", raw_text, sample)
        timed("projection", encoder.features_of, RawFeatures([text], [statistics]))
    return seconds


def _decode_and_project_text(samples: list[RouterInput], images: list[bytes]) -> float:
    """Seconds that decoding, and scikit-learn's hashing and projection of the text, take."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer

    texts = [sample.text for sample in samples]
    hashing = HashingVectorizer(n_features=TEXT_BUCKETS, ngram_range=(1, 2))
    fit_rows = hashing.transform(texts[:_FITTED_ON])
    svd = TruncatedSVD(min(TEXT_DIM, fit_rows.shape[0] - 1), random_state=0).fit(fit_rows)
    start = time.process_time()
    for content in images:
        Image.open(io.BytesIO(content)).load()
    svd.transform(hashing.transform(texts))
    return time.process_time() - start
