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
from vlrouterbench.demo.batch import BatchFiles, BatchRouting, routed_html
from vlrouterbench.demo.components import HEAVY, PRIVATE, budget_controls, fragment, in_plain_words, shown_control
from vlrouterbench.demo.controls import Preference, start_position
from vlrouterbench.demo.errors import DemoError
from vlrouterbench.demo.examples import sample_files
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


def build_batch(workspace: Workspace) -> None:
    """Lay the tab out and connect it."""
    desk = BatchDesk(workspace)
    with gr.Row(elem_classes="vrb-columns"):
        with gr.Column(scale=3, min_width=280):
            table = gr.File(label="Table of questions", file_types=SUFFIXES, height=130, elem_id="batch-table")
            images = gr.File(label="Images (zip), optional", file_types=[".zip"], height=130, elem_id="batch-zip")
            controls = budget_controls(start_position(workspace.router), visible=workspace.router.calibrated)
            sample = gr.Button("Take a sample table and its images", size="sm", elem_id="batch-sample")
            start = gr.Button("Decide all rows", variant="primary", elem_id="batch-start")
        with gr.Column(scale=5, min_width=320):
            gr.Markdown(_HELP)
            outcome = fragment("", elem_id="batch-words", min_height=60)
            decisions = gr.File(
                label="Decisions (parquet and CSV)",
                file_count="multiple",
                interactive=False,
                height=130,
                elem_id="batch-decisions",
            )

    def decide(
        table: str | None,
        images: str | None,
        kind: str,
        position: float,
        usd: float | None,
        percent: float | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how the library finds it
    ) -> tuple[list[str] | None, str]:
        if table is None:
            raise DemoError("Upload a table first.")
        paths, routed = desk.run(BatchFiles(table, images), Preference(kind, position, usd, percent), [], progress)
        return paths or None, routed_html(routed)

    answered = in_plain_words(decide, (workspace.folder.uploads, workspace.folder.root))
    given = sample_files(workspace.test, workspace.folder.examples)
    sample.click(lambda: [str(path) for path in given], outputs=[table, images], show_progress="hidden", **PRIVATE)
    start.click(
        answered,
        inputs=[table, images, *controls],
        outputs=[decisions, outcome],
        show_progress_on=outcome,
        **PRIVATE,
        **HEAVY,
    )
    controls[0].change(shown_control, inputs=controls[0], outputs=list(controls[1:]), show_progress="hidden", **PRIVATE)
