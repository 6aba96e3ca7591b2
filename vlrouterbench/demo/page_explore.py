"""The Explore tab: filters on the test split, one sample at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from vlrouterbench.demo.components import DECIDING, PRIVATE, fragment, in_plain_words
from vlrouterbench.demo.exploring import ALL, OUTCOMES, Explorer, Filter
from vlrouterbench.demo.ranking import unscored_html
from vlrouterbench.demo.workspace import Workspace

_NOTHING = '<p class="vrb-card" role="status">No sample of the test split passes these filters.</p>'


@dataclass(frozen=True)
class ExploreTab:
    """The functions that the tab's events call."""

    explorer: Explorer

    def show(self, dataset: str, group: str, outcome: str, number: float) -> tuple[Any, str, str, str]:
        """The sample with a number from 1 on among those that pass: the slider, text, image, candidates."""
        rows = self.explorer.rows(Filter(dataset, group, outcome))
        if not rows.size:
            return gr.update(maximum=1, value=1, label="Sample: none"), _NOTHING, "", ""
        number = min(max(1, int(number or 1)), rows.size)
        index = int(rows[number - 1])
        count = f'<p role="status"><strong>{rows.size:,} of {len(self.explorer.table):,} samples</strong></p>'
        return (
            gr.update(maximum=max(2, rows.size), value=number, label=f"Sample, 1 to {rows.size:,}"),
            count + self.explorer.sample_html(index),
            self.explorer.image_html(index),
            self.explorer.candidates_html(index),
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


def build_explore(workspace: Workspace) -> None:
    """Lay the tab out and connect it."""
    explorer = Explorer(workspace.test, workspace.explored, workspace.decisions[workspace.explored])
    tab = ExploreTab(explorer)
    _, first_text, first_image, first_candidates = tab.filtered(ALL, ALL, ALL)
    if workspace.unscored:
        fragment(unscored_html(workspace))
    kind = "policy" if workspace.unscored else "router"
    with gr.Row(elem_classes="vrb-columns"):
        with gr.Column(scale=3, min_width=280):
            dataset = gr.Dropdown(explorer.values_of("dataset"), value=ALL, label="Dataset", elem_id="dataset")
            group = gr.Dropdown(explorer.values_of("task_group"), value=ALL, label="Task group", elem_id="group")
            outcome = gr.Dropdown(
                list(OUTCOMES), value=ALL, label=f"Outcome ({kind}: {workspace.explored})", elem_id="outcome"
            )
            number = gr.Slider(
                1, max(2, len(workspace.test)), value=1, step=1, label=f"Sample, 1 to {len(workspace.test):,}"
            )
            with gr.Row():
                before = gr.Button("Previous", size="sm", min_width=80)
                after = gr.Button("Next", size="sm", min_width=80, elem_id="next")
        with gr.Column(scale=5, min_width=320):
            image = fragment(first_image, elem_id="sample-image")
            sample = fragment(first_text, elem_id="sample")
        with gr.Column(scale=4, min_width=320):
            candidates = fragment(first_candidates, elem_id="sample-candidates")
    folders = (workspace.folder.uploads, workspace.folder.root)
    filters, parts = [dataset, group, outcome], [number, sample, image, candidates]
    quick: dict[str, Any] = {
        "outputs": parts,
        "show_progress": "hidden",
        "trigger_mode": "always_last",
        **PRIVATE,
        **DECIDING,
    }
    for field in filters:
        field.input(in_plain_words(tab.filtered, folders), inputs=filters, **quick)
    number.input(in_plain_words(tab.show, folders), inputs=[*filters, number], **quick)
    before.click(in_plain_words(tab.previous, folders), inputs=[*filters, number], **quick)
    after.click(in_plain_words(tab.following, folders), inputs=[*filters, number], **quick)
