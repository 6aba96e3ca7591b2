"""Rows of logs that the dataset's table of questions contradicts: their labels belong to no sample that is known.

Decisions
- A row says which question it answers twice, by `index` and by `question`. Where the two disagree, an index was shifted
  or the file is another dataset's: the label would be a wrong one, so it is left out.
- Two texts are one question where their letters and digits are, where one holds the other, or where at least half of
  their words are the same and it is no other question's text: evaluators add hints, and spreadsheets lose characters.
- An index that a readable table does not have is no sample of the dataset.
- An index that stands twice in the table with different questions contradicts nothing: the table is named instead.
"""

from __future__ import annotations

import re
from dataclasses import replace

from vlrouterbench.data.sources.source_logs import Reason
from vlrouterbench.data.sources.vlmevalkit.gathering import LogReader
from vlrouterbench.data.sources.vlmevalkit.labelled import Labelled
from vlrouterbench.data.sources.vlmevalkit.questions import QuestionSet, is_main_row, normalize_index

_WORD = re.compile(r"[^\W_]+")
_SHOWN = 3


def without_contradicted(
    reader: LogReader, labelled: Labelled, questions: QuestionSet, candidate: str, *, circular: bool
) -> Labelled:
    """The labels whose rows agree with the table of questions; the others are named with their number.

    Args:
        reader: takes what is named.
        labelled: labels of one candidate.
        questions: of the dataset; `in_table` holds those of its table, none where there is no readable one.
        candidate: its name.
        circular: whether further rows of a question have indices of their own.
    """
    table = questions.in_table
    if not table:
        return labelled
    texts = {_plain(text) for text in table.values() if text}
    kept, foreign, contradicted = [], [], []
    for row in labelled.rows:
        index = normalize_index(row.get("index"))
        if index is None or (circular and not is_main_row(index)):
            kept.append(row)
        elif index not in table:
            foreign.append(index)
        elif _contradicts(row.get("question"), table[index], texts):
            contradicted.append(index)
        else:
            kept.append(row)
    where = f"the table of questions, {reader.tree.image_tables[labelled.file.dataset].name}"
    for indices, what in (
        (foreign, f"an index that is not in {where}"),
        (contradicted, f"another question than their index has in {where}"),
    ):
        if indices:
            shown = ", ".join(indices[:_SHOWN]) + (", ..." if len(indices) > _SHOWN else "")
            detail = (
                f"{len(indices)} of {len(labelled.rows)} rows have {what} (index {shown}): no label of theirs is read"
            )
            reader.leave_out(labelled.file.path, Reason.CONFLICT, detail, candidate=candidate)
    return replace(labelled, rows=kept)


def _contradicts(said: str | None, asked: str | None, texts: set[str]) -> bool:
    if not said or not asked or said == asked:
        return False
    mine, its = _plain(said), _plain(asked)
    if not mine or not its or mine in its or its in mine:
        return False
    words, its_words = set(mine.split()), set(its.split())
    return mine in texts or 2 * len(words & its_words) < max(len(words), len(its_words))


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
