"""MMR-Bench V2: a table of instances per benchmark, and a table of results per model and benchmark.

Decisions
- A result whose `status` is not that of a success is named with its status, per model and benchmark: it is no answer,
  neither right nor wrong. A success without a score has no label; one without a cost keeps its pair without one.
- `cost_unit` must be USD: another one is no cost, and is named.
- Images are paths relative to the source, to its folder `LMUData`, or to `--images`.
- A table that cannot be read, or lacks a column, is named and the others are read; so are rows of another model or
  benchmark than their table's place says: it is unknown which of the two is right. Where nothing is left, that is an
  error with the first reasons.

Source: LAMDA-Model-Reuse/ORBIT, utils/benchmark_adapters.py and tests/test_new_benchmarks.py at commit 71bc827d
(`data/instances/BENCH.parquet`: sample_id, benchmark, prompt_text, images; `data/results/MODEL/BENCH.parquet`:
sample_id, benchmark, model_id, score, cost, cost_unit, status, prediction; `status` is "ok", `cost_unit` "USD";
`LMUData`). Its own data card calls a success so too.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vlrouterbench.core.errors import SourceError, shown
from vlrouterbench.core.files import sha256_of_files
from vlrouterbench.data.image_store import ImageStore
from vlrouterbench.data.saved_tables.form import TableError, TableForm
from vlrouterbench.data.saved_tables.read import read_saved_table
from vlrouterbench.data.sources.companion_images import CompanionImages
from vlrouterbench.data.sources.dataset_ids import refuse_missing, sample_id_of
from vlrouterbench.data.sources.image_paths import ImagePathError, find_image_file
from vlrouterbench.data.sources.inside import is_inside
from vlrouterbench.data.sources.mmr_bench.costs import COST_NOTE
from vlrouterbench.data.sources.pairs import Gathered, pair_table, sample_table, source_logs
from vlrouterbench.data.sources.recounting import recounted
from vlrouterbench.data.sources.router_tables.router_bench import STATED
from vlrouterbench.data.sources.router_tables.wide import numbers
from vlrouterbench.data.sources.source import FoundModels, Match, ReadOptions, Source, few_names
from vlrouterbench.data.sources.source_logs import ImageReference, LeftOut, Reason, SourceLogs
from vlrouterbench.data.tokens import count_tokens
from vlrouterbench.routers.encoders.sample_input import one_line

_REASONS_SHOWN = 3
SUCCESS = frozenset(("ok", "success"))
_INSTANCE, _RESULT = ("sample_id", "prompt_text"), ("sample_id", "score", "status")
_TEXTS = ("sample_id", "benchmark", "prompt_text", "model_id", "cost_unit", "status", "prediction")


class MMRBenchV2(Source):
    """MMR-Bench's second release."""

    name = "MMR-Bench V2"
    expected = "data/instances/<benchmark>.parquet and data/results/<model>/<benchmark>.parquet"
    uses_images = True

    def matches(self, folder: Path) -> Match:
        """Whether both folders lie there."""
        base = _base(folder)
        if (base / "instances").is_dir() and (base / "results").is_dir():
            return Match(True)
        return Match(False)

    def found_models(self, folder: Path) -> FoundModels:
        """The folders of results."""
        names = tuple(sorted(path.name for path in (_base(folder) / "results").iterdir() if path.is_dir()))
        return FoundModels(names, needs_prices=False)

    def read(self, folder: Path, options: ReadOptions) -> SourceLogs:
        """Read a release.

        Raises:
            SourceError: no table of instances can be read, or one has rows of another benchmark than its place says.
        """
        base, files = _base(folder), list[Path]()
        samples, named, left_out = list[pa.Table](), dict[str, list[str]](), list[LeftOut]()
        for path in sorted((base / "instances").glob("*.parquet")):
            table = _read(path, folder, _INSTANCE, left_out)
            if table is None:
                continue
            files.append(path)
            _refuse_other(table, "benchmark", path.stem, path)
            refuse_missing(table["sample_id"].to_pylist(), "sample_id", path)
            ids = [sample_id_of(path.stem, key) for key in table["sample_id"].to_pylist()]
            questions = [text or "" for text in table["prompt_text"].to_pylist()]
            samples.append(sample_table({"sample_id": ids, "dataset": [path.stem] * len(ids), "question": questions}))
            if "images" in table.column_names:
                named |= {key: _paths(cell, path) for key, cell in zip(ids, table["images"].to_pylist(), strict=True)}
        if not samples:
            said = "; ".join(f"{entry.file}: {entry.detail}" for entry in left_out[:_REASONS_SHOWN])
            found = f"none that can be read. {said}" if said else "none."
            raise SourceError(f"expected tables of instances in {base / 'instances'}, found {found}")
        pairs, read = _results(folder, options, {path.stem for path in files}, left_out)
        gathered = Gathered(
            folder, options.pool, pa.concat_tables(samples), pairs, file="data/results", left_out=left_out
        )
        with ImageStore(options.image_folder) as store:
            companion = None if options.companion is None else CompanionImages(options.companion, store.add)
            _add_images(gathered, named, companion)
        if options.recounts:
            gathered.pairs = recounted(gathered, options.protocol)
        every = chain(gathered.images, *gathered.further.values())
        images = {image for image in every if isinstance(image, Path) and image.is_relative_to(folder)}
        return source_logs(
            gathered,
            source_sha256=sha256_of_files({*files, *read, *images}, folder),
            protocol=str(options.protocol) if options.recounts else STATED,
            notes=() if options.recounts else (COST_NOTE,),
        )


