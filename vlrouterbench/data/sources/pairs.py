"""Samples and pairs of a published table -> a source: what every format of pairs checks in the same way.

Decisions
- Nothing is imputed, and nothing is dropped in silence: pairs of other models, of unknown samples, without a quality in
  [0, 1], or with two outcomes are left out and named, per model with their number and the first of them.
- A pair that stands twice with the same outcome is read once; with two, neither can be trusted.
- Whole columns at once: a table of a million pairs is a few arrays.
- A cost that the format gives stands, unless a protocol is asked for: then tokens are counted again, and prices decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vlrouterbench.core.constants import task_group_of
from vlrouterbench.core.errors import SourceError
from vlrouterbench.core.limits import ANSWER_USD
from vlrouterbench.data.candidates import CandidatePool
from vlrouterbench.data.sources.source import few_names
from vlrouterbench.data.sources.source_logs import (
    OUTCOME_SCHEMA,
    SAMPLE_SCHEMA,
    ImageReference,
    LeftOut,
    Reason,
    SourceLogs,
    positions_of,
)

_AMOUNTS = {"input_tokens": 2**31 - 1, "output_tokens": 2**31 - 1, "cost_usd": ANSWER_USD}
"""Column of amounts -> the most that one answer can take."""
WRONG = -1
"""Stands for an amount of a source that is no number: it is named as one that no answer can have."""


@dataclass
class Gathered:
    """What a format gathers while it reads.

    Attributes:
        folder: the source.
        pool: the candidates.
        samples: rows of SAMPLE_SCHEMA.
        pairs: rows of OUTCOME_SCHEMA, of any model, in any number per sample and model.
        images: one reference per sample; () where no sample has any.
        further: sample id -> its images beside the first, of those that have several.
        image_files: per sample the file that holds its image; () where there is none.
        file: what is named as the place of pairs that are left out.
    """

    folder: Path
    pool: CandidatePool
    samples: pa.Table
    pairs: pa.Table
    images: Sequence[ImageReference] = ()
    image_files: Sequence[str] = ()
    file: str = ""
    left_out: list[LeftOut] = field(default_factory=list)
    missing_images: set[str] = field(default_factory=set)
    unread_images: set[str] = field(default_factory=set)
    further: dict[str, Sequence[ImageReference]] = field(default_factory=dict)


def sample_table(columns: Mapping[str, Sequence[str]], split: Sequence[str | None] | None = None) -> pa.Table:
    """Rows of SAMPLE_SCHEMA of `sample_id`, `dataset` and `question`, each (num_samples,), without options or hint."""
    count = len(columns["sample_id"])
    groups = {name: task_group_of(name) for name in set(columns["dataset"])}
    return pa.table(
        {
            **columns,
            "task_group": [groups[name] for name in columns["dataset"]],
            "options": pa.array([[]] * count, pa.list_(pa.string())),
            "hint": [""] * count,
            "group_id": pa.nulls(count, pa.string()),
            "split": pa.nulls(count, pa.string()) if split is None else pa.array(split, pa.string()),
        },
        schema=SAMPLE_SCHEMA,
    )


def pair_table(columns: Mapping[str, object], count: int) -> pa.Table:
    """Rows of OUTCOME_SCHEMA of some of its columns, null in the others; NaN is null but in `quality`."""
    made = {}
    for one in OUTCOME_SCHEMA:
        values = columns.get(one.name)
        if values is None:
            made[one.name] = pa.nulls(count, one.type)
        elif isinstance(values, pa.Array | pa.ChunkedArray):
            made[one.name] = values.cast(one.type)
        else:
            made[one.name] = pa.array(values, one.type, from_pandas=one.name != "quality")
    return pa.table(made, schema=OUTCOME_SCHEMA)


def source_logs(gathered: Gathered, *, source_sha256: str, protocol: str, notes: Sequence[str] = ()) -> SourceLogs:
    """The source, its pairs checked.

    Raises:
        SourceError: two samples have one id.
    """
    samples, pool = gathered.samples, gathered.pool
    _refuse_doubled_samples(samples)
    pairs, left_out = _checked(gathered)
    known = np.isfinite(pairs["cost_usd"].to_numpy(zero_copy_only=False).astype(float))
    counted = pc.and_(pc.is_valid(pairs["input_tokens"]), pc.is_valid(pairs["output_tokens"]))
    priced = pc.is_in(pairs["candidate"], pa.array([c.name for c in pool.candidates if c.is_priced], pa.string()))
    return SourceLogs(
        samples=samples,
        outcomes=pairs,
        images=gathered.images or [None] * samples.num_rows,
        pool=pool,
        name=gathered.folder.resolve().name,
        source_sha256=source_sha256,
        pairs_read=gathered.pairs.num_rows,
        left_out=[*gathered.left_out, *left_out],
        missing_images=gathered.missing_images,
        unread_images=gathered.unread_images,
        protocol=protocol,
        image_files=gathered.image_files,
        further=gathered.further,
        notes=tuple(notes),
        costs_known=bool(known.any() or pc.any(pc.and_(counted, priced)).as_py()),
    )


def _refuse_doubled_samples(samples: pa.Table) -> None:
    counts = pc.value_counts(samples["sample_id"]).to_pylist()
    doubled = [entry["values"] for entry in counts if entry["counts"] > 1]
    if doubled:
        raise SourceError(f"expected each sample once, found twice: {few_names(doubled)}. Keep one row of each.")


def _checked(gathered: Gathered) -> tuple[pa.Table, list[LeftOut]]:
    """The pairs that are kept, and the others by name."""
    pairs, pool, left_out = gathered.pairs, gathered.pool, list[LeftOut]()
    rows = positions_of(pairs["sample_id"], gathered.samples["sample_id"])
    columns = positions_of(pairs["candidate"], pa.chunked_array([pool.names]))
    quality = pairs["quality"].to_numpy(zero_copy_only=False).astype(float)
    unlisted = columns < 0
    others = [str(name) for name in pairs["candidate"].filter(pa.array(unlisted)).unique().to_pylist()]
    left_out += [
        LeftOut(gathered.file, Reason.UNKNOWN_MODEL, "no candidate of the pool has this name", candidate=name)
        for name in sorted(others)
    ]
    foreign, empty = ~unlisted & (rows < 0), np.isnan(quality)
    outside = ~empty & ~((quality >= 0) & (quality <= 1))
    faults = (
        (foreign, Reason.NOT_FOUND, "no sample of this id"),
        (~unlisted & ~foreign & empty, Reason.NO_LABEL, "no score, so no label"),
        (~unlisted & ~foreign & outside, Reason.NO_LABEL, "a score outside [0, 1], so no label"),
    )
    for mask, reason, said in faults:
        left_out += _named(pairs, mask, gathered, (reason, said))
    kept = ~(unlisted | foreign | empty | outside)
    repeated, contradicted = _doubled(pairs, rows * len(pool) + columns, kept)
    left_out += _named(pairs, repeated, gathered, (Reason.CONFLICT, "the same outcome more than once, read once"))
    left_out += _named(pairs, contradicted, gathered, (Reason.CONFLICT, "two different outcomes of one sample"))
    kept &= ~(repeated | contradicted)
    never = set(range(len(pool))) - set(np.unique(columns[kept]).tolist())
    detail = "no sample was measured on this candidate"
    left_out += [
        LeftOut(gathered.file, Reason.NOT_FOUND, detail, candidate=pool.names[index]) for index in sorted(never)
    ]
    without = int(gathered.samples.num_rows - len(np.unique(rows[kept])))
    if without:
        detail = f"no candidate was measured on these samples: {without:,}"
        left_out.append(LeftOut(gathered.file, Reason.NO_LABEL, detail))
    pairs, amounts = _without_wrong_amounts(pairs.filter(pa.array(kept)), gathered)
    return pairs, [*left_out, *amounts]


def _without_wrong_amounts(pairs: pa.Table, gathered: Gathered) -> tuple[pa.Table, list[LeftOut]]:
    """The pairs with null in the place of tokens and costs that no answer can have, and these by name."""
    left_out = list[LeftOut]()
    for name, most in _AMOUNTS.items():
        values = pairs[name].cast(pa.float64())
        wrong = pc.fill_null(pc.or_(pc.less(values, 0), pc.greater(values, most)), False)
        if pc.any(wrong).as_py():
            said = f"{name} is no amount from 0 to {most:,}, so it is not read"
            left_out += _named(pairs, wrong.to_numpy(zero_copy_only=False), gathered, (Reason.NO_COST, said))
            column = pc.if_else(wrong, pa.scalar(None, pairs.schema.field(name).type), pairs[name])
            pairs = pairs.set_column(pairs.schema.get_field_index(name), name, column)
    return pairs, left_out


def _doubled(pairs: pa.Table, keys: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(repeated, contradicted), each (num_pairs,) bool: later rows that say the same, and all rows of two outcomes."""
    repeated, contradicted = np.zeros(len(keys), bool), np.zeros(len(keys), bool)
    at = np.flatnonzero(kept)
    order = at[np.argsort(keys[at], kind="stable")]
    again = np.flatnonzero(keys[order][1:] == keys[order][:-1]) + 1
    if not again.size:
        return repeated, contradicted
    doubled = np.unique(keys[order[again]])
    for key in doubled.tolist():
        of_key = order[np.searchsorted(keys[order], key, "left") : np.searchsorted(keys[order], key, "right")]
        outcomes = {tuple(map(str, row.values())) for row in pairs.take(pa.array(of_key)).to_pylist()}
        if len(outcomes) > 1:
            contradicted[of_key] = True
        else:
            repeated[of_key[1:]] = True
    return repeated, contradicted


def _named(pairs: pa.Table, mask: np.ndarray, gathered: Gathered, why: tuple[Reason, str]) -> Iterator[LeftOut]:
    """One entry per candidate of the pairs of a mask, with their number and the first."""
    if not mask.any():
        return
    at = np.flatnonzero(mask)
    some = pairs.select(["sample_id", "candidate"]).take(pa.array(at))
    counts = Counter(some["candidate"].to_pylist())
    for name, count in counts.items():
        first = str(some["sample_id"][pc.index(some["candidate"], name).as_py()])
        detail = f"{why[1]}: {count:,} pairs, first of {first}"
        sample_id = first if count == 1 else None
        yield LeftOut(gathered.file, why[0], detail, sample_id=sample_id, candidate=name)
