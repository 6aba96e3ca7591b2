"""The fields of an entry of an endpoints file: what each holds, and the JSON schema that follows from them.

Decisions
- One list: the reader and the schema cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vlrouterbench.data.image_tokens import IMAGE_RULES
from vlrouterbench.data.prices.numbers import HIGHEST

VARIABLE_PATTERN = "^[A-Za-z_][A-Za-z0-9_]*$"
MOST_CONCURRENT = 1024


class Kind(StrEnum):
    """What a field holds, in JSON's words."""

    TEXT = "string"
    NUMBER = "number"
    COUNT = "integer"
    TRUTH = "boolean"
    MAPPING = "object"


@dataclass(frozen=True)
class Field:
    """A field of an entry; `low` and `high` bound its numbers, both included."""

    name: str
    kind: Kind
    text: str
    required: bool = False
    low: float = 0
    high: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""


FIELDS = (
    Field("name", Kind.TEXT, "The candidate's name in tables and decisions.", required=True),
    Field("base_url", Kind.TEXT, "Of an OpenAI-compatible server, such as http://127.0.0.1:8000/v1."),
    Field("provider", Kind.TEXT, "In the place of base_url: one of Hugging Face's Inference Providers, or auto."),
    Field("model", Kind.TEXT, "What the server calls the model.", required=True),
    Field(
        "api_key_env",
        Kind.TEXT,
        "Name of the environment variable that holds the key; never the key.",
        pattern=VARIABLE_PATTERN,
    ),
    Field("input_price", Kind.NUMBER, "USD per million input tokens.", required=True, high=float(HIGHEST)),
    Field("output_price", Kind.NUMBER, "USD per million output tokens.", required=True, high=float(HIGHEST)),
    Field("timeout_s", Kind.NUMBER, "Seconds until an answer must be whole.", low=0.001, high=86_400),
    Field("max_concurrency", Kind.COUNT, "Requests under way at once.", low=1, high=MOST_CONCURRENT),
    Field("requests_per_minute", Kind.NUMBER, "Requests begun in a minute at most.", low=0.001, high=1_000_000),
    Field("max_output_tokens", Kind.COUNT, "Cap on an answer's tokens, sent as max_tokens.", low=1, high=10_000_000),
    Field("context_tokens", Kind.COUNT, "Input and output tokens that the model takes.", low=1, high=100_000_000),
    Field("max_images", Kind.COUNT, "Images of a request at most; 0 for a model of text.", high=1_000),
    Field("max_image_bytes", Kind.COUNT, "Bytes of an encoded image at most.", low=1_000, high=2**31),
    Field("tools", Kind.TRUTH, "Whether the model takes tools."),
    Field("extra_body", Kind.MAPPING, "Further fields of every request; null takes a field away."),
    Field("parameters_b", Kind.NUMBER, "Parameters in billions.", high=1_000_000),
    Field("source", Kind.TEXT, "Where the prices stand."),
    Field("date", Kind.TEXT, "Since when the prices hold."),
    Field("image_rule", Kind.TEXT, "How image tokens follow from an image's size.", choices=tuple(IMAGE_RULES)),
)
BY_NAME = {field.name: field for field in FIELDS}


def endpoints_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of an endpoints file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Endpoints of candidates",
        "type": "object",
        "required": ["candidates"],
        "additionalProperties": False,
        "properties": {
            "candidates": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": [field.name for field in FIELDS if field.required],
                    "oneOf": [{"required": ["base_url"]}, {"required": ["provider"]}],
                    "additionalProperties": False,
                    "properties": {field.name: _property(field) for field in FIELDS},
                },
            }
        },
    }


def _property(field: Field) -> dict[str, Any]:
    form: dict[str, Any] = {"type": field.kind.value, "description": field.text}
    if field.kind in (Kind.NUMBER, Kind.COUNT):
        form["minimum"] = field.low
        if field.high is not None:
            form["maximum"] = field.high
    if field.kind is Kind.TEXT:
        form["minLength"] = 1
    if field.choices:
        form["enum"] = list(field.choices)
    if field.pattern:
        form["pattern"] = field.pattern
    return form
