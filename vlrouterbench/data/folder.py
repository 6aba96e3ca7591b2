"""The files of a benchmark folder, read as strictly as they are written, whoever sent the folder.

Decisions
- A report, a candidate or a column of another kind than `build` writes is an error that names the file, before anything
  is computed from it. Folders written by 0.x lack some fields of the report, and have the same columns.
- Columns beside those that `build` writes are left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.errors import BenchmarkError, SourceError, said, shown
from vlrouterbench.data.build_report import REPORT_FILE, BuildReport
from vlrouterbench.data.candidates import NOT_STATED, PRICE_FIELDS, CandidateModel, CandidatePool
from vlrouterbench.data.schema import (
    CANDIDATE_FILE_SCHEMA,
    FURTHER,
    MATRIX_TYPES,
    NUM_IMAGES,
    REQUEST_PRICE,
    SCHEMA_VERSION,
    sample_file_schema,
)

_LISTED = 1_000
"""Characters up to which names are listed as they are."""
_AGAIN = "Build the benchmark again, or fetch it again."


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_counts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_count, value.values()))


def _is_nested(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_counts, value.values()))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(part, dict) for part in value)


def _are_left_out(value: object) -> bool:
    texts = ("file", "reason", "detail")
    return _are_objects(value) and all(
        _is_text(e.get(name)) for e in cast(list[dict[str, Any]], value) for name in texts
    )


def _are_bounds(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    ends = [value.get(name) for name in ("cmin", "cmax")]
    numbers = [end for end in ends if isinstance(end, int | float) and not isinstance(end, bool)]
    named = _is_text(value.get("cmin_candidate")) and _is_text(value.get("cmax_candidate"))
    return named and len(numbers) == 2 and all(0 <= end < math.inf for end in numbers)


def _is_agreement(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_nested, value.values()))


_KINDS: dict[str, tuple[str, Callable[[object], bool]]] = {
    **dict.fromkeys(
        (
            "name",
            "price_sheet",
            "protocol",
            "quality",
            "split_by",
            "token_counter",
            "source_sha256",
            "version",
            "sha256",
        ),
        ("a text", _is_text),
    ),
    "simulated": ("true or false", lambda value: isinstance(value, bool)),
    **dict.fromkeys(("samples", "candidates", "pairs_read", "pairs_kept"), ("a count", _is_count)),
    "left_out": ("a list of objects with file, reason and detail", _are_left_out),
    **dict.fromkeys(("imputed", "splits", "datasets", "task_groups", "images"), ("counts by name", _is_counts)),
    **dict.fromkeys(("group_splits", "label_rules"), ("counts by two names", _is_nested)),
    "label_agreement": ("counts by three names", _is_agreement),
    "cost_bounds_usd": ("cmin and cmax >= 0 with the candidates they are of", _are_bounds),
}
_LATER: dict[str, tuple[str, Callable[[object], bool]]] = {
    **dict.fromkeys(("free_candidates", "price_notes", "source_notes"), ("a list of texts", _are_texts)),
    "pool_source": ("a text", _is_text),
    "schema_version": (f"1 to {SCHEMA_VERSION}, of this release", lambda value: value in range(1, SCHEMA_VERSION + 1)),
    "other_prices": ("a list of objects", _are_objects),
    "costs_known": ("true or false", lambda value: isinstance(value, bool)),
    "source_origin": ("an object", lambda value: isinstance(value, dict)),
    "leaks": ("an object", lambda value: isinstance(value, dict)),
}
"""Fields that folders of 0.x lack, or that are there where a source gives reason to them."""


def read_report(folder: Path) -> BuildReport:
    """The report of a benchmark folder.

    Raises:
        BenchmarkError: there is none, or a field is not what `build` writes.
    """
    path = folder / REPORT_FILE
    if not path.is_file():
        raise BenchmarkError(
            f"expected a benchmark folder with {REPORT_FILE}, found none at {folder}. "
            f"Make one with `vlrouterbench build SOURCE --out {folder}`."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BenchmarkError(f"{path} is not readable as JSON: {said(error)}. {_AGAIN}") from error
    if not isinstance(content, dict):
        raise BenchmarkError(f"{path}: expected an object, found {shown(content)}. {_AGAIN}")
    for name, (kind, fits) in (_KINDS | {key: rule for key, rule in _LATER.items() if key in content}).items():
        if name not in content:
            raise BenchmarkError(f'{path}: expected {kind} in "{name}", found none. {_AGAIN}')
        if not fits(content[name]):
            raise BenchmarkError(f'{path}: expected {kind} in "{name}", found {shown(content[name])}. {_AGAIN}')
    return cast(BuildReport, content)


def read_pool(folder: Path) -> CandidatePool:
    """The candidates of a benchmark folder.

    Raises:
        BenchmarkError: there is no such file, or a candidate is not what `build` writes.
    """
    path = folder / "candidates.parquet"
    if not path.is_file():
        raise BenchmarkError(f"expected {path}, found none. {_AGAIN}")
    table = _read_parquet(path, [*CANDIDATE_FILE_SCHEMA.names, REQUEST_PRICE])
    schema = pa.schema([*CANDIDATE_FILE_SCHEMA, (REQUEST_PRICE, pa.float64())])
    rows = _cast(table, [schema.field(name) for name in table.column_names], path).to_pylist()
    entries = []
    for number, row in enumerate(rows, start=1):
        # Where every answer brings its own cost, candidates have no prices.
        entry = dict.fromkeys(PRICE_FIELDS, NOT_STATED) | {name: cell for name, cell in row.items() if cell is not None}
        amounts = [cell for name, cell in row.items() if name in (*PRICE_FIELDS, REQUEST_PRICE) and cell is not None]
        if "name" not in entry or not all(0 <= amount < math.inf for amount in amounts):
            what = f"the prices {', '.join(map(str, amounts))}" if "name" in entry else "no name"
            raise BenchmarkError(f"{path}, row {number}: expected a name and prices >= 0, found {what}. {_AGAIN}")
        entries.append(entry)
    if not entries:
        raise BenchmarkError(f"{path}: expected candidates, found none. {_AGAIN}")
    try:
        return CandidatePool(tuple(CandidateModel(**entry) for entry in entries), str(path))
    except SourceError as error:
        raise BenchmarkError(f"{path}: {error}") from error


def read_shard(path: Path, pool: CandidatePool) -> tuple[pa.Table, dict[str, np.ndarray]]:
    """Samples of a file without their images, and their matrices by name, each (num_samples, num_candidates).

    Raises:
        BenchmarkError: a column is lacking, or not what `build` writes for the pool.
    """
    fields = [field for field in sample_file_schema(pool.names) if field.name not in ("image", FURTHER)]
    table = _read_parquet(path, [field.name for field in fields])
    # Tables of schema 1 have one image a row at most.
    fields = [field for field in fields if field.name != NUM_IMAGES or NUM_IMAGES in table.column_names]
    matrices = {name: _matrix(table, name, pool, path) for name in MATRIX_TYPES}
    samples = _cast(table, [field for field in fields if field.name not in MATRIX_TYPES], path)
    for name in ("sample_id", "dataset", "task_group", "question", "group_id", "image_ok"):
        if samples[name].null_count:
            raise BenchmarkError(f'{path}: expected a value in every row of "{name}", found a row without. {_AGAIN}')
    return samples, matrices


def count_rows(path: Path) -> int:
    """Rows of a file, by what it says of itself. BenchmarkError as for `read_shard` where it is not readable."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> BenchmarkError:
    return BenchmarkError(f"{path} is not readable as parquet: {said(error)}. {_AGAIN}")


