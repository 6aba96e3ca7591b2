"""Price lists that others publish, as JSON: LiteLLM's and OpenRouter's.

Decisions
- LiteLLM: `model_prices_and_context_window.json`, an object of entries by model name; `input_cost_per_token` and
  `output_cost_per_token` in USD per token. OpenRouter: the answer of `/api/v1/models`, `data` with `id`,
  `canonical_slug` and `pricing` (`prompt`, `completion`: USD per token, as text; -1 where a price is not fixed).
- An entry is a candidate's where its name is the candidate's `price_name`, or its name, letter for letter (OpenRouter's
  `canonical_slug` is a name, too). Nothing is guessed: several providers sell one model at several prices.
- A price per request is added to the cost of every sample. Prices of cached input, images and the like are kept in
  `build_report.json` and named as not used: outcomes hold no counts that they apply to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from vlrouterbench.core.errors import SourceError, shown
from vlrouterbench.data.prices.numbers import plain_number, price_of
from vlrouterbench.data.prices.units import WAY_OUT

_PER_MILLION = 1_000_000
_UNLIKELY = Decimal("0.001")
"""USD per token: the most expensive models that are sold cost 0.0006."""
_NO_COUNT = {
    "cache_read_input_token_cost": "outcomes do not say which input tokens came from a cache",
    "input_cache_read": "outcomes do not say which input tokens came from a cache",
    "input_cost_per_image": "images are counted in input tokens",
    "image": "images are counted in input tokens",
}
_OTHER_COUNT = "outcomes hold no such count"
_NO_PRICES = ("discount",)
"""Fields of `pricing` that are no price."""


class OtherPrice(TypedDict):
    """A price of a list beside those per input and output token, as `build_report.json` keeps it.

    Attributes:
        candidate: whose it is.
        entry: the entry's name in the list.
        field: the list's own name of it.
        value: as the list states it, in the list's unit.
        used: whether costs contain it.
        reason: why not; absent where they do.
    """

    candidate: str
    entry: str
    field: str
    value: Any
    used: bool
    reason: NotRequired[str]


@dataclass(frozen=True)
class ListForm:
    """How a publisher states prices."""

    publisher: str
    input_field: str
    output_field: str
    request_field: str


LITELLM = ListForm("LiteLLM", "input_cost_per_token", "output_cost_per_token", "input_cost_per_request")
OPENROUTER = ListForm("OpenRouter", "prompt", "completion", "request")


@dataclass(frozen=True)
class ListedPrices:
    """Prices of one entry: USD per million tokens, and USD per request; what else it states."""

    input: Decimal
    output: Decimal
    request: Decimal
    others: tuple[OtherPrice, ...]
    where: str


@dataclass(frozen=True)
class PublishedList:
    """A published list: entry name -> its fields, as texts where they are numbers."""

    form: ListForm
    entries: Mapping[str, Mapping[str, Any]]
    path: Path

    def prices(self, entry: str, candidate: str, *, allow_unlikely: bool = False) -> ListedPrices:
        """What an entry states, for a candidate.

        Raises:
            SourceError: it has no fixed prices per input and output token, or they are likely per million tokens.
        """
        fields, form = self.entries[entry], self.form
        where = f"{self.path}, entry {shown(entry)}"
        given = (form.input_field, form.output_field)
        sides = [_per_million(fields, field, where, allow_unlikely=allow_unlikely) for field in given]
        request = _amount(fields, form.request_field, where)
        others = tuple(_others(fields, form, candidate, entry))
        return ListedPrices(sides[0], sides[1], request, others, where)


def published_list(content: Any, path: Path) -> PublishedList | None:
    """The list that a JSON file holds, None where it is another file.

    Raises:
        SourceError: it looks like one, and an entry is not as it should be.
    """
    if not isinstance(content, dict):
        return None
    if isinstance(content.get("data"), list):
        return PublishedList(OPENROUTER, _openrouter(content["data"], path), path)
    entries = {name: fields for name, fields in content.items() if isinstance(fields, dict) and name != "sample_spec"}
    if len(entries) < len(content.keys() - {"sample_spec"}):
        return None
    if not any("litellm_provider" in fields or LITELLM.input_field in fields for fields in entries.values()):
        return None
    return PublishedList(LITELLM, entries, path)


def _openrouter(rows: list[Any], path: Path) -> dict[str, dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = {}
    slugs: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(rows, start=1):
        where = f"{path}, data, entry {number}"
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            raise SourceError(f'{where}: expected a model with an "id" and "pricing", found {shown(row)}.')
        if row["id"] in entries:
            raise SourceError(f"{where}: expected each id once, found {shown(row['id'])} again.")
        pricing = row.get("pricing")
        entries[row["id"]] = pricing if isinstance(pricing, dict) else {}
        if isinstance(row.get("canonical_slug"), str):  # variants of a model share it: the first one is the model
            slugs.setdefault(row["canonical_slug"], entries[row["id"]])
    return slugs | entries


def _per_million(fields: Mapping[str, Any], field: str, where: str, *, allow_unlikely: bool) -> Decimal:
    value = fields.get(field)
    if value is None or isinstance(value, list | dict):
        priced = sorted(
            name for name, given in fields.items() if given and name != field and ("cost" in name or "pric" in name)
        )
        other = f" It is priced by {', '.join(priced[:5])}." if priced else ""
        raise SourceError(f'{where}: expected a price in "{field}" (USD per token), found none.{other}')
    if str(value) in ("-1", "-1.0"):
        raise SourceError(f'{where}: expected a price in "{field}" (USD per token), found -1: it has no fixed price.')
    per_token = plain_number(str(value), field, f"{where} (USD per token)")
    if per_token > 1 or (per_token >= _UNLIKELY and not allow_unlikely):
        way_out = WAY_OUT if per_token <= 1 else "No token costs more than a dollar."
        raise SourceError(
            f'{where}: expected USD per token, below {_UNLIKELY}, in "{field}", found {shown(str(value))}: likely USD '
            f"per million tokens, which is {per_token / _PER_MILLION:g} per token. {way_out}"
        )
    return per_token * _PER_MILLION


def _amount(fields: Mapping[str, Any], field: str, where: str) -> Decimal:
    value = fields.get(field)
    if value is None:
        return Decimal(0)
    return price_of(str(value), field, f"{where} (USD per request)")


def _others(fields: Mapping[str, Any], form: ListForm, candidate: str, entry: str) -> Iterator[OtherPrice]:
    """What an entry states beside prices per token, without prices of 0."""
    for field, value in fields.items():
        priced = form is OPENROUTER or "cost" in field or "pric" in field
        free = not isinstance(value, list | dict) and str(value).strip("-0.eE+") in ("", "None", "null")
        if field in (form.input_field, form.output_field, *_NO_PRICES) or not priced or free:
            continue
        other: OtherPrice = {"candidate": candidate, "entry": entry, "field": field, "value": value, "used": False}
        if field == form.request_field:
            other["used"] = True
        else:
            other["reason"] = _NO_COUNT.get(field, _OTHER_COUNT)
        yield other
