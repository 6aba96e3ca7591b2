"""The Arrow form of a benchmark folder's tables, and what the Hub needs to read it without code.

Decisions
- Per-sample values of all candidates stand in structs with one field per candidate in pool order, so that a row is
  whole.
- The parquet files carry the `datasets` feature description in their metadata: an image is an image wherever they are
  read.
- No answer key and no model output in `data/`: a router must not be able to see them.
- `image` is a sample's first image and stays, for viewers and for whoever reads a folder of 0.x; `images` holds the
  others, so that nothing is stored twice, and `num_images` counts all. Folders of schema 1 have neither.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

MATRIX_TYPES: dict[str, pa.DataType] = {
    "quality": pa.float32(),
    "cost": pa.float64(),
    "input_tokens": pa.int32(),
    "output_tokens": pa.int32(),
}
"""Struct column -> type of its fields. Quality and cost are NaN, token counts null, where not measured."""

IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
FURTHER, NUM_IMAGES = "images", "num_images"
"""Columns of a sample's images beside `image`, and of the number of all."""
SCHEMA_VERSION = 2
"""Of the tables, as `build_report.json` states it; 1, without `images` and `num_images`, stated none."""

OUTCOME_FILE_SCHEMA = pa.schema(
    [
        ("sample_id", pa.string()),
        ("candidate", pa.string()),
        ("quality", pa.float32()),
        ("input_tokens", pa.int32()),
        ("output_tokens", pa.int32()),
        ("prediction", pa.large_string()),
    ]
)

LATENCY = "latency_s"
"""Column of `outcomes/`, and matrix of a table: seconds that an answer took, null where not measured; absent where no
answer was timed."""
PROPENSITY = "propensity"
"""Likewise: probability in (0, 1] with which whoever asked chose this candidate for this sample; absent where every
candidate was asked."""
ANSWER_COLUMNS = (LATENCY, PROPENSITY)

CANDIDATE_FILE_SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("parameters_b", pa.float64()),
        ("input_price", pa.float64()),
        ("output_price", pa.float64()),
        ("price_source", pa.string()),
        ("price_date", pa.string()),
    ]
)

REQUEST_PRICE = "request_price"
"""Column of `candidates.parquet` where a candidate has a price per request, USD; absent where none has."""

TEXT_COLUMNS = ("sample_id", "dataset", "task_group", "question", "options", "hint")


def sample_file_schema(candidate_names: Sequence[str]) -> pa.Schema:
    """Schema of `data/*.parquet` for a pool, with the feature description of the `datasets` library."""
    fields: list[tuple[str, pa.DataType]] = [
        ("sample_id", pa.string()),
        ("dataset", pa.string()),
        ("task_group", pa.string()),
        ("question", pa.string()),
        ("options", pa.list_(pa.string())),
        ("hint", pa.string()),
        ("image", IMAGE_TYPE),
        ("image_ok", pa.bool_()),
        ("group_id", pa.string()),
    ]
    fields += [(name, pa.struct([(c, kind) for c in candidate_names])) for name, kind in MATRIX_TYPES.items()]
    fields += [(FURTHER, pa.list_(IMAGE_TYPE)), (NUM_IMAGES, pa.int32())]
    schema = pa.schema(fields)
    features = {field.name: _feature(field.name, field.type) for field in schema}
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def _feature(name: str, kind: pa.DataType) -> Any:
    if kind == IMAGE_TYPE:
        return {"_type": "Image"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.name, field.type) for field in kind}
    if pa.types.is_list(kind):
        return {"feature": _feature("", kind.value_type), "_type": "List"}
    names = {
        pa.string(): "string",
        pa.bool_(): "bool",
        pa.float32(): "float32",
        pa.float64(): "float64",
        pa.int32(): "int32",
    }
    return {"dtype": names[kind], "_type": "Value"}
