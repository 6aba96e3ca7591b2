"""RouterBench: a wide table with a row per sample, given costs, and no images.

Source: withmartian/routerbench, convertors/common.py, at commit cc67d10; see `wide.py` for the columns.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pyarrow as pa

from vlrouterbench.core.files import sha256_of_files
from vlrouterbench.data.saved_tables.form import ending_of
from vlrouterbench.data.sources.dataset_ids import UNNAMED, refuse_missing, sample_id_of
from vlrouterbench.data.sources.inside import refuse_outside
from vlrouterbench.data.sources.pairs import Gathered, pair_table, sample_table, source_logs
from vlrouterbench.data.sources.recounting import recounted
from vlrouterbench.data.sources.router_tables.wide import (
    ROUTER_BENCH,
    WideForm,
    found_models,
    incomplete_models,
    joined_prompt,
    numbers,
    read_wide,
    tables_of,
)
from vlrouterbench.data.sources.source import FoundModels, Match, ReadOptions, Source, few_names
from vlrouterbench.data.sources.source_logs import LeftOut, Reason, SourceLogs
from vlrouterbench.data.tokens import count_tokens

STATED = "as the source states them"


class RouterBench(Source):
    """RouterBench's wide tables."""

    name = "RouterBench tables"
    expected = "a table with sample_id, prompt, eval_name, MODEL and MODEL|total_cost"
    uses_cost_column = True

    def matches(self, folder: Path) -> Match:
        """Whether a table of its columns lies there."""
        if tables_of(folder, ROUTER_BENCH):
            return Match(True)
        pickles = sorted(path.name for path in folder.glob("*.pkl"))
        said = f"{few_names(pickles)}, a pickle, which is never opened: save it as csv or parquet" if pickles else ""
        return Match(False, said)

    def found_models(self, folder: Path) -> FoundModels:
        """The models of its columns."""
        return found_models(folder, ROUTER_BENCH)

    def read(self, folder: Path, options: ReadOptions) -> SourceLogs:
        """Read the tables of a folder.

        Raises:
            SourceError: a table cannot be read, or a sample stands in it twice.
        """
        paths = tables_of(folder, ROUTER_BENCH)
        for path in paths:
            refuse_outside(path, folder)
        parts = [_read(path, options.cost_column) for path in paths]
        samples, pairs = (pa.concat_tables(part) for part in zip(*parts, strict=True))
        gathered = Gathered(folder, options.pool, samples, pairs, file=few_names([path.name for path in paths]))
        gathered.left_out += not_read(folder, paths)
        gathered.left_out += chain(*(incomplete_models(path, ROUTER_BENCH, options.cost_column) for path in paths))
        if options.recounts:
            gathered.pairs = recounted(gathered, options.protocol)
        protocol = str(options.protocol) if options.recounts else STATED
        return source_logs(gathered, source_sha256=sha256_of_files(paths, folder), protocol=protocol)


def not_read(folder: Path, paths: list[Path]) -> list[LeftOut]:
    """Other tables and pickles of a folder, by name."""
    others = (path for path in sorted(folder.iterdir()) if ending_of(path) is not None or path.suffix == ".pkl")
    detail = "a table of other columns, or a pickle: not read"
    stems = ("candidates", "candidate")
    kept = [path for path in others if path not in paths and path.name.lower().split(".")[0] not in stems]
    return [LeftOut(path.name, Reason.NOT_A_LOG, detail) for path in kept]


def _read(path: Path, cost: str) -> tuple[pa.Table, pa.Table]:
    form = ROUTER_BENCH
    table, models = read_wide(path, form, cost)
    refuse_missing(table[form.key].to_pylist(), form.key, path)
    datasets = [UNNAMED] * table.num_rows if form.dataset not in table.column_names else table[form.dataset].to_pylist()
    datasets = [name or UNNAMED for name in datasets]
    ids = [sample_id_of(name, key) for name, key in zip(datasets, table[form.key].to_pylist(), strict=True)]
    questions = [joined_prompt(text) for text in table[form.text].to_pylist()]
    samples = sample_table({"sample_id": ids, "dataset": datasets, "question": questions})
    return samples, wide_pairs(table, models, ids, (path, form, cost))


def wide_pairs(table: pa.Table, models: list[str], ids: list[str], where: tuple[Path, WideForm, str]) -> pa.Table:
    """The pairs of a wide table, model after model; a model without a score on a sample has no pair there.

    Args:
        table: the table.
        models: its models.
        ids: the samples' ids, in the table's order.
        where: its file, its form, and the suffix of the column of costs where it is not the form's own.
    """
    path, form, cost = where
    parts = []
    for name in models:
        score = numbers(table, name + form.score, path)
        texts = name + form.prediction
        predictions = table[texts].to_pylist() if texts in table.column_names else None
        if predictions is not None and form == ROUTER_BENCH:
            predictions = [None if text is None else joined_prompt(text) for text in predictions]
        tokens = numbers(table, name + form.output_tokens, path) if form.output_tokens else None
        if tokens is None and predictions is not None:
            tokens = count_tokens(predictions)
        columns = {
            "sample_id": ids,
            "candidate": [name] * len(ids),
            "quality": score,
            "cost_usd": numbers(table, name + (cost or form.cost), path),
            "output_tokens": tokens,
            "prediction": predictions,
        }
        parts.append(pair_table(columns, len(ids)))
    return pa.concat_tables(parts)
