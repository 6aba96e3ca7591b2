"""From paths in models' folders to per-sample files: whose dataset, which suffix, in which runs; what holds no rows.

Decisions
- The same file seen twice (run folder and link, inference and evaluation tree) is one file, which knows every run it
  lies in and whether the root entry, VLMEvalKit's pointer to the last finished run, names it.
- Pickles and locks are never opened. A summary is looked at only for whether it has rows; one that has a row per
  sample (csv, jsonl) is a file like any other, and so is one that is called a judge's result or holds no text, unless
  its name is a summary's: whoever reads it names what is wrong with it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vlrouterbench.data.sources.source_logs import LeftOut, Reason
from vlrouterbench.data.sources.vlmevalkit.dataset_table import why_no_label
from vlrouterbench.data.sources.vlmevalkit.file_kinds import has_rows_of_samples, is_one_record, is_text
from vlrouterbench.data.sources.vlmevalkit.names import (
    AGGREGATE,
    SUMMARY_RECORD,
    datasets_of_predictions,
    is_copy,
    is_recognised_suffix,
    known_beginning,
    not_parted,
    parse_name,
    with_known_case,
)

TABLE_EXTENSIONS = (".xlsx", ".tsv", ".json")
"""Of files that hold a row per sample, unless their name says that they are summaries."""
SUMMARY_EXTENSIONS = (".csv", ".jsonl")
"""Of files that hold a row per sample only where their columns say so."""
FORMATS = (".xlsx", ".tsv", ".csv", ".json", ".jsonl")
"""All of these, in the order in which one of several files of the same name is read."""
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
class FoundFile:
    """A file in a model's folder (by the pool's spelling) or in one of its run folders (`run`, "" for none)."""

    path: Path
    folder: str
    run: str
    is_scored: bool

    @property
    def stem(self) -> str:
        """Its name without extension, with one spelling of each character."""
        return one_spelling(self.path.stem)

    @property
    def rest(self) -> str | None:
        """Its stem without the model's name, None where it does not begin with it."""
        prefix = f"{one_spelling(self.folder)}_"
        return self.stem[len(prefix) :] if self.stem.startswith(prefix) else None


def one_spelling(name: str) -> str:
    """A name with one spelling of each character: an accent may be a character of its own, as macOS writes it."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def without_other_models(
    found: Iterable[FoundFile], folders: Collection[str], known: Collection[str], source: Path, left_out: list[LeftOut]
) -> list[FoundFile]:
    """The files but those of another model, whose name begins as their folder's does: these are named.

    Args:
        found: files of every model.
        folders: names of all models' folders, and of all candidates.
        known: datasets known by name.
        source: the source's folder.
        left_out: takes what is named.
    """
    longer = {name: [other for other in sorted(folders) if other.startswith(f"{name}_")] for name in folders}
    kept = []
    for file in found:
        is_own = file.rest is None or known_beginning(file.rest, known) is not None
        others = [] if is_own else [replace(file, folder=other) for other in longer.get(file.folder, ())]
        other = next((o.folder for o in others if o.rest is not None and known_beginning(o.rest, known)), None)
        if other is None:
            kept.append(file)
        else:
            detail = f"by its name it is a file of the model {other}: put it into that folder"
            left_out.append(LeftOut(_relative(file.path, source), Reason.NOT_A_LOG, detail, candidate=file.folder))
    return kept


def _with_shown(found: Iterable[FoundFile], known: Collection[str]) -> frozenset[str]:
    """Every dataset's name known from elsewhere or shown by the files."""
    rests: dict[str, set[str]] = {}
    for file in found:
        if file.path.suffix.lower() in TABLE_EXTENSIONS and file.rest is not None:
            rests.setdefault(file.folder, set()).add(file.rest)
    shown = (name for folder in rests.values() for name in datasets_of_predictions(folder, known))
    return frozenset(known).union(shown)


