"""VLMEvalKit's logs -> a source, dataset by dataset, in one process or several.

Decisions
- The datasets' order is the benchmark's, whatever the number of processes and whichever of them ends first.
- A pool without any log is an error; a candidate of the pool without logs is named in the report.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import pyarrow as pa

from vlrouterbench.core.constants import DATASETS
from vlrouterbench.core.errors import SourceError
from vlrouterbench.core.files import sha256_of_files
from vlrouterbench.data.image_store import ImageStore
from vlrouterbench.data.sources.source import Match, ReadOptions, Source, few_names
from vlrouterbench.data.sources.source_logs import LeftOut, Reason, SourceLogs
from vlrouterbench.data.sources.vlmevalkit.gathering import LogReader
from vlrouterbench.data.sources.vlmevalkit.layout import (
    IMAGE_TREE,
    LogTree,
    find_logs,
    holds_logs,
    image_tables_of,
)
from vlrouterbench.data.sources.vlmevalkit.read_dataset import read_dataset

PARALLEL_BYTES = 2**24
"""Logs smaller than this are read by one process: starting another takes longer."""


class VLMEvalKitLogs(Source):
    """A `vlm_router_data` folder, its parent, or a VLMEvalKit work folder."""

    name = "VLMEvalKit logs"
    expected = "<model>/<model>_<dataset>.xlsx"
    uses_images = True
    is_matching = False
    """Whether predictions without evaluation are labelled by exact matching."""

    def matches(self, folder: Path) -> Match:
        """Whether its trees lie there, or a model's folder with files that begin with the model's name."""
        if holds_logs(folder):
            return Match(True)
        names = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name != IMAGE_TREE)
        if not names:
            return Match(False, "no folder of a model")
        return Match(False, f"no file that begins with its folder's name in {few_names(names)}")

    def read(self, folder: Path, options: ReadOptions) -> SourceLogs:
        """Read a folder of VLMEvalKit logs.

        Raises:
            SourceError: no logs of any candidate.
        """
        pool, companion = options.pool, options.companion
        names = {name for c in pool.candidates for name in (c.log_name, c.name) if name}
        tree = find_logs(folder, folders=names)
        if not tree.files:
            raise _no_logs_error(folder, tree, num_candidates=len(pool))
        if companion is not None:
            of_tables = list(tree.left_out)
            beside = tree.image_tables | image_tables_of(companion, of_tables)
            tree = replace(tree, image_tables=beside, left_out=tuple(of_tables))
        reader = LogReader(folder, pool, tree, options.image_folder, list(tree.left_out), protocol=options.protocol)
        reader.is_matching = self.is_matching
        reader.companion = companion if companion is None or companion.is_dir() else companion.parent
        for candidate in pool.candidates:
            if not {file.folder for file in tree.files} & {candidate.log_name, candidate.name}:
                detail = "no log folder of this candidate"
                name = candidate.log_name or candidate.name
                reader.left_out.append(LeftOut(name, Reason.NOT_FOUND, detail, candidate=candidate.name))
        samples, outcomes = [], []
        for part, tables in _read_all(reader, options.num_proc):
            reader.absorb(part)
            samples.append(tables[0])
            outcomes.append(tables[1])
        return SourceLogs(
            samples=pa.concat_tables(samples).combine_chunks(),
            outcomes=pa.concat_tables(outcomes).combine_chunks(),
            images=reader.images,
            pool=pool,
            name=folder.resolve().name,
            source_sha256=sha256_of_files((f for f in reader.read_files if f.is_relative_to(folder)), folder),
            pairs_read=reader.pairs_read,
            left_out=reader.left_out,
            missing_images=reader.missing_images,
            unread_images=reader.unread_images,
            image_files=reader.image_files,
            further=reader.further,
            label_rules=reader.rules_by_dataset(),
            label_agreement=reader.label_agreement,
            protocol=str(options.protocol),
        )


def _no_logs_error(folder: Path, tree: LogTree, *, num_candidates: int) -> SourceError:
    unlisted = [entry.candidate or "" for entry in tree.left_out if entry.reason is Reason.UNKNOWN_MODEL]
    passed = [f"{entry.file} ({entry.detail})" for entry in tree.left_out if entry.reason is not Reason.UNKNOWN_MODEL]
    return SourceError(
        f"expected VLMEvalKit logs ({VLMEvalKitLogs.expected}) in {folder}, found none of the pool's "
        f"{num_candidates} candidates. Folders of unlisted models: {', '.join(unlisted) or 'none'}. "
        f"{f'Not read: {few_names(passed)}. ' if passed else ''}Give --candidates, or correct SOURCE."
    )


def _read_all(reader: LogReader, num_proc: int) -> list[tuple[LogReader, tuple[pa.Table, pa.Table]]]:
    """Every dataset read by a reader of its own, in the benchmark's order."""
    sizes: Counter[str] = Counter()
    for file in reader.tree.files:
        sizes[file.dataset] += file.path.stat().st_size
    task = _like(reader)
    if num_proc > 1 and len(sizes) > 1 and sizes.total() >= PARALLEL_BYTES:
        # The largest first, so that none is left to one process at the end.
        order = [dataset for dataset, _ in sizes.most_common()]
        # Spawned, not forked: threads of numerical libraries do not survive a fork.
        with ProcessPoolExecutor(num_proc, mp_context=multiprocessing.get_context("spawn")) as pool:
            try:
                parts = list(pool.map(_read_alone, repeat(task), order))
            except BrokenProcessPool as error:
                raise SourceError(
                    "a process that read logs was ended from outside (out of memory?) or could not start: build with "
                    '--num-proc 1, or guard your script with `if __name__ == "__main__":`.'
                ) from error
        read = dict(zip(order, parts, strict=True))
    else:
        read = {dataset: _read_alone(task, dataset) for dataset in sizes}
    return [read[dataset] for dataset in _in_order(set(sizes))]


def _like(reader: LogReader) -> LogReader:
    """A reader of the same tree that has gathered nothing."""
    made = LogReader(reader.source, reader.pool, reader.tree, reader.image_folder, protocol=reader.protocol)
    made.is_matching, made.companion = reader.is_matching, reader.companion
    return made


def _read_alone(task: LogReader, dataset: str) -> tuple[LogReader, tuple[pa.Table, pa.Table]]:
    reader = _like(task)
    with ImageStore(task.image_folder) as store:
        tables = read_dataset(reader, dataset, store)
    return reader, tables


def _in_order(datasets: set[str]) -> list[str]:
    return [name for name in DATASETS if name in datasets] + sorted(datasets - set(DATASETS))
