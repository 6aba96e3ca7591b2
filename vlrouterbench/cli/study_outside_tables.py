"""The tables of a study's datasets left out and newcomers on the terminal, at most 80 columns wide.

Decisions
- Of single datasets the terminal shows the first router alone; the page and the JSON have all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from vlrouterbench.cli import console


def left_out_tables(part: dict[str, Any], first: str) -> list[Table]:
    """Routers out of distribution, their calibration, their guards, and single datasets.

    Args:
        part: answer of the part `left-out`.
        first: the first router that was asked for.
    """
    return [table for table in (_outside(part), _calibration(part), _guards(part), _datasets(part, first)) if table]


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
    columns = ("dataset", "samples", "Rank with", "without", "mixture w/o", "Brier with", "without")
    table = console.plain_table(f"{first} by dataset", columns)
    for dataset, found in rows[first]["per_dataset"].items():
        mixture = rows["mixture"]["per_dataset"][dataset]["outside"]
        ranks = (found["inside"]["rank_score"], found["outside"]["rank_score"], mixture["rank_score"])
        table.add_row(dataset, f"{found['num_samples']:,}", *(f"{score:.2f}" for score in ranks), *_briers(found))
    return table


_RANKS = ("Rank with", "without", "without - mixture, 95 %")
_OF = {"chosen": "of the chosen", "all": "of all"}


def _ranks(row: dict[str, Any]) -> tuple[str, str, str]:
    gap, (low, high) = (row["outside_minus_mixture"][key] for key in ("rank_score", "ci95"))
    compared = "-" if row["router"] == "mixture" else f"{gap:+.2f} ({low:+.2f} to {high:+.2f})"
    return f"{row['inside']['rank_score']:.2f}", f"{row['outside']['rank_score']:.2f}", compared


def _briers(found: dict[str, Any]) -> Iterator[str]:
    for side in ("inside", "outside"):
        calibration = found[side]["calibration"]
        yield "-" if calibration is None else f"{100 * calibration['chosen']['brier']:.2f}"
