"""One dataset of VLMEvalKit's logs: labels as VLMEvalKit defines them, output tokens counted from the predictions.

Decisions
- The label comes from the dataset's rule (`labels.py`): from an evaluation file where the rule reads one, else computed
  from the prediction file. No label means no pair, never a 0.
- Rows are joined by index, never by position: files differ in order and in the rows they have.
- Label and prediction are of one run, and the failed-call rule looks at the text that was scored (`choosing.py`).
- Labels that lack questions of the dataset are read and named.
- A failed API call is not an answer: it is wrong and costs no output tokens.
- Tokens follow a protocol (`protocol.py`): the reference's, or counts of what was really sent and written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import pyarrow as pa

from vlrouterbench.core.constants import DATASETS, task_group_of
from vlrouterbench.data.image_store import ImageStore
from vlrouterbench.data.protocol import prompt_text, tokens_of_images
from vlrouterbench.data.sources.source_logs import (
    OUTCOME_SCHEMA,
    SAMPLE_SCHEMA,
    ImageReference,
    LeftOut,
    Reason,
    as_table,
)
from vlrouterbench.data.sources.vlmevalkit.choosing import (
    choose_labels,
    companion_of,
    name_others,
    texts_of,
)
from vlrouterbench.data.sources.vlmevalkit.contradictions import without_contradicted
from vlrouterbench.data.sources.vlmevalkit.dataset_table import why_no_label
from vlrouterbench.data.sources.vlmevalkit.gathering import LogReader
from vlrouterbench.data.sources.vlmevalkit.labelled import (
    Labelled,
    labelled_files,
    name_repeated,
    name_second_texts,
    unique_labels,
)
from vlrouterbench.data.sources.vlmevalkit.log_files import LogFile
from vlrouterbench.data.sources.vlmevalkit.questions import (
    CellImage,
    QuestionSet,
    Rows,
    indices_of,
    is_main_row,
    normalize_index,
    rows_of,
)
from vlrouterbench.data.tokens import count_tokens

FAILED_CALL = "Failed to obtain answer"
VIDEO = "video"
"""Column that the tables of VLMEvalKit's video sets have, and the files written from them: the base class of such sets
asserts it (vlmeval/dataset/video_base.py, at commit e8e78f05)."""
CIRCULAR_DATASETS = frozenset(name for name in DATASETS if name.startswith("MMBench"))


class _Pair(TypedDict):
    """A candidate's label and text on one sample. A dict: a benchmark has half a million of them.

    Attributes:
        index: the sample's, within its dataset.
        prediction: what the candidate wrote, None where that was not logged.
        priced_text: the text whose tokens are priced as output.
        is_logged: whether a row of predictions stands behind the label; without one, output tokens are not measured.
    """

    index: str
    candidate: str
    quality: float
    prediction: str | None
    priced_text: str | None
    is_logged: bool


def read_dataset(reader: LogReader, dataset: str, store: ImageStore) -> tuple[pa.Table, pa.Table]:
    """The samples and outcomes of a dataset; all else is gathered in `reader`, images in `store`."""
    questions = reader.questions(dataset, store, circular=dataset in CIRCULAR_DATASETS)
    expected = questions.asked_indices()
    measured: dict[str, list[_Pair]] = {}
    read: dict[str, Labelled] = {}
    for candidate in reader.pool.candidates:
        folders = {f.folder for f in reader.tree.files} & {candidate.log_name, candidate.name}
        files = [f for f in reader.tree.files if f.dataset == dataset and f.folder in folders]
        if files:
            pairs, labelled = _read_candidate(reader, files, candidate.name, questions, expected)
            for pair in pairs:
                measured.setdefault(pair["index"], []).append(pair)
            if labelled is not None:
                read[candidate.name] = labelled
        elif folders:
            detail = f"no file of {dataset} for this candidate"
            reader.left_out.append(LeftOut(min(folders), Reason.NOT_FOUND, detail, candidate=candidate.name))
    _name_incomplete(reader, dataset, read, expected)
    return _tables(reader, dataset, questions, measured)


def _name_incomplete(reader: LogReader, dataset: str, read: Mapping[str, Labelled], expected: Collection[str]) -> None:
    """Name each candidate's labels that lack questions of the dataset, or of the fullest where these are unknown."""
    indices = {candidate: _main_indices(dataset, labelled.rows) for candidate, labelled in read.items()}
    wanted = set(expected) or max(indices.values(), key=len, default=set())
    for candidate, labelled in read.items():
        missing = wanted - indices[candidate]
        if missing:
            detail = (
                f"incomplete: {len(missing)} of {len(wanted)} questions are not in it, and no run of it has them all"
            )
            reader.leave_out(labelled.file.path, Reason.NOT_FOUND, detail, candidate=candidate)


