"""Tokens of published answers counted by a protocol, in the place of the costs that a source gives (`--protocol`).

Decisions
- Only where it is asked for: costs that a source gives are its own statement, and stand otherwise.
- An answer that was not published has no output tokens: its cost is then not measured, never an estimate.
- A sample without an image costs its text alone; one whose image is missing has no measured input under `measured`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from vlrouterbench.data.choices import Protocol
from vlrouterbench.data.protocol import prompt_text, tokens_of_images
from vlrouterbench.data.sources.found_pool import refuse_unpriced
from vlrouterbench.data.sources.pairs import Gathered
from vlrouterbench.data.sources.source_logs import positions_of
from vlrouterbench.data.tokens import count_tokens
from vlrouterbench.routers.encoders.sample_input import RouterInput


def recounted(gathered: Gathered, protocol: Protocol) -> pa.Table:
    """The pairs with their tokens counted by a protocol and without given costs.

    Raises:
        SourceError: a candidate has no price, or (under `measured`) no rule for its image tokens.
    """
    pool, samples, pairs = gathered.pool, gathered.samples, gathered.pairs
    refuse_unpriced(pool)
    prompts = (
        RouterInput(question, tuple(options or ()), hint)
        for question, options, hint in zip(
            *(samples[n].to_pylist() for n in ("question", "options", "hint")), strict=True
        )
    )
    inputs = np.tile(count_tokens(prompt_text(p, protocol) for p in prompts).astype(float)[:, None], (1, len(pool)))
    ids = samples["sample_id"].to_pylist()
    for row, image in enumerate(gathered.images):
        if image is not None or ids[row] in gathered.missing_images:
            counts = tokens_of_images([image, *gathered.further.get(ids[row], ())], pool, protocol)
            inputs[row] += [np.nan if (count := counts[name]) is None else count for name in pool.names]
    rows = positions_of(pairs["sample_id"], samples["sample_id"])
    columns = positions_of(pairs["candidate"], pa.chunked_array([pool.names]))
    input_tokens = np.where((rows >= 0) & (columns >= 0), inputs[rows, columns], np.nan)
    predictions = pairs["prediction"].to_pylist()
    output_tokens = np.where([text is not None for text in predictions], count_tokens(predictions), np.nan)
    for name, values in (("input_tokens", input_tokens), ("output_tokens", output_tokens)):
        column = pa.array(values, pa.int32(), from_pandas=True)
        pairs = pairs.set_column(pairs.schema.get_field_index(name), name, column)
    place = pairs.schema.get_field_index("cost_usd")
    return pairs.set_column(place, "cost_usd", pa.nulls(pairs.num_rows, pa.float64()))
