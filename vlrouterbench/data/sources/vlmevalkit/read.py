"""VLMEvalKit's logs -> a source: labels as VLMEvalKit defines them, output tokens counted from the predictions.

Decisions
- The label comes from the dataset's rule (`labels.py`): from an evaluation file where the rule reads one, else computed
  from the prediction file. No label means no pair, never a 0.
- Rows are joined by index, never by position: files differ in order and in the rows they have.
- Label and prediction are of one run: where the newest run was never scored, the scored run's own text is priced.
- A failed API call is not an answer: it is wrong and costs no output tokens.
- Tokens follow a protocol (`protocol.py`): the reference's, or counts of what was really sent and written.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import repeat
from pathlib import Path
from typing import Any

import pyarrow as pa

from vlrouterbench.core.constants import DATASETS, task_group_of
from vlrouterbench.core.errors import SourceError
from vlrouterbench.core.files import sha256_of_files
from vlrouterbench.data.candidates import CandidatePool
from vlrouterbench.data.choices import Protocol
from vlrouterbench.data.image_store import ImageStore
from vlrouterbench.data.protocol import asked_text, image_tokens_of
from vlrouterbench.data.sources.source_logs import ImageReference, LeftOut, Reason, SourceLogs
from vlrouterbench.data.sources.vlmevalkit.doubled import name_second_texts
from vlrouterbench.data.sources.vlmevalkit.gathering import LogReader
from vlrouterbench.data.sources.vlmevalkit.labelled import labelled_rows, unique_labels
from vlrouterbench.data.sources.vlmevalkit.layout import LogFile, find_logs
from vlrouterbench.data.sources.vlmevalkit.own_table import read_questions
from vlrouterbench.data.sources.vlmevalkit.questions import (
    Picture,
    QuestionSet,
    Rows,
    is_main_row,
    normalize_index,
    rows_of,
)
from vlrouterbench.data.tokens import count_tokens

FAILED_CALL = "Failed to obtain answer"
PARALLEL_BYTES = 2**24
"""Logs smaller than this are read by one process: starting another takes longer."""
CIRCULAR_DATASETS = frozenset(name for name in DATASETS if name.startswith("MMBench"))


def read_vlmevalkit(
    source: Path,
    *,
    pool: CandidatePool,
    image_folder: Path,
    protocol: Protocol = Protocol.REFERENCE,
    num_proc: int = 1,
) -> SourceLogs:
    """Read a folder of VLMEvalKit logs.

    Args:
        source: `vlm_router_data` folder, its parent, or a VLMEvalKit work folder.
        pool: the candidates; other model folders are left out and named.
        image_folder: where the images of tables are put aside; needed for as long as the source's images are.
        protocol: how tokens are counted.
        num_proc: processes that read, where the logs are large enough to pay for them.

    Raises:
        SourceError: no logs of any candidate.
    """
    names = {name for c in pool.candidates for name in (c.log_name, c.name) if name}
    tree = find_logs(source, folders=names)
    if not tree.files:
        raise SourceError(
            f"expected VLMEvalKit logs (<model>/<model>_<dataset>.xlsx) or own tables (outcomes.parquet) in {source}, "
            f"found none of the pool's {len(pool)} candidates. Folders of unlisted models: "
            f"{', '.join(e.candidate or '' for e in tree.left_out if e.reason is Reason.UNKNOWN_MODEL) or 'none'}. "
            "Give --candidates, or correct SOURCE."
        )
    reader = LogReader(source, pool, tree, image_folder, list(tree.left_out), protocol=protocol)
    for candidate in pool.candidates:
        if not {file.folder for file in tree.files} & {candidate.log_name, candidate.name}:
            detail = "no log folder of this candidate"
            name = candidate.log_name or candidate.name
            reader.left_out.append(LeftOut(name, Reason.NOT_FOUND, detail, candidate=candidate.name))
    samples, outcomes = [], []
    for part, tables in _read_all(reader, num_proc):
        reader.absorb(part)
        samples.append(tables[0])
        outcomes.append(tables[1])
    return SourceLogs(
        samples=pa.concat_tables(samples).combine_chunks(),
        outcomes=pa.concat_tables(outcomes).combine_chunks(),
        images=reader.images,
        pool=pool,
        name=source.resolve().name,
        source_sha256=sha256_of_files(reader.read_files, source),
        pairs_read=reader.pairs_read,
        left_out=reader.left_out,
        missing_images=reader.missing_images,
        image_files=reader.image_files,
        label_rules=reader.rules_by_dataset(),
        label_agreement=reader.label_agreement,
        protocol=str(protocol),
    )


def _read_all(reader: LogReader, num_proc: int) -> list[tuple[LogReader, tuple[pa.Table, pa.Table]]]:
    """Every dataset read by a reader of its own, in the benchmark's order."""
    sizes: Counter[str] = Counter()
    for file in reader.tree.files:
        sizes[file.dataset] += file.path.stat().st_size
    task = LogReader(reader.source, reader.pool, reader.tree, reader.image_folder, protocol=reader.protocol)
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


