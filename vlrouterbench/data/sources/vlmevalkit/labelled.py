"""Which rows of a candidate's files carry labels, and the one label of every index.

Decisions
- A file of any suffix may carry labels: its columns decide.
- A column whose marks above 0 are mostly above 1 is on another scale (percent, points): it is refused as a whole, since
  its zeros alone would be kept. A few marks out of bounds are named row by row.
- An evaluation file is read where the dataset's rule needs one; a label that follows from the prediction is computed.
- Which text rule VLMEvalKit applied is not written in its files. A run folder dated from 13 May 2025 on, or a
  `_results` file (written since July 2025), shows today's rule; without either the older one holds (TextVQA's periods).
- An `is_correct` column gives the label; where VLMEvalKit's own rule can be computed too, the report says how often the
  two differ.
- An index that stands twice with different labels cannot be trusted: the pair is left out and named.
- An index that stands twice with one label and two texts keeps the last: a row that was added later is a call that was
  made again. What the other text said and cost is not in the benchmark, so the index is named. Rows that say the same
  twice are counted, once for the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from vlrouterbench.core.constants import CORRECT_THRESHOLD
from vlrouterbench.data.sources.source_logs import Reason
from vlrouterbench.data.sources.vlmevalkit.cells import finite_number
from vlrouterbench.data.sources.vlmevalkit.dataset_table import IMAGE_DATASETS
from vlrouterbench.data.sources.vlmevalkit.exact import exact_rule, labelled_exactly
from vlrouterbench.data.sources.vlmevalkit.file_kinds import INDEX
from vlrouterbench.data.sources.vlmevalkit.gathering import LogReader
from vlrouterbench.data.sources.vlmevalkit.labels import IS_CORRECT, LABEL_RULES, LabelRule, Row, rule_for
from vlrouterbench.data.sources.vlmevalkit.log_files import LogFile
from vlrouterbench.data.sources.vlmevalkit.questions import Rows, indices_of, normalize_index

RULE_CHANGE = "T20250513"
"""Run folders from this day on were scored by today's text rule (VLMEvalKit commit 928a95b0)."""


@dataclass(frozen=True)
class Labelled:
    """A file whose rows carry labels, with the rule that reads them."""

    file: LogFile
    rule: LabelRule
    rows: Rows


def labelled_files(reader: LogReader, read: Mapping[LogFile, Rows], candidate: str) -> list[Labelled]:
    """Those of the files that carry labels; a score on another scale is named."""
    found = []
    for file, rows in read.items():
        dataset = file.dataset
        if reader.is_matching and not file.suffix and (exact := exact_rule(dataset)) is not None:
            found.append(Labelled(file, exact, labelled_exactly(dataset, rows)))
            continue
        rule = rule_for(dataset, tuple(rows[0]), legacy=_is_legacy(file, read))
        if rule is None or not (rule.accepts_suffix(file.suffix) if file.suffix else rule.in_predictions):
            continue
        if INDEX not in rows[0]:
            detail = f"its marks ({rule.name}) have no column {INDEX}: they belong to no sample"
            reader.leave_out(file.path, Reason.NO_LABEL, detail, candidate=candidate)
        elif (
            dataset not in IMAGE_DATASETS
            and rule.name == "score"
            and any(row["score"] and rule.score(row) is None for row in rows)
        ):
            detail = f"{dataset}: its score column is not in [0, 1], so it is no share of correctness"
            reader.leave_out(file.path, Reason.NO_LABEL, detail, candidate=candidate)
        elif highest := _highest_on_another_scale(rule, rows):
            remedy = f"expected marks in [0, 1], found values up to {highest:g}: divide by {_scale_of(highest):g}"
            detail = f"its column {rule.name} is on another scale, none of it is read: {remedy}"
            reader.leave_out(file.path, Reason.NO_LABEL, detail, candidate=candidate)
        else:
            found.append(Labelled(file, rule, rows))
    return found


def _highest_on_another_scale(rule: LabelRule, rows: Rows) -> float | None:
    """The highest mark of a column that is the label as it stands, where most marks above 0 are above 1."""
    if rule.columns != (rule.name,):
        return None
    numbers = [finite_number(row.get(rule.name)) for row in rows]
    marks = [number for number in numbers if number is not None and number > 0]
    return max(marks) if 2 * sum(mark > 1 for mark in marks) > len(marks) else None


