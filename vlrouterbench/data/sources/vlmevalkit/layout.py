"""Where VLMEvalKit puts its files: model folders, run folders, links, and what lies among them.

Decisions
- What a name says is `names.py`'s; which of several runs and judges is read is `choosing.py`'s.
- The same file seen twice (run folder and link, inference and evaluation tree) is one file, which knows every run it
  lies in and whether the root entry, VLMEvalKit's pointer to the last finished run, names it.
- A link is followed only where it stays inside SOURCE, as VLMEvalKit's do (model folder -> run folder): a tree from
  elsewhere must not read the user's other files. Links that lead outside or nowhere are named.
- Pickles and locks are never opened; a summary is looked at only for whether it has rows. What is neither a log nor
  one of VLMEvalKit's own by-products is named.
"""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.sources.image_paths import looks_like_image_file
from vlrouterbench.data.sources.source_logs import LeftOut, Reason
from vlrouterbench.data.sources.vlmevalkit.dataset_names import IMAGE_DATASETS
from vlrouterbench.data.sources.vlmevalkit.names import AGGREGATE, datasets_of_predictions, parse_name

DATA_FOLDER = "vlm_router_data"
EVALUATION_TREE, INFERENCE_TREE, IMAGE_TREE = "VLMEvalKit_evaluation", "VLMEvalKit_inference", "TSV_images"
LOCAL_SUFFIX = "_local"
"""Ends the name of a table whose images VLMEvalKit wrote into files."""
TABLE_EXTENSIONS = (".xlsx", ".tsv", ".json")
_RUN_FOLDER = re.compile(r"T\d{8}(_G.*|-\d{6})$")
_BY_PRODUCTS = (".pkl", ".lock")
_BOOKKEEPING = ("status.json",)
_LINK_STUB_BYTES = 4096
_EMPTY_SUMMARY_BYTES = 2**16


@dataclass(frozen=True)
class LogFile:
    """A per-sample file of one model and dataset.

    Attributes:
        path: one of the paths it lies at.
        folder: name of the model folder.
        dataset: VLMEvalKit's name of the dataset.
        suffix: "" for predictions, else what the evaluation appended.
        run: the newest run folder that holds it, "" for none.
        runs: every run folder that holds it; with "" where a model folder itself does.
        is_scored: whether it lies in the tree of evaluations (a work folder is one).
    """

    path: Path
    folder: str
    dataset: str
    suffix: str
    run: str
    runs: frozenset[str] = frozenset(("",))
    is_scored: bool = True

    @property
    def is_newest(self) -> bool:
        """Whether the root entry, the pointer to the last finished run, names it."""
        return "" in self.runs


@dataclass(frozen=True)
class LogTree:
    """What lies in a source: per-sample files, image tables, and what was passed over."""

    files: tuple[LogFile, ...]
    image_tables: dict[str, Path]
    left_out: tuple[LeftOut, ...]


def holds_logs(source: Path) -> bool:
    """Whether a folder has the trees of VLMEvalKit, or a model's folder with its files or runs."""
    if any((source / name).is_dir() for name in (DATA_FOLDER, EVALUATION_TREE, INFERENCE_TREE)):
        return True
    folders = _inside(_model_folders(source, ()), source, [])
    return any(_has_files_of_model(folder) or _runs(folder) for folder in folders)


def find_logs(source: Path, *, folders: Collection[str]) -> LogTree:
    """Look through a `vlm_router_data` folder (or its parent), or a VLMEvalKit work folder.

    Args:
        source: the folder.
        folders: names of the model folders that belong to the pool.

    Raises:
        SourceError: the `vlm_router_data` folder is a link that leads outside.
    """
    left_out: list[LeftOut] = []
    base = source / DATA_FOLDER if (source / DATA_FOLDER).is_dir() else source
    if not _stays_inside(base, source):
        raise SourceError(f"expected {base} to be a folder, found a link to {base.resolve()}. Give that as SOURCE.")
    table_folders = list(_inside([base / IMAGE_TREE], source, left_out))
    beside = [path for folder in table_folders for path in _inside(_files_in(folder), source, left_out)]
    tables = [path for path in beside if path.suffix == ".tsv" and not path.name.startswith(".")]
    image_tables = _by_dataset(tables, source, left_out)
    strangers = [path for path in beside if path not in tables and not _belongs_beside_tables(path)]
    tree_folders = [base / name for name in (INFERENCE_TREE, EVALUATION_TREE) if (base / name).is_dir()]
    trees = list(_inside(tree_folders, source, left_out)) if tree_folders else [base]
    found: list[_Found] = []
    for tree in trees:
        strangers += [path for path in _files_in(tree) if tree != base and not path.is_symlink()]
        for folder in _inside(_model_folders(tree, folders), source, left_out):
            if folder.name in folders:
                found += _files_of_model(folder, source, left_out, is_scored=tree.name != INFERENCE_TREE)
            elif _has_files_of_model(folder):
                detail = "no candidate of the pool has this name"
                left_out.append(LeftOut(_relative(folder, source), Reason.UNKNOWN_MODEL, detail, candidate=folder.name))
    for path in strangers:
        left_out.append(LeftOut(_relative(path, source), Reason.NOT_A_LOG, "no table that VLMEvalKit writes here"))
    files = _parsed(found, _known_datasets(found, image_tables), source, left_out)
    return LogTree(tuple(_distinct(files)), image_tables, tuple(left_out))


