"""Changing a saved router's pool: the router's own methods, with what a person gives and with messages for one.

Decisions
- What was changed the router records in its configuration (`training.pool_changes`), which its card is rendered from.
- A wrong name is refused before anything is changed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, cast

import torch

from vlrouterbench.core.errors import RouterError, unknown_name
from vlrouterbench.core.names import name_fault
from vlrouterbench.data.prices.units import StatedPrices, check_units
from vlrouterbench.features.encode import features_by
from vlrouterbench.features.options import EncodingWork
from vlrouterbench.routers.base.configuration_router import NewCandidate
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter
from vlrouterbench.training.pool.outcomes import AnchorOutcomes
from vlrouterbench.version import __version__


class Prices(NamedTuple):
    """Prices of a candidate, in USD per million tokens."""

    input: float
    output: float


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
        router.add_candidate(entry, features, values, allow_unlikely=True)
    except ValueError as error:
        raise RouterError(str(error)) from error
    _sign(router)


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
    _sign(router)


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
        router.set_prices({name: prices}, allow_unlikely=True)
    except ValueError as error:
        raise RouterError(str(error)) from error
    _sign(router)
    return before


def _index_in_pool(router: OpenPoolRouter, name: str) -> int:
    """Index of a candidate that must be in the pool."""
    names = router.config.candidate_names
    if name not in names:
        raise unknown_name("candidate", name, names)
    return names.index(name)


def _sign(router: OpenPoolRouter) -> None:
    """Say which version of this package made the last change."""
    *before, last = router.config.training["pool_changes"]
    router.config.training = {**router.config.training, "pool_changes": [*before, {**last, "version": __version__}]}
