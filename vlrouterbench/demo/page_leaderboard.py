"""The Leaderboard tab: the figures of the evaluation, and the rank that a visitor's file of decisions would have.

Decisions
- What is shown before anybody submits is kept in the app's folder: scoring and drawing it takes seconds of each start.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from vlrouterbench.core.files import write_json
from vlrouterbench.demo.components import HEAVY, PRIVATE, fragment, in_plain_words
from vlrouterbench.demo.ranking import frontier_figure, ranked_records, ranking_html, ranking_summary, unscored_html
from vlrouterbench.demo.workspace import Workspace


def build_leaderboard(workspace: Workspace) -> None:
    """Lay the tab out and connect it."""

    def rank(path: str | None) -> tuple[str, str, str]:
        records = ranked_records(workspace, path)
        return (
            ranking_summary(records) + unscored_html(workspace),
            ranking_html(records),
            frontier_figure(workspace, records),
        )

    first_summary, first_table, first_figure = _kept(workspace.folder.leaderboard, partial(rank, None))
    with gr.Row(elem_classes="vrb-columns"):
        with gr.Column(scale=7, min_width=320):
            summary = fragment(first_summary, elem_id="ranking-summary")
            table = fragment(first_table, elem_id="ranking")
            submission = gr.File(
                label="Rank your decisions.parquet",
                file_types=[".parquet"],
                type="filepath",
                height=140,
                elem_id="submission",
            )
        with gr.Column(scale=6, min_width=320):
            figure = fragment(first_figure, elem_id="frontier")
    parts: dict[str, Any] = {"inputs": [submission], "outputs": [summary, table, figure], "show_progress": "minimal"}
    answered = in_plain_words(rank, (workspace.folder.uploads, workspace.folder.root))
    submission.upload(answered, **parts, **PRIVATE, **HEAVY)
    submission.clear(answered, **parts, **PRIVATE, **HEAVY)


def _kept(path: Path, make: Callable[[], tuple[str, str, str]]) -> tuple[str, str, str]:
    """Summary, table and figure of a file, made and written where there is none."""
    if not path.is_file():
        write_json(path, make())
    summary, table, figure = json.loads(path.read_text(encoding="utf-8"))
    return summary, table, figure
