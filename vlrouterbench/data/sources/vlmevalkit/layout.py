"""Where VLMEvalKit puts its files, and what a file's name says.

Decisions
- A file belongs to a dataset by the longest known name that leaves nothing or a recognised judge suffix; a known name
  with another ending ("AI2D_TEST" + "_NO_MASK") is a dataset of its own.
- The same file seen twice (run folder and link, inference and evaluation tree) is read once. Of different files for one
  purpose the newest run that can be read wins, and the others are named as superseded or unreadable.
- A link is followed only where it stays inside SOURCE, as VLMEvalKit's do (model folder -> run folder): a tree from
  elsewhere must not read the user's other files. Links that lead outside or nowhere are named.
- Pickles, locks and aggregates are never opened.
"""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.core.constants import DATASETS
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.sources.source_logs import LeftOut, Reason
from vlrouterbench.data.sources.vlmevalkit.reading import UnreadableFileError, read_text_table

DATA_FOLDER = "vlm_router_data"
EVALUATION_TREE, INFERENCE_TREE, IMAGE_TREE = "VLMEvalKit_evaluation", "VLMEvalKit_inference", "TSV_images"
LOCAL_SUFFIX = "_local"
"""Ends the name of a table whose images VLMEvalKit wrote into files."""
TABLE_EXTENSIONS = (".xlsx", ".tsv", ".json")
_RUN_FOLDER = re.compile(r"T\d{8}(_G.*|-\d{6})$")
_JUDGE = r"(?:chatgpt|gpt|openai|o\d|claude|gemini|qwen|deepseek|llama|internlm|exact_matching|glm|kimi|mistral)[^_]*"
_SUFFIX = re.compile(
    rf"(_auxmatch|_results|_detailed_results|_(?:{_JUDGE})(?:_matching)?(?:_result|_extract|_score)?)$", re.IGNORECASE
)
_AGGREGATE = re.compile(r"_(acc|acc_all|score|fine|metrics|score_fine)$")
_BOOKKEEPING = ("status.json",)
_LINK_STUB_BYTES = 4096


@dataclass(frozen=True)
class LogFile:
    """A per-sample file of one model and dataset. `suffix` is "" for predictions, else what the evaluation appended."""

    path: Path
    folder: str
    dataset: str
    suffix: str
    run: str


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
    tables = [p for tree in _inside([base / IMAGE_TREE], source, left_out) for p in sorted(tree.glob("*.tsv"))]
    image_tables = _by_dataset(_inside(tables, source, left_out), source, left_out)
    tree_folders = [base / name for name in (INFERENCE_TREE, EVALUATION_TREE) if (base / name).is_dir()]
    trees = list(_inside(tree_folders, source, left_out)) if tree_folders else [base]
    datasets = tuple(sorted({*DATASETS, *image_tables}, key=len, reverse=True))
    files: dict[tuple[str, str, str], list[LogFile]] = {}
    for tree in trees:
        for folder in _inside(_model_folders(tree, folders), source, left_out):
            if folder.name not in folders:
                if _has_files_of_model(folder):
                    detail = "no candidate of the pool has this name"
                    left_out.append(
                        LeftOut(_relative(folder, source), Reason.UNKNOWN_MODEL, detail, candidate=folder.name)
                    )
                continue
            for file in _files_of_model(folder, source, datasets, left_out):
                files.setdefault((file.folder, file.dataset, file.suffix), []).append(file)
    chosen = [_choose(group, source, left_out) for _, group in sorted(files.items())]
    return LogTree(tuple(chosen), image_tables, tuple(left_out))


def parse_name(stem: str, model: str, datasets: Sequence[str]) -> tuple[str, str] | None:
    """(dataset, suffix) of a file stem `<model>_<dataset><suffix>`, None when it does not begin with the model.

    Args:
        stem: file name without its extension.
        model: name of the model folder.
        datasets: their names, longest first.
    """
    if not stem.startswith(f"{model}_"):
        return None
    rest = stem[len(model) + 1 :]
    for name in datasets:
        if rest == name:
            return name, ""
        if rest.startswith(name) and _SUFFIX.fullmatch(rest[len(name) :]):
            return name, rest[len(name) :]
    match = _SUFFIX.search(rest)
    if match and match.start() > 0:
        return rest[: match.start()], match.group(0)
    return rest, ""


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


def _files_of_model(folder: Path, source: Path, datasets: Sequence[str], left_out: list[LeftOut]) -> Iterator[LogFile]:
    runs = [run for run in _runs(folder) if _stays_inside(run, source)]  # the others are named among the folder's files
    aggregates: dict[str, Path] = {}
    seen: set[str] = set()
    for run in (*reversed(runs), folder):
        for path in _inside(sorted(run.iterdir()), source, left_out):
            if not path.is_file() or path.name.startswith(("~$", ".")) or path.name in _BOOKKEEPING:
                continue
            aggregate = _AGGREGATE.search(path.stem)
            if path.suffix == ".csv" or (path.suffix == ".json" and aggregate):
                parsed = parse_name(path.stem[: aggregate.start()] if aggregate else path.stem, folder.name, datasets)
                if parsed:
                    aggregates.setdefault(parsed[0], path)
                continue
            if path.suffix not in TABLE_EXTENSIONS or _is_link_stub(path):
                continue
            parsed = parse_name(path.stem, folder.name, datasets)
            if parsed is None:
                left_out.append(
                    LeftOut(_relative(path, source), Reason.NOT_A_LOG, f"its name does not begin with {folder.name}_")
                )
                continue
            seen.add(parsed[0])
            yield LogFile(path, folder.name, *parsed, run=run.name if run != folder else "")
    for dataset in sorted(set(aggregates) - seen):
        detail = f"{dataset}: only a summary, no per-sample file"
        left_out.append(
            LeftOut(_relative(aggregates[dataset], source), Reason.AGGREGATE, detail, candidate=folder.name)
        )


def _choose(group: list[LogFile], source: Path, left_out: list[LeftOut]) -> LogFile:
    """The newest run's readable file, in reading order within a run; copies of it are dropped, others are named."""
    group = sorted(group, key=lambda file: file.run, reverse=True)
    distinct: dict[bytes, LogFile] = {}
    for file in group:
        distinct.setdefault(_digest(file.path), file)
    files = list(distinct.values())
    # Where all are damaged the newest stands, and is named when it is read.
    position = next((n for n, file in enumerate(files) if len(files) > 1 and _is_readable(file.path)), 0)
    chosen = files[position]
    for number, other in enumerate(files):
        if number != position:
            # A newer one was passed over because it could not be read.
            reason = Reason.UNREADABLE if number < position else Reason.SUPERSEDED
            detail = f"{_relative(chosen.path, source)} was read instead"
            left_out.append(LeftOut(_relative(other.path, source), reason, detail, candidate=other.folder))
    return chosen


def _is_readable(path: Path) -> bool:
    try:
        return read_text_table(path).num_rows > 0
    except UnreadableFileError:
        return False


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
