"""What makes two samples the same: question, options and image, whatever their ids, their table and its folder are.

Decisions
- An image counts by its encoded bytes: nothing is decoded for it. Blanks do not count; a hint does not either.
- Of a sample with several images all count. Routers of 0.x saw the first alone, and saved its digest: whoever looks for
  training samples asks for that too.
- A sample whose image is missing cannot be told from another one with the same question: it has no digest in a table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

DIGEST_BYTES = 8
"""Of sha256: two different ones among a million samples agree with a chance of one in thirty million."""
_ROWS_AT_ONCE = 10_000


def content_digest(
    question: str, options: Sequence[str], image_sha256: str | None, further: Sequence[str] = ()
) -> bytes:
    """Digest of a sample, by the digests of its encoded image and of further ones."""
    parts = [" ".join(question.split()), [" ".join(str(option).split()) for option in options], image_sha256, *further]
    return hashlib.sha256(json.dumps(parts).encode()).digest()[:DIGEST_BYTES]


def content_digests(
    samples: pa.Table, images: Iterable[bytes | None], further: Mapping[int, Sequence[bytes]] | None = None
) -> np.ndarray:
    """Digests of the samples that can be told apart, (num_known,) int64, in their order.

    Args:
        samples: of a benchmark folder: `question`, `options`, `image_ok`.
        images: first encoded image of each sample, None where there is none.
        further: row -> its other images, of samples that have several.
    """
    batches = samples.select(["question", "options", "image_ok"]).to_batches(max_chunksize=_ROWS_AT_ONCE)
    contents = (content for batch in batches for content in zip(*batch.to_pydict().values(), strict=True))
    known = []
    for row, ((question, options, image_ok), image) in enumerate(zip(contents, images, strict=True)):
        if image_ok:
            sha256 = None if image is None else hashlib.sha256(image).hexdigest()
            others = [hashlib.sha256(other).hexdigest() for other in (further or {}).get(row, ())]
            known.append(content_digest(question, options or (), sha256, others))
    return np.frombuffer(b"".join(known), dtype=">i8").astype(np.int64)
