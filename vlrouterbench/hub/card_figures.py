"""The pictures of cards: accuracy against cost, of a router among single candidates, and of a benchmark's candidates.

Decisions
- A router's picture is drawn of the facts that its card is rendered from, so that it says what the card says, and goes
  with the same change of the pool.
- It lies beside the card as PNG, which every page of the Hub shows, and says in itself that its data are simulated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from vlrouterbench.plotting.figures import titled
from vlrouterbench.plotting.trade_off import Mark, TradeOff
from vlrouterbench.routers.base.card import FIGURE, CardFacts, EvaluationFacts, evaluations_of

if TYPE_CHECKING:
    from vlrouterbench.data.table import RoutingTable

DATASET_FIGURE = "candidates.png"
_TEST = "test"

Point = list[Any]
"""Name, accuracy in [0, 1], average cost in USD per sample."""


def single_candidates(table: RoutingTable) -> list[Point]:
    """Name, accuracy and average cost (USD per sample) of every candidate of a table of complete samples."""
    accuracy, cost = table.quality.mean(axis=0), table.cost.mean(axis=0)
    return [[name, float(a), float(c)] for name, a, c in zip(table.pool.names, accuracy, cost, strict=True)]


def router_figures(config: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, bytes]:
    """File name -> PNG of what a router's card shows; none where no evaluation of its pool knows the candidates."""
    evaluation = _drawn(config, facts)
    if evaluation is None:
        return {}
    name = facts.get("title") or facts.get("family") or "router"
    return {FIGURE: trade_off_of(name, evaluation).drawing().png()}


def has_figure(config: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether a router's card shows one."""
    return _drawn(config, facts) is not None


def dataset_figure(table: RoutingTable) -> bytes | None:
    """PNG of accuracy against cost of every candidate on the test split; None where that has no measured samples."""
    test = table.split(_TEST)
    test = test.take(test.complete)
    if not len(test) or not (test.cost > 0).any():
        return None
    title = titled(f"Candidates on the {_TEST} split", simulated=table.simulated)
    return TradeOff(title, _marks(single_candidates(test))).drawing().png()


def _drawn(config: Mapping[str, Any], facts: Mapping[str, Any]) -> EvaluationFacts | None:
    """The evaluation that is drawn: on test where there is one."""
    known = [one for one in evaluations_of(config, cast("CardFacts", facts)) if one.get("singles")]
    return min(known, key=lambda one: one["split"] != _TEST, default=None)


def trade_off_of(name: str, evaluation: EvaluationFacts) -> TradeOff:
    """The figure of a router and of the single candidates, as an evaluation found them."""
    ci95 = evaluation["ci95"]
    router = Mark(
        name,
        "router",
        evaluation["accuracy"],
        evaluation["average_cost_usd"],
        (ci95["accuracy"][0], ci95["accuracy"][1]),
        (ci95["average_cost_usd"][0], ci95["average_cost_usd"][1]),
        [(point[0], point[1]) for point in evaluation.get("frontier") or ()],
    )
    title = f"{name} on the {evaluation['split']} split of {evaluation['benchmark']['name']}"
    simulated = bool(evaluation["benchmark"]["simulated"])
    return TradeOff(titled(title, simulated=simulated), [*_marks(evaluation["singles"]), router])


def _marks(singles: Sequence[Point]) -> list[Mark]:
    return [Mark(name, "candidate", accuracy, cost) for name, accuracy, cost in singles]
