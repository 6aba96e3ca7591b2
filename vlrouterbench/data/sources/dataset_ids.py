"""Ids of samples as a benchmark folder has them: `<dataset>/<id within it>`."""

from __future__ import annotations


def sample_id_of(dataset: str, key: str) -> str:
    """The id of a sample; a key that begins with its dataset's name ("BLINK_0") loses it there."""
    rest = key[len(dataset) + 1 :] if key[: len(dataset) + 1] in (f"{dataset}_", f"{dataset}/") else ""
    return f"{dataset}/{rest or key}"


def split_id(key: str) -> tuple[str, str]:
    """(dataset, id within it) of an id that begins with its dataset: "SEEDBench2_Plus_0" -> SEEDBench2_Plus, 0."""
    dataset, _, rest = key.rpartition("_")
    return (dataset, rest) if dataset else (key, key)
