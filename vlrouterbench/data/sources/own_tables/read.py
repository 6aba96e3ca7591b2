"""Own tables: `outcomes`, `samples` and `candidates` files of one folder -> a source.

Decisions
- In any format that tables are read from; two files of one name are refused, since either could be the stale one.
- The source's digest covers its tables, its candidates file and the images that its rows name, whatever the options:
  it says what the source is, not how it was read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vlrouterbench.core.constants import task_group_of
from vlrouterbench.core.errors import SourceError, unknown_name
from vlrouterbench.core.files import sha256_of_files
from vlrouterbench.data.candidates import CandidatePool, pool_files
from vlrouterbench.data.choices import Protocol
from vlrouterbench.data.given_features import given_features
from vlrouterbench.data.image_store import ImageStore
from vlrouterbench.data.saved_tables.form import ENDINGS, ENDINGS_IN_WORDS, ending_of
from vlrouterbench.data.saved_tables.header import columns_of
from vlrouterbench.data.schema import ANSWER_COLUMNS, LATENCY
from vlrouterbench.data.sources.inside import refuse_outside
from vlrouterbench.data.sources.own_tables.image_columns import Keep, read_images
from vlrouterbench.data.sources.own_tables.table_files import (
    cast_column,
    check_amounts,
    check_costs,
    check_quality,
    check_unique,
    costs_named,
    first_row,
    read_table,
)
from vlrouterbench.data.sources.source import Match, ReadOptions, Source, few_names
from vlrouterbench.data.sources.source_logs import (
    OUTCOME_SCHEMA,
    SAMPLE_SCHEMA,
    ImageReference,
    LeftOut,
    Reason,
    SourceLogs,
    positions_of,
)
from vlrouterbench.routers.encoders.sample_input import RouterInputError, one_line, read_options


def find_table(folder: Path, stem: str) -> Path | None:
    """The table of a name in a folder, whatever it was saved as; None where there is none.

    Raises:
        SourceError: there are several.
    """
    paths = [path for path in files_of(folder, stem) if ending_of(path) is not None]
    if len(paths) > 1:
        raise SourceError(f"expected one {stem} table in {folder}, found {', '.join(p.name for p in paths)}. Keep one.")
    return paths[0] if paths else None


def files_of(folder: Path, stem: str) -> list[Path]:
    """Files of a folder that are called so, whatever their ending; tables first, in the order of ENDINGS."""
    paths = [path for path in folder.iterdir() if path.name.lower().split(".")[0] == stem and path.is_file()]
    order = [*ENDINGS, None]
    # A backup such as samples.old.csv is another table.
    paths = [path for path in paths if (ending := ending_of(path)) is None or len(path.name) == len(stem + ending)]
    return sorted(paths, key=lambda path: (order.index(ending_of(path)), path.name))


class OwnTables(Source):
    """The user's own tables of samples and outcomes."""

    name = "own tables"
    expected = f"samples and outcomes as {ENDINGS_IN_WORDS}"
    uses_cost_column = True

    def matches(self, folder: Path) -> Match:
        """Whether either table lies there.

        Raises:
            SourceError: one of them lies there in two forms.
        """
        if any(find_table(folder, stem) is not None for stem in ("outcomes", "samples")):
            return Match(True)
        named = [path.name for stem in ("samples", "outcomes") for path in files_of(folder, stem)]
        if named:
            return Match(False, f"{few_names(named)}, which are read from {ENDINGS_IN_WORDS} alone")
        paths = sorted(path for path in folder.iterdir() if ending_of(path) is not None and path.is_file())
        columns = columns_of(paths[0]) if paths else ()
        of_first = f" ({paths[0].name} has the columns {one_line(few_names(columns))})" if columns else ""
        return Match(False, f"{few_names([path.name for path in paths])}{of_first}" if paths else "no table")

    def read(self, folder: Path, options: ReadOptions) -> SourceLogs:
        """Read a folder of own tables.

        Raises:
            SourceError: a table or column is missing, a value is out of range, an id is doubled or unknown.
            UnknownNameError: an outcome names a candidate that the pool lacks.
        """
        if options.protocol is not Protocol.REFERENCE:
            raise SourceError(f"{folder} holds own tables, which bring their own token counts: leave --protocol out.")
        with ImageStore(options.image_folder) as store:
            return read_own_tables(
                folder,
                pool=options.pool,
                keep=store.add,
                picks=options.picks,
                cost_column=options.cost_column,
            )


