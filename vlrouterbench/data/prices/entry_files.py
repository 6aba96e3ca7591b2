"""Files with an entry per candidate (csv, yaml, json) -> entries of texts, each with its line.

Decisions
- Values stay the text that stands in the file: what YAML and JSON would make of it (`010`, `1:30`, `true`) is not what
  its reader sees.
- A column that is not read and speaks of prices, units or currencies is refused by name, and so is another spelling of
  one that is read: a price in another unit would be the worst of faults. Other columns are the user's own notes.
- Nothing is repaired. A column or key twice, a row with more or fewer cells than the header, and a list in the place of
  a value are refused with their line.
- YAML is read by `yaml_nodes.py`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from vlrouterbench.core.errors import SourceError, nearest_name, shown
from vlrouterbench.core.limits import CANDIDATES, PRICE_FILE_BYTES, YAML_BYTES
from vlrouterbench.data.prices.yaml_nodes import compose_yaml, line_of, node_kind, pairs_of, scalar_text

REQUIRED = ("name", "input_price", "output_price")
OPTIONAL = ("parameters_b", "source", "date", "image_rule", "price_name", "price_source", "price_date")
_LISTED = (".csv", ".json", ".yaml", ".yml")
"""Endings of the files one of which is named where a folder was given."""
_UNITS = ("unit", "units", "currency", "price_unit", "price_units")
"""Columns that may state what prices are in, where they state what is expected."""
_MILLION = r"(1[ _-]?)?(m|mio|million|1,000,000|1000000|1e6)[ _-]*((input|output)[ _-]*)?(tok(en)?s?)?"
_RIGHT_UNIT = re.compile(rf"(usd|us\$|\$|dollars?)?[ /_-]*((per|/)?[ _-]*{_MILLION})?", re.IGNORECASE)
_OF_PRICES = {
    "price",
    "prices",
    "pricing",
    "cost",
    "costs",
    "usd",
    "eur",
    "per",
    "currency",
    "unit",
    "units",
    "rate",
    "fee",
}
"""Words by which a column speaks of prices."""
_ROWS = f"rows with {', '.join(REQUIRED[:-1])} and {REQUIRED[-1]}"


class Entry(NamedTuple):
    """A row of a file: its values as text, "" where there is none, and where it stands."""

    values: dict[str, str]
    where: str


def read_text(path: Path, what: str = "a candidates or price file") -> str:
    """The text of a file of candidates, prices or endpoints.

    Raises:
        SourceError: there is none, it is larger than any price list, or no UTF-8.
    """
    if path.is_dir():
        names = sorted(inside.name for inside in path.iterdir() if inside.suffix.lower() in _LISTED)
        such = f", such as {path / names[0]}" if names else ""
        raise SourceError(f"expected {what}, found the folder {path}. Name the file itself{such}.")
    if not path.is_file():
        raise SourceError(f"expected {what}, found nothing at {path}.")
    limit = YAML_BYTES if is_yaml(path) else PRICE_FILE_BYTES
    if path.stat().st_size > limit:
        raise SourceError(f"{path}: expected at most {limit:,} bytes, found {path.stat().st_size:,}.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path} is not readable as csv or yaml: byte {error.start} is no UTF-8. Save it as UTF-8."
        ) from error


def is_yaml(path: Path) -> bool:
    """Whether a file is YAML by its ending."""
    return path.suffix.lower() in (".yaml", ".yml")


def read_entries(path: Path) -> list[Entry]:
    """The entries of a csv, yaml or json file by its ending; anything else is read as csv.

    Raises:
        SourceError: it is not readable, has no entries, or a column, key or row is not as it should be.
    """
    text = read_text(path)
    if is_yaml(path):
        entries = _yaml_entries(text, path)
    elif path.suffix.lower() == ".json":
        entries = entries_of_json(read_json(text, path), path)
    else:
        entries = _csv_entries(text, path)
    if not entries:
        raise SourceError(f"{path}: expected {_ROWS}, found none.")
    if len(entries) > CANDIDATES:
        raise SourceError(f"{path}: expected at most {CANDIDATES:,} entries, found {len(entries):,}.")
    return entries


def check_names(entry: Entry) -> None:
    """Refuse values that speak of prices and are not read, and those under another spelling of what is read.

    Raises:
        SourceError: there is one; the message says its name.
    """
    _check_spelling(entry.values, entry.where)
    for name, value in entry.values.items():
        words = {word.casefold() for word in re.findall(r"[A-Z]*[a-z]+|[A-Z]+", name)}
        if name in REQUIRED or name in OPTIONAL or not value.strip() or not words & _OF_PRICES:
            continue
        if not (name.strip().casefold() in _UNITS and _RIGHT_UNIT.fullmatch(value.strip())):
            raise SourceError(
                f"{entry.where}: expected prices in USD per million tokens, in input_price and output_price, found "
                f"{shown(value)} in {shown(name)}, which is not read. Convert the prices, and leave it out."
            )


def _check_spelling(names: Iterable[str], where: str) -> None:
    known = {_letters(name): name for name in (*REQUIRED, *OPTIONAL)}
    for name in names:
        meant = known.get(_letters(name), name)
        if meant != name:
            raise SourceError(f'{where}: expected "{meant}" spelt so, found {shown(name)}. Rename it.')


def _letters(name: str) -> str:
    """A name without case, blanks and punctuation."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _csv_entries(text: str, path: Path) -> list[Entry]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    entries = []
    try:
        for cells in reader:
            line = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header([cell.strip() for cell in cells], f"{path}, line {line}")
                continue
            if len(cells) != len(header):
                raise SourceError(
                    f"{path}, line {line}, candidate {shown(cells[0].strip())}: expected {len(header)} cells as in the "
                    f"header, found {len(cells)}. A decimal comma or a missing cell shifts the columns: write decimals "
                    "with a point, and leave cells empty instead of out."
                )
            named = {name: cell for name, cell in zip(header, cells, strict=True) if name or cell.strip()}
            if "" in named:
                raise SourceError(f"{path}, line {line}: expected no value in a column without a name, found one.")
            entries.append(Entry(named, f"{path}, line {line}"))
    except csv.Error as error:
        raise SourceError(f"{path}, line {reader.line_num}, is not readable as csv: {_said(error)}.") from error
    return entries


