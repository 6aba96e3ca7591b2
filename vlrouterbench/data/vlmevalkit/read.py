"""VLMEvalKit's logs -> a source: labels as VLMEvalKit defines them, output tokens counted from the predictions.

Decisions
- The label comes from the dataset's rule (`labels.py`): from an evaluation file where the rule reads one, else computed
  from the prediction file. No label means no pair, never a 0.
- Rows are joined by index, never by position: files differ in order and in the rows they have.
- A failed API call is not an answer: it is wrong and costs no output tokens.
- Input tokens follow the reference protocol: `cl100k_base` of the question plus 256 for the image, for every candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from vlrouterbench.constants import DATASETS, task_group_of
from vlrouterbench.data.candidates import CandidatePool
from vlrouterbench.data.source import OUTCOME_SCHEMA, SAMPLE_SCHEMA, LeftOut, Reason, SourceLogs
from vlrouterbench.data.tokens import REFERENCE_IMAGE_TOKENS, count_tokens
from vlrouterbench.data.vlmevalkit.gathering import LogReader
from vlrouterbench.data.vlmevalkit.labelled import labelled_rows, unique_labels
from vlrouterbench.data.vlmevalkit.layout import LogFile, find_logs
from vlrouterbench.data.vlmevalkit.questions import QuestionSet, Rows, is_main_row, normalize_index, rows_of
from vlrouterbench.errors import SourceError
from vlrouterbench.files import sha256_of_files

FAILED_CALL = "Failed to obtain answer"
CIRCULAR_DATASETS = frozenset(name for name in DATASETS if name.startswith("MMBench"))


def read_vlmevalkit(source: Path, *, pool: CandidatePool) -> SourceLogs:
    """Read a folder of VLMEvalKit logs.

    Args:
        source: `vlm_router_data` folder, its parent, or a VLMEvalKit work folder.
        pool: the candidates; other model folders are left out and named.

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
    reader = LogReader(source, pool, tree, list(tree.left_out))
    for candidate in pool.candidates:
        if not {file.folder for file in tree.files} & {candidate.log_name, candidate.name}:
            detail = "no log folder of this candidate"
            name = candidate.log_name or candidate.name
            reader.left_out.append(LeftOut(name, Reason.NOT_FOUND, detail, candidate=candidate.name))
    for dataset in _in_order({file.dataset for file in tree.files}):
        _read_dataset(reader, dataset)
    return SourceLogs(
        samples=pa.Table.from_pylist(reader.samples, schema=SAMPLE_SCHEMA),
        outcomes=pa.Table.from_pylist(reader.outcomes, schema=OUTCOME_SCHEMA),
        images=reader.images,
        pool=pool,
        name=source.resolve().name,
        source_sha256=sha256_of_files(reader.read_files, source),
        pairs_read=reader.pairs_read,
        left_out=reader.left_out,
        missing_images=reader.missing_images,
        label_rules=reader.rules_by_dataset(),
    )


def _in_order(datasets: set[str]) -> list[str]:
    return [name for name in DATASETS if name in datasets] + sorted(datasets - set(DATASETS))


def _read_dataset(reader: LogReader, dataset: str) -> None:
    circular = dataset in CIRCULAR_DATASETS
    asked = QuestionSet()
    image_table = reader.tree.image_tables.get(dataset)
    table = reader.table(image_table) if image_table else None
    if table is not None:
        asked.add(rows_of(table), circular=circular)
        asked.has_images = "image" in table.column_names
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
    said = _prediction_by_index(predictions if predictions is not None else rows)
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
                "priced_text": "" if failed else text,
                "known": known,
            }
        )
    return pairs


def _prediction_by_index(rows: Rows) -> dict[str, str | None]:
    """Index -> what the candidate wrote, its thinking first where that was logged apart. Empty rows without the
    column."""
    said: dict[str, str | None] = {}
    for row in rows:
        index = normalize_index(row.get("index"))
        if index is not None and "prediction" in row:
            parts = [part for part in (row.get("thinking"), row["prediction"]) if part]
            said[index] = "\n".join(parts) if parts else row["prediction"]
    return said


def _add_samples(
    reader: LogReader, dataset: str, asked: QuestionSet, measured: dict[str, list[dict[str, Any]]]
) -> None:
    order = [index for index in asked.questions if index in measured]
    input_tokens = count_tokens(asked.questions[index].question for index in order) + REFERENCE_IMAGE_TOKENS
    if order and not asked.has_images:
        detail = f"no images came with {dataset}: its {len(order)} samples have none"
        reader.left_out.append(LeftOut(f"TSV_images/{dataset}.tsv", Reason.IMAGE, detail))
    for index, tokens in zip(order, input_tokens, strict=True):
        question, sample_id = asked.questions[index], f"{dataset}/{index}"
        _add_image(reader, dataset, asked, index)
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
                    "input_tokens": int(tokens),
                    "output_tokens": int(count) if pair["known"] else None,
                    "prediction": pair["prediction"],
                }
            )


def _add_image(reader: LogReader, dataset: str, asked: QuestionSet, index: str) -> None:
    sample_id = f"{dataset}/{index}"
    content, problem, further = asked.image_of(index) if asked.has_images else (None, "", 0)
    reader.images.append(content)
    if content is None:
        reader.missing_images.add(sample_id)
    path = reader.tree.image_tables.get(dataset)
    if problem and path is not None:
        reader.leave_out(path, Reason.IMAGE, problem, sample_id=sample_id)
    if further and path is not None:
        detail = f"a row holds one picture: the first of {further + 1} is kept"
        reader.leave_out(path, Reason.FURTHER_IMAGES, detail, sample_id=sample_id)
