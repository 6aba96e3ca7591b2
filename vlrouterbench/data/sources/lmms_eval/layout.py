"""Where lmms-eval puts its files: per model a folder of `<date>_samples_<task>.jsonl` and `<date>_results.json`.

Decisions
- The model is the folder: lmms-eval calls it by the last two parts of the model's path, `org__Model`. A candidate is
  called so, `org/Model`, or `Model` where one folder alone ends in it.
- Of several files of one task the newest by its name is read, and the others are named.
- A link that leads outside the source is not followed.

Source: EvolvingLMMs-Lab/lmms-eval, lmms_eval/loggers/evaluation_tracker.py (`save_results_samples`,
`save_results_aggregated`) and lmms_eval/utils.py (`sanitize_model_name`), at commit 75571cfe (6 August 2026).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.sources.inside import is_inside
from vlrouterbench.data.sources.source_logs import LeftOut, Reason

_SAMPLES = re.compile(r"(?P<date>[^/]*?)_?samples_(?P<task>.+)\.jsonl")
_RESULTS = "_results.json"
_JOINT = "__"


@dataclass(frozen=True)
class SampleFile:
    """The logged samples of one model on one task, and the results file of the same run where there is one."""

    path: Path
    model: str
    task: str
    results: Path | None


def is_sample_file(name: str) -> bool:
    """Whether a file is called as lmms-eval calls logged samples."""
    return _SAMPLES.fullmatch(name) is not None


def find_files(folder: Path, left_out: list[LeftOut]) -> list[SampleFile]:
    """The newest file of every model and task; older ones, and tasks with results alone, are named."""
    newest: dict[tuple[str, str], SampleFile] = {}
    for path in sorted(folder.rglob("*.jsonl")):
        found = _SAMPLES.fullmatch(path.name)
        if found is None:
            continue
        where = path.relative_to(folder).as_posix()
        if not is_inside(path, folder):
            left_out.append(LeftOut(where, Reason.OUTSIDE_LINK, "the link leads outside the source"))
            continue
        if not path.is_file() or not path.stat().st_size:
            what = "an empty file" if path.is_file() else "a folder, where a file belongs"
            left_out.append(LeftOut(where, Reason.UNREADABLE, what, candidate=path.parent.name))
            continue
        results = path.with_name(f"{found['date']}{_RESULTS}")
        file = SampleFile(path, path.parent.name, found["task"], results if results.is_file() else None)
        older = newest.get((file.model, file.task))
        if older is not None:
            detail = f"{where} was read instead, which is newer by its name"
            left_out.append(LeftOut(older.path.relative_to(folder).as_posix(), Reason.SUPERSEDED, detail))
        newest[file.model, file.task] = file
    read = {file.results for file in newest.values()}
    for path in sorted(folder.rglob(f"*{_RESULTS}")):
        if path not in read and not list(path.parent.glob(f"{path.name.removesuffix(_RESULTS)}_samples_*.jsonl")):
            detail = "results without samples: run lmms-eval with --log_samples"
            where = path.relative_to(folder).as_posix()
            left_out.append(LeftOut(where, Reason.AGGREGATE, detail, candidate=path.parent.name))
    return [newest[key] for key in sorted(newest)]


def short_names(folders: Sequence[str]) -> dict[str, str]:
    """Folder -> what a candidate is called where nobody says: the last part of its name, if that is no other's too."""
    ends = Counter(folder.rpartition(_JOINT)[2] for folder in set(folders))
    return {folder: end if ends[end := folder.rpartition(_JOINT)[2]] == 1 else folder for folder in folders}


def candidate_of(folder: str, folders: Sequence[str], names: Sequence[str]) -> str | None:
    """The candidate whose samples a folder holds; None where there is none.

    Raises:
        SourceError: several candidates are called by it.
    """
    spellings = {folder, folder.replace(_JOINT, "/"), short_names(folders)[folder]}
    found = [name for name in names if name in spellings]
    if len(found) > 1:
        raise SourceError(
            f"expected one candidate for the folder {folder}, found {', '.join(found)}. Keep one of them."
        )
    return found[0] if found else None
