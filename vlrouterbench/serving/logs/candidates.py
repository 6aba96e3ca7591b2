"""Names and prices of the endpoints of a gateway, beside its log: what tables of its answers need.

Decisions
- As they are at the latest start; what an answer did cost stands in its own entry. Nothing else of an endpoint is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from vlrouterbench.core.files import staged_file, write_json
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.serving.settings import ServingError

FILE = "candidates.json"


def keep_candidates(folder: Path, endpoints: Iterable[Endpoint]) -> None:
    """Write them beside a log."""
    prices = {one.name: {"input_price": one.input_price, "output_price": one.output_price} for one in endpoints}
    with staged_file(folder / FILE) as staging:
        write_json(staging, prices)


def kept_candidates(folder: Path) -> Mapping[str, Mapping[str, float]]:
    """Name -> `input_price` and `output_price`, USD per million tokens, in the order of the endpoints file.

    Raises:
        ServingError: they are not there, or are damaged.
    """
    path = folder / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: {"input_price": float(entry["input_price"]), "output_price": float(entry["output_price"])}
            for name, entry in content.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ServingError(
            f"expected names and prices of the gateway's endpoints at {path}, found "
            f"{'none' if isinstance(error, OSError) else 'a damaged file'}. Start the gateway once with this log."
        ) from error
