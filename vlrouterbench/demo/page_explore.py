"""The Explore tab: the test split through filters, one sample at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from vlrouterbench.demo.components import DECIDING, PRIVATE, fragment, in_plain_words
from vlrouterbench.demo.exploring import ALL, OUTCOMES, Explorer, Filter
from vlrouterbench.demo.workspace import Ground

_NOTHING = '<p class="vrb-card" role="status">No sample of the test split passes these filters.</p>'


@dataclass(frozen=True)
class ExploreTab:
    """What the tab's events call."""

    explorer: Explorer

    def show(self, dataset: str, group: str, outcome: str, number: float) -> tuple[Any, str, str, str]:
        """The sample at a number from 1 on among those that pass: the slider, words, picture, candidates."""
        rows = self.explorer.rows(Filter(dataset, group, outcome))
        if not rows.size:
            return gr.update(maximum=1, value=1, label="Sample: none"), _NOTHING, "", ""
        number = min(max(1, int(number or 1)), rows.size)
        place = int(rows[number - 1])
        said = f'<p role="status"><strong>{rows.size:,} of {len(self.explorer.table):,} samples</strong></p>'
        return (
            gr.update(maximum=max(2, rows.size), value=number, label=f"Sample, 1 to {rows.size:,}"),
            said + self.explorer.sample_html(place),
            self.explorer.picture_html(place),
            self.explorer.candidates_html(place),
        )

    def filtered(self, dataset: str, group: str, outcome: str) -> tuple[Any, str, str, str]:
        """The first sample that passes."""
        return self.show(dataset, group, outcome, 1)

    def previous(self, dataset: str, group: str, outcome: str, number: float) -> tuple[Any, str, str, str]:
        """The sample before."""
        return self.show(dataset, group, outcome, number - 1)

    def following(self, dataset: str, group: str, outcome: str, number: float) -> tuple[Any, str, str, str]:
        """The sample after."""
        return self.show(dataset, group, outcome, number + 1)


def build_explore(ground: Ground) -> None:
    """Lay the tab out and connect it."""
    explorer = Explorer(ground.test, ground.judged, ground.decisions[ground.judged])
    tab = ExploreTab(explorer)
    _, words, image, listed = tab.filtered(ALL, ALL, ALL)
    with gr.Row(elem_classes="vrb-columns"):
        with gr.Column(scale=3, min_width=280):
            dataset = gr.Dropdown(explorer.values_of("dataset"), value=ALL, label="Dataset", elem_id="dataset")
            group = gr.Dropdown(explorer.values_of("task_group"), value=ALL, label="Task group", elem_id="group")
            outcome = gr.Dropdown(
                list(OUTCOMES), value=ALL, label=f"Outcome (router: {ground.judged})", elem_id="outcome"
            )
            number = gr.Slider(1, max(2, len(ground.test)), value=1, step=1, label=f"Sample, 1 to {len(ground.test):,}")
            with gr.Row():
                before = gr.Button("Previous", size="sm", min_width=80)
                after = gr.Button("Next", size="sm", min_width=80, elem_id="next")
        with gr.Column(scale=5, min_width=320):
            picture = fragment(image, elem_id="sample-picture")
            sample = fragment(words, elem_id="sample")
        with gr.Column(scale=4, min_width=320):
            candidates = fragment(listed, elem_id="sample-candidates")
    places = (ground.place.uploads, ground.place.folder)
    filters, parts = [dataset, group, outcome], [number, sample, picture, candidates]
    quick = {"outputs": parts, "show_progress": "hidden", "trigger_mode": "always_last", **PRIVATE, **DECIDING}
    for chosen in filters:
        chosen.input(in_plain_words(tab.filtered, places), inputs=filters, **quick)
    number.input(in_plain_words(tab.show, places), inputs=[*filters, number], **quick)
    before.click(in_plain_words(tab.previous, places), inputs=[*filters, number], **quick)
    after.click(in_plain_words(tab.following, places), inputs=[*filters, number], **quick)
