"""An index that stands twice in a prediction file, with two texts.

Decisions
- The last one counts: a row that was added later is a call that was made again. The label is one (else `labelled.py`
  leaves the pair out), but what the other text said and cost is not in the benchmark, so the index is named.
"""

from __future__ import annotations

from collections.abc import Collection

from vlrouterbench.data.sources.source_logs import Reason
from vlrouterbench.data.sources.vlmevalkit.gathering import LogReader
from vlrouterbench.data.sources.vlmevalkit.layout import LogFile
from vlrouterbench.data.sources.vlmevalkit.questions import Rows, normalize_index


def name_second_texts(reader: LogReader, file: LogFile, candidate: str, rows: Rows, kept: Collection[str]) -> None:
    """Name each index of `kept` whose rows hold different predictions, once."""
    texts: dict[str, str | None] = {}
    named: set[str] = set()
    for place, row in enumerate(rows, start=1):
        index = normalize_index(row.get("index"))
        if index is None or index not in kept or index in named or "prediction" not in row:
            continue
        if texts.setdefault(index, row["prediction"]) != row["prediction"]:
            named.add(index)
            detail = f"row {place}: this index stands twice with different predictions: the last one is kept and priced"
            sample_id = f"{file.dataset}/{index}"
            reader.leave_out(file.path, Reason.CONFLICT, detail, sample_id=sample_id, candidate=candidate)
