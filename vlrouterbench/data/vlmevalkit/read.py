"""VLMEvalKit's logs -> a source: labels as VLMEvalKit defines them, output tokens counted from the predictions.

Decisions
- The label comes from the dataset's rule (`labels.py`): from an evaluation file where the rule reads one, else computed
  from the prediction file. No label means no pair, never a 0.
- Rows are joined by index, never by position: files differ in order and in the rows they have.
- A failed API call is not an answer: it is wrong and costs no output tokens.
- An index that stands twice with different labels cannot be trusted: the pair is left out and named.
- Which text rule VLMEvalKit applied is not written in its files. A run folder dated from 13 May 2025 on, or a `_results`
  file (written since July 2025), shows today's rule; without either the older one holds (TextVQA's period rule).
- Input tokens follow the reference protocol: `cl100k_base` of the question plus 256 for the image, for every candidate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from vlrouterbench.constants import DATASETS, task_group_of
from vlrouterbench.data.candidates import CandidatePool
from vlrouterbench.data.source import OUTCOME_SCHEMA, SAMPLE_SCHEMA, ImageReference, LeftOut, Reason, SourceLogs
from vlrouterbench.data.tokens import REFERENCE_IMAGE_TOKENS, count_tokens
from vlrouterbench.data.vlmevalkit.labels import EVALUATION, INFERENCE, LABEL_RULES, LabelRule, rule_for
from vlrouterbench.data.vlmevalkit.layout import LogFile, LogTree, find_logs
from vlrouterbench.data.vlmevalkit.questions import QuestionSet, is_main_row, normalize_index, rows_of
from vlrouterbench.data.vlmevalkit.reading import UnreadableFileError, read_text_table
from vlrouterbench.errors import SourceError
from vlrouterbench.files import sha256_of_files

FAILED_CALL = "Failed to obtain answer"
RULE_CHANGE = "T20250513"
"""Run folders from this day on were scored by today's text rule (VLMEvalKit commit 928a95b0)."""
CIRCULAR_DATASETS = frozenset(name for name in DATASETS if name.startswith("MMBench"))
Rows = list[dict[str, str | None]]


@dataclass
class _Reader:
    """What has been gathered so far."""

    source: Path
    pool: CandidatePool
    tree: LogTree
    left_out: list[LeftOut] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    images: list[ImageReference] = field(default_factory=list)
    missing_images: set[str] = field(default_factory=set)
    pairs_read: int = 0
    read_files: set[Path] = field(default_factory=set)
    label_rules: Counter[tuple[str, str]] = field(default_factory=Counter)

    def leave_out(self, path: Path, reason: Reason, detail: str, **where: str | None) -> None:
        """Name something that is not in the benchmark."""
        self.left_out.append(LeftOut(path.relative_to(self.source).as_posix(), reason, detail, **where))

    def table(self, path: Path, candidate: str | None = None) -> pa.Table | None:
        """A readable file as a table; an unreadable one is named and gives None."""
        self.read_files.add(path)
        try:
            return read_text_table(path)
        except UnreadableFileError as error:
            self.leave_out(path, Reason.UNREADABLE, str(error), candidate=candidate)
            return None


def read_vlmevalkit(source: Path, *, pool: CandidatePool, num_proc: int = 1) -> SourceLogs:
    """Read a folder of VLMEvalKit logs.

    Args:
        source: `vlm_router_data` folder, its parent, or a VLMEvalKit work folder.
        pool: the candidates; other model folders are left out and named.
        num_proc: reserved for reading files in parallel; one process reads the published size in seconds.

    Raises:
        SourceError: no logs of any candidate.
    """
    names = {name for c in pool.candidates for name in (c.log_name, c.name) if name}
    tree = find_logs(source, folders=names)
    if not tree.files:
        raise SourceError(
            f"expected VLMEvalKit logs (<model>/<model>_<dataset>.xlsx) or own tables (outcomes.parquet) in {source}, found none "
            f"of the pool's {len(pool)} candidates. Folders of unlisted models: "
            f"{', '.join(e.candidate or '' for e in tree.left_out if e.reason is Reason.UNKNOWN_MODEL) or 'none'}. "
            "Give --candidates, or correct SOURCE."
        )
    reader = _Reader(source, pool, tree, list(tree.left_out))
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
        label_rules=_rules_by_dataset(reader.label_rules),
    )


