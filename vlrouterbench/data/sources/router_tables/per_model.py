"""LLMRouterBench and RouterArena: files per model, read by `json_records.py`."""

from __future__ import annotations

from pathlib import Path

from vlrouterbench.core.errors import SourceError
from vlrouterbench.core.files import sha256_of_files
from vlrouterbench.data.saved_tables.header import columns_of
from vlrouterbench.data.sources.inside import is_inside
from vlrouterbench.data.sources.pairs import Gathered, source_logs
from vlrouterbench.data.sources.recounting import recounted
from vlrouterbench.data.sources.router_tables.json_records import (
    Records,
    first_result,
    llm_router_bench_files,
    read_llm_router_bench,
    read_router_arena,
)
from vlrouterbench.data.sources.router_tables.router_bench import STATED
from vlrouterbench.data.sources.source import FoundModels, Match, ReadOptions, Source
from vlrouterbench.data.sources.source_logs import LeftOut, Reason, SourceLogs

_ARENA_COLUMNS = frozenset(("global_index", "llm_selected", "evaluation_result"))


class LLMRouterBench(Source):
    """LLMRouterBench's result files."""

    name = "LLMRouterBench results"
    expected = "bench/<dataset>/<split>/<model>/<time>.json with records"

    def matches(self, folder: Path) -> Match:
        """Whether a file of such records lies below."""
        return Match(first_result(folder) is not None)

    def found_models(self, folder: Path) -> FoundModels:
        """The folders of its models; every record states its cost."""
        return FoundModels(tuple(sorted({path.parent.name for path in _files(folder)[0]})), needs_prices=False)

    def read(self, folder: Path, options: ReadOptions) -> SourceLogs:
        """Read a folder of results.

        Raises:
            SourceError: models were asked different questions under one id.
        """
        paths, left_out = _files(folder)
        left_out += _unreadable(folder, [path for path in folder.rglob("*.json") if _is_result(path, paths)], paths)
        return _logs(folder, paths, read_llm_router_bench(folder, paths), options, left_out)


class RouterArena(Source):
    """RouterArena's files of cached results."""

    name = "RouterArena results"
    expected = "<model>.jsonl with global_index, llm_selected and evaluation_result"

    def matches(self, folder: Path) -> Match:
        """Whether a file of such lines lies there, or in its folder `cached_results`."""
        return Match(bool(_arena_files(folder)))

    def found_models(self, folder: Path) -> FoundModels:
        """The names of its files; costs are given, or follow from tokens."""
        return FoundModels(tuple(path.stem for path in _arena_files(folder)), needs_prices=False)

    def read(self, folder: Path, options: ReadOptions) -> SourceLogs:
        """Read the files of a folder.

        Raises:
            SourceError: a line is no JSON, or models were asked different questions under one id.
        """
        paths = _arena_files(folder)
        left_out = _unreadable(folder, [other for place in _places(folder) for other in place.glob("*.jsonl")], paths)
        return _logs(folder, paths, read_router_arena(folder, paths), options, left_out)


def _files(folder: Path) -> tuple[list[Path], list[LeftOut]]:
    found = llm_router_bench_files(folder)
    inside = [path for path in found if is_inside(path, folder)]
    detail = "the link leads outside the source"
    outside = (path for path in found if path not in inside)
    left_out = [LeftOut(path.relative_to(folder).as_posix(), Reason.OUTSIDE_LINK, detail) for path in outside]
    return inside, left_out


def _is_result(path: Path, read: list[Path]) -> bool:
    """Whether a file lies where a result of LLMRouterBench does: beside the folder of a model that is read."""
    return path.parent.parent in {one.parent.parent for one in read}


def _unreadable(folder: Path, paths: list[Path], read: list[Path]) -> list[LeftOut]:
    """Files where results lie that hold none: empty, damaged, or of another form."""
    others = sorted(path for path in paths if path not in read and is_inside(path, folder))
    detail = "not read: empty, damaged, or of other fields than the results beside it"
    return [LeftOut(path.relative_to(folder).as_posix(), Reason.UNREADABLE, detail) for path in others]


def _places(folder: Path) -> list[Path]:
    return [place for place in (folder, folder / "cached_results") if place.is_dir()]


def _arena_files(folder: Path) -> list[Path]:
    found = (path for place in _places(folder) for path in sorted(place.glob("*.jsonl")))
    found = (path for path in found if path.is_file())
    return [path for path in found if is_inside(path, folder) and set(columns_of(path)) >= _ARENA_COLUMNS]


def _logs(
    folder: Path, paths: list[Path], records: Records, options: ReadOptions, left_out: list[LeftOut]
) -> SourceLogs:
    if not records.texts:
        said = "; ".join(f"{entry.file}: {entry.detail}" for entry in records.left_out[:3])
        raise SourceError(f"expected evaluated answers in {folder}, found none. {said or 'Its files have no records'}.")
    samples, pairs = records.tables()
    gathered = Gathered(folder, options.pool, samples, pairs, file=folder.name, left_out=[*left_out, *records.left_out])
    if options.recounts:
        gathered.pairs = recounted(gathered, options.protocol)
    protocol = str(options.protocol) if options.recounts else STATED
    return source_logs(gathered, source_sha256=sha256_of_files(paths, folder), protocol=protocol)