def _said(error: csv.Error) -> str:
    text = str(error)
    return "a quotation mark is never closed" if text == "unexpected end of data" else text


def _header(names: Sequence[str], where: str) -> list[str]:
    doubled = [name for name, count in Counter(names).items() if count > 1 and name]
    if doubled:
        raise SourceError(
            f"{where}: expected each column once, found {shown(doubled[0])} {names.count(doubled[0])} times."
        )
    _check_spelling(names, where)
    lacking = [name for name in REQUIRED if name not in names]
    if not lacking:
        return list(names)
    if len(names) == 1 and any(sign in names[0] for sign in ";\t"):
        raise SourceError(f"{where}: expected columns divided by commas, found {shown(names[0])}. Save it with commas.")
    if lacking == ["output_price"] or lacking == ["input_price"]:
        near = nearest_name(lacking[0], [name for name in names if name not in REQUIRED])
        meant = f" Is {shown(near)} meant?" if near else ""
        raise SourceError(
            f'{where}: expected a price in "{lacking[0]}", found no such column. A candidate without a price is not '
            f"free.{meant}"
        )
    found = ", ".join(shown(name) for name in names[:10])
    per_token = any("per_token" in name or "_token_cost" in name for name in names)
    unit = " Prices are in USD per million tokens, so times 1,000,000." if per_token else ""
    raise SourceError(f"{where}: expected {_ROWS}, found none of {', '.join(lacking)} among {found}.{unit}")


def _yaml_entries(text: str, path: Path) -> list[Entry]:
    top = compose_yaml(text, path, "csv or yaml")
    if isinstance(top, yaml.MappingNode):
        top = pairs_of(top, path).get("candidates")
    if not isinstance(top, yaml.SequenceNode):
        raise SourceError(f"{path}: expected {_ROWS} (a list, or a list in candidates:), found none.")
    entries = []
    for node in top.value:
        where = line_of(node, path)
        if not isinstance(node, yaml.MappingNode):
            raise SourceError(f"{where}: expected {_ROWS}, found a {node_kind(node)}.")
        values = {}
        for key, value in pairs_of(node, path).items():
            if not isinstance(value, yaml.ScalarNode):
                raise SourceError(f"{where}: expected one value in {shown(key)}, found a {node_kind(value)}.")
            values[key] = scalar_text(value)
        entries.append(Entry(values, where))
    return entries


def read_json(text: str, path: Path) -> Any:
    """JSON with its numbers as the text that stands there.

    Raises:
        SourceError: it is no JSON, states a key twice in one object, or is nested too deeply.
    """

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) < len(items):
            key = next(key for key, count in Counter(key for key, _ in items).items() if count > 1)
            raise SourceError(f"{path}: expected each key once in an object, found {shown(key)} more than once.")
        return made

    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise SourceError(f"{path}, line {error.lineno}, is not readable as JSON: {error.msg}.") from error
    except RecursionError as error:
        raise SourceError(
            f"{path} is not readable as JSON: more lists within each other than any price list has."
        ) from error


def entries_of_json(content: Any, path: Path) -> list[Entry]:
    """Entries of a JSON list of objects, or of one in "candidates"."""
    rows = content.get("candidates") if isinstance(content, dict) else content
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SourceError(f'{path}: expected {_ROWS} (a list of objects, or one in "candidates"), found none.')
    entries = []
    for number, row in enumerate(rows, start=1):
        where = f"{path}, entry {number}"
        for key, value in row.items():
            if isinstance(value, list | dict):
                raise SourceError(f"{where}: expected one value in {shown(key)}, found {shown(value)}.")
        texts = {
            key: "" if value is None else value if isinstance(value, str) else str(value) for key, value in row.items()
        }
        entries.append(Entry(texts, where))
    return entries
