"""EmbedLLM: a long table with a row per prompt and model, labels alone.

Decisions
- It states neither tokens nor costs: accuracy alone counts, unless `--cost-column` names a column of costs in USD.
- Where `train`, `val` and `test` all lie there, a sample's file is its split; else samples are divided as others are.

Source: richardzhuang0412/EmbedLLM at commit 9b27630, algorithm/knn.py and algorithm/mf.py (`prompt_id`, `model_id`,
`label`, `prompt`, `category_id`), data_preprocessing/download_data.py (train.csv, val.csv, test.csv of the Hub's
RZ412/EmbedLLM; its model_order.csv and question_order.csv hold no outcomes); `model_name` and `category` as the
published files have them.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from vlrouterbench.core.errors import SourceError
from vlrouterbench.core.files import sha256_of_files
from vlrouterbench.data.saved_tables.form import TableError, TableForm, ending_of
from vlrouterbench.data.saved_tables.header import columns_of
from vlrouterbench.data.saved_tables.read import read_saved_table
from vlrouterbench.data.sources.dataset_ids import UNNAMED, refuse_missing
from vlrouterbench.data.sources.inside import refuse_outside
from vlrouterbench.data.sources.pairs import Gathered, pair_table, sample_table, source_logs
from vlrouterbench.data.sources.router_tables.router_bench import STATED, not_read
from vlrouterbench.data.sources.router_tables.wide import numbers
from vlrouterbench.data.sources.source import FoundModels, Match, ReadOptions, Source, few_names
from vlrouterbench.data.sources.source_logs import SourceLogs
from vlrouterbench.routers.encoders.sample_input import one_line

_NEEDED = frozenset(("prompt_id", "prompt", "label"))
_MODEL, _DATASET = ("model_name", "model_id"), ("category", "category_id")
_SPLITS = {"train": "train", "val": "validation", "test": "test"}


class EmbedLLM(Source):
    """EmbedLLM's long tables."""

    name = "EmbedLLM tables"
    expected = "a table with prompt_id, prompt, model_name and label"
    uses_cost_column = True

    def matches(self, folder: Path) -> Match:
        """Whether a table of its columns lies there."""
        return Match(bool(_tables(folder)))

    def found_models(self, folder: Path) -> FoundModels:
        """The models of its rows; none of them has a cost that prices would give."""
        names: dict[str, None] = {}
        for path in _tables(folder):
            column = _first(_MODEL, columns_of(path))
            names |= dict.fromkeys(map(str, _read(path)[column].unique().to_pylist()))
        return FoundModels(tuple(names), needs_prices=False)

    def read(self, folder: Path, options: ReadOptions) -> SourceLogs:
        """Read the tables of a folder.

        Raises:
            SourceError: a table cannot be read, one id has two texts, or a protocol is asked for.
        """
        if options.recounts:
            raise SourceError(f"{folder} holds {self.name}, which hold no answers: leave --protocol out.")
        paths = _tables(folder)
        splits = [_SPLITS.get(path.name.split(".")[0].lower()) for path in paths]
        has_splits = sorted(map(str, splits)) == sorted(_SPLITS.values())
        parts = []
        for path, split in zip(paths, splits, strict=True):
            refuse_outside(path, folder)
            parts.append(_part(path, split if has_splits else None, options.cost_column))
        samples, pairs = (pa.concat_tables(part) for part in zip(*parts, strict=True))
        files = few_names([path.name for path in paths])
        gathered = Gathered(folder, options.pool, samples, pairs, file=files, left_out=not_read(folder, paths))
        return source_logs(gathered, source_sha256=sha256_of_files(paths, folder), protocol=STATED)


def _tables(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if ending_of(path) is not None and path.is_file())
    return [path for path in files if set(columns_of(path)) >= _NEEDED and _first(_MODEL, columns_of(path))]


def _first(names: tuple[str, ...], columns: tuple[str, ...]) -> str:
    return next((name for name in names if name in columns), "")


def _read(path: Path) -> pa.Table:
    try:
        return read_saved_table(path, TableForm(("prompt_id", "prompt", *_MODEL, *_DATASET), ("label",)))
    except TableError as error:
        raise SourceError(f"{path}{error}") from error


def _part(path: Path, split: str | None, cost_column: str) -> tuple[pa.Table, pa.Table]:
    table = _read(path)
    columns = tuple(table.column_names)
    if cost_column and cost_column not in columns:
        raise SourceError(f"{path}: expected --cost-column {cost_column}, found {one_line(', '.join(columns))}.")
    refuse_missing(table["prompt_id"].to_pylist(), "prompt_id", path)
    dataset = _first(_DATASET, columns)
    if dataset:
        filled = pc.if_else(pc.equal(pc.fill_null(table[dataset], ""), ""), UNNAMED, table[dataset])
        table = table.set_column(table.column_names.index(dataset), dataset, filled)
    kept = ["prompt_id", "prompt", *([dataset] if dataset else [])]
    prompts = table.select(kept).group_by(kept, use_threads=False).aggregate([])
    names = prompts[dataset].to_pylist() if dataset else [UNNAMED] * prompts.num_rows
    ids = [f"{name}/{key}" for name, key in zip(names, prompts["prompt_id"].to_pylist(), strict=True)]
    samples = sample_table(
        {"sample_id": ids, "dataset": names, "question": prompts["prompt"].to_pylist()}, [split] * len(ids)
    )
    of_rows = table[dataset] if dataset else pa.chunked_array([[UNNAMED] * table.num_rows])
    separator = pa.scalar("/")
    pairs = pair_table(
        {
            "sample_id": pc.binary_join_element_wise(of_rows, table["prompt_id"], separator),
            "candidate": table[_first(_MODEL, columns)],
            "quality": numbers(table, "label", path),
            "cost_usd": numbers(table, cost_column, path) if cost_column else None,
        },
        table.num_rows,
    )
    return samples, pairs