def read_own_tables(
    folder: Path, *, pool: CandidatePool, keep: Keep = bytes, picks: bool = False, cost_column: str = ""
) -> SourceLogs:
    """Read a folder of own tables, as `OwnTables.read` does.

    Args:
        folder: the folder.
        pool: the candidates.
        keep: puts aside images that stand in the table; else they are held in memory.
        picks: whether the pool is some of the candidates, so that outcomes of others are no error.
        cost_column: the column of costs, "" for `cost_usd`.
    """
    samples_path, outcomes_path = (_existing_table(folder, stem) for stem in ("samples", "outcomes"))
    raw = read_table(samples_path, ("sample_id", "question"))
    samples = _samples(raw, samples_path, default_dataset=folder.resolve().name)
    needed = ("sample_id", "candidate", "quality", *filter(None, [cost_column]))
    outcomes = _outcomes(costs_named(read_table(outcomes_path, needed), cost_column), outcomes_path)
    if picks:
        outcomes = outcomes.filter(pc.is_in(outcomes["candidate"], pa.array(pool.names)))
    _check_outcomes(outcomes, outcomes_path, pool=pool, sample_ids=samples["sample_id"])
    images = read_images(folder, raw, samples_path, keep)
    check_unique(positions_of(samples["sample_id"], samples["sample_id"]), ("sample_id",), samples, samples_path)
    rows = positions_of(outcomes["sample_id"], samples["sample_id"])
    columns = positions_of(outcomes["candidate"], pa.chunked_array([pool.names]))
    check_unique(rows * len(pool) + columns, ("sample_id", "candidate"), outcomes, outcomes_path)
    measured = rows[np.isfinite(outcomes["quality"].to_numpy())]
    unmeasured = _unmeasured(samples, measured, samples_path)
    incomplete = _incomplete(outcomes, pool.names, {entry.sample_id for entry in unmeasured}, outcomes_path)
    return SourceLogs(
        samples=samples,
        outcomes=outcomes,
        images=images.references,
        pool=pool,
        name=folder.resolve().name,
        source_sha256=_digest(
            folder, [samples_path, outcomes_path], [*images.references, *chain(*images.further.values())]
        ),
        pairs_read=outcomes.num_rows,
        left_out=[*images.left_out, *unmeasured, *incomplete],
        missing_images=images.missing,
        unread_images=images.missing,
        without_dataset=_without_dataset(raw, samples_path),
        protocol="own tables",
        image_files=images.files,
        further=images.further,
        features=given_features(folder),
    )


def _existing_table(folder: Path, stem: str) -> Path:
    path = find_table(folder, stem)
    if path is None:
        found = ", ".join(other.name for other in files_of(folder, stem)) or "none of them"
        raise SourceError(f"expected {stem}{ENDINGS_IN_WORDS} in {folder}, found {found}.")
    refuse_outside(path, folder)
    return path


def _digest(folder: Path, tables: Sequence[Path], images: Sequence[ImageReference]) -> str:
    root = folder.resolve()
    files = {root / path.name for path in (*tables, *pool_files(root), *filter(None, [given_features(root)]))}
    return sha256_of_files(files | {image for image in images if isinstance(image, Path)}, root)


def _without_dataset(raw: pa.Table, path: Path) -> set[str]:
    """Ids of the samples whose dataset the table does not give."""
    columns = [cast_column(raw, name, pa.string(), path).to_pylist() for name in ("sample_id", "dataset")]
    return {sample_id for sample_id, dataset in zip(*columns, strict=True) if not dataset}


def _samples(raw: pa.Table, path: Path, *, default_dataset: str) -> pa.Table:
    columns = {
        name: cast_column(raw, name, pa.string(), path)
        for name in ("sample_id", "dataset", "task_group", "question", "hint", "group_id", "split")
    }
    for name in ("sample_id", "question"):
        empty = pc.fill_null(pc.equal(columns[name], ""), True) if name == "sample_id" else pc.is_null(columns[name])
        if pc.any(empty).as_py():
            raise SourceError(f'{path}, row {first_row(empty)}: expected a value in "{name}", found none.')
    dataset = [value or default_dataset for value in columns["dataset"].to_pylist()]
    given_group = columns["task_group"].to_pylist()
    split = [value or None for value in columns["split"].to_pylist()]
    hint = [value or "" for value in columns["hint"].to_pylist()]
    # One name is one group over the whole table: merging two by accident costs little, splitting one leaks.
    groups = [value or None for value in columns["group_id"].to_pylist()]
    return pa.table(
        {
            "sample_id": columns["sample_id"],
            "dataset": pa.array(dataset, pa.string()),
            "task_group": pa.array(
                [g or task_group_of(d) for g, d in zip(given_group, dataset, strict=True)], pa.string()
            ),
            "question": columns["question"],
            "options": _options(raw, path),
            "hint": pa.array(hint, pa.string()),
            "group_id": pa.array(groups, pa.string()),
            "split": pa.array(split, pa.string()),
        },
        schema=SAMPLE_SCHEMA,
    )