def _main_indices(dataset: str, rows: Rows) -> set[str]:
    return {index for index in indices_of(rows) if dataset not in CIRCULAR_DATASETS or is_main_row(index)}


def _read_candidate(
    reader: LogReader, files: Sequence[LogFile], candidate: str, questions: QuestionSet, expected: Collection[str]
) -> tuple[list[_Pair], Labelled | None]:
    """The measured pairs of one candidate on one dataset, and where their labels stand."""
    dataset = files[0].dataset
    circular = dataset in CIRCULAR_DATASETS
    read = _read_files(reader, files, candidate)
    num_left_out = len(reader.left_out)
    found = labelled_files(reader, read, candidate)
    predictions = [file for file in read if not file.suffix]
    if not found:
        for file in predictions[:1]:
            questions.add(read[file], circular=circular)
        if len(read) == len(files) and len(reader.left_out) == num_left_out:
            why = f"predictions only: {why_no_label(dataset)}" if reader.is_matching else why_no_label(dataset)
            reader.leave_out(files[0].path, Reason.NO_LABEL, why, candidate=candidate)
        return [], None
    labelled, others = choose_labels(found, expected)
    companion = companion_of(labelled, predictions)
    if companion is not None:
        questions.add(read[companion], circular=circular)
    questions.add(labelled.rows, circular=circular)
    agreeing = without_contradicted(reader, labelled, questions, candidate, circular=circular)
    labels = unique_labels(reader, agreeing, candidate)
    reader.label_rules[dataset, labelled.rule.name] += 1
    texts = texts_of(reader, labelled, None if companion is None else (companion, read[companion]), candidate)
    name_others(reader, (labelled, others), read, () if companion is None else (companion,), candidate)
    pairs = []
    for index, quality in labels.items():
        if circular and not is_main_row(index):
            continue
        text = texts.written.get(index)
        failed = bool(text) and str(text).startswith(FAILED_CALL)
        if index not in texts.written:
            detail = "a label but no prediction: quality is kept, its cost is not measured"
            where: dict[str, str | None] = {"sample_id": f"{dataset}/{index}", "candidate": candidate}
            reader.leave_out(labelled.file.path, Reason.NO_PREDICTION, detail, **where)
        pairs.append(
            _Pair(
                index=index,
                candidate=candidate,
                quality=0.0 if failed else quality,
                prediction=text,
                priced_text="" if failed else texts.priced.get(index),
                is_logged=index in texts.written,
            )
        )
    if companion is not None and companion != labelled.file:
        said = [(key, row["prediction"]) for row in read[companion] if (key := normalize_index(row["index"]))]
        name_repeated(reader, companion, candidate, said)
    for file, rows in texts.files:
        name_second_texts(reader, file, candidate, rows, indices={pair["index"] for pair in pairs})
    return pairs, labelled