def _rules_by_dataset(counted: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Dataset -> rule -> number of candidates labelled by it, for the build report."""
    rules: dict[str, dict[str, int]] = {}
    for (dataset, rule), count in sorted(counted.items()):
        rules.setdefault(dataset, {})[rule] = count
    return rules


def _in_order(datasets: set[str]) -> list[str]:
    return [name for name in DATASETS if name in datasets] + sorted(datasets - set(DATASETS))


def _read_dataset(reader: _Reader, dataset: str) -> None:
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


def _read_candidate(reader: _Reader, files: Sequence[LogFile], candidate: str, asked: QuestionSet) -> list[dict[str, Any]]:
    """The measured pairs of one candidate on one dataset."""
    dataset = files[0].dataset
    circular = dataset in CIRCULAR_DATASETS
    predictions: Rows | None = None
    prediction_file = next((file for file in files if not file.suffix), None)
    if prediction_file is not None:
        table = reader.table(prediction_file.path, candidate)
        if table is not None and not {"index", "prediction"} <= set(table.column_names):
            reader.leave_out(prediction_file.path, Reason.UNREADABLE, "no index or prediction column", candidate=candidate)
        elif table is not None:
            predictions = rows_of(table)
            asked.add(predictions, circular=circular)
    labelled = _labelled_rows(reader, files, candidate, predictions)
    if labelled is None:
        return []
    file, rule, rows = labelled
    asked.add(rows, circular=circular)
    labels = _unique_labels(reader, file, candidate, (rows, rule))
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
            reader.leave_out(file.path, Reason.NO_PREDICTION, detail, sample_id=f"{dataset}/{index}", candidate=candidate)
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


def _labelled_rows(
    reader: _Reader, files: Sequence[LogFile], candidate: str, predictions: Rows | None
) -> tuple[LogFile, LabelRule, Rows] | None:
    """The rows that carry labels, with the rule that reads them; None, with the reason named, where there are none."""
    dataset = files[0].dataset
    found: list[tuple[LogFile, LabelRule, Rows]] = []
    legacy = _is_legacy(files)
    damaged = False
    for file in files:
        known = LABEL_RULES.get(dataset)
        if not file.suffix or (known and predictions and known.needs == INFERENCE and file.suffix == "_results"):
            # Its label is computed from the prediction file, of which this file is a copy.
            continue
        table = reader.table(file.path, candidate)
        damaged = damaged or table is None
        rows = rows_of(table) if table is not None and "index" in table.column_names else []
        rule = rule_for(dataset, tuple(rows[0]), legacy=legacy) if rows else None
        if rule is None or not rule.accepts_suffix(file.suffix) or not (rule.needs == EVALUATION or predictions is None):
            continue
        if known is None and rule.name == "score" and any(row["score"] and rule.score(row) is None for row in rows):
            detail = f"{dataset}: its score column is not in [0, 1], so it is no share of correctness"
            reader.leave_out(file.path, Reason.NO_LABEL, detail, candidate=candidate)
            return None
        found.append((file, rule, rows))
    for other, _, _ in found[1:]:
        detail = f"labels were read from {found[0][0].path.name}"
        reader.leave_out(other.path, Reason.SECOND_JUDGE, detail, candidate=candidate)
    if found:
        return found[0]
    plain = next((file for file in files if not file.suffix), None)
    if predictions and plain is not None:
        rule = rule_for(dataset, tuple(predictions[0]), legacy=legacy)
        if rule is not None:
            return plain, rule, predictions
    if not damaged:
        detail = f"{dataset}: no per-sample label can be read or computed from what is there"
        reader.leave_out(files[0].path, Reason.NO_LABEL, detail, candidate=candidate)
    return None


def _is_legacy(files: Sequence[LogFile]) -> bool:
    """Whether nothing shows that the files were scored by today's text rule."""
    return not any(file.suffix == "_results" or file.run >= RULE_CHANGE for file in files)


def _unique_labels(
    reader: _Reader, file: LogFile, candidate: str, labelled: tuple[Rows, LabelRule]
) -> dict[str, float]:
    """Index -> score. A row without a label is named; an index with two different labels is left out."""
    rows, rule = labelled
    labels: dict[str, float] = {}
    conflicts: set[str] = set()
    for place, row in enumerate(rows, start=1):
        index = normalize_index(row.get("index"))
        score = rule.score(row) if index is not None else None
        reader.pairs_read += 1
        sample_id = None if index is None else f"{file.dataset}/{index}"
        if index is None or score is None:
            detail = f"row {place}: {'no index' if index is None else f'no label by the rule {rule.name}'}"
            reader.leave_out(file.path, Reason.NO_LABEL, detail, sample_id=sample_id, candidate=candidate)
        elif labels.setdefault(index, score) != score and index not in conflicts:
            conflicts.add(index)
            detail = f"row {place}: this index stands twice with different labels"
            reader.leave_out(file.path, Reason.CONFLICT, detail, sample_id=sample_id, candidate=candidate)
    return {index: score for index, score in labels.items() if index not in conflicts}


def _prediction_by_index(rows: Rows) -> dict[str, str | None]:
    """Index -> what the candidate wrote, its thinking first where that was logged apart. Empty rows without the column."""
    said: dict[str, str | None] = {}
    for row in rows:
        index = normalize_index(row.get("index"))
        if index is not None and "prediction" in row:
            parts = [part for part in (row.get("thinking"), row["prediction"]) if part]
            said[index] = "\n".join(parts) if parts else row["prediction"]
    return said


def _add_samples(reader: _Reader, dataset: str, asked: QuestionSet, measured: dict[str, list[dict[str, Any]]]) -> None:
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


def _add_image(reader: _Reader, dataset: str, asked: QuestionSet, index: str) -> None:
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
