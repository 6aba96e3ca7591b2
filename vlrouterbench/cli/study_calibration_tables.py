"""The tables of a study's part `calibration` on the terminal, at most 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from vlrouterbench.cli import console
from vlrouterbench.plotting.figures import shortened

_LONGEST_NAME = 24


def calibration_lines(rows: list[dict[str, Any]]) -> Iterator[RenderableType]:
    """A table of all calibrated routers, and one by candidate for each.

    Args:
        rows: as `study.json` holds them under `calibration`.
    """
    table = console.plain_table("", ("router", "ECE", "luck", "luck 95 %", "in", "Brier", "constant"))
    for row in rows:
        table.add_row(row["router"])
        for key, words in (("all_pairs", "all"), ("chosen", "chosen")):
            for how in ("mean", "pooled"):
                found = row[key][how]
                within = f"{found['num_within_luck']}/{len(row[key]['per_split'])}" if how == "mean" else "-"
                *luck, brier, constant = _cells(found)
                table.add_row(f"  {words}, {how}", *luck, within, brier, constant)
    yield table
    yield "luck: ECE of calibrated estimates by chance, on as few groups of samples"
    yield "in: splits whose ECE is within their luck's 95 %"
    yield "constant: Brier score of each candidate's mean quality on train"
    for row in rows:
        yield _by_candidate(row)


def _by_candidate(row: dict[str, Any]) -> Table:
    # Names give way where a line would be longer than 80 columns: figures must stand whole.
    columns = (
        shortened(f"{row['router']}, pooled", _LONGEST_NAME),
        "ECE",
        "luck",
        "luck 95 %",
        "Brier",
        "constant",
        "ECE, mean",
    )
    table = console.plain_table("", columns)
    for name, found in row["per_candidate"].items():
        table.add_row(shortened(name, _LONGEST_NAME), *_cells(found["pooled"]), f"{found['ece']:.4f}")
    return table


def _cells(figures: dict[str, Any]) -> list[str]:
    luck = figures["ece_by_luck"]
    values = (figures["ece"], luck["mean"], luck["p95"], figures["brier"], figures["brier_of_constant"])
    return [f"{value:.4f}" for value in values]
