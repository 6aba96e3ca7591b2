"""A job over many questions: its input is looked through, its parts are fixed, and those that are missing are done.

Decisions
- Nothing is written before everything that can be known to be wrong was looked for: tables that do not fit together,
  ids that occur twice, a router that cannot decide so, a folder that holds something else.
- An input that is the same as the manifest's was looked through when the job was begun: a rerun reads its bytes for the
  digest alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from vlrouterbench.cards.decisions_card import render_decisions_card
from vlrouterbench.core.errors import SourceError, quoted
from vlrouterbench.core.files import make_folder, staged_file
from vlrouterbench.core.parts.part import Part
from vlrouterbench.core.parts.work import Engine, PartWork
from vlrouterbench.core.staging import clear_killed
from vlrouterbench.data.saved_tables.pieces import Pieces
from vlrouterbench.routing.parts.duplicates import Duplicates, count_duplicates
from vlrouterbench.routing.parts.manifest import (
    InputRecord,
    Manifest,
    ShardRecord,
    check_same,
    job_of,
    read_manifest,
    write_manifest,
)
from vlrouterbench.routing.parts.part_files import RoutedFacts
from vlrouterbench.routing.parts.pieces_file import read_pieces, write_pieces
from vlrouterbench.routing.parts.shard_rows import ShardReader
from vlrouterbench.routing.parts.shards import ShardFiles

_LISTED = 8


@dataclass(frozen=True)
class JobResult:
    """What became of a job.

    Attributes:
        facts: of every part, in order.
        found: parts that were done before.
    """

    facts: list[RoutedFacts]
    found: int

    @property
    def decided(self) -> int:
        """Rows that were decided."""
        return sum(part["decided"] for part in self.facts)

    @property
    def bad(self) -> int:
        """Rows that could not be decided."""
        return sum(part["bad"] for part in self.facts)

    @property
    def without_image(self) -> int:
        """Decided rows whose image had no part in the decision."""
        return sum(part["without_image"] for part in self.facts)

    @property
    def fewer_images(self) -> int:
        """Decided rows of whose images one or more had no part in the decision."""
        return sum(part["fewer_images"] for part in self.facts)

    @property
    def chosen(self) -> dict[str, int]:
        """Candidate -> number of rows that it was chosen for, the most frequent first."""
        counts: dict[str, int] = {}
        for part in self.facts:
            for name, count in part["chosen"].items():
                counts[name] = counts.get(name, 0) + count
        return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))

    @property
    def average_estimated_cost_usd(self) -> float | None:
        """Mean expected cost of the decided rows, USD per sample; None where one is not known."""
        costs = [part["cost_usd"] for part in self.facts if part["decided"]]
        known = [cost for cost in costs if cost is not None]
        return sum(known) / self.decided if known and len(known) == len(costs) else None


def input_record(files: ShardFiles, reader: ShardReader, before: InputRecord | None) -> InputRecord:
    """What an input holds.

    Args:
        files: its shards.
        reader: of them; it knows their pieces afterwards, of those that are looked through.
        before: what it held when the job was begun: where it is the same, it is not looked through again.

    Raises:
        SourceError: shards have different columns, no row, or ids that occur more than once.
    """
    digests = _digests(files)
    if before is not None and digests == _stated_digests(before):
        return before
    shards, first = list[ShardRecord](), tuple[str, ...]()
    for name, digest in digests:
        content = reader.content(name)
        first = first or content.columns
        if set(content.columns) != set(first):
            raise SourceError(_other_columns(files, name, first, content.columns))
        size = (files.root / name).stat().st_size
        shards.append({"name": name, "rows": content.rows, "bytes": size, "sha256": digest})
    rows = sum(shard["rows"] for shard in shards)
    if not rows:
        raise SourceError(f"expected rows with questions, found none in {len(shards):,} tables of {files.root}.")
    record: InputRecord = {"rows": rows, "columns": sorted(first), "shards": shards}
    if files.origin is not None:
        record["origin"] = files.origin
    if before is None:  # one that was begun with another input is refused for that
        _check_ids(reader, record)
    return record


def is_same_input(files: ShardFiles, record: InputRecord) -> bool:
    """Whether an input is the one that a record states, by its bytes."""
    return list(files.names) == [shard["name"] for shard in record["shards"]] and (
        _digests(files) == _stated_digests(record)
    )


def _digests(files: ShardFiles) -> list[tuple[str, str]]:
    """Each shard's name and the digest of its bytes."""
    return [(name, _sha256(files.root / name)) for name in files.names]


