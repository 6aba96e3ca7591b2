"""The table of a batch: CSV or parquet -> rows of text, checked one by one.

Decisions
- Columns: `question`; optionally `sample_id`, `image` (a name in the zip), `hint`, and `options` (a list, or text with
  `|` between options). Others are passed over and named.
- What is wrong with the file stops the batch; what is wrong with a row is that row's alone.
- CSV cells stay text: an answer "None" or a number with leading zeros is what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from vlrouterbench.routing.limits import LIMITS, MIB, DemoError, Limits, checked_file, checked_text

COLUMNS = ("sample_id", "question", "image", "hint", "options")
SEPARATOR = "|"


@dataclass(frozen=True)
class BatchRow:
    """A row as it was given; `sample_id` is its number where the table has none."""

    sample_id: str
    question: str
    image: str
    hint: str
    options: tuple[str, ...]


def read_batch(path: Path | str, limits: Limits = LIMITS) -> list[dict[str, Any]]:
    """The rows of a table, as they stand.

    Raises:
        DemoError: too large, not readable, without a `question` column, or without a row.
    """
    checked = checked_file(path, "table", limits.table_bytes)
    try:
        table = _parquet(checked, limits) if _is_parquet(checked) else _csv(checked)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeDecodeError) as error:
        raise DemoError("The table is not readable as CSV (UTF-8, with a header) or parquet.") from error
    if "question" not in table.column_names:
        found = ", ".join(name[:40] for name in table.column_names[:12])
        raise DemoError(f"The table needs a column question; found: {found or 'none'}.")
    if not 0 < table.num_rows <= limits.table_rows:
        raise DemoError(f"The table has {table.num_rows:,} rows; 1 to {limits.table_rows:,} are taken.")
    return table.select([name for name in COLUMNS if name in table.column_names]).to_pylist()


def checked_row(row: dict[str, Any], number: int, limits: Limits = LIMITS) -> BatchRow:
    """A row whose texts are ones a router takes.

    Args:
        row: as `read_batch` gives it.
        number: of the row, from 1 on.
        limits: see Limits.

    Raises:
        DemoError: no question and no picture, or a text that is too long.
    """
    question = checked_text(_text(row.get("question")), "question", limits)
    image = _text(row.get("image")).strip()
    if not question and not image:
        raise DemoError("neither a question nor a picture.")
    options = _options(row.get("options"))
    if len(options) > limits.options:
        raise DemoError(f"{len(options)} options; at most {limits.options} are taken.")
    return BatchRow(
        sample_id=_text(row.get("sample_id")).strip()[: limits.id_chars] or str(number),
        question=question,
        image=image,
        hint=checked_text(_text(row.get("hint")), "hint", limits),
        options=tuple(checked_text(option, "option", limits) for option in options),
    )


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(4) == b"PAR1"


def _parquet(path: Path, limits: Limits) -> pa.Table:
    with pq.ParquetFile(path) as file:
        facts = file.metadata
        unpacked = sum(facts.row_group(group).total_byte_size for group in range(facts.num_row_groups))
        if facts.num_rows > limits.table_rows or unpacked > limits.unpacked_bytes:
            raise DemoError(
                f"The table has {facts.num_rows:,} rows of {unpacked / MIB:.0f} MiB; at most {limits.table_rows:,} "
                f"rows of {limits.unpacked_bytes / MIB:.0f} MiB are taken."
            )
        return file.read(columns=[name for name in COLUMNS if name in file.schema_arrow.names])


def _csv(path: Path) -> pa.Table:
    with path.open("rb") as handle:
        head = handle.readline(64 * 1024).decode("utf-8-sig")
    if "\0" in head:
        raise DemoError("The table is not readable as CSV (UTF-8, with a header) or parquet.")
    options = pc.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()), strings_can_be_null=False)
    return pc.read_csv(path, parse_options=pc.ParseOptions(newlines_in_values=True), convert_options=options)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _options(value: object) -> Sequence[str]:
    if value is None:
        return ()
    parts = value if isinstance(value, list | tuple) else str(value).split(SEPARATOR)
    return [text for part in parts if (text := _text(part).strip())]
