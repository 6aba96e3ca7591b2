"""A table of questions: CSV or parquet -> rows of text, checked one by one.

Decisions
- Columns: `question`; optionally `sample_id`, `image` (the name of an image file), `hint`, and `options` (a list, or
  text with `|` between options). Other columns are ignored.
- An error in the file as a whole stops everything; an error in a row concerns that row only.
- CSV cells stay text: an answer "None" or a number with leading zeros is kept as written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from vlrouterbench.routing.limits import LIMITS, MIB, Limits, QuestionError, checked_file, checked_text

COLUMNS = ("sample_id", "question", "image", "hint", "options")
SEPARATOR = "|"
RawRow = Mapping[str, object]
"""A row of a table, not yet checked: name of a column -> cell."""


@dataclass(frozen=True)
class Question:
    """A row whose texts were checked.

    Attributes:
        sample_id: the row's number where the table has no ids.
        question: empty where there is an image only.
        image: name of the image, empty where there is none.
        hint: extra instruction or context.
        options: answer options.
    """

    sample_id: str
    question: str
    image: str
    hint: str
    options: tuple[str, ...]


def read_questions(path: Path | str, limits: Limits = LIMITS) -> list[RawRow]:
    """The rows of a table, not yet checked.

    Raises:
        QuestionError: the file is too large or not readable, or has no `question` column or no row.
    """
    checked = checked_file(path, "table", limits.table_bytes)
    try:
        table = _parquet(checked, limits) if _is_parquet(checked) else _csv(checked)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeDecodeError) as error:
        raise QuestionError("The table is not readable as CSV (UTF-8, with a header) or parquet.") from error
    if "question" not in table.column_names:
        columns = ", ".join(name[:40] for name in table.column_names[:12])
        raise QuestionError(f"The table needs a column question; found: {columns or 'none'}.")
    if not 0 < table.num_rows <= limits.table_rows:
        raise QuestionError(f"The table has {table.num_rows:,} rows; 1 to {limits.table_rows:,} are accepted.")
    return table.select([name for name in COLUMNS if name in table.column_names]).to_pylist()


def checked_question(row: RawRow, number: int, limits: Limits = LIMITS) -> Question:
    """A row as a question that a router accepts.

    Args:
        row: as `read_questions` returns it.
        number: the row's number, from 1 on.
        limits: see Limits.

    Raises:
        QuestionError: the row has neither question nor image, or a text is too long.
    """
    question = checked_text(_text(row.get("question")), "question", limits)
    image = _text(row.get("image")).strip()
    if not question and not image:
        raise QuestionError("neither a question nor an image.")
    options = _options(row.get("options"))
    if len(options) > limits.options:
        raise QuestionError(f"{len(options)} options; at most {limits.options} are accepted.")
    return Question(
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
            raise QuestionError(
                f"The table has {facts.num_rows:,} rows of {unpacked / MIB:.0f} MiB; at most {limits.table_rows:,} "
                f"rows of {limits.unpacked_bytes / MIB:.0f} MiB are accepted."
            )
        return file.read(columns=[name for name in COLUMNS if name in file.schema_arrow.names])


def _csv(path: Path) -> pa.Table:
    with path.open("rb") as handle:
        head = handle.readline(64 * 1024).decode("utf-8-sig")
    if "\0" in head:
        raise QuestionError("The table is not readable as CSV (UTF-8, with a header) or parquet.")
    options = pc.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()), strings_can_be_null=False)
    return pc.read_csv(path, parse_options=pc.ParseOptions(newlines_in_values=True), convert_options=options)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _options(value: object) -> Sequence[str]:
    if value is None:
        return ()
    parts = value if isinstance(value, list | tuple) else str(value).split(SEPARATOR)
    return [text for part in parts if (text := _text(part).strip())]
