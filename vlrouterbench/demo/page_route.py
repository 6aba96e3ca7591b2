"""The Route tab: an image, a question, one slider; the chosen candidate, the reason, every candidate as point and row.

Decisions
- It opens with an example that is already decided: a visitor sees what the page is for before typing anything.
- Features of the last question stay with the visitor's session: slider, budgets and exclusions decide again on them.
- Examples and candidates are plain buttons and boxes in HTML, so that the keyboard reaches each; after a table was
  replaced the focus returns to the box that was pressed.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from typing import Any

import gradio as gr

from vlrouterbench.demo.answer_html import WAITING, candidate_table, choice_card, figure, nobody_card
from vlrouterbench.demo.asking import Asking
from vlrouterbench.demo.components import (
    DECIDING,
    PRIVATE,
    amount_control,
    budget_controls,
    fragment,
    image_field,
    in_plain_words,
    shown_controls,
)
from vlrouterbench.demo.controls import Preference, start_position
from vlrouterbench.demo.deciding import answer, encode, estimated
from vlrouterbench.demo.errors import NobodyFitsError
from vlrouterbench.demo.examples import Example, buttons_html, example_samples
from vlrouterbench.demo.leading_html import leads_to_html
from vlrouterbench.demo.page_asking import AskTab, answers_field, ask_buttons, connect_asking
from vlrouterbench.demo.workspace import Workspace
from vlrouterbench.routing.limits import LIMITS, image_from_file

_KEPT_SECONDS = 3600
_PICK = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-index]');
  if (button) trigger('pick', {index: Number(button.dataset.index)});
});
"""
_TOGGLE = """
let pressed = null;
const boxes = () => Array.from(element.querySelectorAll('input[data-candidate]'));
element.addEventListener('change', (event) => {
  const box = event.target.closest('input[data-candidate]');
  if (!box) return;
  pressed = box.dataset.candidate;
  trigger('toggle', {excluded: boxes().filter((b) => !b.checked).map((b) => b.dataset.candidate)});
});
watch('value', () => {
  const box = boxes().find((b) => b.dataset.candidate === pressed);
  if (box) box.focus({preventScroll: true});
  pressed = null;
});
"""