def _base(folder: Path) -> Path:
    return folder / "data" if (folder / "data").is_dir() else folder


def _read(
    path: Path, folder: Path, needed: tuple[str, ...], left_out: list[LeftOut], model: str = ""
) -> pa.Table | None:
    """A table with the needed columns; None for one that is none, which is named."""
    where = path.relative_to(folder).as_posix()
    if not is_inside(path, folder):
        detail = "the link leads outside the source: copy the file there"
        left_out.append(LeftOut(where, Reason.OUTSIDE_LINK, detail, candidate=model or None))
        return None
    try:
        table = read_saved_table(path, TableForm(_TEXTS, ("score", "cost")))
    except TableError as error:
        left_out.append(LeftOut(where, Reason.UNREADABLE, str(error).strip(), candidate=model or None))
        return None
    lacking = [name for name in needed if name not in table.column_names]
    if lacking:
        found = one_line(", ".join(table.column_names))
        detail = f"no column {', '.join(lacking)}; found {found}"
        left_out.append(LeftOut(where, Reason.UNREADABLE, detail, candidate=model or None))
        return None
    return table


def _paths(cell: object, path: Path) -> list[str]:
    """The paths of a cell: a list of them, or one."""
    paths = [cell] if isinstance(cell, str) else cell or []
    if not isinstance(paths, list) or not all(isinstance(item, str) for item in paths):
        raise SourceError(f'{path}: expected lists of relative paths in "images", found {shown(cell)}.')
    return paths


def _refuse_other(table: pa.Table, column: str, expected: str, path: Path) -> None:
    if column not in table.column_names:
        return
    others = [name for name in table[column].unique().to_pylist() if name != expected]
    if others:
        raise SourceError(
            f'{path}: expected {column} "{expected}" as its place says, found {few_names(list(map(str, others)))}. '
            "Put each table where its rows say."
        )


def _results(
    folder: Path, options: ReadOptions, benchmarks: set[str], left_out: list[LeftOut]
) -> tuple[pa.Table, list[Path]]:
    """The pairs of every model's tables, and the files that were read."""
    parts, files, root = [pair_table({}, 0)], list[Path](), _base(folder) / "results"
    for place in sorted(path for path in root.iterdir() if path.is_dir()):
        where = place.relative_to(folder).as_posix()
        if place.name not in options.pool.index:
            detail = "no candidate of the pool has this name"
            left_out.append(LeftOut(where, Reason.UNKNOWN_MODEL, detail, candidate=place.name))
            continue
        for path in sorted(place.glob("*.parquet")):
            if path.stem not in benchmarks:
                detail = f"no instances of {path.stem}: its results belong to no sample"
                left_out.append(LeftOut(f"{where}/{path.name}", Reason.NOT_FOUND, detail, candidate=place.name))
                continue
            try:
                made = _result(path, folder, place.name, left_out)
            except SourceError as error:
                detail = str(error).removeprefix(f"{path}").lstrip(" :,")
                left_out.append(LeftOut(f"{where}/{path.name}", Reason.UNREADABLE, detail, candidate=place.name))
                made = None
            if made is not None:
                files.append(path)
                parts.append(made)
    return pa.concat_tables(parts), files


