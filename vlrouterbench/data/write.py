"""An assembled benchmark -> a folder that is also a Hub dataset repository.

Decisions
- Shards by split and task group, at most `ROWS_PER_SHARD` rows each, so that one group can be loaded alone.
- Images are read again here, a row group at a time: memory holds one row group, not the benchmark. A group ends at a
  number of rows, or earlier at a number of bytes, so that it is bounded whatever the size of the images.
- Same source, same bytes: rows keep the source's order, and nothing of the clock or the machine is written.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.cards.dataset_card import render_dataset_card
from vlrouterbench.core.constants import SPLITS, group_slug
from vlrouterbench.core.errors import SourceError
from vlrouterbench.core.files import sha256_of_files, staged_folder, without_nan, write_json
from vlrouterbench.data.assemble import Assembled
from vlrouterbench.data.build_report import REPORT_FILE, BuildReport, build_report
from vlrouterbench.data.candidates import CandidatePool
from vlrouterbench.data.given_features import GIVEN_FEATURES, digested_files
from vlrouterbench.data.images import read_image_bytes
from vlrouterbench.data.schema import (
    ANSWER_COLUMNS,
    CANDIDATE_FILE_SCHEMA,
    FURTHER,
    IMAGE_TYPE,
    MATRIX_TYPES,
    NUM_IMAGES,
    OUTCOME_FILE_SCHEMA,
    REQUEST_PRICE,
    TEXT_COLUMNS,
    sample_file_schema,
)

ROWS_PER_SHARD = 5_000
ROWS_PER_GROUP = 250
IMAGE_BYTES_PER_GROUP = 2**28
"""A row group ends with the image that reaches this: Arrow holds several copies of a group while it writes one."""
OUTCOMES_PER_SHARD = 500_000
CONFIG_NAMES = ("default", "outcomes", "candidates")
"""Configs that every folder has beside those of its task groups."""


class CandidateFigures(TypedDict):
    """What a dataset card states of a candidate: prices (None: not stated), measured pairs, means over all splits."""

    name: str
    input_price: float | None
    output_price: float | None
    num_pairs: int
    accuracy: float | None
    average_cost_usd: float | None


def write_benchmark(benchmark: Assembled, out: Path) -> BuildReport:
    """Write the folder (beside, then renamed) and return its build report."""
    with staged_folder(out) as folder:
        (folder / "data").mkdir()
        (folder / "outcomes").mkdir()
        _write_samples(benchmark, folder / "data")
        _write_outcomes(benchmark.outcomes, folder / "outcomes")
        pq.write_table(candidates_table(benchmark.source.pool), folder / "candidates.parquet")
        if benchmark.source.features is not None:
            shutil.copyfile(benchmark.source.features, folder / GIVEN_FEATURES)
        report = build_report(benchmark, sha256=sha256_of_files(digested_files(folder), folder))
        write_json(folder / REPORT_FILE, report)
        card = render_dataset_card(report, mean_quality_and_cost(benchmark))
        (folder / "README.md").write_text(card, encoding="utf-8")
    return report


def candidates_table(pool: CandidatePool) -> pa.Table:
    """The pool as it stands in `candidates.parquet`."""
    schema = CANDIDATE_FILE_SCHEMA
    if any(c.request_price for c in pool.candidates):
        schema = schema.append(pa.field(REQUEST_PRICE, pa.float64()))
    rows = [{name: without_nan(getattr(c, name)) for name in schema.names} for c in pool.candidates]
    return pa.Table.from_pylist(rows, schema=schema)


def mean_quality_and_cost(benchmark: Assembled) -> list[CandidateFigures]:
    """Per candidate: measured pairs, mean quality and mean cost over all splits (None where nothing was measured)."""
    rows = []
    for index, candidate in enumerate(benchmark.source.pool.candidates):
        quality, cost = benchmark.matrices["quality"][:, index], benchmark.matrices["cost"][:, index]
        rows.append(
            CandidateFigures(
                name=candidate.name,
                input_price=without_nan(candidate.input_price),
                output_price=without_nan(candidate.output_price),
                num_pairs=int(np.isfinite(quality).sum()),
                accuracy=float(np.nanmean(quality)) if np.isfinite(quality).any() else None,
                average_cost_usd=float(np.nanmean(cost)) if np.isfinite(cost).any() else None,
            )
        )
    return rows


def _write_samples(benchmark: Assembled, folder: Path) -> None:
    schema = sample_file_schema(benchmark.source.pool.names)
    split = np.array(benchmark.samples["split"].to_pylist())
    group = np.array(benchmark.samples["task_group"].to_pylist())
    slugs = {group_slug(name) for name in set(group.tolist())}
    if slugs & set(CONFIG_NAMES):
        raise SourceError(
            f"a task group is named like a config of every benchmark ({', '.join(sorted(slugs & set(CONFIG_NAMES)))}): "
            "rename it."
        )
    if len(slugs) < len(set(group.tolist())):
        raise SourceError(f"two task groups share one file name ({', '.join(sorted(slugs))}): rename one of them.")
    for split_name in SPLITS:
        for name in dict.fromkeys(group[split == split_name].tolist()):
            rows = np.flatnonzero((split == split_name) & (group == name))
            shards = np.array_split(rows, -(-len(rows) // ROWS_PER_SHARD))
            for number, shard in enumerate(shards):
                path = folder / f"{split_name}-{group_slug(name)}-{number:05d}-of-{len(shards):05d}.parquet"
                with pq.ParquetWriter(path, schema) as writer:
                    for group_rows, images in _row_groups(benchmark, shard, schema):
                        writer.write_table(_sample_rows(benchmark, group_rows, images, schema))


def _row_groups(
    benchmark: Assembled, rows: np.ndarray, schema: pa.Schema
) -> Iterator[tuple[np.ndarray, dict[str, pa.Array]]]:
    """The rows of a shard, a row group at a time, and their columns of images."""
    start, size = 0, 0
    cells: list[list[dict[str, bytes | None]]] = []
    for end, row in enumerate(rows, start=1):
        contents = map(read_image_bytes, (benchmark.images[row], *benchmark.further.get(row, ())))
        cells.append([{"bytes": content, "path": None} for content in contents if content is not None])
        size += sum(len(cell["bytes"] or b"") for cell in cells[-1])
        if len(cells) == ROWS_PER_GROUP or size >= IMAGE_BYTES_PER_GROUP or end == len(rows):
            columns = {
                "image": pa.array([own[0] if own else None for own in cells], IMAGE_TYPE),
                FURTHER: pa.array([own[1:] for own in cells], schema.field(FURTHER).type),
                NUM_IMAGES: pa.array(map(len, cells), pa.int32()),
            }
            cells, size = [], 0  # before the group is written: the columns are copies
            yield rows[start:end], columns
            start = end


def _sample_rows(benchmark: Assembled, rows: np.ndarray, images: Mapping[str, pa.Array], schema: pa.Schema) -> pa.Table:
    samples = benchmark.samples.take(pa.array(rows))
    columns: dict[str, pa.Array | pa.ChunkedArray] = {name: samples[name] for name in TEXT_COLUMNS}
    columns |= images
    columns["image_ok"] = pa.array(benchmark.image_ok[rows])
    columns["group_id"] = samples["group_id"]
    for name, kind in MATRIX_TYPES.items():
        matrix = benchmark.matrices[name][rows]
        # Token counts are integers, which have no NaN: not measured is null.
        arrays = [pa.array(column, kind, from_pandas=pa.types.is_integer(kind)) for column in matrix.T]
        columns[name] = pa.StructArray.from_arrays(arrays, fields=list(schema.field(name).type))
    return pa.table(columns, schema=schema)


def _write_outcomes(outcomes: pa.Table, folder: Path) -> None:
    schema = OUTCOME_FILE_SCHEMA
    for name in ANSWER_COLUMNS:
        if name in outcomes.column_names and outcomes[name].null_count < outcomes.num_rows:
            schema = schema.append(pa.field(name, pa.float64()))
    table = outcomes.select(schema.names).cast(schema)
    count = max(1, -(-table.num_rows // OUTCOMES_PER_SHARD))
    for number in range(count):
        path = folder / f"outcomes-{number:05d}-of-{count:05d}.parquet"
        pq.write_table(table.slice(number * OUTCOMES_PER_SHARD, OUTCOMES_PER_SHARD), path)
