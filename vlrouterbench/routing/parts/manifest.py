"""What a job is: its input, what it is done with, and its parts; written before work begins, compared before a rerun.

Decisions
- Nothing in it depends on the engine, the machine or where the input lies: a job that is begun here is ended anywhere.
- Whether a part is done is said by its files and their digests (`part_files.py`); `done` in the manifest is what was
  known when it was last written.
- What a rerun takes from it is bound by digests: the job by its own, the weight of a budget by that of the budget.
- A rerun with another input, router, encoder, option or version is refused with what differs: its parts would not go
  together with those that are there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict, cast

from vlrouterbench.core.errors import VLRouterBenchError, said
from vlrouterbench.core.files import check_no_file, write_json
from vlrouterbench.core.parts.part import Part, PartRecord, Range
from vlrouterbench.data.hub_source import HubOrigin

MANIFEST = "manifest.json"
ROUTE = "route"
"""The command that decides questions, as a manifest states it."""
FORMAT = 2
"""Of format 1, parts had no digests of their files, and the weight of a budget was bound by nothing."""
_LISTED = 3


class ShardRecord(TypedDict):
    """A shard: its path below the input, and what it holds."""

    name: str
    rows: int
    bytes: int
    sha256: str


class InputRecord(TypedDict):
    """What a job reads; `columns` are those of every shard, `origin` is where on the Hub it comes from."""

    rows: int
    columns: list[str]
    shards: list[ShardRecord]
    origin: NotRequired[HubOrigin]


class RouterRecord(TypedDict):
    """The router of a job."""

    name: str
    sha256: str


class LoadedRecord(TypedDict):
    """What a rerun of which nothing is missing says of the router, without loading it.

    Attributes:
        files_sha256: digest of the files that it is loaded from.
        objective_note: what of its objective cannot be met, else empty.
        simulated: whether it was trained on simulated data.
    """

    files_sha256: str
    objective_note: str
    simulated: bool


class BudgetRecord(TypedDict):
    """An average over the whole job, USD per sample: as asked for, and as expected of the weight that keeps it.

    Attributes:
        sha256: digest of the others and of the job.
    """

    average_cost_usd: float
    usd_weight: float
    expected_usd: float
    sha256: str


class JobRecord(TypedDict):
    """What decides every byte of a job's parts."""

    command: str
    version: str
    input: InputRecord
    router: RouterRecord
    encoder: dict[str, str]
    options: dict[str, object]
    parts: list[PartRecord]


class Manifest(JobRecord):
    """`manifest.json`: the job, its digest, and how far it has come.

    Attributes:
        format: of this file.
        job: digest of the job.
        done: numbers of the parts that are done.
        decided, bad: rows of these parts that were, and could not be, decided.
        loaded: what is known of a router that lies in a folder.
        budget: what an average over the whole job was turned into, where one was asked for.
    """

    format: int
    job: str
    done: list[int]
    decided: int
    bad: int
    loaded: NotRequired[LoadedRecord]
    budget: NotRequired[BudgetRecord]


def job_digest(job: JobRecord) -> str:
    """Digest of a job; where on the Hub its input comes from has no part in it."""
    content = {**job, "input": {name: value for name, value in job["input"].items() if name != "origin"}}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class JobKey(NamedTuple):
    """What tells the parts of a job from others: its digest, and the weight that keeps its budget, None without one."""

    digest: str
    usd_weight: float | None = None


def key_of(manifest: Manifest) -> JobKey:
    """The key of a job, without a weight as long as its budget was not turned into one."""
    return JobKey(manifest["job"], manifest["budget"]["usd_weight"] if "budget" in manifest else None)


def budget_record(job: str, average_cost_usd: float, usd_weight: float, expected_usd: float) -> BudgetRecord:
    """A budget, bound to the job whose digest this is."""
    numbers = {"average_cost_usd": average_cost_usd, "usd_weight": usd_weight, "expected_usd": expected_usd}
    digest = hashlib.sha256(json.dumps([job, numbers], sort_keys=True).encode()).hexdigest()
    return cast(BudgetRecord, {**numbers, "sha256": digest})


def begun(job: JobRecord) -> Manifest:
    """The manifest of a job of which nothing is done."""
    made = {"format": FORMAT, "job": job_digest(job), **job, "done": list[int](), "decided": 0, "bad": 0}
    return cast(Manifest, made)