def _read_files(reader: LogReader, files: Sequence[LogFile], candidate: str) -> dict[LogFile, Rows]:
    """The rows of every file that can be read; the others are named."""
    read = {}
    for file in files:
        table = reader.table(file.path, candidate)
        if table is None:
            continue
        if VIDEO in table.column_names:
            detail = f"{file.dataset} is a video set (column {VIDEO}): its samples show no image, and it is not read"
            reader.leave_out(file.path, Reason.VIDEO, detail, candidate=candidate)
        elif not file.suffix and not {"index", "prediction"} <= set(table.column_names):
            reader.leave_out(file.path, Reason.UNREADABLE, "no index or prediction column", candidate=candidate)
        else:
            read[file] = rows_of(table)
    return read


def _tables(
    reader: LogReader, dataset: str, questions: QuestionSet, measured: dict[str, list[_Pair]]
) -> tuple[pa.Table, pa.Table]:
    order = [index for index in questions.by_index if index in measured]
    if order and not questions.has_images:
        what = f"no images came with {dataset}"
        if questions.are_images_lost:
            what = f"the table of the images of {dataset} cannot be read"
        detail = f"{what}: its {len(order)} samples have none"
        reader.left_out.append(LeftOut(f"TSV_images/{dataset}.tsv", Reason.IMAGE, detail))
    asked = [questions.by_index[index] for index in order]
    text_tokens = count_tokens(prompt_text(question, reader.protocol) for question in asked).tolist()
    input_tokens: list[int | None] = []
    for index, tokens in zip(order, text_tokens, strict=True):
        image_tokens = tokens_of_images(_add_images(reader, dataset, questions, index), reader.pool, reader.protocol)
        input_tokens += [_sum(tokens, image_tokens[pair["candidate"]]) for pair in measured[index]]
    samples: dict[str, Sequence[object]] = {
        "sample_id": [f"{dataset}/{index}" for index in order],
        "dataset": [dataset] * len(order),
        "task_group": [task_group_of(dataset)] * len(order),
        "question": [question.question for question in asked],
        "options": [question.options for question in asked],
        "hint": [question.hint for question in asked],
    }
    # By column: a list of half a million rows takes several times as long to become a table.
    pairs = [pair for index in order for pair in measured[index]]
    counts = zip(pairs, count_tokens(pair["priced_text"] for pair in pairs).tolist(), strict=True)
    outcomes: dict[str, Sequence[object]] = {
        "sample_id": [f"{dataset}/{pair['index']}" for pair in pairs],
        "candidate": [pair["candidate"] for pair in pairs],
        "quality": [pair["quality"] for pair in pairs],
        "input_tokens": input_tokens,
        "output_tokens": [count if pair["is_logged"] else None for pair, count in counts],
        "prediction": [pair["prediction"] for pair in pairs],
    }
    return as_table(samples, SAMPLE_SCHEMA), as_table(outcomes, OUTCOME_SCHEMA)


def _sum(text_tokens: int, image_tokens: int | None) -> int | None:
    """Input tokens; None, not measured, where the image's are not known."""
    return None if image_tokens is None else text_tokens + image_tokens


def _add_images(reader: LogReader, dataset: str, questions: QuestionSet, index: str) -> Sequence[ImageReference]:
    sample_id = f"{dataset}/{index}"
    image = CellImage(None, is_named=questions.are_images_lost)
    if questions.has_images:
        image = questions.image_of(index)
    path = reader.tree.image_tables.get(dataset)
    file = path
    if isinstance(image.reference, Path):
        file = image.reference
        reader.read_files.add(file)
    reader.images.append(image.reference)
    reader.image_files.append("" if file is None else reader.where(file))
    if image.reference is None:
        reader.missing_images.add(sample_id)
        if image.is_named:
            reader.unread_images.add(sample_id)
    elif image.problem:
        reader.missing_images.add(sample_id)
    if image.problem and path is not None:
        reader.leave_out(path, Reason.IMAGE, image.problem, sample_id=sample_id)
    if image.further:
        reader.further[sample_id] = image.further
        reader.read_files |= {further for further in image.further if isinstance(further, Path)}
    return image.reference, *image.further
