"""A pool of the models that a source has, where nobody names candidates.

Decisions
- A price is never made up: where costs follow from prices, they are asked for by name. Where every answer brings its
  own cost, a candidate may have none.
- A form with hundreds of models lists them, and asks which to take.
"""

from __future__ import annotations

from collections.abc import Sequence

from vlrouterbench.core.errors import SourceError, unknown_name
from vlrouterbench.data.candidates import NOT_STATED, CandidateModel, CandidatePool
from vlrouterbench.data.sources.source import FoundModels

_NAMES_SHOWN = 12


def pool_of_models(found: FoundModels, models: Sequence[str], source: str, *, has_prices: bool) -> CandidatePool:
    """All models of a source as candidates without prices; the caller prices them, and takes those that are asked for.

    Args:
        found: the models.
        models: those to take, () for all.
        source: name of the format, for the pool and its messages.
        has_prices: whether a price sheet is given.

    Raises:
        SourceError: the source has no model, there are too many to take them all, or their prices are needed.
        UnknownNameError: a model to take is not there.
    """
    if not found.names:
        raise SourceError(f"expected outcomes of at least one model among the {source}, found none.")
    for name in models:
        if name not in found.names:
            raise unknown_name("model in --models", name, found.names)
    shown = ", ".join((models or found.names)[:_NAMES_SHOWN])
    more = len(models or found.names) - _NAMES_SHOWN
    listed = f"{shown}{f' and {more:,} more' if more > 0 else ''}"
    if found.needs_choice and not models:
        raise SourceError(
            f"found {len(found.names):,} models: {found.described}. Pick some with --models A,B,C and give their "
            "prices with --prices FILE, or name candidates and prices in a file with --candidates."
        )
    if found.needs_prices and not has_prices:
        raise SourceError(
            f"expected prices of {listed}, found none: the {source} state no cost. Give --prices FILE (csv with name, "
            "input_price, output_price in USD per million tokens), or --candidates FILE."
        )
    candidates = tuple(CandidateModel(name, NOT_STATED, NOT_STATED, log_name=name) for name in found.names)
    return CandidatePool(candidates, f"the models of the {source}")


def refuse_unpriced(pool: CandidatePool) -> None:
    """Raise SourceError where a candidate whose costs follow from prices has none."""
    lacking = [candidate.name for candidate in pool.candidates if not candidate.is_priced]
    if lacking:
        raise SourceError(
            f"expected a price of every candidate, found none of {', '.join(lacking[:_NAMES_SHOWN])}: add it to the "
            "file given with --prices, or take other models with --models."
        )
