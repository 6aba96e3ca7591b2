"""Reading a gateway's configuration file: YAML, every value checked with its line.

Decisions
- Nodes are read as those of endpoints files are: bounded, nothing constructed, each key once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from vlrouterbench.core.errors import VLRouterBenchError, shown, unknown_name
from vlrouterbench.core.names import name_fault
from vlrouterbench.data.prices.entry_files import read_text
from vlrouterbench.data.prices.numbers import plain_number
from vlrouterbench.data.prices.yaml_nodes import compose_yaml, line_of, node_kind, pairs_of, scalar_text
from vlrouterbench.metrics.objectives import Objective
from vlrouterbench.routing.when_unfamiliar import WhenUnfamiliar
from vlrouterbench.serving.settings import OBJECTIVE_PREFIX, Key, ServingError, Settings

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
"""A name or address without scheme, port, path and wildcards, none of which an address of an image is compared by."""
Parsed = Callable[[yaml.Node, str, Path], Any]


def read_settings(path: Path) -> Settings:
    """Read a configuration file.

    Raises:
        SourceError: it is not readable as YAML.
        UnknownNameError: a field or an objective that does not exist.
        ServingError: a value that makes no sense.
    """
    top = compose_yaml(read_text(path, "a configuration of the gateway"), path)
    if top is None:
        return Settings()
    if not isinstance(top, yaml.MappingNode):
        raise ServingError(f"{path}: expected fields of a configuration, found a {node_kind(top)}.")
    values = _fields(top, _SETTINGS, path, "field")
    if state := values.get("state"):
        values["state"] = (path.parent / state).resolve()
    settings = Settings(**values)
    if settings.state is None and any(key.is_limited for key in settings.keys):
        raise ServingError(
            f"{path}: expected a folder in state:, where it is kept what keys with usd_per_day, "
            "mean_usd_per_request or requests_per_minute have used."
        )
    return settings


def _fields(node: yaml.MappingNode, known: Mapping[str, Parsed], path: Path, what: str) -> dict[str, Any]:
    values = {}
    for name, value in pairs_of(node, path).items():
        where = line_of(value, path)
        if name not in known:
            raise unknown_name(f"{what} at {where}", name, known)
        values[name] = known[name](value, f'{where}, "{name}"', path)
    return values


def _text(node: yaml.Node, where: str, path: Path) -> str:
    if not isinstance(node, yaml.ScalarNode) or not scalar_text(node).strip():
        raise ServingError(f"{where}: expected one value, found {'none' if _empty(node) else 'a ' + node_kind(node)}.")
    text = scalar_text(node).strip()
    if fault := name_fault(text):
        raise ServingError(f"{where}: expected one line of visible characters, found {fault}.")
    return text


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode)


def _number(low: float, high: float) -> Parsed:
    def parse(node: yaml.Node, where: str, path: Path) -> float:
        text = _text(node, where, path)
        number = plain_number(text, "the value", where)
        if not low <= number <= high:
            raise ServingError(f"{where}: expected a number from {low:g} to {high:,g}, found {shown(text)}.")
        return float(number)

    return parse


def _count(low: int, high: int) -> Parsed:
    number = _number(low, high)

    def parse(node: yaml.Node, where: str, path: Path) -> int:
        value = number(node, where, path)
        if value != int(value):
            raise ServingError(f"{where}: expected a whole number, found {value:g}.")
        return int(value)

    return parse


def _texts(node: yaml.Node, where: str, path: Path) -> tuple[str, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise ServingError(f"{where}: expected a list, found a {node_kind(node)}.")
    return tuple(_text(entry, where, path) for entry in node.value)


def _hosts(node: yaml.Node, where: str, path: Path) -> tuple[str, ...]:
    hosts = _texts(node, where, path)
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise ServingError(f"{where}: expected names of hosts such as images.example.org, found {shown(host)}.")
    return hosts


def _choice(*choices: str) -> Parsed:
    def parse(node: yaml.Node, where: str, path: Path) -> str:
        text = _text(node, where, path)
        if text not in choices:
            raise unknown_name(f"value at {where}", text, choices)
        return text

    return parse


def _truth(node: yaml.Node, where: str, path: Path) -> bool:
    return bool(_choice("true", "false")(node, where, path) == "true")


def _when_unfamiliar(node: yaml.Node, where: str, path: Path) -> WhenUnfamiliar:
    try:
        return WhenUnfamiliar.parse(_text(node, where, path))
    except VLRouterBenchError as error:
        raise ServingError(f"{where}: {error}") from error


def _objective(node: yaml.Node, where: str, path: Path) -> str:
    return str(Objective.parse(_text(node, where, path)))


def _models(node: yaml.Node, where: str, path: Path) -> dict[str, str]:
    if not isinstance(node, yaml.MappingNode):
        raise ServingError(f"{where}: expected model names with their objectives, found a {node_kind(node)}.")
    models = {name: _objective(value, where, path) for name, value in pairs_of(node, path).items()}
    for name in models:
        if not name.startswith(OBJECTIVE_PREFIX) or name_fault(name):
            raise ServingError(f"{where}: expected names that begin with {OBJECTIVE_PREFIX}, found {shown(name)}.")
    return models


def _sha256(node: yaml.Node, where: str, path: Path) -> str:
    text = _text(node, where, path).lower()
    if not re.fullmatch("[0-9a-f]{64}", text):
        # Not shown: it may be the key itself.
        raise ServingError(f"{where}: expected the SHA-256 of a key, 64 hexadecimal digits, found something else.")
    return text


def _keys(node: yaml.Node, where: str, path: Path) -> tuple[Key, ...]:
    if not isinstance(node, yaml.SequenceNode) or not all(isinstance(entry, yaml.MappingNode) for entry in node.value):
        raise ServingError(f"{where}: expected a list of keys with name and sha256, found a {node_kind(node)}.")
    keys: list[Key] = []
    for entry in node.value:
        values = _fields(entry, _KEY, path, "field of a key")
        for name in ("name", "sha256"):
            if name not in values:
                raise ServingError(f'{line_of(entry, path)}: expected "{name}" of a key, found none.')
        if "cost_confidence" in values and "max_cost_usd" not in values:
            raise ServingError(
                f"{line_of(entry, path)}: cost_confidence needs max_cost_usd, the cost that an answer is to keep to."
            )
        key = Key(**values)
        if any(key.name == other.name or key.sha256 == other.sha256 for other in keys):
            raise ServingError(f'{line_of(entry, path)}: expected each key once, found "{key.name}" again.')
        keys.append(key)
    return tuple(keys)


_KEY: dict[str, Parsed] = {
    "name": _text,
    "sha256": _sha256,
    "candidates": _texts,
    "objective": _objective,
    "max_cost_usd": _number(0, 1e6),
    "cost_confidence": _number(0.001, 0.999),
    "usd_per_day": _number(0, 1e9),
    "mean_usd_per_request": _number(1e-9, 1e6),
    "requests_per_minute": _count(1, 10**9),
    "admin": _truth,
}
_SETTINGS: dict[str, Parsed] = {
    "models": _models,
    "candidates": _texts,
    "shadow": _text,
    "split": _number(0, 1),
    "control": _text,
    "unreadable_images": _choice("error", "text-only"),
    "image_hosts": _hosts,
    "max_body_bytes": _count(1_000, 2**31),
    "max_attempts": _count(1, 100),
    "first_byte_s": _number(0.001, 86_400),
    "breaker_failures": _count(1, 10_000),
    "breaker_cooldown_s": _number(0, 86_400),
    "affinity_margin": _number(0, 1),
    "keys": _keys,
    "when_unfamiliar": _when_unfamiliar,
    "explore": _number(0, 1),
    "log_days": _count(1, 36_500),
    "log_features": _truth,
    "state": _text,
}
