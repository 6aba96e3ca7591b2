"""Files of candidates and prices -> a pool, and a pool under the prices of a sheet or a published list.

Decisions
- A sheet (csv, yaml or json with name, input_price, output_price) changes the candidates that it names, and a name that
  the pool lacks is an error. A published list (`published_lists.py`) has thousands of names: there a candidate that is
  not in it keeps its own price, and is named with the nearest entry. Nothing is guessed.
- Units are checked on the prices that hold in the end (`units.py`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from vlrouterbench.core.errors import SourceError, nearest_name, shown
from vlrouterbench.core.names import describe_look_alikes, name_fault
from vlrouterbench.data.candidates import CandidateModel, CandidatePool
from vlrouterbench.data.prices.entry_files import (
    Entry,
    check_names,
    entries_of_json,
    read_entries,
    read_json,
    read_text,
)
from vlrouterbench.data.prices.numbers import plain_number, price_of
from vlrouterbench.data.prices.published_lists import PublishedList, published_list
from vlrouterbench.data.prices.units import StatedPrices, check_units

_NAMES_SHOWN = 10
_ALIKE = 0.75
"""How like a name must be to be offered: among thousands of names something is always a little like it."""


class _Named(NamedTuple):
    """An entry with its name and prices; `where` includes the name."""

    entry: Entry
    stated: StatedPrices


def read_pool(path: Path, *, allow_unlikely: bool = False) -> CandidatePool:
    """Read `candidates.csv`, `.yaml` or `.json`: name, input_price, output_price; the rest is optional.

    Args:
        path: the file.
        allow_unlikely: take prices whose unit is likely another one as they stand.

    Raises:
        SourceError: the file, a name or a price is not as it should be; the message names the line.
    """
    named = [_named(entry) for entry in read_entries(path)]
    lines: dict[str, str] = {}
    for entry, stated in named:
        if stated.name in lines:
            raise SourceError(
                f"candidate names must be unique in {path.name}; doubled: {stated.name} ({entry.where} and "
                f"{lines[stated.name]})."
            )
        lines[stated.name] = entry.where.rpartition(", ")[2]
    if not allow_unlikely:
        check_units(stated for _, stated in named)
    pool = CandidatePool(tuple(_candidate(entry, stated, path) for entry, stated in named), path.name)
    return replace(pool, notes=tuple(f"{path.name}: {said}" for said in describe_look_alikes(pool.names)))


def read_prices(path: Path) -> dict[str, tuple[float, float]]:
    """Read a price sheet (csv, yaml or json with name, input_price, output_price) as name -> (input, output).

    Raises:
        SourceError: as `read_pool`.
    """
    return {stated.name: (float(stated.input), float(stated.output)) for stated in _sheet(read_entries(path))}


def with_price_file(
    pool: CandidatePool, path: Path, *, allow_unlikely: bool = False, may_name_others: bool = False
) -> CandidatePool:
    """A pool under the prices of a sheet, or of a price list that LiteLLM or OpenRouter publishes.

    Args:
        pool: the candidates.
        path: the file.
        allow_unlikely: take prices whose unit is likely another one as they stand.
        may_name_others: whether a sheet may have names that the pool lacks, since the pool is a few of many models.

    Raises:
        SourceError: the file or a price is not as it should be, or a published list has no entry of any candidate.
        UnknownNameError: a sheet names a candidate that the pool lacks.
    """
    if path.suffix.lower() == ".json":
        content = read_json(read_text(path), path)
        published = published_list(content, path)
        if published is not None:
            return _with_published(pool, published, allow_unlikely=allow_unlikely)
        stated = _sheet(entries_of_json(content, path))
    else:
        stated = _sheet(read_entries(path))
    if not allow_unlikely:
        check_units(stated)
    wanted = [entry for entry in stated if not may_name_others or entry.name in pool.index]
    prices = {entry.name: (float(entry.input), float(entry.output)) for entry in wanted}
    return pool.with_prices(prices, source=path.name, allow_unlikely=allow_unlikely)


def _with_published(pool: CandidatePool, published: PublishedList, *, allow_unlikely: bool) -> CandidatePool:
    """The pool under a published list: candidates with an entry take its prices, others keep theirs and are named."""
    path, publisher = published.path, published.form.publisher
    changed, kept = [], []
    for candidate in pool.candidates:
        entry = candidate.price_name or candidate.name
        if entry in published.entries:
            changed.append(_repriced(candidate, published, entry, allow_unlikely=allow_unlikely))
            continue
        if candidate.price_name:
            near = nearest_name(entry, published.entries, cutoff=_ALIKE)
            hint = f" Did you mean {shown(near)}?" if near else ""
            raise SourceError(
                f'candidate "{candidate.name}": expected its price_name {shown(entry)} in {path}, found no such entry.'
                f"{hint}"
            )
        near = nearest_name(entry, published.entries, cutoff=_ALIKE)
        kept.append(f'"{candidate.name}"' + (f" (did you mean {shown(near)}?)" if near else ""))
        changed.append(candidate)
    told = ", ".join(kept[:_NAMES_SHOWN]) + (f" and {len(kept) - _NAMES_SHOWN} more" if kept[_NAMES_SHOWN:] else "")
    rule = "An entry's name must be the candidate's name, or its \"price_name\" in the candidates file."
    if len(kept) == len(pool):
        raise SourceError(
            f"{path}: expected prices of candidates of the pool, found none ({publisher}): {told}. {rule}"
        )
    notes = [f"{path.name} ({publisher}) has no entry of {told}: own prices kept. {rule}"] if kept else []
    repriced = replace(pool, candidates=tuple(changed), notes=(*pool.notes, *notes))
    if not allow_unlikely:
        repriced.check_units()
    return repriced


def _repriced(
    candidate: CandidateModel, published: PublishedList, entry: str, *, allow_unlikely: bool
) -> CandidateModel:
    listed = published.prices(entry, candidate.name, allow_unlikely=allow_unlikely)
    if not allow_unlikely:
        check_units([StatedPrices(candidate.name, listed.input, listed.output, listed.where)])
    return replace(
        candidate,
        input_price=float(listed.input),
        output_price=float(listed.output),
        request_price=float(listed.request),
        other_prices=listed.others,
        price_source=f"{published.path.name} ({published.form.publisher})",
        price_date="",
    )


def _sheet(entries: list[Entry]) -> list[StatedPrices]:
    """Names and prices of a sheet, each name once."""
    sheet: dict[str, StatedPrices] = {}
    for entry in entries:
        stated = _named(entry).stated
        if stated.name in sheet:
            raise SourceError(f"{stated.where}: expected its prices once, found them twice.")
        sheet[stated.name] = stated
    return list(sheet.values())


def _named(entry: Entry) -> _Named:
    """Name and prices of an entry."""
    check_names(entry)
    name = entry.values.get("name", "").strip()
    if not name:
        raise SourceError(f'{entry.where}: expected a "name", found none.')
    fault = name_fault(name)
    if fault:
        raise SourceError(f'{entry.where}: expected a name of one line of visible characters in "name", found {fault}.')
    where = f'{entry.where}, candidate "{name}"'
    sides = [price_of(entry.values.get(field, ""), field, where) for field in ("input_price", "output_price")]
    return _Named(entry, StatedPrices(name, sides[0], sides[1], where))


def _candidate(entry: Entry, stated: StatedPrices, path: Path) -> CandidateModel:
    texts = {key: entry.values.get(key, "").strip() for key in ("source", "date", "image_rule", "price_name")}
    for key, text in texts.items():
        fault = name_fault(text) if text else ""
        if fault:
            raise SourceError(f'{stated.where}: expected one line of visible characters in "{key}", found {fault}.')
    parameters = entry.values.get("parameters_b", "")
    return CandidateModel(
        name=stated.name,
        input_price=float(stated.input),
        output_price=float(stated.output),
        parameters_b=_parameters(parameters, stated.where) if parameters.strip() else None,
        price_source=texts["source"] or path.name,
        price_date=texts["date"],
        log_name=stated.name,
        image_rule=texts["image_rule"],
        price_name=texts["price_name"],
    )


def _parameters(text: str, where: str) -> float:
    count: Decimal = plain_number(text, "parameters_b", where)
    return float(count)