@dataclass
class RouteTab:
    """The functions that the tab's events call; each returns new values of the parts that it changes."""

    workspace: Workspace
    examples: list[Example] = field(default_factory=list)

    def ask(self, image: str | None, question: str, *settings: Any) -> tuple[Any, ...]:
        """Read a question and decide: features, and what `decide` returns."""
        content = None if image is None else image_from_file(image)
        features = encode(self.workspace.router, question, content)
        return features, *self.decide(features, *settings)

    def image_changed(self, image: str | None, question: str, *settings: Any) -> tuple[Any, ...]:
        """As `ask` after an image was added or removed; with nothing left to decide on, an empty answer."""
        if image is None and not (question or "").strip():
            return None, *self.decide(None, *settings)
        return self.ask(image, question, *settings)

    def decide(self, features: Any, *settings: Any) -> tuple[str, str, str, str]:
        """Decide on features that were kept: choice, figure, table, and what the setting leads to.

        Args:
            features: as `ask` returns them, None before there was a question.
            settings: values of the controls, then the names of excluded candidates.
        """
        *controls, excluded = settings
        preference, router = Preference(*controls), self.workspace.router
        leads = leads_to_html(self.workspace, preference, excluded)
        if features is None:
            return WAITING, "", "", leads
        try:
            answered = answer(router, features, preference, excluded=excluded, strongest=self.workspace.strongest)
            card, points = choice_card(answered), answered.points
        except NobodyFitsError as error:
            # An earlier choice does not stay: it is not what this budget leads to.
            card, points = nobody_card(str(error)), estimated(router, features, excluded)
        shown = {"calibrated": router.calibrated}
        return card, figure(points, **shown), candidate_table(points, **shown), leads

    def switch(self, features: Any, kind: str, *settings: Any) -> tuple[Any, ...]:
        """Another kind of budget: its controls, and the decision under it where its number was entered."""
        shown = shown_controls(kind, settings[3])
        return *shown, *self._decided(features, kind, *settings)

    def another_objective(self, features: Any, *settings: Any) -> tuple[Any, ...]:
        """Another objective: the field of its number, and the decision where none is needed or one is there."""
        *controls, _, excluded = settings
        shown, start = amount_control(controls[-1])
        return shown, *self._decided(features, *controls, start, excluded)

    def _decided(self, features: Any, *settings: Any) -> tuple[Any, ...]:
        if not Preference(*settings[:-1]).is_complete:
            return gr.skip(), gr.skip(), gr.skip(), ""
        return self.decide(features, *settings)

    def toggle(self, event: gr.EventData, features: Any, *controls: Any) -> tuple[Any, ...]:
        """Candidates excluded or allowed by their boxes."""
        names = event._data.get("excluded") if isinstance(event._data, dict) else None
        excluded = [str(name) for name in names or ()][: len(self.workspace.router.config.candidates)]
        return excluded, *self.decide(features, *controls, excluded)

    def pick(self, event: gr.EventData, *settings: Any) -> tuple[Any, ...]:
        """An example: its image and question, and the decision on them."""
        index = event._data.get("index") if isinstance(event._data, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(self.examples):
            return tuple(gr.skip() for _ in range(7))
        example = self.examples[index]
        image = None if example.image is None else str(example.image)
        return image, example.question, *self.ask(image, example.question, *settings)


def build_route(workspace: Workspace, asking: Asking) -> None:
    """Lay the tab out and connect it; `asking` says whom it may ask."""
    tab = RouteTab(workspace, example_samples(workspace.test, workspace.folder.examples))
    first = tab.examples[0] if tab.examples else None
    first_image = str(first.image) if first is not None and first.image is not None else None
    settings = (*astuple(Preference(position=start_position(workspace.router))), [])
    features, card, drawn, listed, leads = None, *tab.decide(None, *settings)
    if first is not None:
        features, card, drawn, listed, leads = tab.ask(first_image, first.question, *settings)
    kept, excluded = gr.State(features, time_to_live=_KEPT_SECONDS), gr.State([], time_to_live=_KEPT_SECONDS)
    with gr.Row(elem_classes="vrb-columns"):
        with gr.Column(scale=4, min_width=280):
            image = image_field(
                value=first_image,
                sources=["upload", "clipboard"],
                label="Image (PNG, JPEG or WebP)",
                show_label=False,
                height=150,
                buttons=[],
                elem_id="image",
            )
            examples = fragment(buttons_html(tab.examples), js_on_load=_PICK)
            question = gr.Textbox(
                value=first.question if first else "",
                label="Question (Enter decides)",
                lines=1,
                max_lines=3,
                max_length=LIMITS.text_chars,
                elem_id="question",
            )
            controls = budget_controls(start_position(workspace.router), visible=workspace.router.calibrated)
            consequences = fragment(leads, elem_id="leads-to")
            with gr.Row():
                route = gr.Button("Route", variant="primary", elem_id="route", min_width=80)
                buttons = ask_buttons(asking)
        with gr.Column(scale=5, min_width=320):
            choice = fragment(card, elem_id="choice")
            asked = answers_field()
            plot = fragment(drawn, elem_id="points")
        with gr.Column(scale=4, min_width=320):
            candidates = fragment(listed, js_on_load=_TOGGLE, elem_id="candidates")
    _connect(
        tab, (image, question, examples, route), controls, (kept, excluded), (choice, plot, candidates, consequences)
    )
    folders = (workspace.folder.uploads, workspace.folder.root)
    ask = AskTab(workspace, asking)
    connect_asking(
        ask, buttons, asked, [image, question, *controls, excluded], lambda work: in_plain_words(work, folders)
    )
    examples.pick(fn=None, js="() => ''", outputs=asked, **PRIVATE)


def _connect(
    tab: RouteTab,
    inputs: tuple[Any, Any, Any, Any],
    controls: tuple[Any, ...],
    kept: tuple[Any, Any],
    drawn: tuple[Any, ...],
) -> None:
    image, question, examples, route = inputs
    features, excluded = kept
    kind, slider, usd, percent, objective, amount = controls
    folders = (tab.workspace.folder.uploads, tab.workspace.folder.root)
    settings = [*controls, excluded]

    def plain(work: Any) -> Any:
        return in_plain_words(work, folders)

    asking = {"inputs": [image, question, *settings], "outputs": [features, *drawn], "show_progress": "minimal"}
    for event in (route.click, question.submit):
        event(plain(tab.ask), **asking, **PRIVATE, **DECIDING)
    for event in (image.upload, image.clear, question.blur):
        event(plain(tab.image_changed), **asking, **PRIVATE, **DECIDING)
    quick = {"show_progress": "hidden", "trigger_mode": "always_last"}
    with_features = {"inputs": [features, *settings], **quick}
    slider.change(plain(tab.decide), outputs=list(drawn), **with_features, **PRIVATE, **DECIDING)
    for number in (usd, percent, amount):
        number.input(plain(tab.decide), outputs=list(drawn), **with_features, **PRIVATE, **DECIDING)
    kind.change(plain(tab.switch), outputs=[*controls[1:], *drawn], **with_features, **PRIVATE, **DECIDING)
    objective.input(plain(tab.another_objective), outputs=[amount, *drawn], **with_features, **PRIVATE, **DECIDING)
    toggled = {"inputs": [features, *controls], "outputs": [excluded, *drawn]}
    drawn[2].toggle(plain(tab.toggle), **toggled, **quick, **PRIVATE, **DECIDING)
    picked = {"inputs": settings, "outputs": [image, question, features, *drawn], "show_progress": "hidden"}
    examples.pick(plain(tab.pick), **picked, **PRIVATE, **DECIDING)
