"""The formats that `build` reads, by trial, and the one that a folder holds.

Decisions
- A literal tuple in the order of trial, the more specific form before the less: own tables are meant to be read,
  whatever lies beside them; tables that are known by their columns come before logs that are known by their names.
  Where a folder holds two formats, the first is read, and the report says which others it could be.
- Formats from outside are tried after the package's own, those of installed packages last: a folder that was read
  before is read as before, whatever is installed.
- Where none matches, the only folder in it is looked into, as an archive of somebody's folder has one. Where that does
  not help, the message says for every format what was looked for and what was found of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from vlrouterbench.core.errors import SourceError
from vlrouterbench.core.plugins import SOURCES as GROUP
from vlrouterbench.core.plugins import load_offered, offered
from vlrouterbench.data.sources.lmms_eval.read import LmmsEval
from vlrouterbench.data.sources.mmr_bench.first import MMRBenchV1
from vlrouterbench.data.sources.mmr_bench.second import MMRBenchV2
from vlrouterbench.data.sources.own_tables.read import OwnTables
from vlrouterbench.data.sources.router_tables.embed_llm import EmbedLLM
from vlrouterbench.data.sources.router_tables.per_model import LLMRouterBench, RouterArena
from vlrouterbench.data.sources.router_tables.router_bench import RouterBench
from vlrouterbench.data.sources.source import Source, few_names
from vlrouterbench.data.sources.vlmevalkit.read import VLMEvalKitLogs
from vlrouterbench.data.sources.vlmevalkit.records import OpenVLMRecords

SOURCES: tuple[Source, ...] = (
    OwnTables(),
    MMRBenchV2(),
    MMRBenchV1(),
    RouterBench(),
    EmbedLLM(),
    LLMRouterBench(),
    RouterArena(),
    LmmsEval(),
    OpenVLMRecords(),
    VLMEvalKitLogs(),
)
_registered: list[Source] = []
_CORRECT = "Correct SOURCE."


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


def locate_source(folder: Path) -> tuple[Path, Source]:
    """The folder that holds a format, the given one or the only one in it, in turn; and the format.

    Raises:
        SourceError: as `find_source` of the given folder; where folders in it do hold one, with their names.
    """
    try:
        return folder, find_source(folder)
    except NoSourceError as error:
        inner = [path for path in sorted(folder.iterdir()) if _may_hold_a_source(path)]
        found = list(_located(inner))
        if len(inner) == 1 and found:
            return found[0]
        if not found:
            raise
        given = few_names([str(path) for path, _ in found])
        raise SourceError(f"{str(error).removesuffix(_CORRECT)}Give one of the folders in it: {given}.") from error


def _located(folders: Sequence[Path]) -> Iterator[tuple[Path, Source]]:
    for folder in folders:
        with suppress(NoSourceError):
            # Into the only one at every depth: of several, the user says which.
            yield locate_source(folder) if len(folders) == 1 else (folder, find_source(folder))


def _may_hold_a_source(path: Path) -> bool:
    """Not a link, which may lead anywhere, and not what programs leave (`.git`, `__MACOSX`)."""
    return path.is_dir() and not path.is_symlink() and not path.name.startswith((".", "__"))


class NoSourceError(SourceError):
    """A folder holds none of the formats."""


def find_source(folder: Path) -> Source:
    """The format that a folder holds.

    Raises:
        NoSourceError: it holds none of them.
        SourceError: files of one contradict each other.
    """
    near, others, findings = list[Source](), list[str](), list[str]()
    for source in _sources():
        match = source.matches(folder)
        if match.is_match:
            return source
        if match.found:
            near.append(source)
            findings.append(f"{source.name}: found {match.found}.")
        else:
            others.append(source.name)
    # Formats of which nothing lies there are told by their names alone: all of their files would be a page.
    expected = " or ".join([*(f"{source.name} ({source.expected})" for source in near), *others])
    raise NoSourceError(f"expected {expected} in {folder}, found none of these. {' '.join(findings)} {_CORRECT}")


def other_claims(folder: Path, chosen: Source) -> list[str]:
    """Names of the package's and registered formats that a folder holds beside the one that is read, in their order."""
    others = (source for source in (*SOURCES, *_registered) if source is not chosen)
    return [source.name for source in others if _claims(source, folder)]


def _claims(source: Source, folder: Path) -> bool:
    try:
        return source.matches(folder).is_match
    except SourceError:  # files of it contradict each other: it is not the format that is read
        return False


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
