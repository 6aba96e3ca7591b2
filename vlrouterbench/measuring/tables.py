"""The folder of tables that a measurement is written to: which folders may be written, samples and candidates.

Decisions
- Tables that measuring did not write are not touched: they may be somebody's only copy.
- Files are those that `build` reads as they are; what else lies there (answers, report, page) it reads past.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.errors import SourceError, VLRouterBenchError
from vlrouterbench.core.files import make_folder, staged_file
from vlrouterbench.data.candidates import find_pool_file
from vlrouterbench.data.sources.own_tables.read import find_table
from vlrouterbench.measuring.answers import ANSWERS_FILE
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.measuring.grading.kinds import Grading
from vlrouterbench.measuring.samples import SAMPLES_SCHEMA, SampleTable

SAMPLES_FILE, CANDIDATES_FILE = "samples.parquet", "candidates.csv"
_COLUMNS = ("name", "input_price", "output_price", "parameters_b", "source", "date", "image_rule")


def check_out(folder: Path) -> None:
    """Make the folder; raise VLRouterBenchError where tables stand in it that measuring did not write."""
    make_folder(folder)
    if (folder / ANSWERS_FILE).is_file():
        return
    tables = [find_table(folder, stem) for stem in ("samples", "outcomes")]
    found = [path.name for path in (*tables, find_pool_file(folder)) if path is not None]
    if found:
        raise VLRouterBenchError(
            f"expected a new folder in --out, or one that measure wrote, found {', '.join(found)} in {folder}. Give "
            "another --out."
        )


def write_samples(samples: SampleTable) -> None:
    """Write `samples.parquet`: the columns that somebody gave, images in the column that `build` reads."""
    table = samples.table
    for name in SAMPLES_SCHEMA.names:
        if name != "images" and table[name].null_count == table.num_rows:
            table = table.drop_columns([name])
    images = table["images"].to_pylist()
    table = table.drop_columns(["images"])
    if any(len(row or ()) > 1 for row in images):
        table = table.append_column("images", pa.array(images, pa.list_(pa.string())))
    elif any(images):
        table = table.append_column("image", pa.array([row[0] if row else None for row in images], pa.string()))
    with staged_file(samples.folder / SAMPLES_FILE) as staging:
        pq.write_table(table, staging)


def read_written_samples(folder: Path, default: Grading | None) -> SampleTable:
    """Samples of a folder of tables, to be graded again; their own gold answers and gradings are read.

    Raises:
        SourceError: the folder has none, or they have no answers.
    """
    path = folder / SAMPLES_FILE
    if not path.is_file():
        raise SourceError(f"expected a folder that measure wrote, with {SAMPLES_FILE}, found none at {folder}.")
    table = pq.read_table(path)
    for name in SAMPLES_SCHEMA.names:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, SAMPLES_SCHEMA.field(name).type))
    samples = SampleTable(table.select(SAMPLES_SCHEMA.names), folder, default)
    samples.check()
    return samples


def write_candidates(endpoints: Sequence[Endpoint], source: str, folder: Path) -> None:
    """Write `candidates.csv`; `source` is where prices stand that say it not themselves."""
    with (
        staged_file(folder / CANDIDATES_FILE) as staging,
        staging.open("w", newline="", encoding="utf-8") as handle,
    ):
        writer = csv.writer(handle)
        writer.writerow(_COLUMNS)
        for endpoint in endpoints:
            known = (endpoint.parameters_b, endpoint.source or source, endpoint.date, endpoint.image_rule)
            cells = (endpoint.name, endpoint.input_price, endpoint.output_price, *known)
            writer.writerow(["" if cell is None else cell for cell in cells])