@dataclass(frozen=True)
class _Found:
    """A file in a model's folder or in one of its run folders."""

    path: Path
    folder: str
    run: str
    is_scored: bool


def _known_datasets(found: Iterable[_Found], image_tables: Iterable[str]) -> frozenset[str]:
    """Every dataset's name known here."""
    known = IMAGE_DATASETS.union(image_tables)
    rests: dict[str, set[str]] = {}
    for file in found:
        if file.path.suffix in TABLE_EXTENSIONS and file.path.stem.startswith(f"{file.folder}_"):
            rests.setdefault(file.folder, set()).add(file.path.stem[len(file.folder) + 1 :])
    shown = (name for folder in rests.values() for name in datasets_of_predictions(folder, known))
    return known.union(shown)


def _belongs_beside_tables(path: Path) -> bool:
    return path.suffix in _BY_PRODUCTS or looks_like_image_file(path.name)


def _by_dataset(tables: Iterable[Path], source: Path, left_out: list[LeftOut]) -> dict[str, Path]:
    """Dataset -> its table of images: its own, or `<dataset>_local.tsv`, which VLMEvalKit makes of a large one."""
    by_name = {path.stem: path for path in tables}
    chosen: dict[str, Path] = {}
    for name, path in by_name.items():
        dataset = name.removesuffix(LOCAL_SUFFIX)
        if dataset != name and dataset in by_name:
            detail = f"{_relative(by_name[dataset], source)} was read instead"
            left_out.append(LeftOut(_relative(path, source), Reason.SUPERSEDED, detail))
        else:
            chosen[dataset] = path
    return chosen


def _model_folders(tree: Path, folders: Collection[str]) -> list[Path]:
    """Folders that may be a model's; also a link of a listed model's name that leads nowhere, so that it is named."""
    return sorted(
        path
        for path in tree.iterdir()
        if path.name != IMAGE_TREE and (path.is_dir() or (path.name in folders and not path.exists()))
    )


def _has_files_of_model(folder: Path) -> bool:
    return any(True for _ in folder.rglob(f"{glob.escape(folder.name)}_*"))


def _runs(folder: Path) -> list[Path]:
    """The run folders of a model's folder, oldest first."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and _RUN_FOLDER.match(path.name))


def _stays_inside(path: Path, source: Path) -> bool:
    return not path.is_symlink() or path.resolve().is_relative_to(source.resolve())


def _inside(paths: Iterable[Path], source: Path, left_out: list[LeftOut]) -> Iterator[Path]:
    """Those of `paths` (whose parents are inside) that are no link to nowhere or to the outside; those are named."""
    for path in paths:
        if path.is_symlink() and not path.exists():
            left_out.append(LeftOut(_relative(path, source), Reason.DANGLING_LINK, "the link leads nowhere"))
        elif not _stays_inside(path, source):
            detail = "the link leads outside the source: put what it names inside, or give a SOURCE that holds both"
            left_out.append(LeftOut(_relative(path, source), Reason.OUTSIDE_LINK, detail))
        else:
            yield path


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_symlink() or path.is_file())


def _files_of_model(folder: Path, source: Path, left_out: list[LeftOut], *, is_scored: bool) -> Iterator[_Found]:
    """Files of a model that bear its name, newest run first; what is no log and none of VLMEvalKit's own is named."""
    runs = [run for run in _runs(folder) if _stays_inside(run, source)]  # the others are named among the folder's files
    for place in (*reversed(runs), folder):
        for path in _inside(sorted(place.iterdir()), source, left_out):
            if not path.is_file() or path.name in _BOOKKEEPING:
                if (
                    path.is_dir()
                    and place == folder
                    and not _RUN_FOLDER.match(path.name)
                    and _has_logs_of(path, folder)
                ):
                    detail = "no run folder by its name (T20260818-093000): nothing in it is read"
                    left_out.append(LeftOut(_relative(path, source), Reason.NOT_A_LOG, detail, candidate=folder.name))
            elif path.name.startswith(("~$", ".")):
                detail = "a lock or a hidden file: never opened"
                left_out.append(LeftOut(_relative(path, source), Reason.NOT_A_LOG, detail, candidate=folder.name))
            elif path.suffix in _BY_PRODUCTS:
                continue
            elif not path.name.startswith(f"{folder.name}_"):
                detail = f"its name does not begin with {folder.name}_"
                left_out.append(LeftOut(_relative(path, source), Reason.NOT_A_LOG, detail))
            elif path.suffix in (*TABLE_EXTENSIONS, ".csv"):
                yield _Found(path, folder.name, "" if place == folder else place.name, is_scored)