def _read_parquet(path: Path, wanted: list[str]) -> pa.Table:
    try:
        there = pq.read_schema(path).names
        return pq.read_table(path, columns=[name for name in wanted if name in there], partitioning=None)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _cast(table: pa.Table, fields: list[pa.Field], path: Path) -> pa.Table:
    columns = {}
    for field in fields:
        if field.name not in table.column_names:
            raise BenchmarkError(f'{path}: expected the column "{field.name}", found none. {_AGAIN}')
        try:
            columns[field.name] = table[field.name].cast(field.type)
        except pa.ArrowException as error:
            found = table[field.name].type
            raise BenchmarkError(
                f'{path}: expected {field.type} in the column "{field.name}", found {shown(str(found))}. {_AGAIN}'
            ) from error
    return pa.table(columns)


def _short(names: list[str]) -> str:
    text = ", ".join(names)
    return text if len(text) <= _LISTED and text.isprintable() else shown(text)


def _matrix(table: pa.Table, name: str, pool: CandidatePool, path: Path) -> np.ndarray:
    if name not in table.column_names or not pa.types.is_struct(table[name].type):
        raise BenchmarkError(f'{path}: expected a column "{name}" with a value per candidate, found none. {_AGAIN}')
    struct = table[name].combine_chunks()
    if isinstance(struct, pa.ChunkedArray):
        struct = struct.chunk(0)
    names = [field.name for field in struct.type]
    if names != list(pool.names):
        raise BenchmarkError(
            f"{path}: its columns are for {_short(names)}; candidates.parquet lists {', '.join(pool.names)}. {_AGAIN}"
        )
    try:
        return np.column_stack(
            [values.cast(pa.float64()).to_numpy(zero_copy_only=False) for values in struct.flatten()]
        )
    except pa.ArrowException as error:
        raise BenchmarkError(f'{path}: expected numbers in "{name}", found others: {said(error)}. {_AGAIN}') from error
