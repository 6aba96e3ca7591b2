"""The tables of a report that compare routers with controls, and with each other.

Decisions
- Every control has a title and an explanation of what exceeding it means: bare names tell a reader nothing.
- Controls that are the same for all routers are listed once, those of a trained router once for each router, with their
  own intervals; the difference of each router from each control is in a table of its own, with paired intervals.
- The oracle is a control and no rival: it is not among the routers that are compared with each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vlrouterbench.evaluation.paired import UPPER_BOUND
from vlrouterbench.evaluation.ranking import Rank
from vlrouterbench.evaluation.records import ControlRecord, Difference, ResultRecord

SAME_SHARES_FIELD, SHUFFLED_FIELD = "same_shares", "shuffled_labels"
CONTROLS: dict[str, tuple[str, str]] = {
    SAME_SHARES_FIELD: (
        "random matched on routing distribution",
        "draws every candidate as often as the router chose it, without reading the sample (the expectation, not one "
        "draw): what a router gains over it comes from reading samples",
    ),
    SHUFFLED_FIELD: (
        "label-permutation control",
        "the router's own family, trained on outcomes that were permuted among samples: what a router gains over it "
        "was learnt from the labels and is not built into the family",
    ),
    "mixture": (
        "best static mixture",
        "the best mix of at most two single candidates, chosen on the train split: a router that does not exceed it "
        "brings no benefit",
    ),
    "strongest": ("strongest", "always the candidate with the best accuracy on the train split"),
    "cheapest": ("cheapest", "always the candidate with the lowest mean cost on the train split"),
    UPPER_BOUND: (
        "cross-fitted upper-bound estimate",
        "uses mean outcomes of similar samples of this split, never those of the sample itself: an estimate, from "
        "below, of what can be reached without chance, so a router may exceed it",
    ),
    "oracle": ("oracle", "sees every answer and takes the cheapest correct one: no router can reach it"),
}
"""Field of a record or name of a reference -> its title and its explanation, in the order of the tables."""


@dataclass(frozen=True)
class ControlRow:
    """A control with its own figures.

    Attributes:
        title: its title, with the router's name where it belongs to one router.
        figures: its own figures and their intervals.
    """

    title: str
    figures: ControlRecord


@dataclass(frozen=True)
class RouterRow:
    """A router compared with what the columns name.

    Attributes:
        router: its name.
        kind: "router" or "policy".
        cells: the difference per column, None where there is none.
    """

    router: str
    kind: str
    cells: Sequence[Difference | None]


@dataclass(frozen=True)
class Comparisons:
    """The tables of a report's comparisons.

    Attributes:
        controls: those that are the same for all routers, then those of each trained one.
        notes: title and explanation of each kind of control.
        versus_controls: (headings, rows) of routers compared with controls.
        pairs: (headings, rows) of routers compared with each other.
        tied: router -> routers from which it does not differ significantly.
    """

    controls: Sequence[ControlRow]
    notes: Sequence[tuple[str, str]]
    versus_controls: tuple[Sequence[str], Sequence[RouterRow]]
    pairs: tuple[Sequence[str], Sequence[RouterRow]]
    tied: Mapping[str, Sequence[str]]


def compare(ranked: Sequence[ResultRecord], ranks: Mapping[str, Rank]) -> Comparisons:
    """The comparisons of an evaluation.

    Args:
        ranked: records of `results.json`, the best Rank Score first.
        ranks: router -> its rank, for the ranked ones.
    """
    shared = ranked[0]["controls"]
    names = [name for name in CONTROLS if name in shared or any(_own_control(record, name) for record in ranked)]
    rivals = [record for record in ranked if record["router"] in ranks]
    rival_names = [record["router"] for record in rivals]
    return Comparisons(
        controls=[ControlRow(CONTROLS[name][0], shared[name]) for name in names if name in shared]
        + [
            ControlRow(f"{CONTROLS[name][0]}: {record['router']}", control)
            for record in ranked
            if record["router_config"]["kind"] == "router"
            for name in CONTROLS
            if (control := _own_control(record, name))
        ],
        notes=[CONTROLS[name] for name in names],
        versus_controls=(
            [CONTROLS[name][0] for name in names],
            [_row(record, [_difference(record, name) for name in names]) for record in ranked],
        ),
        pairs=(
            rival_names,
            [_row(record, [_from_rival(record, name) for name in rival_names]) for record in rivals],
        ),
        tied={name: ranks[name].ties for name in rival_names},
    )


def _row(record: ResultRecord, cells: Sequence[Difference | None]) -> RouterRow:
    return RouterRow(record["router"], record["router_config"]["kind"], cells)


def _from_rival(record: ResultRecord, name: str) -> Difference | None:
    difference = record["differences"].get(name)
    return None if difference is None or difference["ci95"] is None else difference


def _own_control(record: ResultRecord, name: str) -> ControlRecord | None:
    """A control that belongs to this router alone."""
    if name == SAME_SHARES_FIELD:
        return record["same_shares"]
    return record["shuffled_labels"] if name == SHUFFLED_FIELD else None


def _difference(record: ResultRecord, name: str) -> Difference | None:
    if record["router_config"].get("name") == name:
        return None  # a policy that is the control itself
    control = record["controls"].get(name) or _own_control(record, name)
    if control is None or control["ci95"] is None:
        return None
    return {"rank_score": control["difference"], "ci95": control["ci95"]}