def parts_of(manifest: Manifest) -> list[Part]:
    """The parts that a manifest fixes."""
    made, first = list[Part](), 0
    for entry in manifest["parts"]:
        ranges = tuple(Range(*numbers) for numbers in entry["ranges"])
        made.append(Part(entry["part"], len(manifest["parts"]), first, ranges))
        first += entry["rows"]
    return made


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it, whole or not at all."""
    write_json(folder / MANIFEST, manifest)


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of an output folder; None where there is no folder, or an empty one.

    Raises:
        VLRouterBenchError: the folder holds something else.
    """
    path = folder / MANIFEST
    if not path.is_file():
        others = (
            sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith(".")) if _is(folder) else []
        )
        if others:
            raise VLRouterBenchError(
                f"expected an empty folder, or one with the {MANIFEST} of this job, found {', '.join(others[:_LISTED])}"
                f"{' and more' if len(others) > _LISTED else ''} in {folder}. Give another --out."
            )
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise _no_manifest(path, "lists within each other that are deeper than any") from None
    except ValueError as error:
        raise _no_manifest(path, f"no JSON: {said(error)}") from error
    if (problem := _problem(content)) is not None:
        raise _no_manifest(path, problem)
    return cast(Manifest, content)


def _no_manifest(path: Path, found: str) -> VLRouterBenchError:
    return VLRouterBenchError(
        f"expected the manifest of a job in parts at {path}, found {found}. Put the folder aside, or give another "
        "--out."
    )


def _problem(content: object) -> str | None:
    """What a file holds that is no manifest; None of one that is as it was written."""
    if not isinstance(content, dict):
        return f"a {type(content).__name__} in the place of an object" if content is not None else "null"
    if content.get("format") != FORMAT:
        stated = json.dumps(content["format"])[:20] if "format" in content else "none"
        return f"format {stated}, where this version writes {FORMAT}"
    lacking = [name for name in ("job", *JobRecord.__annotations__) if name not in content]
    if lacking:
        return f"no {', '.join(lacking)} in it"
    if not isinstance(content["input"], dict) or job_digest(job_of(content)) != content["job"]:
        return "one whose job was changed by hand"
    if "loaded" in content and not _is_loaded(content["loaded"]):
        return 'one whose "loaded" was changed by hand'
    if "budget" in content and not _is_budget(content["job"], content["budget"]):
        return 'one whose "budget" was changed by hand'
    return None


def _is_loaded(record: object) -> bool:
    kinds = {"files_sha256": str, "objective_note": str, "simulated": bool}
    return isinstance(record, dict) and all(isinstance(record.get(name), kind) for name, kind in kinds.items())


def _is_budget(job: str, record: object) -> bool:
    """Whether a budget is the one that was written for a job."""
    if not isinstance(record, dict) or set(record) != set(BudgetRecord.__annotations__):
        return False
    return record == budget_record(job, record["average_cost_usd"], record["usd_weight"], record["expected_usd"])


def check_same(folder: Path, manifest: Manifest, job: JobRecord) -> None:
    """Refuse a folder that holds another job than this one.

    Raises:
        VLRouterBenchError: with what differs.
    """
    if manifest["job"] == job_digest(job):
        return
    raise VLRouterBenchError(
        f"{folder} holds another job: {'; '.join(_differences(manifest, job)[:_LISTED])}. Ask for what it was begun "
        "with, or give another --out."
    )


def _is(folder: Path) -> bool:
    check_no_file(folder)
    return folder.is_dir()


def job_of(content: Mapping[str, object]) -> JobRecord:
    """The job of a manifest, without how far it has come."""
    return cast(JobRecord, {name: content[name] for name in JobRecord.__annotations__})


def _differences(old: Manifest, new: JobRecord) -> list[str]:
    found = list[str]()
    if old["command"] != new["command"]:
        return [f"it was begun by `{old['command']}`, and this is `{new['command']}`"]
    if old["version"] != new["version"]:
        found.append(f"it was begun by version {old['version']}, and this is {new['version']}")
    for name in sorted({*old["options"], *new["options"]}):
        before, now = old["options"].get(name), new["options"].get(name)
        if before != now:
            found.append(f"--{name.replace('_', '-')} was {_stated(before)}, and is {_stated(now)}")
    if not found and old["router"] != new["router"]:
        before_router, router = old["router"], new["router"]
        found.append(
            f"its router was {before_router['name']} ({before_router['sha256'][:12]}), and is {router['name']} "
            f"({router['sha256'][:12]})"
        )
    if old["encoder"] != new["encoder"]:
        found.append("its encoder was another one")
    found += _input_differences(old["input"], new["input"])
    if not found:
        found.append(f"--parts was {len(old['parts']):,}, and is {len(new['parts']):,}")
    return found


def _stated(value: object) -> str:
    return "not given" if value is None else json.dumps(value)


def _input_differences(old: InputRecord, new: InputRecord) -> list[str]:
    before, now = ({shard["name"]: shard for shard in record["shards"]} for record in (old, new))
    gone, come = sorted(set(before) - set(now)), sorted(set(now) - set(before))
    changed = [name for name in before if name in now and before[name] != now[name]]
    found = [
        _named("its input lacks", gone),
        _named("its input has besides", come),
        _named("its input changed in", changed),
    ]
    if not any((gone, come, changed)) and [*before] != [*now]:
        found.append("its input has another order")
    return [text for text in found if text]


def _named(what: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return f"{what} {', '.join(names[:_LISTED])}{more}" if names else ""
