"""Output of all commands: results on stdout, progress on stderr, and `--json`, which every command understands.

Decisions
- With `--json` a summary is the only thing on stdout; without it, text that fits 80 columns.
- A progress bar appears where stderr is a terminal, one line per stage elsewhere.
- Names and paths come from users: they are printed literally, brackets or colons in them are no markup, and no escape
  sequence in them reaches the terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from vlrouterbench.core.output_text import json_text, one_line, terminal_text

if TYPE_CHECKING:
    from vlrouterbench.evaluation.records import ResultRecord
    from vlrouterbench.routers.base.modeling_router import PreTrainedRouter

wants_json: ContextVar[bool] = ContextVar("wants_json", default=False)
"""Set from `--json` for the duration of one command."""
_RESULT_COLUMNS = ("router", "accuracy", "cost", "rank_score", "interval", "difference_interval")
"""Columns of the results in a terminal, which fit 80 characters."""


def show(content: Any, *lines: RenderableType) -> None:
    """Print a command's result: `content` as JSON under `--json`, else `lines`."""
    if wants_json.get():
        sys.stdout.write(json_text(json.dumps(content, ensure_ascii=False, allow_nan=False, indent=2)) + "\n")
        return
    out = _console()
    for line in lines:
        # The terminal wraps text, so that a path can be copied whole.
        out.print(line, soft_wrap=isinstance(line, str | Text))


def sentence(text: str) -> RenderableType:
    """A sentence, broken between words where a line of the terminal ends."""
    return Group(Text(terminal_text(text)))


def warn(text: str) -> None:
    """Say something on stderr, so that `--json` stays alone on stdout."""
    _console(stderr=True).print(text, soft_wrap=True)


def quiet_libraries() -> None:
    """Switch off progress bars and advice of libraries: a command has its own."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()


@contextmanager
def stage(title: str, *, with_note: bool = False) -> Iterator[Any]:
    """A stage of a command; yields a progress callback where there is a bar, else None.

    Args:
        title: what is done.
        with_note: whether the callback takes a note beside done and total, which is shown with the time that is left.
    """
    err = _console(stderr=True)
    if not err.is_terminal:
        err.print(f"{title} ...")
        yield None
        return
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    width = 0 if with_note else 34  # with a note all of it must fit 80 columns
    named = TextColumn(f"{{task.description:<{width}}}", markup=False)
    columns: list[ProgressColumn] = [named, BarColumn(bar_width=12 if with_note else 24), TimeElapsedColumn()]
    if with_note:
        columns += [TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[note]}", markup=False)]
    with Progress(*columns, console=err) as progress:
        task = progress.add_task(terminal_text(title), total=None, note="")
        yield lambda done, total, note="": progress.update(task, completed=done, total=total, note=note)
        progress.update(task, completed=1, total=1)


def trained_on_simulated_data(router: PreTrainedRouter) -> bool:
    """Whether a router states that it was trained on simulated data."""
    return bool(router.config.training.get("benchmark", {}).get("simulated"))


def plain_table(title: str, columns: Sequence[str]) -> Table:
    """A plain table: the first column left-aligned, the others right-aligned."""
    table = _PlainTable(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(columns):
        # Where a name is too long for the terminal it goes on in the next line: a figure that is cut says nothing.
        table.add_column(name, justify="right" if index else "left", no_wrap=index > 0, overflow="fold")
    return table


def results_title(records: Sequence[ResultRecord]) -> str:
    """The data that records of `results.json` are about, as a line of its own: a table would wrap it."""
    from vlrouterbench.evaluation.view import results_caption

    return results_caption(records[0])


def results_table(records: Sequence[ResultRecord]) -> Table:
    """Records of `results.json` by Rank Score, narrow enough for 80 columns."""
    from vlrouterbench.evaluation.view import headings, result_rows

    table = plain_table("", headings(_RESULT_COLUMNS, short=True))
    for row in result_rows(records):
        table.add_row(*row.cells(_RESULT_COLUMNS), style="bold" if row.kind == "router" else "")
    return table


def summary(records: Sequence[ResultRecord]) -> list[dict[str, object]]:
    """The main figures of records, for scripts."""
    names = (
        "router",
        "split",
        "num_samples",
        "accuracy",
        "average_cost_usd",
        "rank_score",
        "ci95",
        "vs_mixture",
        "training_overlap",
        "objective",
        "headline",
        "accuracy_share",
        "cost_share",
    )
    return [{name: value for name, value in record.items() if name in (*names, "benchmark")} for record in records]


class _LiteralConsole(Console):
    """Prints text as it is, and what would act in it by its code."""

    def render_str(self, text: str, **how: Any) -> Text:
        """Text that is printed: a line, a cell, a heading or a title."""
        return super().render_str(terminal_text(text), **how)


class _PlainTable(Table):
    """A table whose cells are one line each."""

    def add_row(self, *cells: RenderableType | None, **how: Any) -> None:
        """Add a row."""
        super().add_row(*(one_line(cell) if isinstance(cell, str) else cell for cell in cells), **how)


def _console(*, stderr: bool = False) -> Console:
    return _LiteralConsole(stderr=stderr, highlight=False, markup=False, emoji=False)
