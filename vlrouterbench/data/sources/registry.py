"""The formats that a benchmark is built from, and which one a folder holds.

Decisions
- A literal tuple in the order of trial. Where a folder holds two formats, the first is read: own tables are meant
  to be read, whatever logs lie beside them.
- Where none matches, the message says for every format what was looked for and what was found of it.
"""

from __future__ import annotations

from pathlib import Path

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.sources.own_tables.read import OwnTables
from vlrouterbench.data.sources.source import Source
from vlrouterbench.data.sources.vlmevalkit.read import VLMEvalKitLogs

SOURCES: tuple[Source, ...] = (OwnTables(), VLMEvalKitLogs())


def find_source(folder: Path) -> Source:
    """The format that a folder holds.

    Raises:
        SourceError: it holds none of them, or files of one that contradict each other.
    """
    findings = []
    for source in SOURCES:
        match = source.matches(folder)
        if match.is_match:
            return source
        findings.append(f"{source.name}: found {match.found}.")
    expected = " or ".join(f"{source.name} ({source.expected})" for source in SOURCES)
    raise SourceError(f"expected {expected} in {folder}, found none of these. {' '.join(findings)} Correct SOURCE.")