def _options(raw: pa.Table, path: Path) -> pa.Array:
    if "options" not in raw.column_names:
        return pa.array([[]] * raw.num_rows, pa.list_(pa.string()))
    parsed = []
    for row, value in enumerate(raw["options"].to_pylist(), start=1):
        try:
            parsed.append(read_options(value))
        except RouterInputError as error:
            raise SourceError(f"{path}, row {row}: {error}") from error
    return pa.array(parsed, pa.list_(pa.string()))


def _outcomes(raw: pa.Table, path: Path) -> pa.Table:
    outcomes = pa.table(
        {field.name: cast_column(raw, field.name, field.type, path) for field in OUTCOME_SCHEMA}, schema=OUTCOME_SCHEMA
    )
    check_costs(outcomes, raw, path)
    for name in (name for name in ANSWER_COLUMNS if name in raw.column_names):
        outcomes = outcomes.append_column(name, cast_column(raw, name, pa.float64(), path))
    return outcomes


def _check_outcomes(outcomes: pa.Table, path: Path, *, pool: CandidatePool, sample_ids: pa.ChunkedArray) -> None:
    check_quality(outcomes, path)
    unlisted = pc.invert(pc.is_in(outcomes["candidate"], pa.array(pool.names)))
    if pc.any(unlisted).as_py():
        row = first_row(unlisted)
        raise unknown_name(f"candidate in {path}, row {row}", str(outcomes["candidate"][row - 1]), pool.names)
    strange = pc.invert(pc.is_in(outcomes["sample_id"], sample_ids.combine_chunks()))
    if pc.any(strange).as_py():
        row = first_row(strange)
        raise SourceError(f'{path}, row {row}: sample "{outcomes["sample_id"][row - 1]}" is not in the samples table.')
    amounts = ("input_tokens", "output_tokens", "cost_usd", LATENCY)
    check_amounts(outcomes, [name for name in amounts if name in outcomes.column_names], path)


def _incomplete(outcomes: pa.Table, names: Sequence[str], named: Collection[str | None], path: Path) -> list[LeftOut]:
    """Candidates without any measured pair, and per candidate the rows without a quality, or without a cost.

    Args:
        outcomes: the table.
        names: the candidates.
        named: samples that are named already, since no candidate was measured on them.
        path: the table's file.
    """
    measured = np.isfinite(outcomes["quality"].to_numpy())
    counted = pc.and_(pc.is_valid(outcomes["input_tokens"]), pc.is_valid(outcomes["output_tokens"]))
    costed = pc.or_(pc.is_valid(outcomes["cost_usd"]), counted).to_numpy()
    known = set(outcomes["candidate"].filter(pa.array(measured)).unique().to_pylist())
    detail = "no sample was measured on this candidate"
    left_out = [LeftOut(path.name, Reason.NO_LABEL, detail, candidate=name) for name in names if name not in known]
    faults = (
        (~measured, Reason.NO_LABEL, "no quality, so not kept"),
        (measured & ~costed, Reason.NO_COST, "kept without a cost, since neither cost_usd nor both token counts stand"),
    )
    for mask, reason, said in faults:
        rows: dict[str, list[int]] = {}
        for row in np.flatnonzero(mask).tolist():
            if str(outcomes["sample_id"][row]) not in named:
                rows.setdefault(str(outcomes["candidate"][row]), []).append(row)
        for name, of_it in rows.items():
            if reason is Reason.NO_LABEL and name not in known:
                continue
            detail = f"{said}: {len(of_it):,} pairs, first in row {of_it[0] + 1:,}"
            sample_id = str(outcomes["sample_id"][of_it[0]]) if len(of_it) == 1 else None
            left_out.append(LeftOut(path.name, reason, detail, sample_id=sample_id, candidate=name))
    return left_out


def _unmeasured(samples: pa.Table, measured: np.ndarray, path: Path) -> list[LeftOut]:
    """Samples that no candidate was measured on: they have no row in the benchmark."""
    without = np.setdiff1d(np.arange(samples.num_rows), measured)
    detail = "no candidate was measured on this sample"
    sample_ids = samples["sample_id"].take(pa.array(without)).to_pylist()
    return [LeftOut(path.name, Reason.NO_LABEL, detail, sample_id=sample_id) for sample_id in sample_ids]
