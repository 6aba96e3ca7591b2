"""What commands share: results on stdout, progress on stderr, and `--json`, which every command understands.

Decisions
- With `--json` the summary is the only thing on stdout; without it a person reads text that fits 80 columns.
- A progress bar appears where stderr is a terminal, one line per stage elsewhere.
- Names and paths come from users: they are shown as they are, and brackets or colons in them are no markup.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.simulated import marked

if TYPE_CHECKING:
    from vlrouterbench.routers.base.modeling_router import PreTrainedRouter

wants_json: ContextVar[bool] = ContextVar("wants_json", default=False)
"""Set by the program from `--json`, for the length of one command."""


def show(content: Any, *lines: RenderableType) -> None:
    """Print a command's result: `content` as JSON where that is wanted, else `lines`."""
    if wants_json.get():
        sys.stdout.write(json.dumps(content, ensure_ascii=False, allow_nan=False, indent=2) + "\n")
        return
    out = _console()
    for line in lines:
        # Text is left to the terminal to wrap, so that a path can be copied whole.
        out.print(line, soft_wrap=isinstance(line, str | Text))


def quiet_libraries() -> None:
    """No progress bars or advice of the libraries beneath: a command has its own."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()


@contextmanager
def stage(title: str) -> Iterator[Any]:
    """A stage of a command; gives a progress callback where there is a bar, else None."""
    err = _console(stderr=True)
    if not err.is_terminal:
        err.print(f"{title} ...")
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<34}", markup=False), BarColumn(bar_width=24), TimeElapsedColumn())
    with Progress(*columns, console=err) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
        progress.update(task, completed=1, total=1)


def trained_on_simulated_data(router: PreTrainedRouter) -> bool:
    """Whether a router states that it was trained on simulated data."""
    return bool(router.config.training.get("benchmark", {}).get("simulated"))


def plain_table(title: str, columns: Sequence[str]) -> Table:
    """A table with little ornament: the first column left, the others right."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    return table


def results_title(records: Sequence[dict[str, Any]]) -> str:
    """What records of `results.json` are of: a line of its own, since a table wraps its title at its own width."""
    benchmark = records[0]["benchmark"]
    data = marked(benchmark["name"], simulated=benchmark["simulated"])
    return f"{data}, {records[0]['split']} split, {records[0]['num_samples']:,} samples"


def results_table(records: Sequence[dict[str, Any]]) -> Table:
    """Records of `results.json` by Rank Score, narrow enough for 80 columns."""
    table = plain_table("", ("router", "acc. %", "$/10K", "Rank", "95 % interval", "vs mixture, 95 %"))
    for r in sorted(records, key=lambda record: -record["rank_score"]):
        (low, high), (less, more) = r["ci95"]["rank_score"], r["vs_mixture"]["ci95"]
        table.add_row(
            r["router"],
            f"{100 * r['accuracy']:.2f}",
            f"{SAMPLES_PER_COST_UNIT * r['average_cost_usd']:.3f}",
            f"{r['rank_score']:.2f}",
            f"{low:.1f} to {high:.1f}",
            "-" if r["router_config"].get("name") == "mixture" else f"{less:+.1f} to {more:+.1f}",
            style="bold" if r["router_config"]["kind"] == "router" else "",
        )
    return table


def summary(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The figures of records that a script wants first."""
    names = ("router", "split", "num_samples", "accuracy", "average_cost_usd", "rank_score", "ci95", "vs_mixture")
    return [{name: record[name] for name in (*names, "benchmark")} for record in records]


def _console(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)
