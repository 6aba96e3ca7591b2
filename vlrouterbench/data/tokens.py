"""Token counts with `cl100k_base`.

Decisions
- The counter works offline: `rs-bpe` carries the table. Only where it has no wheel (Python 3.14) does `tiktoken` step
  in, which needs its own cached table; both give the same counts (held by a test).
- Special-token strings in a text are ordinary text, as a model's output is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np

from vlrouterbench.core.errors import SourceError

ENCODING = "cl100k_base"
REFERENCE_IMAGE_TOKENS = 256
"""Tokens per image in the reference protocol: the same for every image and candidate (benchmark's section 4)."""


@lru_cache(maxsize=1)
def _counter() -> tuple[str, Callable[[str], int]]:
    try:
        # The submodule is a compiled one that the package attaches: `from rs_bpe.openai import ...` does not find it.
        from rs_bpe import openai
    except ImportError:
        return f"tiktoken {ENCODING}", _tiktoken_count()
    return f"rs-bpe {ENCODING}", openai.cl100k_base().count


def _tiktoken_count() -> Callable[[str], int]:
    import tiktoken

    try:
        encoding = tiktoken.get_encoding(ENCODING)
    except OSError as error:
        raise SourceError(
            f"counting tokens needs the {ENCODING} table: rs-bpe is not installed, and tiktoken could not fetch its "
            "own. Install rs-bpe (Python 3.11 to 3.13), or set TIKTOKEN_CACHE_DIR to a folder that holds the table."
        ) from error
    return lambda text: len(encoding.encode_ordinary(text))


def token_counter_name() -> str:
    """Which library counts, for the build report."""
    return _counter()[0]


def count_tokens(texts: Iterable[str | None]) -> np.ndarray:
    """Number of `cl100k_base` tokens of each text, (num_texts,) int32. None counts 0."""
    count = _counter()[1]
    return np.array([count(text) if text else 0 for text in texts], dtype=np.int32)
