"""What reading a source gives, before splits and costs: samples, outcomes, images, a pool, and what was left out.

Decisions
- One form for logs, own tables and the simulator, so that there is one builder.
- Images are references until they are written, so that neither a folder of photographs nor a table of them need fit in
  memory.
- Everything left out is named with file, sample, candidate and reason. Nothing is imputed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vlrouterbench.data.candidates import CandidatePool
from vlrouterbench.data.hub_source import HubOrigin
from vlrouterbench.data.image_store import StoredImage

ImageReference = bytes | Path | StoredImage | None
"""Encoded bytes, a file, bytes put aside in a file, or no image at all (a text-only sample)."""

SAMPLE_SCHEMA = pa.schema(
    [
        ("sample_id", pa.string()),
        ("dataset", pa.string()),
        ("task_group", pa.string()),
        ("question", pa.string()),
        ("options", pa.list_(pa.string())),
        ("hint", pa.string()),
        ("group_id", pa.string()),
        ("split", pa.string()),
    ]
)
"""Samples before splitting; `group_id` and `split` are null where the source does not give them."""

OUTCOME_SCHEMA = pa.schema(
    [
        ("sample_id", pa.string()),
        ("candidate", pa.string()),
        ("quality", pa.float32()),
        ("input_tokens", pa.int32()),
        ("output_tokens", pa.int32()),
        ("cost_usd", pa.float64()),
        ("prediction", pa.large_string()),
    ]
)
"""One measured pair per row; `cost_usd` is given only where the source fixes it, else it follows from tokens and
prices."""


class LeftOutRecord(TypedDict):
    """One entry of `left_out` in `build_report.json`."""

    file: str
    reason: str
    detail: str
    sample_id: str | None
    candidate: str | None


class Agreement(TypedDict):
    """How many published labels were compared with VLMEvalKit's own rule, and how many differ."""

    compared: int
    differ: int


class Reason(StrEnum):
    """Why something was left out."""

    UNREADABLE = "unreadable"
    CONFLICT = "conflict"
    UNKNOWN_MODEL = "unknown_model"
    UNKNOWN_DATASET = "unknown_dataset"
    IMAGE = "image"
    VIDEO = "video"
    NO_LABEL = "no_label"
    NO_COST = "no_cost"
    NO_PREDICTION = "no_prediction"
    SUPERSEDED = "superseded_run"
    SECOND_JUDGE = "second_judge"
    AGGREGATE = "aggregate_only"
    DANGLING_LINK = "dangling_link"
    OUTSIDE_LINK = "outside_link"
    NOT_FOUND = "not_found"
    NOT_A_LOG = "not_a_log"
    FAILED_CALL = "failed_call"


@dataclass(frozen=True)
class LeftOut:
    """One thing that is not in the benchmark although the source holds it or should hold it."""

    file: str
    reason: Reason
    detail: str
    sample_id: str | None = None
    candidate: str | None = None

    def as_dict(self) -> LeftOutRecord:
        """As it stands in `build_report.json`."""
        return {
            "file": self.file,
            "reason": str(self.reason),
            "detail": self.detail,
            "sample_id": self.sample_id,
            "candidate": self.candidate,
        }


@dataclass
class SourceLogs:
    """A source, read.

    Attributes:
        samples: rows of SAMPLE_SCHEMA, one per sample, ids unique.
        outcomes: rows of OUTCOME_SCHEMA, at most one per (sample, candidate); and columns of ANSWER_COLUMNS where there
            are any.
        images: one reference per row of `samples`: its first image.
        further: sample id -> its other images, in order, of those that have several.
        pool: the candidates.
        name: the benchmark's name.
        source_sha256: digest of the source.
        simulated: whether it was drawn and not measured.
        pairs_read: measured pairs seen, kept or not.
        left_out: what was left out, with reasons.
        missing_images: sample ids whose image is missing; `left_out` names them already.
        unread_images: those of them for which the source names an image, which could not be read.
        without_dataset: sample ids whose dataset the source does not give: they are shown under a name that has no part
            in how they are split.
        protocol: how tokens were counted.
        image_files: per row of `samples`, the file (relative to the source) that holds its image; empty where the
            source is no folder.
        label_rules: dataset -> rule -> number of candidates whose labels it gave, where labels follow from rules.
        label_agreement: dataset -> candidate -> how many published labels were compared with VLMEvalKit's own rule and
            how many differ.
        notes: what whoever uses it should know of the source, a sentence each.
        origin: repository, commit and folder on the Hub, None for a source that lay on this machine.
        features: a file of features for samples whose content is not here (`data/given_features.py`); None for none.
        costs_known: whether any cost is given or follows from tokens and prices; without one, accuracy alone counts.
    """

    samples: pa.Table
    outcomes: pa.Table
    images: Sequence[ImageReference]
    pool: CandidatePool
    name: str
    source_sha256: str
    simulated: bool = False
    pairs_read: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    missing_images: set[str] = field(default_factory=set)
    unread_images: set[str] = field(default_factory=set)
    without_dataset: set[str] = field(default_factory=set)
    protocol: str = "reference"
    image_files: Sequence[str] = ()
    further: Mapping[str, Sequence[ImageReference]] = field(default_factory=dict)
    label_rules: dict[str, dict[str, int]] = field(default_factory=dict)
    label_agreement: dict[str, dict[str, Agreement]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    costs_known: bool = True
    origin: HubOrigin | None = None
    features: Path | None = None


def as_table(columns: Mapping[str, Sequence[object]], schema: pa.Schema) -> pa.Table:
    """A table of a schema; columns that are not given are null throughout."""
    num_rows = len(next(iter(columns.values())))
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(num_rows, field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def positions_of(values: pa.ChunkedArray, names: pa.ChunkedArray) -> np.ndarray:
    """Position of each value in `names`, (num_values,) int64; -1 where it is not there."""
    positions = pc.index_in(values, value_set=names.combine_chunks())
    return pc.fill_null(positions, -1).to_numpy().astype(np.int64)
