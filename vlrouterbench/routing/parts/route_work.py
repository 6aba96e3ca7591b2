"""The one function that does a part of `route --questions`: rows of shards -> a file of decisions and one of bad rows.

Decisions
- The digests of both files come last: where they stand and fit, the part is done.
- Nothing is written of a part one of whose tables changed after it was looked through: its rows would be of another
  input than the manifest states.
- Both files state their job and part, and that of decisions what became of its rows, so that a rerun sums up a job
  without reading its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import torch

from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.parts.part import ERRORS, Part
from vlrouterbench.core.parts.work import DoPart
from vlrouterbench.routers.base.decision import REFUSALS
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routing.images import ImageFolder
from vlrouterbench.routing.options import RoutingOptions
from vlrouterbench.routing.parts.manifest import JobKey
from vlrouterbench.routing.parts.part_files import RoutedFacts, done_part, write_digests, write_part
from vlrouterbench.routing.parts.router_source import RouterSource, router_sha256
from vlrouterbench.routing.parts.shard_rows import ID, PartRows, id_of
from vlrouterbench.routing.route_table import Decide, TableWork
from vlrouterbench.routing.routed_table import SCHEMA, RoutedTable

ERROR_SCHEMA = pa.schema([(ID, pa.string()), ("shard", pa.string()), ("row", pa.int64()), ("problem", pa.string())])
"""A bad row: its id, its shard, its number there from 1 on, and why it could not be decided."""


@dataclass(frozen=True)
class RouteWork:
    """See PartWork.

    Attributes:
        source: the router.
        router_sha256: the digest that it must have.
        options: how rows are decided.
        rows: where the rows of parts are.
        on_bad_image: as for `PreTrainedRouter.route`.
        out: where the files go.
        job: whose parts they are.
    """

    source: RouterSource
    router_sha256: str
    options: RoutingOptions
    rows: PartRows
    on_bad_image: str
    out: Path
    job: JobKey

    def open(self) -> DoPart:
        """See PartWork.

        Raises:
            RouterError: the router is another one than when the job was begun, or cannot be loaded.
        """
        return self.open_routing()

    def open_routing(self) -> Routing:
        """The same, as what it is."""
        torch.set_num_threads(1)
        router, _ = self.source.open()
        if router_sha256(router) != self.router_sha256:
            raise RouterError(f"expected the router {self.source.router} as the job was begun with, found another one.")
        return Routing(self, router)


class Routing:
    """Work that was opened: the router is loaded."""

    def __init__(self, work: RouteWork, router: PreTrainedRouter) -> None:
        self.work, self.router, self.reader = work, router, work.rows.reader()

    def __call__(self, part: Part) -> RoutedFacts:
        """Do a part, unless it is done already."""
        if (found := done_part(self.work.out, part, self.work.job)) is not None:
            return found
        routed, ids = self.routed(part)
        facts = _facts(part, routed)
        write_part(self.work.out / part.file(ERRORS), self._bad_rows(part, routed, ids), self.work.job, facts)
        write_part(self.work.out / part.file(), pa.Table.from_pylist(routed.decisions, SCHEMA), self.work.job, facts)
        write_digests(self.work.out, part)
        return facts

    def routed(self, part: Part, decide: Decide | None = None) -> tuple[RoutedTable, list[str]]:
        """What becomes of a part's rows, and the ids of all of them.

        Args:
            part: whose.
            decide: decides on features (1, dim) in the place of the router.

        Raises:
            RouterError: the router cannot decide, whatever the row.
        """
        try:
            return self._routed(part, decide)
        except REFUSALS as error:
            raise RouterError(str(error)) from error

    def _routed(self, part: Part, decide: Decide | None) -> tuple[RoutedTable, list[str]]:
        table = TableWork(self.router, self.work.options, ImageFolder(self.work.rows.root), part.rows, frozenset())
        table.decide = decide or table.decide
        ids = list[str]()
        for shard, start, stop in part.ranges:
            name = self.work.rows.shards[shard]
            table.images = ImageFolder((self.work.rows.root / name).parent, self.work.on_bad_image)
            for row in self.reader.rows(name, start, stop):
                ids.append(id_of(row, part.first_row + len(ids) + 1))
                table.add(len(ids), row if isinstance(row.get(ID), list | dict) else {**row, ID: ids[-1]})
            self.work.rows.check_unchanged(name)
        return table.finished(), ids

    def _bad_rows(self, part: Part, routed: RoutedTable, ids: Sequence[str]) -> pa.Table:
        places = [
            (self.work.rows.shards[shard], row) for shard, start, stop in part.ranges for row in range(start, stop)
        ]
        rows = []
        for bad in routed.bad:
            place = bad["row"] - 1
            shard, row = places[place]
            rows.append({ID: ids[place], "shard": shard, "row": row + 1, "problem": bad["problem"]})
        return pa.Table.from_pylist(rows, ERROR_SCHEMA)


def _facts(part: Part, routed: RoutedTable) -> RoutedFacts:
    costs = [row["estimated_cost_usd"] for row in routed.decisions]
    known = [cost for cost in costs if cost is not None]
    return {
        "part": part.number,
        "rows": part.rows,
        "decided": len(routed.decisions),
        "bad": len(routed.bad),
        "without_image": routed.without_image,
        "fewer_images": routed.fewer_images,
        "chosen": dict(sorted(routed.chosen.items())),
        "cost_usd": sum(known) if len(known) == len(costs) else None,
    }