def _read_alone(task: LogReader, dataset: str) -> tuple[LogReader, tuple[pa.Table, pa.Table]]:
    reader = LogReader(task.source, task.pool, task.tree, task.image_folder, protocol=task.protocol)
    with ImageStore(task.image_folder) as store:
        _read_dataset(reader, dataset, store)
    tables = reader.tables()
    reader.samples, reader.outcomes = [], []
    return reader, tables


def _in_order(datasets: set[str]) -> list[str]:
    return [name for name in DATASETS if name in datasets] + sorted(datasets - set(DATASETS))


def _read_dataset(reader: LogReader, dataset: str, store: ImageStore) -> None:
    asked = read_questions(reader, dataset, store, circular=dataset in CIRCULAR_DATASETS)
    measured: dict[str, list[dict[str, Any]]] = {}
    for candidate in reader.pool.candidates:
        folders = {f.folder for f in reader.tree.files} & {candidate.log_name, candidate.name}
        files = [f for f in reader.tree.files if f.dataset == dataset and f.folder in folders]
        if files:
            for pair in _read_candidate(reader, files, candidate.name, asked):
                measured.setdefault(pair["index"], []).append(pair)
        elif folders:
            detail = f"no file of {dataset} for this candidate"
            reader.left_out.append(LeftOut(min(folders), Reason.NOT_FOUND, detail, candidate=candidate.name))
    _add_samples(reader, dataset, asked, measured)


def _read_candidate(
    reader: LogReader, files: Sequence[LogFile], candidate: str, asked: QuestionSet
) -> list[dict[str, Any]]:
    """The measured pairs of one candidate on one dataset."""
    dataset = files[0].dataset
    circular = dataset in CIRCULAR_DATASETS
    predictions: Rows | None = None
    prediction_file = next((file for file in files if not file.suffix), None)
    if prediction_file is not None:
        table = reader.table(prediction_file.path, candidate)
        if table is not None and not {"index", "prediction"} <= set(table.column_names):
            reader.leave_out(
                prediction_file.path, Reason.UNREADABLE, "no index or prediction column", candidate=candidate
            )
        elif table is not None:
            predictions = rows_of(table)
            asked.add(predictions, circular=circular)
    labelled = labelled_rows(reader, files, candidate, predictions)
    if labelled is None:
        return []
    file, rule, rows = labelled
    asked.add(rows, circular=circular)
    labels = unique_labels(reader, file, candidate, (rows, rule))
    reader.label_rules[dataset, rule.name] += 1
    if predictions is not None and _of_another_run(prediction_file, file, rows):
        detail = f"its run was not scored: labels and predictions are those of {file.run}"
        reader.leave_out(prediction_file.path, Reason.SUPERSEDED, detail, candidate=candidate)
        predictions = None
    said_in, told = (file, rows) if predictions is None else (prediction_file, predictions)
    said, priced = _predictions_by_index(told, reader.protocol)
    pairs = []
    for index, quality in labels.items():
        if circular and not is_main_row(index):
            continue
        known = index in said
        text = said.get(index)
        failed = bool(text) and str(text).startswith(FAILED_CALL)
        if not known:
            detail = "a label but no prediction: quality is kept, its cost is not measured"
            reader.leave_out(
                file.path, Reason.NO_PREDICTION, detail, sample_id=f"{dataset}/{index}", candidate=candidate
            )
        pairs.append(
            {
                "index": index,
                "candidate": candidate,
                "quality": 0.0 if failed else quality,
                "prediction": text,
                "priced_text": "" if failed else priced.get(index),
                "known": known,
            }
        )
    name_second_texts(reader, said_in, candidate, told, kept={pair["index"] for pair in pairs})
    return pairs


