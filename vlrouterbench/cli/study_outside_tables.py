"""The tables of a study's datasets left out and new candidates on the terminal, at most 80 columns wide.

Decisions
- Of single datasets the terminal shows the first router alone; the page and the JSON have all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from vlrouterbench.cli import console


def left_out_tables(part: dict[str, Any], first: str) -> list[Table]:
    """Routers out of distribution, their calibration, their guards, and single datasets.

    Args:
        part: answer of the part `left-out`.
        first: the first router that was asked for.
    """
    return [table for table in (_outside(part), _calibration(part), _guards(part), _datasets(part, first)) if table]


def new_candidate_tables(part: dict[str, Any]) -> list[RenderableType]:
    """Learning curves of every router's new candidates, and who was passed over.

    Args:
        part: answer of the part `new_candidates`.
    """
    lines: list[RenderableType] = []
    for row in part["routers"]:
        lines += [_new_candidates(row), *([_selections(row)] if row["anchor_set_minus_random"] else [])]
    if part["passed_over"]:
        lines.append(f"no candidate can join: {', '.join(part['passed_over'])}")
    return lines


def _new_candidates(row: dict[str, Any]) -> Table:
    columns = ("anchors", "chosen", "Brier %", "constant", "Rank", "- trained on, 95 %")
    table = console.plain_table(f"{row['router']}: new candidates", columns)
    found = {(entry["num_anchors"], how): entry for how in _CHOSEN for entry in row.get(how, ())}
    for (count, how), entry in sorted(found.items()):
        briers = (f"{100 * entry[kind]:.2f}" for kind in ("brier", "constant_brier"))
        table.add_row(
            f"{count:,}", _CHOSEN[how], *briers, f"{entry['rank_score']:.2f}", _gap(entry["minus_trained_on"])
        )
    known, alone = row["trained_on"], row["without"]
    table.add_row("trained on", "", f"{100 * known['brier']:.2f}", "", f"{known['rank_score']:.2f}", "-")
    table.add_row("without it", "", "", "", f"{alone['rank_score']:.2f}", _gap(alone["minus_trained_on"]))
    return table


def _selections(row: dict[str, Any]) -> Table:
    columns = ("anchors", "Brier of router's - random, %, 95 %")
    table = console.plain_table("", columns)
    for entry in row["anchor_set_minus_random"]:
        gap, low, high = (100 * value for value in (entry["brier"], *entry["ci95"]))
        table.add_row(f"{entry['num_anchors']:,}", f"{gap:+.3f} ({low:+.3f} to {high:+.3f})")
    return table


def _gap(found: dict[str, Any]) -> str:
    low, high = found["ci95"]
    return f"{found['rank_score']:+.2f} ({low:+.2f} to {high:+.2f})"


def _outside(part: dict[str, Any]) -> Table:
    table = console.plain_table("trained with, and without, the dataset", ("router", *_RANKS))
    for row in part["routers"]:
        table.add_row(row["router"], *_ranks(row))
    return table


def _guards(part: dict[str, Any]) -> Table | None:
    if not part["guards"]:
        return None
    table = console.plain_table("guard, in standard errors", ("router", "guard", *_RANKS))
    for row in part["guards"]:
        table.add_row(row["router"], f"{row['guard']:g}", *_ranks(row))
    return table


def _calibration(part: dict[str, Any]) -> Table | None:
    columns = ("router", "estimates", "ECE with", "without", "Brier with", "without")
    table = console.plain_table("calibration, %", columns)
    for row in part["routers"]:
        inside, outside = (row[side]["calibration"] for side in ("inside", "outside"))
        for of in inside or ():
            pairs = [found[of][kind] for kind in ("ece", "brier") for found in (inside, outside)]
            table.add_row(row["router"], _OF[of], *(f"{100 * value:.2f}" for value in pairs))
    return table if table.rows else None


def _datasets(part: dict[str, Any], first: str) -> Table:
    rows = {row["router"]: row for row in part["routers"]}
    columns = ("dataset", "samples", "Rank with", "without", "mixture", "Brier with", "without")
    table = console.plain_table(f"{first} by dataset", columns)
    for dataset, found in rows[first]["per_dataset"].items():
        mixture = rows["mixture"]["per_dataset"][dataset]["outside"]
        ranks = (found["inside"]["rank_score"], found["outside"]["rank_score"], mixture["rank_score"])
        table.add_row(dataset, f"{found['num_samples']:,}", *(f"{score:.2f}" for score in ranks), *_briers(found))
    return table


_RANKS = ("Rank with", "without", "without - mixture, 95 %")
_CHOSEN = {"anchor_set": "by router", "random": "at random"}
_OF = {"chosen": "of the chosen", "all": "of all"}


def _ranks(row: dict[str, Any]) -> tuple[str, str, str]:
    compared = "-" if row["router"] == "mixture" else _gap(row["outside_minus_mixture"])
    return f"{row['inside']['rank_score']:.2f}", f"{row['outside']['rank_score']:.2f}", compared


def _briers(found: dict[str, Any]) -> Iterator[str]:
    for side in ("inside", "outside"):
        calibration = found[side]["calibration"]
        yield "-" if calibration is None else f"{100 * calibration['chosen']['brier']:.2f}"
