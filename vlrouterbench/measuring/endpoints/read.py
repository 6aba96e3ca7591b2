"""Reading an endpoints file: every value checked, with its line, before anybody is asked.

Decisions
- A key in the file is refused, and no message repeats it: not in a field of its own, not in a URL, not in the place of
  the variable's name, not in `extra_body`.
- Values of `extra_body` are those that JSON would read in the same words: 2, 0.5, true, null, else text.
- Prices are checked for their unit as those of candidates files are.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from vlrouterbench.core.errors import shown, unknown_name
from vlrouterbench.core.limits import CANDIDATES
from vlrouterbench.core.names import describe_look_alikes, name_fault
from vlrouterbench.data.prices.entry_files import is_yaml, read_text
from vlrouterbench.data.prices.numbers import plain_number, price_of
from vlrouterbench.data.prices.units import StatedPrices, check_units
from vlrouterbench.data.prices.yaml_nodes import compose_yaml, line_of, node_kind, pairs_of, scalar_text
from vlrouterbench.measuring.endpoints.endpoint import Endpoint, EndpointError, EndpointFile
from vlrouterbench.measuring.endpoints.fields import BY_NAME, FIELDS, VARIABLE_PATTERN, Field, Kind
from vlrouterbench.measuring.endpoints.secrets import KEY_RULE, is_secret_name, looks_like_key

_PRICES = ("input_price", "output_price")
_EXTRA_VALUES = 1_000
_SET_BY_REQUESTS = ("messages", "model", "stream", "n", "best_of")
"""Several answers to one question would be paid and not read."""
_TRUTHS = {"true": True, "false": False}


def read_endpoints(path: Path, *, allow_unlikely: bool = False) -> EndpointFile:
    """Read an endpoints file.

    Args:
        path: the file, YAML (of which JSON is a part).
        allow_unlikely: take prices whose unit is likely another one as they stand.

    Raises:
        SourceError: the file or a price is not as it should be.
        EndpointError: an entry is not as it should be, or two have one name.
        UnknownNameError: a field that no entry has.
    """
    if not (is_yaml(path) or path.suffix.lower() == ".json") and path.is_file():
        raise EndpointError(f"expected an endpoints file that ends in .yaml, .yml or .json, found {path.name}.")
    top = compose_yaml(read_text(path, "an endpoints file"), path)
    entries = pairs_of(top, path).get("candidates") if isinstance(top, yaml.MappingNode) else None
    if not isinstance(entries, yaml.SequenceNode) or not entries.value:
        raise EndpointError(f"{path}: expected a list of endpoints in candidates:, found none.")
    if len(entries.value) > CANDIDATES:
        raise EndpointError(f"{path}: expected at most {CANDIDATES:,} endpoints, found {len(entries.value):,}.")
    endpoints: list[Endpoint] = []
    stated: list[StatedPrices] = []
    lines: dict[str, str] = {}
    for node in entries.value:
        where = line_of(node, path)
        if not isinstance(node, yaml.MappingNode):
            raise EndpointError(f"{where}: expected an endpoint with its fields, found a {node_kind(node)}.")
        endpoint, prices = _endpoint(pairs_of(node, path), where, path)
        if endpoint.name in lines:
            raise EndpointError(
                f'{where}: expected each name once, found "{endpoint.name}" in {lines[endpoint.name]} already.'
            )
        lines[endpoint.name] = where.rpartition(", ")[2]
        endpoints.append(endpoint)
        stated.append(prices)
    if not allow_unlikely:
        check_units(stated)
    return EndpointFile(path, tuple(endpoints), tuple(describe_look_alikes([e.name for e in endpoints])))


def _endpoint(nodes: dict[str, yaml.Node], where: str, path: Path) -> tuple[Endpoint, StatedPrices]:
    for name in nodes:
        if name not in BY_NAME:
            if is_secret_name(name):
                raise EndpointError(f"{where}: expected no key, found a value in {shown(name)}. {KEY_RULE}")
            raise unknown_name(f"field at {where}", name, BY_NAME)
    texts = {name: _text(name, node, where) for name, node in nodes.items() if BY_NAME[name].kind is not Kind.MAPPING}
    texts = {name: text for name, text in texts.items() if text}
    for name, text in texts.items():
        if looks_like_key(text):
            raise EndpointError(f"{where}: expected no key, found what looks like one in {name}. {KEY_RULE}")
    _check_texts(texts, where)
    named = f'{where}, candidate "{texts["name"]}"'
    prices = [price_of(texts.get(name, ""), name, named) for name in _PRICES]
    values: dict[str, Any] = {"base_url": _base_url(texts["base_url"], named)} if "base_url" in texts else {}
    for name, text in texts.items():
        if name not in ("base_url", *_PRICES):
            values[name] = _value(BY_NAME[name], text, named)
    if "extra_body" in nodes:
        values["extra_body"] = _extra_body(nodes["extra_body"], named, path)
    endpoint = Endpoint(input_price=float(prices[0]), output_price=float(prices[1]), **values)
    return endpoint, StatedPrices(endpoint.name, prices[0], prices[1], named)


def _text(name: str, node: yaml.Node, where: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise EndpointError(f"{where}: expected one value in {shown(name)}, found a {node_kind(node)}.")
    return scalar_text(node).strip()


def _check_texts(texts: dict[str, str], where: str) -> None:
    for field in FIELDS:
        if field.required and field.name not in texts and field.name not in _PRICES:
            raise EndpointError(f'{where}: expected a value in "{field.name}", found none. {field.text}')
    if ("base_url" in texts) == ("provider" in texts):
        found = "both" if "base_url" in texts else "neither"
        raise EndpointError(f'{where}, candidate "{texts["name"]}": expected base_url or provider, found {found}.')
    variable = texts.get("api_key_env", "")
    if variable and not re.fullmatch(VARIABLE_PATTERN, variable):
        raise EndpointError(
            f'{where}, candidate "{texts["name"]}": expected the name of an environment variable in api_key_env, found '
            f"what cannot be one. {KEY_RULE}"
        )
    for name in ("name", "model", "provider", "source", "date"):
        if fault := name_fault(texts[name]) if name in texts else "":
            raise EndpointError(f'{where}: expected one line of visible characters in "{name}", found {fault}.')


def _base_url(text: str, where: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise EndpointError(f"{where}: expected a URL in base_url, such as http://127.0.0.1:8000/v1.") from None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise EndpointError(
            f"{where}: expected a base_url without user name, password, query and fragment, found one of them. "
            f"{KEY_RULE}"
        )
    if not usable or not text.isascii() or not text.isprintable() or " " in text:
        raise EndpointError(
            f"{where}: expected http:// or https:// with a host in base_url, such as http://127.0.0.1:8000/v1, "
            f"found {shown(text)}."
        )
    address = text.rstrip("/")
    if address.endswith("/chat/completions"):
        raise EndpointError(f"{where}: expected base_url up to /v1, found the address of chat completions.")
    return address


def _value(field: Field, text: str, where: str) -> str | float | int | bool:
    if field.kind is Kind.TEXT:
        if field.choices and text not in field.choices:
            raise unknown_name(f"{field.name} at {where}", text, field.choices)
        return text
    if field.kind is Kind.TRUTH:
        if text.lower() not in _TRUTHS:
            raise EndpointError(f'{where}: expected true or false in "{field.name}", found {shown(text)}.')
        return _TRUTHS[text.lower()]
    number: Decimal = plain_number(text, field.name, where)
    if field.kind is Kind.COUNT and number != int(number):
        raise EndpointError(f'{where}: expected a whole number in "{field.name}", found {shown(text)}.')
    if not field.low <= number <= (number if field.high is None else field.high):
        raise EndpointError(
            f'{where}: expected a number from {field.low:g} to {field.high:,} in "{field.name}", found {shown(text)}.'
        )
    return int(number) if field.kind is Kind.COUNT else float(number)


def _extra_body(node: yaml.Node, where: str, path: Path) -> dict[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise EndpointError(f"{where}: expected fields of a request in extra_body, found a {node_kind(node)}.")
    for name in pairs_of(node, path):
        if name in _SET_BY_REQUESTS:
            raise EndpointError(f'{where}: expected other fields in extra_body, found "{name}", which a request sets.')
    made: dict[str, Any] = _Extra(where, path).plain(node)
    return made


class _Extra:
    """Turns nodes into what JSON would hold, a bounded number of values: an alias can stand for any number of them."""

    def __init__(self, where: str, path: Path) -> None:
        self._where, self._path, self._left = where, path, _EXTRA_VALUES

    def plain(self, node: yaml.Node) -> Any:
        """A node's value."""
        self._left -= 1
        if self._left < 0:
            raise EndpointError(f"{self._where}: expected at most {_EXTRA_VALUES:,} values in extra_body, found more.")
        if isinstance(node, yaml.MappingNode):
            pairs = pairs_of(node, self._path)
            if secret := next((name for name in pairs if is_secret_name(name)), None):
                raise EndpointError(f"{self._where}: expected no key in extra_body, found {shown(secret)}. {KEY_RULE}")
            return {name: self.plain(value) for name, value in pairs.items()}
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(value) for value in node.value]
        if looks_like_key(node.value):
            raise EndpointError(f"{self._where}: expected no key in extra_body, found what looks like one. {KEY_RULE}")
        if not isinstance(node, yaml.ScalarNode) or node.style is not None:
            return str(node.value)
        if not scalar_text(node):
            return None
        word = node.value.lower()
        try:
            return json.loads(word if word in _TRUTHS else node.value, parse_constant=str)
        except (ValueError, RecursionError):
            return str(node.value)