def _has_logs_of(place: Path, folder: Path) -> bool:
    return any(path.suffix in TABLE_EXTENSIONS for path in place.glob(f"{glob.escape(folder.name)}_*"))


def _parsed(
    found: Iterable[_Found], datasets: Collection[str], source: Path, left_out: list[LeftOut]
) -> Iterator[LogFile]:
    """Per-sample files; summaries are named where they stand alone, or have no rows."""
    summaries: list[tuple[_Found, str]] = []
    seen: set[tuple[str, bool, str]] = set()
    for file in found:
        path, stem = file.path, file.path.stem
        aggregate = AGGREGATE.search(stem)
        if _is_link_stub(path):
            continue
        if path.suffix == ".csv" or (path.suffix == ".json" and aggregate):
            parsed = parse_name(stem[: aggregate.start()] if aggregate else stem, file.folder, datasets)
            if parsed:
                summaries.append((file, parsed[0]))
        elif parsed := parse_name(stem, file.folder, datasets):
            seen.add((file.folder, file.is_scored, parsed[0]))
            yield LogFile(path, file.folder, *parsed, file.run, frozenset((file.run,)), file.is_scored)
    named: set[tuple[str, bool, str]] = set()
    for file, dataset in summaries:
        key = (file.folder, file.is_scored, file.path.name)
        if (file.folder, file.is_scored, dataset) in seen:
            if not file.path.is_symlink() and _has_no_rows(file.path):
                entry = LeftOut(_relative(file.path, source), Reason.UNREADABLE, "a summary without rows")
                left_out.append(replace(entry, candidate=file.folder))
        elif key not in named:
            named.add(key)
            detail = f"{dataset}: only a summary, no per-sample file"
            left_out.append(LeftOut(_relative(file.path, source), Reason.AGGREGATE, detail, candidate=file.folder))


def _has_no_rows(path: Path) -> bool:
    """Whether a summary holds at most a header."""
    if path.stat().st_size > _EMPTY_SUMMARY_BYTES:
        return False
    content = path.read_bytes().strip()
    return len(content.splitlines()) < 2 if path.suffix == ".csv" else content in (b"", b"{}", b"[]")


def _distinct(files: Iterable[LogFile]) -> Iterator[LogFile]:
    """Every file once, though it may lie at several places; by model, dataset, suffix, and the newest run first."""
    groups: dict[tuple[str, str, str], list[LogFile]] = {}
    for file in files:
        groups.setdefault((file.folder, file.dataset, file.suffix), []).append(file)
    for _, group in sorted(groups.items()):
        distinct: dict[bytes, LogFile] = {}
        for file in sorted(group, key=lambda file: file.run, reverse=True):
            digest = _digest(file.path)
            first = distinct.setdefault(digest, file)
            is_scored = first.is_scored or file.is_scored
            distinct[digest] = replace(first, runs=first.runs | file.runs, is_scored=is_scored)
        yield from distinct.values()


def _is_link_stub(path: Path) -> bool:
    """Whether a file is a symbolic link that an archive flattened into a text file with the target's path."""
    if path.stat().st_size > _LINK_STUB_BYTES:
        return False
    content = path.read_bytes()
    return content.count(b"\n") == 0 and content.endswith(path.name.encode()) and b"/" in content


def _digest(path: Path) -> bytes:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").digest()


def _relative(path: Path, source: Path) -> str:
    return path.relative_to(source).as_posix()
