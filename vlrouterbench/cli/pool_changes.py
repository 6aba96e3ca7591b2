"""Options of `evaluate` that change the pool for one evaluation: what if prices halve, what if a model is dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from vlrouterbench.cli.parameters import GoalRequest
from vlrouterbench.core.errors import EvaluationError, quoted

if TYPE_CHECKING:
    from vlrouterbench.evaluation.pool_changes import PoolChanges


@dataclass(frozen=True, kw_only=True)
class PoolChangesRequest(GoalRequest):
    """What a command changes of the pool; nothing of it is saved."""

    GROUP: ClassVar[str] = "What if"
    scale_prices: Annotated[
        float, typer.Option(metavar="FACTOR", help="All prices times this: 0.5 for half; for decisions and costs.")
    ] = 1.0
    price: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=IN,OUT",
            help="A candidate's new prices, USD per million tokens in and out; repeat for several.",
            show_default=False,
        ),
    ] = None
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A candidate that is left out; repeat for several.", show_default=False),
    ] = None
    allow_unlikely_prices: Annotated[
        bool, typer.Option("--allow-unlikely-prices", help="Take prices that look like another unit as they stand.")
    ] = False

    def changes(self) -> PoolChanges:
        """The changes, their numbers read as strictly as those of a file."""
        from vlrouterbench.evaluation.pool_changes import PoolChanges

        prices = dict(_pair(given) for given in self.price or ())
        return PoolChanges(tuple(self.without or ()), self.scale_prices, prices, self.allow_unlikely_prices)


def _pair(given: str) -> tuple[str, tuple[float, float]]:
    """Name and prices of NAME=IN,OUT; a name may have "=" and "," itself."""
    from vlrouterbench.data.prices.numbers import price_of

    name, sign, both = given.rpartition("=")
    sides = both.split(",")
    if not (name and sign and len(sides) == 2):
        raise EvaluationError(f"expected --price NAME=IN,OUT, such as large=1.5,6, found {quoted(given)}.")
    paid, answered = (float(price_of(side, "--price", f'candidate "{name}"')) for side in sides)
    return name, (paid, answered)