def _without_others(
    table: pa.Table, column: str, expected: str, where: tuple[str, str], left_out: list[LeftOut]
) -> pa.Table:
    """The rows that say in a column what the table's place (file and model, `where`) says; others are named."""
    if column not in table.column_names:
        return table
    own = pc.fill_null(pc.equal(table[column].cast(pa.string()), expected), False)
    others = Counter(map(str, table[column].filter(pc.invert(own)).to_pylist()))
    for name, count in sorted(others.items()):
        detail = f'{column} "{one_line(name, 80)}" where its place says "{expected}": {count:,} rows are not read'
        left_out.append(LeftOut(where[0], Reason.CONFLICT, detail, candidate=where[1]))
    return table.filter(own)


def _result(path: Path, folder: Path, model: str, left_out: list[LeftOut]) -> pa.Table | None:
    table, where = _read(path, folder, _RESULT, left_out, model), path.relative_to(folder).as_posix()
    if table is None:
        return None
    table = _without_others(table, "model_id", model, (where, model), left_out)
    table = _without_others(table, "benchmark", path.stem, (where, model), left_out)
    succeeded = pc.is_in(pc.fill_null(table["status"], ""), pa.array(sorted(SUCCESS)))
    failed = Counter(map(str, table["status"].filter(pc.invert(succeeded)).to_pylist()))
    for status, count in sorted(failed.items()):
        detail = f'status "{one_line(status, 40)}": {count:,} results, neither right nor wrong'
        left_out.append(LeftOut(where, Reason.FAILED_CALL, detail, candidate=model))
    table = table.filter(succeeded)
    refuse_missing(table["sample_id"].to_pylist(), "sample_id", path)
    cost = _cost(table, path, (where, model), left_out)
    prediction = table["prediction"] if "prediction" in table.column_names else None
    columns: dict[str, object] = {
        "sample_id": [sample_id_of(path.stem, key) for key in table["sample_id"].to_pylist()],
        "candidate": [model] * table.num_rows,
        "quality": numbers(table, "score", path),
        "cost_usd": cost,
        "output_tokens": None if prediction is None else count_tokens(prediction.to_pylist()),
        "prediction": prediction,
    }
    return pair_table(columns, table.num_rows)


def _cost(table: pa.Table, path: Path, where: tuple[str, str], left_out: list[LeftOut]) -> np.ndarray:
    """Costs in USD, (num_rows,), NaN where there is none; `where` is the file and the model as they are named."""
    cost = numbers(table, "cost", path)
    units = table["cost_unit"].to_pylist() if "cost_unit" in table.column_names else ["USD"] * table.num_rows
    other = Counter(str(unit) for unit in units if unit != "USD")
    for unit, count in sorted(other.items()):
        detail = f'cost_unit "{one_line(unit, 40)}" is not USD: {count:,} costs are not read'
        left_out.append(LeftOut(where[0], Reason.NO_COST, detail, candidate=where[1]))
    return np.where([unit == "USD" for unit in units], cost, np.nan)


def _add_images(gathered: Gathered, named: dict[str, list[str]], companion: CompanionImages | None) -> None:
    images: list[ImageReference] = []
    bases = (gathered.folder, gathered.folder / "LMUData", gathered.folder / "LMUData" / "images")
    ids, datasets = (gathered.samples[name].to_pylist() for name in ("sample_id", "dataset"))
    for sample_id, dataset in zip(ids, datasets, strict=True):
        paths = named.get(sample_id, [])
        found: list[ImageReference] = []
        why = ""
        for path in paths:
            try:
                found.append(find_image_file(path, root=gathered.folder, bases=bases))
            except ImagePathError as error:
                why = why or str(error)
        if companion is not None and len(found) < max(len(paths), 1):
            found = companion.of(dataset, sample_id, sample_id.partition("/")[2], paths)
        if paths and not found:
            where = one_line(paths[0])
            gathered.left_out.append(LeftOut(where, Reason.IMAGE, why or "no such file", sample_id=sample_id))
            gathered.missing_images.add(sample_id)
            gathered.unread_images.add(sample_id)
        elif len(found) < len(paths):
            detail = f"{len(paths) - len(found)} of its {len(paths)} images: {why or 'no such file'}"
            gathered.left_out.append(LeftOut(one_line(paths[0]), Reason.IMAGE, detail, sample_id=sample_id))
            gathered.missing_images.add(sample_id)
        if len(found) > 1:
            gathered.further[sample_id] = found[1:]
        images.append(found[0] if found else None)
    gathered.images = images
    gathered.image_files = [image.name if isinstance(image, Path) else "" for image in images]
