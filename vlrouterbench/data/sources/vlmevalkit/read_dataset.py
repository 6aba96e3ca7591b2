"""One dataset of VLMEvalKit's logs: labels as VLMEvalKit defines them, output tokens counted from the predictions.

Decisions
- The label comes from the dataset's rule (`labels.py`): from an evaluation file where the rule reads one, else computed
  from the prediction file. No label means no pair, never a 0.
- Rows are joined by index, never by position: files differ in order and in the rows they have.
- Label and prediction are of one run: where the newest run was never scored, the scored run's own text is priced.
- A failed API call is not an answer: it is wrong and costs no output tokens.
- Tokens follow a protocol (`protocol.py`): the reference's, or counts of what was really sent and written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.core.constants import DATASETS, task_group_of
from vlrouterbench.data.choices import Protocol
from vlrouterbench.data.image_store import ImageStore
from vlrouterbench.data.protocol import image_tokens_of, prompt_text
from vlrouterbench.data.sources.source_logs import ImageReference, LeftOut, Reason
from vlrouterbench.data.sources.vlmevalkit.gathering import LogReader
from vlrouterbench.data.sources.vlmevalkit.labelled import labelled_rows, name_second_texts, unique_labels
from vlrouterbench.data.sources.vlmevalkit.layout import LogFile
from vlrouterbench.data.sources.vlmevalkit.questions import (
    CellImage,
    QuestionSet,
    Rows,
    is_main_row,
    normalize_index,
    rows_of,
)
from vlrouterbench.data.tokens import count_tokens

FAILED_CALL = "Failed to obtain answer"
CIRCULAR_DATASETS = frozenset(name for name in DATASETS if name.startswith("MMBench"))


@dataclass(frozen=True)
class _Pair:
    """A candidate's label and text on one sample.

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


def read_dataset(reader: LogReader, dataset: str, store: ImageStore) -> None:
    """Gather the samples and outcomes of a dataset in `reader`, its images in `store`."""
    questions = reader.questions(dataset, store, circular=dataset in CIRCULAR_DATASETS)
    measured: dict[str, list[_Pair]] = {}
    for candidate in reader.pool.candidates:
        folders = {f.folder for f in reader.tree.files} & {candidate.log_name, candidate.name}
        files = [f for f in reader.tree.files if f.dataset == dataset and f.folder in folders]
        if files:
            for pair in _read_candidate(reader, files, candidate.name, questions):
                measured.setdefault(pair.index, []).append(pair)
        elif folders:
            detail = f"no file of {dataset} for this candidate"
            reader.left_out.append(LeftOut(min(folders), Reason.NOT_FOUND, detail, candidate=candidate.name))
    _add_samples(reader, dataset, questions, measured)


def _read_candidate(reader: LogReader, files: Sequence[LogFile], candidate: str, questions: QuestionSet) -> list[_Pair]:
    """The measured pairs of one candidate on one dataset."""
    dataset = files[0].dataset
    circular = dataset in CIRCULAR_DATASETS
    logged = _predictions(reader, files, candidate)
    if logged is not None:
        questions.add(logged[1], circular=circular)
    labelled = labelled_rows(reader, files, candidate, None if logged is None else logged[1])
    if labelled is None:
        return []
    file, rule, rows = labelled
    questions.add(rows, circular=circular)
    labels = unique_labels(reader, file, candidate, (rows, rule))
    reader.label_rules[dataset, rule.name] += 1
    if logged is not None and _of_another_run(logged[0], file, rows):
        detail = f"its run was not scored: labels and predictions are those of {file.run}"
        reader.leave_out(logged[0].path, Reason.SUPERSEDED, detail, candidate=candidate)
        logged = None
    text_file, text_rows = (file, rows) if logged is None else logged
    texts, priced = _predictions_by_index(text_rows, reader.protocol)
    pairs = []
    for index, quality in labels.items():
        if circular and not is_main_row(index):
            continue
        text = texts.get(index)
        failed = bool(text) and str(text).startswith(FAILED_CALL)
        if index not in texts:
            detail = "a label but no prediction: quality is kept, its cost is not measured"
            reader.leave_out(
                file.path, Reason.NO_PREDICTION, detail, sample_id=f"{dataset}/{index}", candidate=candidate
            )
        pairs.append(
            _Pair(
                index=index,
                candidate=candidate,
                quality=0.0 if failed else quality,
                prediction=text,
                priced_text="" if failed else priced.get(index),
                is_logged=index in texts,
            )
        )
    name_second_texts(reader, text_file, candidate, text_rows, indices={pair.index for pair in pairs})
    return pairs