def _stated_digests(record: InputRecord) -> list[tuple[str, str]]:
    return [(shard["name"], shard["sha256"]) for shard in record["shards"]]


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _other_columns(files: ShardFiles, name: str, first: Sequence[str], found: Sequence[str]) -> str:
    lacks, more = sorted(set(first) - set(found)), sorted(set(found) - set(first))
    parts = [f"{what} {', '.join(names[:_LISTED])}" for what, names in (("lacks", lacks), ("adds", more)) if names]
    return (
        f"expected the same columns in every table, found others: {files.root / name} {' and '.join(parts)}, beside "
        f"{files.names[0]}. Write every column in each of them, with empty cells where there is nothing."
    )


def _check_ids(reader: ShardReader, record: InputRecord) -> None:
    def ids() -> Iterator[list[str]]:
        first = 0
        for shard in record["shards"]:
            yield from reader.ids(shard["name"], shard["rows"], first)
            first += shard["rows"]

    found = count_duplicates(ids, record["rows"])
    if found.number:
        raise SourceError(_doubled(found, record))


def _doubled(found: Duplicates, record: InputRecord) -> str:
    def place(row: int) -> str:
        for shard in record["shards"]:
            if row < shard["rows"]:
                return f"row {row + 1:,} of {shard['name']}"
            row -= shard["rows"]
        return "a later row"

    name, first, second = found.examples[0]
    return (
        f"expected every sample_id once, found {found.number:,} of {record['rows']:,} rows with an id of an earlier "
        f"one: {quoted(name)} is {place(first)} and {place(second)}. Give each row an id of its own, or leave the "
        "column out (rows without an id are called by their number)."
    )


@dataclass
class Job:
    """A job whose parts are fixed.

    Attributes:
        out: the folder of its files.
        manifest: as it was read or begun.
        parts: all of them.
        done_part: says what became of a part that is done, None of one that is not.
        pieces: name of a table of text -> where its pieces are, as they were found.
        simulated: whether the router was trained on simulated data.
        progress: called with (rows done, rows).
    """

    out: Path
    manifest: Manifest
    parts: list[Part]
    done_part: Callable[[Part], RoutedFacts | None]
    pieces: Mapping[str, Pieces] = field(default_factory=dict)
    simulated: bool = False
    progress: Callable[[int, int], None] | None = None
    facts: dict[int, RoutedFacts] = field(default_factory=dict)

    def begin(self) -> None:
        """Make the folder, or look at what is done there."""
        make_folder(self.out)
        clear_killed(self.out)
        if self.pieces and not read_pieces(self.out, self.manifest["input"]):
            write_pieces(self.out, self.manifest["input"], self.pieces)
        for part in self.parts:
            if (found := self.done_part(part)) is not None:
                self.facts[part.number] = found

    def run(self, work: PartWork, engine: Engine) -> JobResult:
        """Do the parts that are missing; errors as for `Engine.run`."""
        self.begin()
        found_before = len(self.facts)
        missing = [part for part in self.parts if part.number not in self.facts]
        try:
            if missing:
                self.write()
                for facts in engine.run(work, missing):
                    self.facts[facts["part"]] = cast(RoutedFacts, facts)
                    self._tell()
        finally:
            self.write()
        return JobResult([self.facts[part.number] for part in self.parts], found_before)

    def as_done(self) -> JobResult:
        """What became of a job of which no part is missing."""
        self.begin()
        self.write()
        return JobResult([self.facts[part.number] for part in self.parts], len(self.facts))

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(sum(facts["rows"] for facts in self.facts.values()), self.manifest["input"]["rows"])

    def write(self) -> None:
        """Write the manifest and the card, as far as the job has come.

        Raises:
            VLRouterBenchError: another job began there meanwhile.
        """
        if (stated := read_manifest(self.out)) is not None:
            check_same(self.out, stated, job_of(self.manifest))
        self.manifest["done"] = sorted(self.facts)
        self.manifest["decided"] = sum(facts["decided"] for facts in self.facts.values())
        self.manifest["bad"] = sum(facts["bad"] for facts in self.facts.values())
        write_manifest(self.out, self.manifest)  # first: a folder with anything else alone is no job's
        card = render_decisions_card(
            self.manifest["job"],
            self.manifest["router"]["name"],
            rows=self.manifest["input"]["rows"],
            parts=len(self.parts),
            done=len(self.facts),
            simulated=self.simulated,
        )
        with staged_file(self.out / "README.md") as staging:
            staging.write_text(card, encoding="utf-8")
