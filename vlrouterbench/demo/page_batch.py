"""The Batch tab: a table and a zip of pictures -> a file of decisions, with a progress bar."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from vlrouterbench.demo.batch import BatchFiles, BatchResult, BatchRouting
from vlrouterbench.demo.components import HEAVY, PRIVATE, fragment, in_plain_words, knobs, shown_knobs
from vlrouterbench.demo.controls import Wish, dearest_usd, position_of
from vlrouterbench.demo.workspace import Ground
from vlrouterbench.evaluation.writing import DECISIONS_FILE
from vlrouterbench.routers.registry import family_name
from vlrouterbench.routing.limits import LIMITS, MIB, DemoError
from vlrouterbench.routing.question_table import SEPARATOR

_RESULTS = "batch-"
_KEPT_SECONDS = 3600
_HELP = f"""
**Table**: CSV or parquet with a column `question`; optional `sample_id`, `image` (a file's name in the zip), `hint`,
`options` (separated by `{SEPARATOR}`). At most {LIMITS.table_rows:,} rows.
**Pictures**: one zip of PNG, JPEG or WebP files, at most {LIMITS.archive_bytes // MIB} MiB.
Good rows are decided, bad rows are listed. Nothing is kept longer than an hour.
"""


@dataclass(frozen=True)
class BatchDesk:
    """Decides batches and hands out their files."""

    ground: Ground

    def run(self, files: BatchFiles, wish: Wish, excluded: list[str], progress: Any) -> tuple[str | None, BatchResult]:
        """The path of the file of decisions, None where no row was good, and what became of the rows."""
        router = self.ground.router
        name = self.ground.judged if self.ground.judged != "mixture" else family_name(router)
        result = BatchRouting(router, name, wish, excluded).run(
            files, lambda done, total: progress((done, total), desc="rows decided", unit="rows")
        )
        if not result.decided:
            return None, result
        self._clear()
        folder = Path(tempfile.mkdtemp(prefix=_RESULTS, dir=self.ground.place.uploads))
        return str(result.write(folder / DECISIONS_FILE)), result

    def _clear(self) -> None:
        """Remove results that nobody will fetch any more."""
        for folder in self.ground.place.uploads.glob(f"{_RESULTS}*"):
            if time.time() - folder.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def build_batch(ground: Ground) -> None:
    """Lay the tab out and connect it."""
    desk = BatchDesk(ground)
    weight = getattr(ground.router.config, "usd_weight", 0.0)
    with gr.Row(elem_classes="vrb-columns"):
        with gr.Column(scale=3, min_width=280):
            table = gr.File(
                label="Table (CSV or parquet)", file_types=[".csv", ".parquet"], height=130, elem_id="batch-table"
            )
            pictures = gr.File(label="Pictures (zip), optional", file_types=[".zip"], height=130, elem_id="batch-zip")
            wish = knobs(position_of(weight, dearest_usd(ground.router)), visible=ground.router.calibrated)
            start = gr.Button("Decide all rows", variant="primary", elem_id="batch-start")
        with gr.Column(scale=5, min_width=320):
            gr.Markdown(_HELP)
            said = fragment("", elem_id="batch-words", min_height=60)
            made = gr.File(label="Decisions (parquet)", interactive=False, height=130, elem_id="batch-decisions")

    def decide(
        table: str | None,
        pictures: str | None,
        kind: str,
        position: float,
        usd: float | None,
        percent: float | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how the library finds it
    ) -> tuple[str | None, str]:
        if table is None:
            raise DemoError("Upload a table first.")
        path, result = desk.run(BatchFiles(table, pictures), Wish(kind, position, usd, percent), [], progress)
        return path, result.html()

    answered = in_plain_words(decide, (ground.place.uploads, ground.place.folder))
    start.click(
        answered, inputs=[table, pictures, *wish], outputs=[made, said], show_progress_on=said, **PRIVATE, **HEAVY
    )
    wish[0].change(shown_knobs, inputs=wish[0], outputs=list(wish[1:]), show_progress="hidden", **PRIVATE)
