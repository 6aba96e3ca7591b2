"""The table that a dataset brings along: its questions, options, hints and images.

Decisions
- A table counts as a whole or not at all: one that is damaged near its end gives no question and no image.
"""

from __future__ import annotations

from vlrouterbench.data.image_store import ImageStore
from vlrouterbench.data.sources.vlmevalkit.gathering import LogReader
from vlrouterbench.data.sources.vlmevalkit.questions import QUESTION_COLUMNS, QuestionSet
from vlrouterbench.data.sources.vlmevalkit.streaming import stream_tsv


def read_questions(reader: LogReader, dataset: str, store: ImageStore, *, circular: bool) -> QuestionSet:
    """The questions of a dataset's own table, its pictures put aside in `store`; none, and no images, without one."""
    path = reader.tree.image_tables.get(dataset)
    if path is not None:
        with reader.reading(path):
            stream = stream_tsv(path, QUESTION_COLUMNS)
            asked = QuestionSet(store.add, has_images="image" in stream.column_names)
            for rows in stream.parts:
                asked.add(rows, circular=circular)
            return asked
    return QuestionSet(store.add, has_images=False)
