"""Which of a candidate's files are read: one run, one judge, and the text that was scored.

The rules, in this order
1. A run is the files of one run folder; the model folder's own files are the root entry, VLMEvalKit's pointer to the
   last finished run, which counts as the newest. Copies and links of one file belong to every run that they lie in.
2. Among complete runs the newest is read. Complete is a run with a row for every question of the dataset, or with as
   many rows as the candidate's fullest. An incomplete run is read only where none is complete.
3. A run that was scored comes before one that was not, and the tree of evaluations before that of predictions.
4. Within a run the judge decides, in the order of `names.JUDGE_ORDER`. The other is named as second judge, with the
   number of labels that differ.
5. Where all that is equal, a format decides: xlsx, VLMEvalKit's own, then tsv, csv, json, jsonl. Of runs of one day
   without a time in their names the last by name is read, which says nothing of their order: that is named, and for
   every file that was passed over, how many of its labels differ.
6. An evaluation file holds the text that it scored in `prediction`. That text is the candidate's answer: a prediction
   file counts where it says the same as VLMEvalKit reads it (an empty cell is "nan" there; some evaluators change
   case), or where the evaluation file has no such column and lies in the same run. An evaluator that puts an extracted
   answer into `prediction` says nothing of the text: only a prediction file of the same run does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from vlrouterbench.data.choices import Protocol
from vlrouterbench.data.sources.source_logs import Reason
from vlrouterbench.data.sources.vlmevalkit.cells import as_read
from vlrouterbench.data.sources.vlmevalkit.gathering import LogReader
from vlrouterbench.data.sources.vlmevalkit.labelled import Labelled
from vlrouterbench.data.sources.vlmevalkit.log_files import FORMATS, LogFile
from vlrouterbench.data.sources.vlmevalkit.names import BY_PRODUCTS, judge_rank
from vlrouterbench.data.sources.vlmevalkit.questions import Rows, indices_of, normalize_index

_ROOT = "~"
"""Sorts after the name of any run folder."""
_DAY = len("T20260818")


@dataclass(frozen=True)
class Texts:
    """What a candidate wrote, by index, and what of it is priced; `files` are those it was taken from, with rows."""

    written: dict[str, str | None]
    priced: dict[str, str | None]
    files: list[tuple[LogFile, Rows]]


def choose_labels(found: Collection[Labelled], expected: Collection[str]) -> tuple[Labelled, list[Labelled]]:
    """The labels to read, and the others, by the rules above.

    Args:
        found: at least one.
        expected: indices of the dataset's questions, none where they are not known.
    """
    if len(found) == 1:
        return next(iter(found)), []
    sizes = {id(labelled): indices_of(labelled.rows) for labelled in found}
    fullest = max(map(len, sizes.values()))

    def key(labelled: Labelled) -> tuple[bool, bool, bool, str, int]:
        file, indices = labelled.file, sizes[id(labelled)]
        is_complete = len(indices) == fullest or (bool(expected) and indices.issuperset(expected))
        return is_complete, bool(file.suffix), file.is_scored, _age(file), -judge_rank(file.suffix)

    # A sort keeps the order of equal ones, also a reversed one.
    by_format = sorted(found, key=lambda labelled: (labelled.file.suffix, _format(labelled.file)))
    ordered = sorted(by_format, key=key, reverse=True)
    return ordered[0], ordered[1:]


def companion_of(labelled: Labelled, predictions: Iterable[LogFile]) -> LogFile | None:
    """The prediction file that belongs to labels: of the same run, else the newest where its texts can be compared."""
    ordered = sorted(predictions, key=lambda file: (file.is_scored, _age(file)), reverse=True)
    of_run = [file for file in ordered if file.runs & labelled.file.runs]
    if of_run:
        return of_run[0]
    can_be_compared = not labelled.rule.rewrites_text and any("prediction" in row for row in labelled.rows)
    return next((file for file in ordered if can_be_compared or file.is_newest or labelled.file.is_newest), None)


def texts_of(reader: LogReader, labelled: Labelled, companion: tuple[LogFile, Rows] | None, candidate: str) -> Texts:
    """The texts that were scored; a companion that holds others is named."""
    written, priced = _by_index([] if labelled.rule.rewrites_text else labelled.rows, reader.protocol)
    if companion is None or companion[0] == labelled.file:
        return Texts(written, priced, [(labelled.file, labelled.rows)])
    file, rows = companion
    logged, logged_priced = _by_index(rows, reader.protocol)
    if not written:
        return Texts(logged, logged_priced, [companion])
    differing = 0
    for index, text in written.items():
        if index not in logged:
            continue
        other = logged[index]
        if other == text or _as_compared(other) == _as_compared(text):
            written[index], priced[index] = other, logged_priced[index]
        else:
            differing += 1
    if differing:
        detail = (
            f"{differing} of its {len(logged)} texts are not those that were scored: "
            f"labels and predictions are those of {labelled.file.path.relative_to(reader.source).as_posix()}"
        )
        reader.leave_out(file.path, Reason.SUPERSEDED, detail, candidate=candidate)
    return Texts(written, priced, [(labelled.file, labelled.rows)])


def name_others(
    reader: LogReader,
    labelled: tuple[Labelled, Collection[Labelled]],
    others: Mapping[LogFile, Rows],
    used: Collection[LogFile],
    candidate: str,
) -> None:
    """Name every file that was read past: another judge's, with how many labels differ, another run's, or a copy."""
    chosen, passed = labelled
    of_predictions = [set(rows[0]) for file, rows in others.items() if not file.suffix]
    kept = chosen.file.path.relative_to(reader.source).as_posix()
    judged = {other.file: other for other in passed if other.file.suffix not in ("", chosen.file.suffix)}
    for file in others:
        if file == chosen.file or file in used:
            continue
        if file in judged and chosen.file.suffix:
            differ, shared = _differing(chosen, judged[file])
            detail = f"labels were read from {kept}: {differ} of {shared} labels differ"
            reader.leave_out(file.path, Reason.SECOND_JUDGE, detail, candidate=candidate)
        elif not file.suffix or file.suffix == chosen.file.suffix or not file.runs & chosen.file.runs:
            rival = next((other for other in passed if other.file == file and file.suffix), None)
            detail = f"{kept} was read instead{'' if rival is None else _compared(chosen, rival)}"
            reader.leave_out(file.path, Reason.SUPERSEDED, detail, candidate=candidate)
        elif file.suffix not in BY_PRODUCTS and set(others[file][0]) in of_predictions:
            detail = f"it holds predictions under another name and no label: {kept} was read"
            reader.leave_out(file.path, Reason.SUPERSEDED, detail, candidate=candidate)


def _as_compared(text: str | None) -> str:
    return as_read(text).strip().lower()


def _age(file: LogFile) -> str:
    return _ROOT if file.is_newest else file.run


def _format(file: LogFile) -> int:
    return FORMATS.index(file.path.suffix.lower())


def _compared(chosen: Labelled, rival: Labelled) -> str:
    """How many labels of the same judge differ, and where no rule but the alphabet chose the run."""
    differ, shared = _differing(chosen, rival)
    mine, its = _age(chosen.file), _age(rival.file)
    is_tie = mine != its and mine[:_DAY] == its[:_DAY] and "-" not in mine + its
    tie = ", and the runs are of one day: the last by name was read" if is_tie else ""
    return f": {differ} of {shared} labels differ{tie}"


def _differing(first: Labelled, second: Labelled) -> tuple[int, int]:
    """(labels that differ, labels that both have)."""
    mine, theirs = (
        {index: each.rule.score(row) for row in each.rows if (index := normalize_index(row.get("index")))}
        for each in (first, second)
    )
    shared = [index for index in mine if mine[index] is not None and theirs.get(index) is not None]
    return sum(mine[index] != theirs[index] for index in shared), len(shared)


def _by_index(rows: Rows, protocol: Protocol) -> tuple[dict[str, str | None], dict[str, str | None]]:
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
