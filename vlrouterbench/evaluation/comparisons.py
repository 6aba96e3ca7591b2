"""What a report says of controls, and of routers against each other.

Decisions
- Every control has a name in words and says what beating it means: a table of bare names tells a reader nothing.
- Controls that are the same for all routers stand once, those of trained routers once for each, with their own
  intervals; how far each router is from each control stands in a table of its own, with paired intervals.
- The oracle is a control and no rival: it does not stand among the routers that are compared with each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vlrouterbench.evaluation.ranking import Rank

SAME_SHARES_FIELD, SHUFFLED_FIELD = "same_shares", "shuffled_labels"
CONTROLS: dict[str, tuple[str, str]] = {
    SAME_SHARES_FIELD: (
        "random at the same shares",
        "draws candidates as often as the router chose them, blind to the sample (expected, not drawn): what is above "
        "it comes from reading samples",
    ),
    SHUFFLED_FIELD: (
        "shuffled labels",
        "the router's own family, trained on outcomes of other samples: what is above it was learnt, not built in",
    ),
    "mixture": (
        "best fixed mixture",
        "the best mix of at most two single candidates, chosen on train: a router that is not above it pays nothing",
    ),
    "strongest": ("strongest", "always the candidate with the best accuracy on train"),
    "cheapest": ("cheapest", "always the candidate with the lowest mean cost on train"),
    "reachable": (
        "reachable ceiling",
        "knows mean outcomes of similar samples of this very split, never the sample's own: an estimate from below of "
        "what can be reached without luck, so a router may lie above it",
    ),
    "oracle": ("oracle", "sees every answer and takes the cheapest right one: no router can reach it"),
}
"""Field of a record or name of a reference -> its name in print, and what it is; in the order of the tables."""
_OF_A_ROUTER = (SAME_SHARES_FIELD, SHUFFLED_FIELD)


@dataclass(frozen=True)
class ControlRow:
    """A control with its own figures.

    Attributes:
        title: its name in print, with the router's where it is one router's alone.
        figures: accuracy, average_cost_usd, rank_score and `own_ci95` of each.
    """

    title: str
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class RouterRow:
    """A router against what its columns name.

    Attributes:
        router: its name.
        kind: "router" or "policy".
        cells: {"rank_score": difference, "ci95": [low, high]} per column, None where there is nothing to say.
    """

    router: str
    kind: str
    cells: Sequence[Mapping[str, Any] | None]


@dataclass(frozen=True)
class Comparisons:
    """The tables of a report's comparisons.

    Attributes:
        controls: those that are the same for all routers, then those of each trained one.
        notes: title and meaning of each, those that every router has of its own among them.
        against: (heading, rows) of routers against controls.
        pairs: (headings, rows) of routers against each other.
        tied: router -> routers that it cannot be told apart from.
    """

    controls: Sequence[ControlRow]
    notes: Sequence[tuple[str, str]]
    against: tuple[Sequence[str], Sequence[RouterRow]]
    pairs: tuple[Sequence[str], Sequence[RouterRow]]
    tied: Mapping[str, Sequence[str]]


def compare(ranked: Sequence[Mapping[str, Any]], ranks: Mapping[str, Rank]) -> Comparisons:
    """The comparisons of an evaluation.

    Args:
        ranked: records of `results.json`, the best Rank Score first.
        ranks: router -> its rank, for the ranked ones.
    """
    shared = ranked[0]["controls"]
    known = [name for name in CONTROLS if name in shared or any(record.get(name) for record in ranked)]
    rivals = [record for record in ranked if record["router"] in ranks]
    names = [record["router"] for record in rivals]
    return Comparisons(
        controls=[ControlRow(CONTROLS[name][0], shared[name]) for name in known if name in shared]
        + [
            ControlRow(f"{CONTROLS[name][0]}: {record['router']}", record[name])
            for record in ranked
            for name in _OF_A_ROUTER
            if record["router_config"]["kind"] == "router" and record[name]
        ],
        notes=[CONTROLS[name] for name in known],
        against=(
            [CONTROLS[name][0] for name in known],
            [_row(record, [_difference(_control(record, name)) for name in known]) for record in ranked],
        ),
        pairs=(names, [_row(record, [record["differences"].get(name) for name in names]) for record in rivals]),
        tied={name: ranks[name].ties for name in names},
    )


def _row(record: Mapping[str, Any], cells: Sequence[Mapping[str, Any] | None]) -> RouterRow:
    return RouterRow(record["router"], record["router_config"]["kind"], cells)


def _control(record: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    if record["router_config"].get("name") == name:
        return None  # a policy that is the control itself
    return record[name] if name in _OF_A_ROUTER else record["controls"][name]


def _difference(control: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return None if control is None else {"rank_score": control["difference"], "ci95": control["ci95"]}
