"""Changing a saved router's pool and saving it under another name, with a card that lists every change.

Decisions
- What was changed is recorded in the configuration (`training.pool_changes`), so that the next change adds to it and
  the card can list all of them: who joined on how many anchor samples, who left, old and new prices.
- The card is the old one with another table of candidates; what a person wrote into it is kept. A router without a card
  gets one without the settings that were tried: only its training recorded them.
- A wrong name is refused before anything is changed.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict, cast

import torch
from transformers.utils import cached_file

from vlrouterbench.cards.router_card import card_with_pool
from vlrouterbench.core.errors import RouterError, unknown_name
from vlrouterbench.core.names import name_fault
from vlrouterbench.data.prices.units import StatedPrices, check_units
from vlrouterbench.features.encode import features_by
from vlrouterbench.features.options import EncodingWork
from vlrouterbench.routers.base.configuration_router import NewCandidate
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter
from vlrouterbench.training.fit import card_of, save_with_card
from vlrouterbench.training.pool.outcomes import AnchorOutcomes
from vlrouterbench.version import __version__

_CARD = "README.md"


class Prices(NamedTuple):
    """Prices of a candidate, in USD per million tokens."""

    input: float
    output: float


class PoolChange(TypedDict):
    """One change, as `training.pool_changes` records it: "joined", "left" or "price"; prices as [input, output]."""

    change: str
    candidate: str
    version: str
    num_anchors: NotRequired[int]
    before: NotRequired[list[float | None]]
    after: NotRequired[list[float]]


def check_new(router: OpenPoolRouter, name: str) -> None:
    """Raise RouterError where a new candidate's name is in use already, or is not usable as a name."""
    fault = name_fault(name)
    if fault:
        raise RouterError(f"expected a candidate's name of one line of visible characters, found {fault}.")
    if name in router.config.candidate_names:
        raise RouterError(
            f"expected a candidate that is not in the pool, found {name}, which is. Remove it first, or give another "
            "--name."
        )


def check_prices(router: OpenPoolRouter, name: str, prices: Prices) -> None:
    """Stop at new prices of a candidate whose unit is likely another one, by themselves or beside its family's.

    Raises:
        SourceError: as `data.prices.units.check_units`.
    """
    others = []
    for entry in router.config.candidates:
        sides = entry.get("input_price"), entry.get("output_price")
        if entry["name"] != name and sides[0] is not None and sides[1] is not None:
            others.append(_stated(entry["name"], Prices(sides[0], sides[1])))
    check_units([_stated(name, prices)], others)


def _stated(name: str, prices: Prices) -> StatedPrices:
    return StatedPrices(name, Decimal(str(prices.input)), Decimal(str(prices.output)), f'candidate "{name}"')


def join(
    router: OpenPoolRouter, name: str, prices: Prices, outcomes: AnchorOutcomes, work: EncodingWork | None = None
) -> None:
    """Add a candidate to the end of the pool by its outcomes; the anchor samples are encoded by the router's encoder.

    Raises:
        RouterError: the name is taken, or a price makes no sense.
    """
    check_new(router, name)
    entry = NewCandidate(name=name, input_price=prices.input, output_price=prices.output)
    values = {kind: torch.from_numpy(column) for kind, column in outcomes.values.items()}
    try:
        # Families with an open pool learn from features, never from rows of bytes.
        features = cast(torch.Tensor, features_by(router.encoder, outcomes.samples, work))
        router.add_candidate(entry, features, values)
    except ValueError as error:
        raise RouterError(str(error)) from error
    _record(router, {**_change("joined", name), "num_anchors": len(outcomes.samples)})


def leave(router: OpenPoolRouter, name: str) -> None:
    """Take a candidate out of the pool.

    Raises:
        UnknownNameError: it is not there.
        RouterError: the pool would be empty.
    """
    _index_in_pool(router, name)
    try:
        router.remove_candidate(name)
    except ValueError as error:
        raise RouterError(str(error)) from error
    _record(router, _change("left", name))


def reprice(router: OpenPoolRouter, name: str, prices: Prices) -> Prices:
    """Give a candidate new prices, and return those that it had.

    Raises:
        UnknownNameError: it is not in the pool.
        RouterError: a price makes no sense, or the router has no token counts of it.
    """
    entry = router.config.candidates[_index_in_pool(router, name)]
    # A candidate without former prices is refused by `set_prices`.
    before = Prices(*cast(tuple[float, float], (entry["input_price"], entry["output_price"])))
    try:
        router.set_prices({name: prices})
    except ValueError as error:
        raise RouterError(str(error)) from error
    _record(router, {**_change("price", name), "before": list(before), "after": list(prices)})
    return before


def save_changed(router: OpenPoolRouter, source: str | Path, out: Path) -> None:
    """Write a router whose pool was changed, with its card (beside, then renamed).

    Args:
        router: changed in memory.
        source: folder or Hub id that it was loaded from; its card is continued.
        out: the new folder.
    """
    old = _read_card(source)
    card = None if old is None else card_with_pool(old, router.config.to_dict())
    save_with_card(router, card or card_of(router, []), out)


def _index_in_pool(router: OpenPoolRouter, name: str) -> int:
    """Index of a candidate that must be in the pool."""
    names = router.config.candidate_names
    if name not in names:
        raise unknown_name("candidate", name, names)
    return names.index(name)


def _change(kind: str, candidate: str) -> PoolChange:
    return {"change": kind, "candidate": candidate, "version": __version__}


def _record(router: OpenPoolRouter, change: PoolChange) -> None:
    training = router.config.training
    router.config.training = {**training, "pool_changes": [*training.get("pool_changes", []), change]}


def _read_card(source: str | Path) -> str | None:
    """The text of a router's README.md, None where it has none."""
    if Path(source).exists():
        path = Path(source) / _CARD
        return path.read_text(encoding="utf-8") if path.is_file() else None
    card = cached_file(str(source), _CARD, _raise_exceptions_for_missing_entries=False)
    return None if card is None else Path(card).read_text(encoding="utf-8")
