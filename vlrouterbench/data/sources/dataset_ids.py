"""Ids of samples as a benchmark folder has them: `<dataset>/<id within it>`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vlrouterbench.core.errors import SourceError

UNNAMED = "unnamed"
"""The dataset of a sample whose table gives none."""


def sample_id_of(dataset: str, key: str) -> str:
    """The id of a sample; a key that begins with its dataset's name ("BLINK_0") loses it there."""
    rest = key[len(dataset) + 1 :] if key[: len(dataset) + 1] in (f"{dataset}_", f"{dataset}/") else ""
    return f"{dataset}/{rest or key}"


def split_id(key: str) -> tuple[str, str]:
    """(dataset, id within it) of an id that begins with its dataset: "SEEDBench2_Plus_0" -> SEEDBench2_Plus, 0."""
    dataset, _, rest = key.rpartition("_")
    return (dataset, rest) if dataset else (key, key)


def refuse_missing(keys: Sequence[object], name: str, path: Path) -> None:
    """Raise SourceError for the first row of a table that has no id."""
    row = next((row for row, key in enumerate(keys, start=1) if key is None or key == ""), None)
    if row is not None:
        raise SourceError(f'{path}, row {row:,}: expected a value in "{name}", found none.')
