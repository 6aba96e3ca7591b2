"""Where samples come from: an own table of samples, or a benchmark folder with a table of answers beside it.

Decisions
- Cells of an own table are read as `build` reads them: the same columns of images, the same forms of options, paths
  inside the folder alone.
- All images of a row are kept: a candidate may take several.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vlrouterbench.core.errors import SourceError, shown
from vlrouterbench.data.build_report import REPORT_FILE
from vlrouterbench.data.saved_tables.form import ENDINGS_IN_WORDS, ending_of
from vlrouterbench.data.sources.inside import OutsideError, file_inside
from vlrouterbench.data.sources.own_tables.read import find_table
from vlrouterbench.data.sources.own_tables.table_files import read_table
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.measuring.samples import SAMPLES_SCHEMA, RawSample
from vlrouterbench.routers.encoders.sample_input import (
    RouterInputError,
    image_cell,
    images_of,
    is_missing,
    list_of,
    path_forms,
    read_options,
)

_FURTHER_TEXTS = ("answer", "grading", "category")
_GIVEN = ("hint", "grading", "category", "dataset", "task_group", "group_id", "split")


def read_samples(source: Path, answers: Path | None) -> Iterator[RawSample]:
    """The samples of an own table, of a folder that holds one, or of a benchmark folder.

    Args:
        source: the table or folder.
        answers: a table with sample_id and answer (and grading); needed for a benchmark folder.

    Raises:
        SourceError: nothing of the kind is there, or a cell is not as it should be.
    """
    given = None if answers is None else read_answer_table(answers)
    if (source / REPORT_FILE).is_file():
        if given is None:
            raise SourceError(
                f"{source} is a benchmark folder, which holds no answers: expected a table with sample_id and answer "
                "in --answers, found none. The table of samples that it was built from will do."
            )
        return benchmark_samples(load_table(source), given, str(answers))
    path = find_table(source, "samples") if source.is_dir() else source
    if path is None or not path.is_file() or ending_of(path) is None:
        raise SourceError(
            f"expected a table of samples ({ENDINGS_IN_WORDS}), a folder with samples of such an ending, or a "
            f"benchmark folder, found none at {source}."
        )
    return _own_samples(path, given or {})


def read_answer_table(path: Path) -> dict[str, dict[str, str | None]]:
    """sample_id -> its answer and grading, of a table."""
    table = _read(path, ("sample_id", "answer"))
    columns = {
        name: table[name].to_pylist() for name in ("answer", "grading", "category") if name in table.column_names
    }
    found = {}
    for row, sample_id in enumerate(table["sample_id"].to_pylist()):
        values = {name: column[row] for name, column in columns.items()}
        found[str(sample_id)] = values | {"answer": _answer(values["answer"])}
    return found


def benchmark_samples(
    table: RoutingTable, answers: Mapping[str, Mapping[str, str | None]], where: str
) -> Iterator[RawSample]:
    """Rows of a benchmark with answers of a table of their own, in the order of the benchmark.

    Raises:
        SourceError: a sample has no answer there.
    """
    ordered = table.take(np.argsort(table.rows, kind="stable"))
    further = ordered.further_images()
    rows = zip(ordered.samples.to_pylist(), ordered.iter_images(), strict=True)
    for row, (sample, image) in enumerate(rows):
        sample_id = sample["sample_id"]
        if sample_id not in answers:
            raise SourceError(f"{where}: expected an answer for each sample, found none for {shown(sample_id)}.")
        if not sample["image_ok"] and image is None:
            raise SourceError(f"sample {shown(sample_id)}: the benchmark could not read its image; take it out.")
        kept = {name: sample.get(name) for name in SAMPLES_SCHEMA.names if name != "images"}
        values = kept | dict(answers[sample_id])
        yield RawSample(values, [] if image is None else [image, *further.get(row, ())], f"sample {sample_id}")


def _own_samples(path: Path, answers: Mapping[str, Mapping[str, str | None]]) -> Iterator[RawSample]:
    table = _read(path, ("sample_id", "question"))
    if "answer" not in table.column_names and not answers:
        raise SourceError(
            f"{path}: expected a column answer, which grading compares with, found "
            f"{', '.join(table.column_names[:20])}. Add it, or give a table with sample_id and answer in --answers."
        )
    root = path.parent.resolve()
    for batch in table.to_batches(max_chunksize=256):
        for row in batch.to_pylist():
            yield _own_sample(row, root, path, answers)


def _own_sample(
    row: dict[str, Any], root: Path, path: Path, answers: Mapping[str, Mapping[str, str | None]]
) -> RawSample:
    sample_id = row["sample_id"]
    where = f"{path}, sample {shown(sample_id)}"
    if not sample_id or is_missing(row["question"]):
        raise SourceError(f"{where}: expected a value in sample_id and question, found none.")
    try:
        options = list(read_options(row.get("options")))
        images = [_image(image, root, where) for image in images_of(image_cell(row))]
    except RouterInputError as error:
        raise SourceError(f"{where}: {error}") from error
    values = {name: row.get(name) or None for name in _GIVEN} | {"answer": _answer(row.get("answer"))}
    values |= answers.get(sample_id, {})
    return RawSample(values | {"sample_id": sample_id, "question": row["question"], "options": options}, images, where)


def _image(image: Any, root: Path, where: str) -> bytes | Path:
    if isinstance(image, bytes):
        return image
    if not isinstance(image, str) or "\0" in image:
        raise SourceError(f"{where}: expected a path inside {root} or an encoded image, found {type(image).__name__}.")
    for form in path_forms(image):
        try:
            if (found := file_inside(root, form)) is not None:
                return found
        except OutsideError as error:
            raise SourceError(f"{where}: the image path {shown(image)} leaves the folder {root}.") from error
    raise SourceError(f"{where}: expected an image file inside {root}, found nothing at {shown(image)}.")


def _answer(cell: Any) -> str | None:
    """A cell of gold answers as a text: one answer as it stands, several as a JSON list."""
    if isinstance(cell, str) and cell.lstrip().startswith("[") and isinstance(found := list_of(cell), list):
        cell = found
    if isinstance(cell, list | tuple):
        return json.dumps([str(item) for item in cell], ensure_ascii=False) if cell else None
    return None if is_missing(cell) else str(cell)


def _read(path: Path, required: tuple[str, ...]) -> pa.Table:
    if not path.is_file():
        raise SourceError(f"expected a table at {path}, found none.")
    return read_table(path, required, _FURTHER_TEXTS)
