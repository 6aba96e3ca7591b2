"""Where VLMEvalKit puts its files: model folders, run folders, links, and what lies among them.

Decisions
- What a name says is `names.py`'s, what a file is `log_files.py`'s; which of several runs and judges is read is
  `choosing.py`'s.
- A link is followed only where it stays inside SOURCE, as VLMEvalKit's do (model folder -> run folder): a tree from
  elsewhere must not read the user's other files. Links that lead outside or nowhere are named.
- What is neither a log nor one of VLMEvalKit's own by-products is named.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.sources.image_paths import looks_like_image_file
from vlrouterbench.data.sources.inside import is_inside
from vlrouterbench.data.sources.source_logs import LeftOut, Reason
from vlrouterbench.data.sources.vlmevalkit.dataset_table import IMAGE_DATASETS
from vlrouterbench.data.sources.vlmevalkit.log_files import (
    SUMMARY_EXTENSIONS,
    TABLE_EXTENSIONS,
    FoundFile,
    LogFile,
    distinct_files,
    one_spelling,
    parse_files,
    without_other_models,
)
from vlrouterbench.data.sources.vlmevalkit.names import is_copy, known_beginning, with_known_case

DATA_FOLDER = "vlm_router_data"
RECORDS_FOLDER = "mmeval"
"""Folder of OpenVLMRecords, the published predictions of VLMEvalKit, that holds those of the models."""
EVALUATION_TREE, INFERENCE_TREE, IMAGE_TREE = "VLMEvalKit_evaluation", "VLMEvalKit_inference", "TSV_images"
LOCAL_SUFFIX = "_local"
"""Ends the name of a table whose images VLMEvalKit wrote into files."""
_RUN_FOLDER = re.compile(r"T(\d{8})(?:_G\w*|-(\d{6}))")
_BY_PRODUCTS = (".pkl", ".lock")
_REPORTS = (".txt", ".log", ".md", ".html", ".png", ".jpg", ".pdf")
_BOOKKEEPING = ("status.json",)


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
    base = next((source / name for name in (DATA_FOLDER, RECORDS_FOLDER) if (source / name).is_dir()), source)
    if not _stays_inside(base, source):
        raise SourceError(f"expected {base} to be a folder, found a link to {base.resolve()}. Give that as SOURCE.")
    table_folders = list(_inside([base / IMAGE_TREE], source, left_out))
    beside = [path for folder in table_folders for path in _inside(_files_in(folder), source, left_out)]
    tables = [path for path in beside if path.suffix == ".tsv" and not path.name.startswith(".")]
    image_tables = _by_dataset(tables, source, left_out)
    strangers = [path for path in beside if path not in tables and not _belongs_beside_tables(path)]
    tree_folders = [base / name for name in (INFERENCE_TREE, EVALUATION_TREE) if (base / name).is_dir()]
    trees = list(_inside(tree_folders, source, left_out)) if tree_folders else [base]
    for path in _trees_in_other_letters(base, tree_folders):
        wanted = f"read where it is called {INFERENCE_TREE} or {EVALUATION_TREE}: rename it"
        left_out.append(LeftOut(_relative(path, source), Reason.NOT_A_LOG, wanted))
    found: list[FoundFile] = []
    seen: set[str] = set()
    of_pool = {one_spelling(name): name for name in folders}
    for tree in trees:
        strangers += [path for path in _files_in(tree) if tree != base and not path.is_symlink()]
        for folder in _inside(_model_folders(tree, folders), source, left_out):
            seen.add(folder.name)
            model = of_pool.get(one_spelling(folder.name))
            if model is not None:
                found += _files_of_model(folder, model, source, left_out, is_scored=tree.name != INFERENCE_TREE)
            elif detail := _why_not_read(folder, folders):
                left_out.append(LeftOut(_relative(folder, source), Reason.UNKNOWN_MODEL, detail, candidate=folder.name))
    for path in strangers:
        left_out.append(LeftOut(_relative(path, source), Reason.NOT_A_LOG, "no table that VLMEvalKit writes here"))
    known = frozenset(IMAGE_DATASETS).union(image_tables)
    own = without_other_models(found, {*folders, *seen}, known, source, left_out)
    files = parse_files(own, known, source, left_out)
    return LogTree(tuple(distinct_files(files)), image_tables, tuple(left_out))


def image_tables_of(companion: Path, left_out: list[LeftOut]) -> dict[str, Path]:
    """Dataset -> its table of images in a folder beside the source, or the one table that is given.

    Raises:
        SourceError: no table lies there.
    """
    folder = companion / IMAGE_TREE if (companion / IMAGE_TREE).is_dir() else companion
    tables = [companion] if companion.is_file() else [path for path in _files_in(folder) if path.suffix == ".tsv"]
    if not tables:
        raise SourceError(f"--images: expected tables <dataset>.tsv in {folder}, found none.")
    return _by_dataset(tables, folder if companion.is_dir() else companion.parent, left_out)


def _trees_in_other_letters(base: Path, trees: Collection[Path]) -> list[Path]:
    """Folders beside VLMEvalKit's trees whose names are those of a tree in other letters."""
    names = {name.casefold() for name in (INFERENCE_TREE, EVALUATION_TREE)}
    others = (path for path in sorted(base.iterdir()) if trees and path.name.casefold() in names and path.is_dir())
    return [path for path in others if not any(path.samefile(tree) for tree in trees)]


