"""A job of which nothing is missing, told so without loading its router: neither torch nor a model is imported.

Decisions
- What is compared are digests: of the input, of the files that the router is loaded from, of the job. Where anything
  differs, or a part is missing, this says nothing, and the job is looked at as a whole, which says what differs.
- Parts are looked for first: their files are small, and the input may be large.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.routing.parts.job import Job, is_same_input
from vlrouterbench.routing.parts.manifest import key_of, parts_of, read_manifest
from vlrouterbench.routing.parts.part_files import done_part
from vlrouterbench.routing.parts.router_files import router_files_sha256, router_name
from vlrouterbench.routing.parts.shards import find_shards
from vlrouterbench.version import __version__


@dataclass(frozen=True)
class StatedJob:
    """What is asked for, as far as it can be told without loading a router.

    Attributes:
        command: what began the job.
        router: folder or Hub id.
        encoders: folders of its pretrained encoders, None where none was given.
        questions: as for `find_shards`.
        out: folder of the job's files.
        stated: the options as the manifest states them.
        parts: number of parts; None for any.
    """

    command: str
    router: str
    encoders: tuple[str | None, str | None]
    questions: Path
    out: Path
    stated: Mapping[str, object]
    parts: int | None


@dataclass(frozen=True)
class DoneJob:
    """A job of which nothing is missing, and what of its objective cannot be met."""

    job: Job
    note: str


def done_job(asked: StatedJob) -> DoneJob | None:
    """The job that is asked for; None where it is not known to be done.

    Raises:
        VLRouterBenchError: the folder holds something else, or the input is none.
    """
    manifest = read_manifest(asked.out)
    if manifest is None or "loaded" not in manifest:
        return None
    found = (manifest["command"], manifest["version"], manifest["router"]["name"], manifest["options"])
    if found != (asked.command, __version__, router_name(asked.router), dict(asked.stated)):
        return None
    parts, key = parts_of(manifest), key_of(manifest)
    if asked.parts not in (None, len(parts)) or any(done_part(asked.out, part, key) is None for part in parts):
        return None
    if router_files_sha256(asked.router, *asked.encoders) != manifest["loaded"]["files_sha256"]:
        return None
    if not is_same_input(find_shards(asked.questions), manifest["input"]):
        return None
    loaded = manifest["loaded"]
    job = Job(asked.out, manifest, parts, lambda part: done_part(asked.out, part, key), {}, loaded["simulated"])
    return DoneJob(job, loaded["objective_note"])