def parse_files(
    found: Iterable[FoundFile], known: Collection[str], source: Path, left_out: list[LeftOut]
) -> Iterator[LogFile]:
    """Per-sample files; summaries are named where they stand alone, or have no rows.

    Args:
        found: files of models.
        known: datasets known from elsewhere; others are those that the files show.
        source: the source's folder.
        left_out: takes what is named.
    """
    found = list(found)
    names = _with_shown(found, known)
    summaries: list[tuple[FoundFile, str]] = []
    seen: set[tuple[str, bool, str]] = set()
    for file in found:
        path, rest = file.path, file.rest
        if rest is None or _is_link_stub(path):
            continue
        dataset, suffix = parse_name(rest, names)
        dataset = with_known_case(dataset, known)
        if is_copy(suffix):
            detail = f'"{suffix}" goes on behind the dataset {dataset} as a copy\'s name does: it is not read'
            left_out.append(LeftOut(_relative(path, source), Reason.NOT_A_LOG, detail, candidate=file.folder))
            continue
        unparted = None if dataset in names else not_parted(dataset, known, is_evaluated=is_recognised_suffix(suffix))
        if unparted is not None:
            name, tail = unparted
            detail = (
                f'"{tail}" goes on behind the dataset {name} without "_": it is not read. If it is of {name}, put "_" '
                f"there; if {dataset} is a dataset of its own, give its table of images, {dataset}.tsv"
            )
            entry = LeftOut(_relative(path, source), Reason.UNKNOWN_DATASET, detail, candidate=file.folder)
            left_out.append(entry)
            continue
        if _is_summary(path, suffix):
            aggregate = AGGREGATE.search(rest)
            dataset, _ = parse_name(rest[: aggregate.start()] if aggregate else rest, names)
            summaries.append((file, with_known_case(dataset, known)))
        else:
            seen.add((file.folder, file.is_scored, dataset))
            yield LogFile(path, file.folder, dataset, suffix, file.run, frozenset((file.run,)), file.is_scored)
    named: set[tuple[str, bool, str]] = set()
    for file, dataset in summaries:
        key = (file.folder, file.is_scored, file.path.name)
        if (file.folder, file.is_scored, dataset) in seen:
            if not file.path.is_symlink() and _has_no_rows(file.path):
                entry = LeftOut(_relative(file.path, source), Reason.UNREADABLE, "a summary without rows")
                left_out.append(replace(entry, candidate=file.folder))
        elif key not in named:
            named.add(key)
            if (file.folder, not file.is_scored, dataset) in seen:
                detail = (
                    f"a summary: labels of {dataset} are sought in its per-sample files, which lie in the other tree"
                )
            else:
                detail = f"only a summary, no per-sample file: {why_no_label(dataset)}"
            left_out.append(LeftOut(_relative(file.path, source), Reason.AGGREGATE, detail, candidate=file.folder))


def distinct_files(files: Iterable[LogFile]) -> Iterator[LogFile]:
    """Every file once, though it may lie at several places; by model, dataset, suffix, and the newest run first."""
    groups: dict[tuple[str, str, str], list[LogFile]] = {}
    for file in files:
        groups.setdefault((file.folder, file.dataset, file.suffix), []).append(file)
    for _, group in sorted(groups.items()):
        if len(group) == 1:
            yield group[0]
            continue
        distinct: dict[bytes, LogFile] = {}
        for file in sorted(group, key=lambda file: file.run, reverse=True):
            digest = _digest(file.path)
            first = distinct.setdefault(digest, file)
            is_scored = first.is_scored or file.is_scored
            distinct[digest] = replace(first, runs=first.runs | file.runs, is_scored=is_scored)
        yield from distinct.values()


def _is_summary(path: Path, suffix: str) -> bool:
    """Whether a file has no row per sample, by its name and, where that leaves it open, its beginning."""
    extension = path.suffix.lower()
    if extension in SUMMARY_EXTENSIONS:
        is_result = suffix.endswith("_result") and is_recognised_suffix(suffix)
        is_named_so = AGGREGATE.search(path.stem) is not None or not (is_result or not is_text(path))
        return is_named_so and not has_rows_of_samples(path)
    if extension != ".json" or not suffix:
        return False
    if AGGREGATE.search(path.stem):
        return not has_rows_of_samples(path)
    return SUMMARY_RECORD.search(suffix) is not None and is_one_record(path)


def _has_no_rows(path: Path) -> bool:
    """Whether a summary holds at most a header."""
    if path.stat().st_size > _EMPTY_SUMMARY_BYTES:
        return False
    content = path.read_bytes().strip()
    if path.suffix.lower() == ".csv":
        return len(content.splitlines()) < 2
    return content in (b"", b"{}", b"[]")


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
