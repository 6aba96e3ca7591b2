"""The formats that `build` reads, by trial, and the one that a folder holds.

Decisions
- A literal tuple in the order of trial. Where a folder holds two formats, the first is read: own tables are meant
  to be read, whatever logs lie beside them.
- Formats from outside are tried after the package's own, those of installed packages last: a folder that was read
  before is read as before, whatever is installed.
- Where none matches, the message says for every format what was looked for and what was found of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vlrouterbench.core.errors import SourceError
from vlrouterbench.core.plugins import SOURCES as GROUP
from vlrouterbench.core.plugins import load_offered, offered
from vlrouterbench.data.sources.own_tables.read import OwnTables
from vlrouterbench.data.sources.source import Source
from vlrouterbench.data.sources.vlmevalkit.read import VLMEvalKitLogs

SOURCES: tuple[Source, ...] = (OwnTables(), VLMEvalKitLogs())
_registered: list[Source] = []


def register_source(source: Source | type[Source]) -> None:
    """Make a format known by its own name: `build` then tries it after those of the package.

    Args:
        source: a `Source`, or a subclass that is made without arguments.

    Raises:
        SourceError: not such a class, or its name is taken by another one.
    """
    source = _made(source)
    lacking = [name for name in ("name", "expected") if not isinstance(getattr(source, name, None), str)]
    if lacking:
        raise SourceError(f"expected the source {type(source).__name__} to state {' and '.join(lacking)}, found none.")
    for other in (*SOURCES, *_registered):
        if other.name == source.name and _kind(other) != _kind(source):
            raise SourceError(f'the source\'s name "{source.name}" is taken by {_kind(other)}. Give it another name.')
    _registered[:] = [*(other for other in _registered if other.name != source.name), source]


def _made(source: object) -> Source:
    if isinstance(source, Source):
        return source
    if not isinstance(source, type) or not issubclass(source, Source):
        raise SourceError(f"expected a subclass of Source to register, found {source!r}.")
    try:
        return source()
    except TypeError as error:
        raise SourceError(f"the source {source.__name__} cannot be made: {error}. Define what is missing.") from error


def find_source(folder: Path) -> Source:
    """The format that a folder holds.

    Raises:
        SourceError: it holds none of them, or files of one that contradict each other.
    """
    tried, findings = list[Source](), list[str]()
    for source in _sources():
        match = source.matches(folder)
        if match.is_match:
            return source
        tried.append(source)
        findings.append(f"{source.name}: found {match.found}.")
    expected = " or ".join(f"{source.name} ({source.expected})" for source in tried)
    raise SourceError(f"expected {expected} in {folder}, found none of these. {' '.join(findings)} Correct SOURCE.")


def _sources() -> Iterator[Source]:
    """Every format in the order of trial; those of installed packages are imported when it is their turn."""
    yield from SOURCES
    yield from tuple(_registered)
    known = {source.name for source in _registered}
    for point in offered(GROUP).values():
        register_source(load_offered(point))
    yield from (source for source in tuple(_registered) if source.name not in known)


def _kind(source: Source) -> str:
    return f"{type(source).__module__}.{type(source).__qualname__}"
