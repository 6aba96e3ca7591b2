"""The Leaderboard tab: figures of the evaluation, and where a visitor's file of decisions would stand."""

from __future__ import annotations

from typing import Any

import gradio as gr

from vlrouterbench.demo.components import HEAVY, PRIVATE, fragment, in_plain_words
from vlrouterbench.demo.ranking import first_words, frontier_figure, standings, standings_html
from vlrouterbench.demo.workspace import Ground


def build_leaderboard(ground: Ground) -> None:
    """Lay the tab out and connect it."""

    def place(path: str | None) -> tuple[str, str, str]:
        records = standings(ground, path)
        return first_words(records), standings_html(records), frontier_figure(ground, records)

    words, listed, drawn = place(None)
    with gr.Row(elem_classes="vrb-columns"):
        with gr.Column(scale=7, min_width=320):
            said = fragment(words, elem_id="standing-words")
            table = fragment(listed, elem_id="standings")
            submission = gr.File(
                label="Place your decisions.parquet",
                file_types=[".parquet"],
                type="filepath",
                height=140,
                elem_id="submission",
            )
        with gr.Column(scale=5, min_width=320):
            figure = fragment(drawn, elem_id="frontier")
    parts: dict[str, Any] = {"inputs": [submission], "outputs": [said, table, figure], "show_progress": "minimal"}
    answered = in_plain_words(place, (ground.place.uploads, ground.place.folder))
    submission.upload(answered, **parts, **PRIVATE, **HEAVY)
    submission.clear(answered, **parts, **PRIVATE, **HEAVY)