def _scale_of(highest: float) -> float:
    return next((scale for scale in (10.0, 100.0, 1000.0) if 0.5 * scale < highest <= scale), highest)


def _is_legacy(file: LogFile, files: Collection[LogFile]) -> bool:
    """Whether nothing shows that the file's run was scored by today's text rule."""
    of_run = [other for other in files if other.runs & file.runs]
    if any(other.suffix == "_results" or other.run >= RULE_CHANGE for other in of_run):
        return False
    return bool(file.run) or not any(other.suffix == "_results" or other.run >= RULE_CHANGE for other in files)


def unique_labels(reader: LogReader, labelled: Labelled, candidate: str) -> dict[str, float]:
    """Index -> score. A row without a label is named; an index with two different labels is left out."""
    file, rule, rows = labelled.file, labelled.rule, labelled.rows
    labels: dict[str, float] = {}
    conflicts: set[str] = set()
    said: list[tuple[str, object]] = []
    for number, row in enumerate(rows, start=1):
        index = normalize_index(row.get("index"))
        score = rule.score(row) if index is not None else None
        reader.pairs_read += 1
        if rule.name == IS_CORRECT and score is not None:
            _compare(reader, file, candidate, (row, score))
        sample_id = None if index is None else f"{file.dataset}/{index}"
        if index is None or score is None:
            detail = f"row {number}: {'no index' if index is None else f'no label by the rule {rule.name}'}"
            reader.leave_out(file.path, Reason.NO_LABEL, detail, sample_id=sample_id, candidate=candidate)
        elif labels.setdefault(index, score) != score and index not in conflicts:
            conflicts.add(index)
            detail = f"row {number}: this index stands twice with different labels"
            reader.leave_out(file.path, Reason.CONFLICT, detail, sample_id=sample_id, candidate=candidate)
        else:
            said.append((index, (score, row.get("prediction"))))
    name_repeated(reader, file, candidate, said)
    return {index: score for index, score in labels.items() if index not in conflicts}


def name_repeated(reader: LogReader, file: LogFile, candidate: str, said: Collection[tuple[str, object]]) -> None:
    """Name how many of a file's rows say the same of an index as a row before them."""
    # Texts are compared only where an index stands twice: hashing them takes longer than all else here.
    num_repeated = len(said) - len(set(said)) if len({index for index, _ in said}) < len(said) else 0
    if num_repeated:
        detail = f"rows that say the same of an index as one before them: {num_repeated}; they were read once"
        reader.leave_out(file.path, Reason.CONFLICT, detail, candidate=candidate)


def name_second_texts(reader: LogReader, file: LogFile, candidate: str, rows: Rows, indices: Collection[str]) -> None:
    """Name each of `indices` whose rows hold different predictions, once."""
    if len(indices_of(rows)) == len(rows):
        return
    texts: dict[str, str | None] = {}
    reported: set[str] = set()
    for number, row in enumerate(rows, start=1):
        index = normalize_index(row.get("index"))
        if index is None or index not in indices or index in reported or "prediction" not in row:
            continue
        if texts.setdefault(index, row["prediction"]) != row["prediction"]:
            reported.add(index)
            detail = (
                f"row {number}: this index stands twice with different predictions: the last one is kept and priced"
            )
            sample_id = f"{file.dataset}/{index}"
            reader.leave_out(file.path, Reason.CONFLICT, detail, sample_id=sample_id, candidate=candidate)


def _compare(reader: LogReader, file: LogFile, candidate: str, labelled: tuple[Row, float]) -> None:
    """Count whether a published label differs from VLMEvalKit's own rule, where that can be computed from the row."""
    row, published = labelled
    own = LABEL_RULES.get(file.dataset)
    score = own.score({name: cell for name, cell in row.items() if name != IS_CORRECT}) if own is not None else None
    if score is not None:
        differs = (score >= CORRECT_THRESHOLD) != (published >= CORRECT_THRESHOLD)
        counts = reader.label_agreement.setdefault(file.dataset, {}).setdefault(candidate, {"compared": 0, "differ": 0})
        counts["compared"] += 1
        counts["differ"] += differs
