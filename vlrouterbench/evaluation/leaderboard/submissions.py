"""Finding submissions, and the benchmark that they were decided on.

Decisions
- A submission is a `decisions.parquet`; the files beside it (`decisions.parquet.sig`, `results.json`) only say which
  benchmark it is for, who signed it, which of its routers are an evaluation's own baselines, and what they were decided
  for. No figure of `results.json` is read.
- A folder of submissions has one folder for each, at any depth; hidden folders are ignored. One whose decisions are a
  table of another kind is refused by name, since leaving it out would go unnoticed. The folder may be in a dataset
  repository on the Hub (`hub_folder.py`).
- The benchmark is the given one, or else the first folder whose tables have the digest that `results.json` states:
  beside the submission or its parents, in the current folder, or where `build` registers benchmarks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vlrouterbench.data.build import home_folder
from vlrouterbench.data.build_report import REPORT_FILE
from vlrouterbench.data.saved_tables.form import ending_of
from vlrouterbench.evaluation.leaderboard.hub_folder import HubFolder, SubmissionError
from vlrouterbench.evaluation.writing import DECISIONS_FILE, RESULTS_FILE
from vlrouterbench.metrics.objectives import RANK_SCORE

_LEVELS_UP = 3
_STEM = DECISIONS_FILE.removesuffix(".parquet")


@dataclass(frozen=True)
class StatedRouter:
    """What a `results.json` says of a router beside figures.

    Attributes:
        baseline: name of the policy that it is; "" for a router.
        objective: that it was evaluated under.
        own_prices: whether its costs were counted at other prices than the benchmark's.
    """

    baseline: str
    objective: str
    own_prices: bool


@dataclass(frozen=True)
class Submission:
    """A file of decisions.

    Attributes:
        path: the file.
        name: the submission's name: its folder's, or the file's where it has another name than usual.
        stated_sha256: the benchmark's digest in the `results.json` beside it, None where there is none.
        stated: router -> what that file says of it; empty where there is none.
        refused: why it cannot be read whatever the benchmark is; "" where it can.
    """

    path: Path
    name: str
    stated_sha256: str | None
    stated: Mapping[str, StatedRouter] = field(default_factory=dict)
    refused: str = ""


def find_submissions(given: Sequence[str]) -> list[Submission]:
    """The submissions in files, folders (of submissions) and Hub dataset repositories, each once, in order.

    Args:
        given: `decisions.parquet` files, folders, `hf://datasets/owner/name[/folder]`, or `owner/name` of a dataset
            repository where no such path exists.

    Raises:
        SubmissionError: there are no decisions, none can be read, or the Hub cannot be reached.
    """
    submissions: dict[Path, Submission] = {}
    for text in given:
        hub = HubFolder.parse(text)
        path = hub.fetch() if hub else Path(text)
        files = list(_decision_files(path))
        if not files:
            raise SubmissionError(
                f"expected a {DECISIONS_FILE}, or a folder with one or with folders that have one, found none at "
                f"{text}. `vlrouterbench evaluate` writes it."
            )
        for file in files:
            # A folder of the Hub is named as in its address, not after the commit that was fetched.
            name = hub.name if hub and file.parent == path else _name(file)
            submissions.setdefault(file.parent.resolve() / file.name, _submission(file, name, Path(text)))
    found = list(submissions.values())
    if all(one.refused for one in found):
        raise refusal_error([one.refused for one in found])
    return found


def refusal_error(reasons: Sequence[str]) -> SubmissionError:
    """What is said where no submission is left."""
    if len(reasons) == 1:
        return SubmissionError(f"submission refused. {reasons[0]}")
    return SubmissionError("\n  ".join([f"{len(reasons)} submissions refused.", *reasons]))


def find_benchmark(submissions: Sequence[Submission]) -> Path:
    """The benchmark folder that the submissions' `results.json` name by digest.

    Raises:
        SubmissionError: none states a digest, they state several, or no folder in reach has it.
    """
    stated = {s.stated_sha256: s.path for s in submissions if s.stated_sha256}
    if len(stated) != 1:
        raise SubmissionError(
            f"expected one benchmark, named by the {RESULTS_FILE} beside the decisions, found {len(stated) or 'none'}. "
            "Give --benchmark DIR."
        )
    sha256 = next(iter(stated))
    for folder in _folders_in_reach([s.path for s in submissions]):
        report = folder / REPORT_FILE
        if report.is_file() and _field(report, "sha256") == sha256:
            return folder
    raise SubmissionError(
        f"expected the benchmark with tables sha256 {sha256}, which {stated[sha256].parent / RESULTS_FILE} names, "
        "found none beside the submissions, in the current folder or among registered ones. Give --benchmark DIR."
    )


def check_stated(submission: Submission, sha256: str) -> None:
    """Refuse a submission whose `results.json` names another benchmark.

    Raises:
        SubmissionError: it does.
    """
    if submission.stated_sha256 not in (None, sha256):
        raise SubmissionError(
            f"{submission.path}: expected decisions on the benchmark with tables sha256 {sha256}, found another in its "
            f"{RESULTS_FILE} ({submission.stated_sha256}). Evaluate again on this benchmark, or give the other one."
        )


def _decision_files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path.with_name(DECISIONS_FILE) if path.name == RESULTS_FILE else path
    elif (path / DECISIONS_FILE).is_file():
        yield path / DECISIONS_FILE
    elif path.is_dir():
        for file in sorted(path.rglob(f"{_STEM}.*")):
            is_hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            # A table of another kind stands in for the submission, so that it is refused by name.
            if not is_hidden and (file.name == DECISIONS_FILE or _is_other_kind(file)):
                yield file


def _is_other_kind(file: Path) -> bool:
    return ending_of(file) is not None and not file.with_name(DECISIONS_FILE).exists()


def _submission(file: Path, name: str, given: Path) -> Submission:
    if file.name != DECISIONS_FILE and file != given:
        reason = f"{file.parent}: expected {DECISIONS_FILE}, found {file.name}. Write the table as parquet."
        return Submission(file, file.absolute().parent.name, None, refused=reason)
    try:
        return Submission(file, name, *_stated(file))
    except SubmissionError as error:
        return Submission(file, name, None, refused=str(error))


def _name(file: Path) -> str:
    return file.absolute().parent.name if file.name == DECISIONS_FILE else file.stem


def _stated(file: Path) -> tuple[str | None, dict[str, StatedRouter]]:
    """The benchmark's digest, and what is said of each router, by the `results.json` beside a file of decisions."""
    results = file.with_name(RESULTS_FILE)
    if not results.is_file():
        return None, {}
    try:
        records = json.loads(results.read_text(encoding="utf-8"))
        stated = {record["benchmark"]["sha256"] for record in records}
        routers = {str(r["router"]): _stated_router(r) for r in records if isinstance(r.get("router_config"), dict)}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SubmissionError(
            f"{results}: expected records that name their benchmark's sha256, found otherwise. Remove the file: only "
            f"{DECISIONS_FILE} is needed."
        ) from error
    if len(stated) > 1:
        raise SubmissionError(
            f"{results}: expected records of one benchmark, found {len(stated)}. Split the submission."
        )
    return next(iter(stated), None), routers


def _stated_router(record: Mapping[str, Any]) -> StatedRouter:
    config = record["router_config"]
    baseline = str(config.get("name", "")) if config.get("kind") == "policy" else ""
    return StatedRouter(baseline, str(record.get("objective", RANK_SCORE)), record.get("prices") is not None)


def _folders_in_reach(files: Sequence[Path]) -> Iterator[Path]:
    """The folders of the given files and those above them, each with its subfolders; then the usual folders."""
    roots: dict[Path, None] = {}
    for file in files:
        roots |= dict.fromkeys(file.absolute().parents[:_LEVELS_UP])
    for root in (*roots, Path.cwd(), home_folder()):
        if root.is_dir():
            yield root
            yield from (folder for folder in sorted(root.iterdir()) if folder.is_dir())


def _field(path: Path, name: str) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8")).get(name)
    except (ValueError, AttributeError, RecursionError, OSError):
        return None  # not a benchmark's report: the search goes on