def _of_another_run(prediction_file: LogFile, file: LogFile, rows: Rows) -> bool:
    """Whether the labels belong to another run's predictions, which stand beside them."""
    runs = {prediction_file.run, file.run}
    return len(runs) == 2 and "" not in runs and all("prediction" in row for row in rows)


def _predictions_by_index(rows: Rows, protocol: Protocol) -> tuple[dict[str, str | None], dict[str, str | None]]:
    """Index -> what the candidate wrote, and index -> what is priced: under `measured` its logged thinking too."""
    said: dict[str, str | None] = {}
    priced: dict[str, str | None] = {}
    for row in rows:
        index = normalize_index(row.get("index"))
        if index is not None and "prediction" in row:
            said[index] = priced[index] = row["prediction"]
            if protocol is Protocol.MEASURED and row.get("thinking"):
                priced[index] = f"{row['thinking']}\n{row['prediction'] or ''}"
    return said, priced


def _add_samples(
    reader: LogReader, dataset: str, asked: QuestionSet, measured: dict[str, list[dict[str, Any]]]
) -> None:
    order = [index for index in asked.questions if index in measured]
    texts = (asked_text(asked.questions[index], reader.protocol) for index in order)
    if order and not asked.has_images:
        detail = f"no images came with {dataset}: its {len(order)} samples have none"
        reader.left_out.append(LeftOut(f"TSV_images/{dataset}.tsv", Reason.IMAGE, detail))
    for index, text_tokens in zip(order, count_tokens(texts), strict=True):
        question, sample_id = asked.questions[index], f"{dataset}/{index}"
        image = _add_image(reader, dataset, asked, index)
        image_tokens = image_tokens_of(image, reader.pool, reader.protocol)
        reader.samples.append(
            {
                "sample_id": sample_id,
                "dataset": dataset,
                "task_group": task_group_of(dataset),
                "question": question.question,
                "options": question.options,
                "hint": question.hint,
            }
        )
        pairs = measured[index]
        output_tokens = count_tokens(pair["priced_text"] for pair in pairs)
        for pair, count in zip(pairs, output_tokens, strict=True):
            reader.outcomes.append(
                {
                    "sample_id": sample_id,
                    "candidate": pair["candidate"],
                    "quality": pair["quality"],
                    "input_tokens": _sum(text_tokens, image_tokens[pair["candidate"]]),
                    "output_tokens": int(count) if pair["known"] else None,
                    "prediction": pair["prediction"],
                }
            )


def _sum(text_tokens: int, image_tokens: int | None) -> int | None:
    """Input tokens; None, not measured, where the image's are not known."""
    return None if image_tokens is None else int(text_tokens) + image_tokens


def _add_image(reader: LogReader, dataset: str, asked: QuestionSet, index: str) -> ImageReference:
    sample_id = f"{dataset}/{index}"
    picture = asked.image_of(index) if asked.has_images else Picture(None)
    path = reader.tree.image_tables.get(dataset)
    reader.images.append(picture.reference)
    reader.image_files.append("" if path is None else path.relative_to(reader.source).as_posix())
    if picture.reference is None:
        reader.missing_images.add(sample_id)
    if picture.problem and path is not None:
        reader.leave_out(path, Reason.IMAGE, picture.problem, sample_id=sample_id)
    if picture.further and path is not None:
        detail = f"a row holds one picture: the first of {picture.further + 1} is kept"
        reader.leave_out(path, Reason.FURTHER_IMAGES, detail, sample_id=sample_id)
    return picture.reference