def _predictions(reader: LogReader, files: Sequence[LogFile], candidate: str) -> tuple[LogFile, Rows] | None:
    """The prediction file of a candidate with its rows, None where there is none that can be read."""
    file = next((file for file in files if not file.suffix), None)
    table = None if file is None else reader.table(file.path, candidate)
    if file is None or table is None:
        return None
    if not {"index", "prediction"} <= set(table.column_names):
        reader.leave_out(file.path, Reason.UNREADABLE, "no index or prediction column", candidate=candidate)
        return None
    return file, rows_of(table)


def _of_another_run(prediction_file: LogFile, file: LogFile, rows: Rows) -> bool:
    """Whether the labels belong to another run's predictions, which stand beside them."""
    runs = {prediction_file.run, file.run}
    return len(runs) == 2 and "" not in runs and all("prediction" in row for row in rows)


def _predictions_by_index(rows: Rows, protocol: Protocol) -> tuple[dict[str, str | None], dict[str, str | None]]:
    """Index -> what the candidate wrote, and index -> what is priced: under `measured` its logged thinking too."""
    texts: dict[str, str | None] = {}
    priced: dict[str, str | None] = {}
    for row in rows:
        index = normalize_index(row.get("index"))
        if index is not None and "prediction" in row:
            texts[index] = priced[index] = row["prediction"]
            if protocol is Protocol.MEASURED and row.get("thinking"):
                priced[index] = f"{row['thinking']}\n{row['prediction'] or ''}"
    return texts, priced


def _add_samples(reader: LogReader, dataset: str, questions: QuestionSet, measured: dict[str, list[_Pair]]) -> None:
    order = [index for index in questions.by_index if index in measured]
    texts = (prompt_text(questions.by_index[index], reader.protocol) for index in order)
    if order and not questions.has_images:
        what = f"no images came with {dataset}"
        if questions.are_images_lost:
            what = f"the table of the images of {dataset} cannot be read"
        detail = f"{what}: its {len(order)} samples have none"
        reader.left_out.append(LeftOut(f"TSV_images/{dataset}.tsv", Reason.IMAGE, detail))
    for index, text_tokens in zip(order, count_tokens(texts), strict=True):
        question, sample_id = questions.by_index[index], f"{dataset}/{index}"
        image = _add_image(reader, dataset, questions, index)
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
        output_tokens = count_tokens(pair.priced_text for pair in pairs)
        for pair, count in zip(pairs, output_tokens, strict=True):
            reader.outcomes.append(
                {
                    "sample_id": sample_id,
                    "candidate": pair.candidate,
                    "quality": pair.quality,
                    "input_tokens": _sum(text_tokens, image_tokens[pair.candidate]),
                    "output_tokens": int(count) if pair.is_logged else None,
                    "prediction": pair.prediction,
                }
            )


def _sum(text_tokens: int, image_tokens: int | None) -> int | None:
    """Input tokens; None, not measured, where the image's are not known."""
    return None if image_tokens is None else int(text_tokens) + image_tokens


def _add_image(reader: LogReader, dataset: str, questions: QuestionSet, index: str) -> ImageReference:
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
    reader.image_files.append("" if file is None else file.relative_to(reader.source).as_posix())
    if image.reference is None:
        reader.missing_images.add(sample_id)
        if image.is_named:
            reader.unread_images.add(sample_id)
    if image.problem and path is not None:
        reader.leave_out(path, Reason.IMAGE, image.problem, sample_id=sample_id)
    if image.further and path is not None:
        detail = f"a row holds one image: the first of {image.further + 1} is kept"
        reader.leave_out(path, Reason.FURTHER_IMAGES, detail, sample_id=sample_id)
    return image.reference
