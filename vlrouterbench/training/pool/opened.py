"""What a change of a pool starts from: a router whose pool is open, and the benchmark that it was trained on.

Decisions
- A benchmark is the one of training when its tables have the digest that the router carries: the indices of anchor
  samples, and the split of every sample, hold for that benchmark alone.
"""

from __future__ import annotations

from pathlib import Path

from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.routers.auto import AutoRouter, is_kind
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter
from vlrouterbench.routers.registry import FAMILIES, family_name


def load_open_pool(source: str | Path) -> OpenPoolRouter:
    """A router with an open pool, from a folder or a Hub id.

    Raises:
        RouterError: none there, or one of a family whose pool is closed.
    """
    return check_open_pool(AutoRouter.from_pretrained(source), source)


def check_open_pool(router: PreTrainedRouter, source: str | Path) -> OpenPoolRouter:
    """The router itself; RouterError for one of a family whose pool is closed. `source` is where it came from."""
    if is_kind(router, OpenPoolRouter):
        return router
    names = [name for name, family in FAMILIES.items() if issubclass(family, OpenPoolRouter)]
    raise RouterError(
        f"expected a router with an open pool at {source}, found {family_name(router)}, whose pool is as it was "
        f"trained. Families with an open pool: {', '.join(names)}."
    )


def benchmark_of(router: PreTrainedRouter, folder: Path) -> RoutingTable:
    """The benchmark that a router was trained on, all splits.

    Raises:
        BenchmarkError: no benchmark folder.
        RouterError: another benchmark than the router's.
    """
    table = load_table(folder)
    trained_on = router.config.training.get("benchmark", {})
    if table.sha256 != trained_on.get("sha256"):
        raise RouterError(
            f"expected the benchmark that the router was trained on, {trained_on.get('name', 'of no name')} with "
            f"tables sha256 {trained_on.get('sha256', 'unknown')}; found {table.report['name']} with {table.sha256} at "
            f"{folder}. Give that benchmark's folder: this router cannot use anchor samples of another one."
        )
    return table
