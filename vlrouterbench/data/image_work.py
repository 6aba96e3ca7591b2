"""Images of a source checked in parts by an engine: what `check_images` gives, to the last bit.

Decisions
- A part is some of the batches that one process would check; its file holds what was found of each image. The files lie
  beside the benchmark while it is built, and are no longer there when it is: a build is whole or not at all.
- What was found is also kept in `.OUT.checked`, by the digest of the part's images and this version, until OUT is built
  or its source is refused: a build that was stopped decodes no part again. A part of which an image could not be read
  from its disk is not kept. A file of it states its own digest: one that was damaged or changed is as one not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import cast

from vlrouterbench.core.errors import SourceError
from vlrouterbench.core.files import folder_beside, write_json
from vlrouterbench.core.parts.part import Part, plan_parts
from vlrouterbench.core.parts.work import DoPart, Engine, PartFacts
from vlrouterbench.data.images import IMAGES_PER_TASK, ImageCheck, batches_of, check_batch, read_image_bytes
from vlrouterbench.data.sources.source_logs import ImageReference
from vlrouterbench.version import __version__

_IMAGES_PER_PART = 256


@dataclass(frozen=True)
class CheckingWork:
    """See PartWork.

    Attributes:
        batches: images that are checked together.
        out: folder of the parts' files.
        folder: what names of images are relative to.
        kept: folder of what is kept when the build is stopped.
    """

    batches: Sequence[Sequence[ImageReference]]
    out: Path
    folder: Path
    kept: Path

    def open(self) -> DoPart:
        """See PartWork."""
        os.chdir(self.folder)  # a process of a cluster begins elsewhere
        return self.do

    def do(self, part: Part) -> PartFacts:
        """Check the images of a part."""
        batches = [self.batches[number] for _, start, stop in part.ranges for number in range(start, stop)]
        kept = self._kept(batches)
        stated = _read(kept) if kept is not None else None
        if stated is None or len(stated) != sum(map(len, batches)):
            stated = [_stated(check) for batch in batches for check in check_batch(batch)]
            if kept is not None:
                # One that another build of the same folder removes meanwhile is none that is missed.
                with suppress(OSError):
                    write_json(kept, {"sha256": _digest(stated), "images": stated})
        write_json(_file(self.out, part), stated)
        return {"part": part.number, "rows": len(stated)}

    def _kept(self, batches: Sequence[Sequence[ImageReference]]) -> Path | None:
        """Where what is found of some images is kept; None where one of them cannot be read."""
        digest = hashlib.sha256(__version__.encode())
        try:
            for reference in chain.from_iterable(batches):
                digest.update(hashlib.sha256(read_image_bytes(reference) or b"").digest())
        except OSError:
            return None
        return self.kept / f"{digest.hexdigest()}.json"


def kept_folder(out: Path) -> Path:
    """Where what was found of images is kept until a benchmark is built."""
    return out.absolute().with_name(f".{out.absolute().name}.checked")


@contextmanager
def kept_until_built(out: Path) -> Iterator[None]:
    """A build: what is kept for its rerun goes when it ends well, or its source is refused."""
    try:
        yield
    except SourceError:
        shutil.rmtree(kept_folder(out), ignore_errors=True)
        raise
    shutil.rmtree(kept_folder(out), ignore_errors=True)


def check_in_parts(
    references: Sequence[ImageReference], engine: Engine, parts: int | None, beside: Path
) -> list[ImageCheck]:
    """Check every image, in order.

    Args:
        references: as for `check_images`.
        engine: what checks.
        parts: in how many parts; None for one per so many images.
        beside: a folder beside which every process of the engine can write.

    Raises:
        VLRouterBenchError: as for `Engine.run`.
    """
    checks = [ImageCheck(None, None)] * len(references)
    batches = batches_of(references)
    if not batches:
        return checks
    count = -(-len(batches) * IMAGES_PER_TASK // _IMAGES_PER_PART) if parts is None else parts
    planned = plan_parts([len(batches)], min(count, len(batches)))
    with folder_beside(beside) as out:
        asked = [[references[index] for index in batch] for batch in batches]
        work = CheckingWork(asked, out, Path.cwd(), kept_folder(beside))
        for _ in engine.run(work, planned):
            pass
        found = _found(out, planned)
        for batch in batches:
            for index in batch:
                checks[index] = next(found)
    return checks


def _stated(check: ImageCheck) -> list[str | int | None]:
    key = None if check.pixel_key is None else check.pixel_key.hex()
    return [check.sha256, check.problem, key, check.perceptual]


def _digest(stated: object) -> str:
    return hashlib.sha256(json.dumps(stated).encode()).hexdigest()


def _read(path: Path) -> list[list[str | int | None]] | None:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        stated = cast("list[list[str | int | None]]", kept["images"])
        return stated if kept["sha256"] == _digest(stated) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _found(out: Path, parts: Sequence[Part]) -> Iterator[ImageCheck]:
    for part in parts:
        for sha256, problem, key, perceptual in json.loads(_file(out, part).read_text(encoding="utf-8")):
            yield ImageCheck(sha256, problem, None if key is None else bytes.fromhex(key), perceptual)


def _file(out: Path, part: Part) -> Path:
    return out / f"images-{part.number:05d}-of-{part.count:05d}.json"
