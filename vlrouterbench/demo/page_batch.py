"""The Batch tab: a table and a zip of images -> a file of decisions, with a progress bar."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from vlrouterbench.data.saved_tables.form import SUFFIXES
from vlrouterbench.demo.batch import BatchFiles, BatchRouting, preview_html, routed_html
from vlrouterbench.demo.components import (
    DECIDING,
    HEAVY,
    PRIVATE,
    amount_control,
    budget_controls,
    fragment,
    in_plain_words,
    shown_controls,
)
from vlrouterbench.demo.controls import Preference, start_position
from vlrouterbench.demo.errors import DemoError
from vlrouterbench.demo.examples import sample_files
from vlrouterbench.demo.leading_html import leads_to_html
from vlrouterbench.demo.workspace import Workspace
from vlrouterbench.evaluation.writing import DECISIONS_FILE
from vlrouterbench.routers.registry import family_name
from vlrouterbench.routing.limits import LIMITS, MIB
from vlrouterbench.routing.routed_table import RoutedTable

_RESULTS = "batch-"
_KEPT_SECONDS = 3600
_HELP = f"""
**Table**: CSV, TSV, Excel, JSON or parquet with a column `question`; optional `sample_id`, `image` (name of a file in
the zip), `hint`, `options` (`["red", "blue"]` or `red|blue`). At most {LIMITS.table_rows:,} rows.
**Images**: one zip archive of PNG, JPEG or WebP files, at most {LIMITS.archive_bytes // MIB} MiB.
Good rows are decided, bad rows are listed. Nothing is kept longer than an hour.
"""


@dataclass(frozen=True)
class BatchDesk:
    """Decides batches and offers their files for download."""

    workspace: Workspace

    def run(
        self, files: BatchFiles, preference: Preference, excluded: list[str], progress: Any
    ) -> tuple[list[str], RoutedTable]:
        """The paths of the files of decisions (parquet, csv), none where no row could be decided, and the outcome."""
        router = self.workspace.router
        name = self.workspace.explored if self.workspace.explored != "mixture" else family_name(router)
        routed = BatchRouting(router, name, preference, excluded).run(
            files, lambda done, total: progress((done, total), desc="rows decided", unit="rows")
        )
        if not routed.decisions:
            return [], routed
        self._clear()
        folder = Path(tempfile.mkdtemp(prefix=_RESULTS, dir=self.workspace.folder.uploads))
        names = (DECISIONS_FILE, Path(DECISIONS_FILE).with_suffix(".csv").name)
        return [str(routed.write(folder / name)) for name in names], routed

    def _clear(self) -> None:
        """Remove old results."""
        for folder in self.workspace.folder.uploads.glob(f"{_RESULTS}*"):
            if time.time() - folder.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class BatchTab:
    """The functions that the tab's events call."""

    desk: BatchDesk

    def decide(
        self,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how the library finds it
        table: str | None = None,
        images: str | None = None,
        *controls: Any,
    ) -> tuple[Any, str]:
        """Decide every row: the files of decisions, and what became of the rows."""
        if table is None:
            raise DemoError("Upload a table first.")
        paths, routed = self.desk.run(BatchFiles(table, images), Preference(*controls), [], progress)
        return gr.update(value=paths or None, visible=bool(paths)), routed_html(routed)

    def preview(self, table: str | None) -> tuple[str, Any]:
        """The first rows of an uploaded table; decisions on an earlier one go."""
        return ("" if table is None else preview_html(table)), gr.update(value=None, visible=False)

    def lead(self, *controls: Any) -> str:
        """What a setting leads to."""
        return leads_to_html(self.desk.workspace, Preference(*controls))

    def switch(self, kind: str, *controls: Any) -> tuple[Any, ...]:
        """The controls of another kind of budget, and what it leads to."""
        return *shown_controls(kind, controls[3]), self.lead(kind, *controls)

    def another_objective(self, *controls: Any) -> tuple[Any, str]:
        """The number of another objective, and what it leads to."""
        shown, start = amount_control(controls[-2])
        return shown, self.lead(*controls[:-1], start)


def build_batch(workspace: Workspace) -> None:
    """Lay the tab out and connect it."""
    tab = BatchTab(BatchDesk(workspace))
    given = [str(path) for path in sample_files(workspace.test, workspace.folder.examples)]
    first = Preference(position=start_position(workspace.router))
    with gr.Row(elem_classes="vrb-columns"):
        with gr.Column(scale=3, min_width=280):
            table = gr.File(label="Table of questions", file_types=SUFFIXES, height=125, elem_id="batch-table")
            images = gr.File(label="Images (zip), optional", file_types=[".zip"], height=125, elem_id="batch-zip")
            with gr.Row():
                sample = gr.Button("Take a sample", size="sm", min_width=80, elem_id="batch-sample")
                gr.DownloadButton("Download the sample", given[0], size="sm", min_width=80, elem_id="batch-sample-file")
            controls = budget_controls(start_position(workspace.router), visible=workspace.router.calibrated)
            leads = fragment(leads_to_html(workspace, first), elem_id="batch-leads-to")
            start = gr.Button("Decide all rows", variant="primary", elem_id="batch-start")
        with gr.Column(scale=5, min_width=320):
            gr.Markdown(_HELP)
            outcome = fragment("", elem_id="batch-words", min_height=60)
            decisions = gr.File(
                label="Decisions (parquet and CSV)",
                file_count="multiple",
                interactive=False,
                visible=False,
                height=110,
                elem_id="batch-decisions",
            )
    sample.click(lambda: given, outputs=[table, images], show_progress="hidden", **PRIVATE)
    _connect(tab, (table, images, start), controls, (decisions, outcome, leads))


def _connect(
    tab: BatchTab, inputs: tuple[Any, Any, Any], controls: tuple[Any, ...], outputs: tuple[Any, Any, Any]
) -> None:
    table, images, start = inputs
    decisions, outcome, leads = outputs
    kind, slider, usd, percent, objective, amount = controls
    folders = (tab.desk.workspace.folder.uploads, tab.desk.workspace.folder.root)

    def plain(work: Any) -> Any:
        return in_plain_words(work, folders)

    deciding = {"inputs": [table, images, *controls], "outputs": [decisions, outcome], "show_progress_on": outcome}
    start.click(plain(tab.decide), **deciding, **PRIVATE, **HEAVY)
    quick = {"show_progress": "hidden", "trigger_mode": "always_last"}
    table.change(plain(tab.preview), inputs=table, outputs=[outcome, decisions], **quick, **PRIVATE, **HEAVY)
    every = {"inputs": list(controls), **quick}
    slider.change(plain(tab.lead), outputs=leads, **every, **PRIVATE, **DECIDING)
    for number in (usd, percent, amount):
        number.input(plain(tab.lead), outputs=leads, **every, **PRIVATE, **DECIDING)
    kind.change(plain(tab.switch), outputs=[*controls[1:], leads], **every, **PRIVATE, **DECIDING)
    objective.input(plain(tab.another_objective), outputs=[amount, leads], **every, **PRIVATE, **DECIDING)
