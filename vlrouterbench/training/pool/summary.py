"""The present pool of a router: per candidate its prices, and its means on the train split."""

from __future__ import annotations

from dataclasses import dataclass

from vlrouterbench.routers.pool.open_pool import OpenPoolRouter


@dataclass(frozen=True)
class PoolEntry:
    """One candidate.

    Attributes:
        name: its name.
        input_price, output_price: USD per million tokens.
        mean_accuracy: on the train split, 0 to 1; estimated for one that joined, None where nothing was measured.
        mean_cost_usd: on the train split, USD per sample; estimated for one that joined or whose prices changed.
        num_anchors: anchor samples that it joined by, None for one that was trained on.
    """

    name: str
    input_price: float | None
    output_price: float | None
    mean_accuracy: float | None
    mean_cost_usd: float | None
    num_anchors: int | None


def pool_entries(router: OpenPoolRouter) -> list[PoolEntry]:
    """The candidates of a router in pool order."""
    # Routers of 0.x have num_probes instead.
    joined = {
        change["candidate"]: change.get("num_anchors", change.get("num_probes"))
        for change in router.config.training.get("pool_changes", [])
        if change["change"] == "joined"
    }
    never = (router.handicap > 0).tolist()
    return [
        PoolEntry(
            name=entry["name"],
            input_price=entry.get("input_price"),
            output_price=entry.get("output_price"),
            mean_accuracy=None if unmeasured else float(quality),
            mean_cost_usd=entry.get("mean_cost_usd"),
            num_anchors=joined.get(entry["name"]) if column >= router.num_trained else None,
        )
        for entry, quality, unmeasured, column in zip(
            router.config.candidates, router.pool_quality.tolist(), never, router.columns, strict=True
        )
    ]
