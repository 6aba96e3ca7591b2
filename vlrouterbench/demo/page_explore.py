"""The Explore tab: filters on the benchmark, a gallery of what passes, and one sample with estimates and outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from vlrouterbench.demo.components import DECIDING, PRIVATE, fragment, in_plain_words
from vlrouterbench.demo.exploring import ALL, LONGEST_SEARCH, OUTCOMES, TEST, Explorer, Filter, explorer_of
from vlrouterbench.demo.gallery import count_html, gallery_html, page_of
from vlrouterbench.demo.ranking import unscored_html
from vlrouterbench.demo.workspace import Workspace

_OPEN = """
element.addEventListener('click', (event) => {
  const tile = event.target.closest('button[data-row]');
  if (!tile) return;
  for (const other of element.querySelectorAll('button[data-row]')) other.setAttribute('aria-pressed', other === tile);
  trigger('open', {row: Number(tile.dataset.row)});
});
"""
_INTO_VIEW = "() => document.querySelector('#sample-image').scrollIntoView({block: 'nearest'})"


@dataclass(frozen=True)
class ExploreTab:
    """The functions that the tab's events call."""

    explorer: Explorer

    def filtered(self, *filters: Any) -> tuple[Any, ...]:
        """The first page of what passes: page number, count, gallery, and its first sample."""
        return self._page(filters, 1)

    def previous(self, *given: Any) -> tuple[Any, ...]:
        """The page before; `given` are the filters and the page's number."""
        return self._page(given[:-1], int(given[-1] or 1) - 1)

    def following(self, *given: Any) -> tuple[Any, ...]:
        """The page after."""
        return self._page(given[:-1], int(given[-1] or 1) + 1)

    def opened(self, event: gr.EventData) -> tuple[str, str, str]:
        """The sample of the tile that was pressed: image, words, candidates."""
        row = event._data.get("row") if isinstance(event._data, dict) else None
        if not isinstance(row, int) or not 0 <= row < len(self.explorer.table):
            return gr.skip(), gr.skip(), gr.skip()
        return self._sample(row)

    def _page(self, filters: tuple[Any, ...], number: int) -> tuple[Any, ...]:
        split, dataset, group, outcome, text, unfamiliar = filters
        page = page_of(self.explorer, Filter(split, dataset, group, outcome, text or "", bool(unfamiliar)), number)
        shown = self._sample(int(page.rows[0])) if page.total else ("", "", "")
        return page.number, count_html(self.explorer, page), gallery_html(self.explorer, page), *shown

    def _sample(self, row: int) -> tuple[str, str, str]:
        return self.explorer.image_html(row), self.explorer.sample_html(row), self.explorer.candidates_html(row)


def build_explore(workspace: Workspace) -> None:
    """Lay the tab out and connect it."""
    explorer = explorer_of(workspace)
    tab = ExploreTab(explorer)
    if workspace.unscored:
        fragment(unscored_html(workspace))
    filters = _filters(explorer, "policy" if workspace.unscored else "router")
    first = tab.filtered(*(field.value for field in filters))
    number = gr.State(first[0])
    with gr.Row(elem_classes="vrb-columns"):
        with gr.Column(scale=5, min_width=320):
            count = fragment(first[1], elem_id="count")
            gallery = fragment(first[2], elem_id="gallery", js_on_load=_OPEN)
            with gr.Row():
                before = gr.Button("Previous page", size="sm", min_width=80)
                after = gr.Button("Next page", size="sm", min_width=80, elem_id="next")
        with gr.Column(scale=3, min_width=280):
            image, sample = fragment(first[3], elem_id="sample-image"), fragment(first[4], elem_id="sample")
        with gr.Column(scale=5, min_width=320):
            candidates = fragment(first[5], elem_id="sample-candidates")
    folders = (workspace.folder.uploads, workspace.folder.root)
    shown = [image, sample, candidates]
    quick: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last", **PRIVATE, **DECIDING}
    page = {"outputs": [number, count, gallery, *shown], **quick}
    for field in filters:
        field.input(in_plain_words(tab.filtered, folders), inputs=filters, **page)
    before.click(in_plain_words(tab.previous, folders), inputs=[*filters, number], **page)
    after.click(in_plain_words(tab.following, folders), inputs=[*filters, number], **page)
    gallery.open(in_plain_words(tab.opened, folders), outputs=shown, **quick).then(fn=None, js=_INTO_VIEW, **PRIVATE)


def _filters(explorer: Explorer, kind: str) -> list[Any]:
    """The fields in the order of Filter's; a filter that nothing could pass is not shown."""
    splits = explorer.splits
    unlike = explorer.estimates is not None and explorer.estimates.unfamiliar is not None
    with gr.Row(elem_classes="vrb-filters"):
        return [
            gr.Dropdown([ALL, *splits], value=TEST, label="Split", elem_id="split", min_width=120),
            gr.Dropdown(explorer.values_of("dataset"), value=ALL, label="Dataset", elem_id="dataset", min_width=140),
            gr.Dropdown(
                explorer.values_of("task_group"), value=ALL, label="Task group", elem_id="group", min_width=140
            ),
            gr.Dropdown(
                list(OUTCOMES),
                value=ALL,
                label=f"Outcome ({kind}: {explorer.router})",
                elem_id="outcome",
                min_width=140,
            ),
            gr.Textbox(
                label="Text in the question", max_length=LONGEST_SEARCH, lines=1, elem_id="search", min_width=140
            ),
            gr.Checkbox(
                label="unfamiliar only",
                visible=unlike,
                container=True,
                elem_id="unfamiliar",
                min_width=120,
            ),
        ]