def _belongs_beside_tables(path: Path) -> bool:
    return path.suffix in _BY_PRODUCTS or looks_like_image_file(path.name)


def _by_dataset(tables: Iterable[Path], source: Path, left_out: list[LeftOut]) -> dict[str, Path]:
    """Dataset -> its table of images: its own, or `<dataset>_local.tsv`, which VLMEvalKit makes of a large one."""
    # The exact name first, where names differ by case alone.
    by_name = {path.stem: path for path in sorted(tables, key=lambda path: path.stem not in IMAGE_DATASETS)}
    chosen: dict[str, Path] = {}
    for name, path in by_name.items():
        dataset = name.removesuffix(LOCAL_SUFFIX)
        beginning = None if name in IMAGE_DATASETS else known_beginning(name, IMAGE_DATASETS, by_name.keys() - {name})
        if beginning is not None and is_copy(beginning[1]):
            detail = (
                f'"{beginning[1]}" goes on behind the dataset {beginning[0]} as a copy\'s name does: it is not read. '
                f"If it is the table of {beginning[0]}, call it {beginning[0]}.tsv"
            )
            left_out.append(LeftOut(_relative(path, source), Reason.NOT_A_LOG, detail))
            continue
        if dataset != name and dataset in by_name:
            detail = f"{_relative(by_name[dataset], source)} was read instead"
            left_out.append(LeftOut(_relative(path, source), Reason.SUPERSEDED, detail))
        else:
            name = with_known_case(dataset, IMAGE_DATASETS)
            if name in chosen:
                detail = (
                    f"{_relative(chosen[name], source)} was read instead: two tables of {name}, apart by case alone"
                )
                left_out.append(LeftOut(_relative(path, source), Reason.SUPERSEDED, detail))
            else:
                chosen[name] = path
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


def _why_not_read(folder: Path, models: Collection[str]) -> str | None:
    """What to say of a folder that no candidate is called by; None where it holds no logs of any model."""
    if _has_files_of_model(folder):
        return "no candidate of the pool has this name"
    names = sorted({one_spelling(path.name) for path in folder.rglob("*") if _is_table(path)})
    for model in sorted(models, key=len, reverse=True):
        num_files = sum(name.startswith(f"{one_spelling(model)}_") for name in names)
        if num_files:
            return (
                f"no candidate of the pool has this name, nothing in it is read, though {num_files} of its files begin "
                f"with {model}_: if they are its logs, call the folder {model}"
            )
    return None


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in (*TABLE_EXTENSIONS, *SUMMARY_EXTENSIONS)


def _runs(folder: Path) -> list[Path]:
    """The run folders of a model's folder, oldest first."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and _is_run(path.name))


def _is_run(name: str) -> bool:
    """Whether a name is that of a run folder, with a day that there is."""
    match = _RUN_FOLDER.fullmatch(name)
    try:
        return match is not None and bool(datetime.strptime(match[1] + (match[2] or "000000"), "%Y%m%d%H%M%S"))
    except ValueError:
        return False


def _stays_inside(path: Path, source: Path) -> bool:
    return not path.is_symlink() or is_inside(path, source)


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


def _files_of_model(
    folder: Path, model: str, source: Path, left_out: list[LeftOut], *, is_scored: bool
) -> Iterator[FoundFile]:
    """Files of a model that bear its name, newest run first; what is no log and none of VLMEvalKit's own is named."""
    runs = [run for run in _runs(folder) if _stays_inside(run, source)]  # the others are named among the folder's files
    for place in (*reversed(runs), folder):
        for path in _inside(sorted(place.iterdir()), source, left_out):
            if not path.is_file() or path.name in _BOOKKEEPING:
                is_known = _is_run(path.name) if place == folder else path.is_symlink()
                if path.is_dir() and not is_known and _has_logs_of(path, folder):
                    what = "no run folder by its name (T20260818-093000)"
                    detail = f"{what if place == folder else 'a folder within a run folder'}: nothing in it is read"
                    left_out.append(LeftOut(_relative(path, source), Reason.NOT_A_LOG, detail, candidate=folder.name))
            elif path.name.startswith(("~$", ".")):
                detail = "a lock or a hidden file: never opened"
                left_out.append(LeftOut(_relative(path, source), Reason.NOT_A_LOG, detail, candidate=folder.name))
            elif path.suffix in _BY_PRODUCTS:
                continue
            elif not one_spelling(path.name).startswith(f"{one_spelling(model)}_"):
                detail = f"its name does not begin with {model}_"
                left_out.append(LeftOut(_relative(path, source), Reason.NOT_A_LOG, detail))
            elif path.suffix.lower() in (*TABLE_EXTENSIONS, *SUMMARY_EXTENSIONS):
                yield FoundFile(path, model, "" if place == folder else place.name, is_scored)
            elif path.suffix.lower() not in _REPORTS:
                detail = f'not read: expected {", ".join(TABLE_EXTENSIONS)} or csv, found "{path.suffix}"'
                left_out.append(LeftOut(_relative(path, source), Reason.NOT_A_LOG, detail, candidate=folder.name))


def _has_logs_of(place: Path, folder: Path) -> bool:
    return any(path.suffix.lower() in TABLE_EXTENSIONS for path in place.glob(f"{glob.escape(folder.name)}_*"))


def _relative(path: Path, source: Path) -> str:
    return path.relative_to(source).as_posix()
