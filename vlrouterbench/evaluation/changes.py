"""Changes of the pool as a record has them and as a sentence says them."""

from __future__ import annotations

from typing import TypedDict


class PoolChangesRecord(TypedDict):
    """Changes of the pool for one evaluation: candidates left out, a factor of all prices, new prices by name."""

    without: list[str]
    scale_prices: float
    prices: dict[str, list[float]]


def changes_in_words(record: PoolChangesRecord | None) -> str:
    """Changes as the end of a sentence, such as " with all prices times 0.5, without large"; "" for none."""
    if record is None:
        return ""
    scale = [f"all prices times {record['scale_prices']:.12g}"] if record["scale_prices"] != 1.0 else []
    prices = [f"{name} at {low:.12g} in and {high:.12g} out" for name, (low, high) in record["prices"].items()]
    parts = [f"with {', '.join(scale + prices)}{' USD per 1M tokens' if prices else ''}"] if scale or prices else []
    parts += [f"without {', '.join(record['without'])}"] if record["without"] else []
    return f" {', '.join(parts)}"
