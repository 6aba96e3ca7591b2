"""The Route tab: a picture, a question, one slider; who is asked, why, and every candidate as a point and a row.

Decisions
- It opens with an example that is decided already: what the page is for is seen before anything is typed.
- Features of the last question stay with the visitor's session: slider, budgets and exclusions decide anew on them.
- Examples and candidates are plain buttons and boxes in HTML, so that the keyboard reaches each; after a table was
  drawn anew the focus returns to the box that was pressed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from vlrouterbench.demo.answer_html import WAITING, candidate_table, choice_card, figure
from vlrouterbench.demo.components import DECIDING, PRIVATE, fragment, in_plain_words, knobs, picture_field, shown_knobs
from vlrouterbench.demo.controls import Wish, dearest_usd, position_of
from vlrouterbench.demo.deciding import answer, encode
from vlrouterbench.demo.examples import TryOut, buttons_html, try_outs
from vlrouterbench.demo.workspace import Ground
from vlrouterbench.routing.limits import LIMITS, picture_from_file

_KEPT_SECONDS = 3600
_PICK = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-place]');
  if (button) trigger('pick', {place: Number(button.dataset.place)});
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
    """What the tab's events call; each gives the values of the parts that it draws anew."""

    ground: Ground
    examples: list[TryOut] = field(default_factory=list)

    @property
    def start(self) -> int:
        """Where the slider starts: at the router's own choice."""
        weight = getattr(self.ground.router.config, "usd_weight", 0.0)
        return position_of(weight, dearest_usd(self.ground.router))

    def ask(self, picture: str | None, question: str, *wish_and_excluded: Any) -> tuple[Any, str, str, str]:
        """Read a question and decide: features, choice, figure, table."""
        seen = None if picture is None else picture_from_file(picture)
        features = encode(self.ground.router, question, seen)
        return features, *self.decide(features, *wish_and_excluded)

    def look(self, picture: str | None, question: str, *wish_and_excluded: Any) -> tuple[Any, str, str, str]:
        """As `ask` after a picture came or went; with nothing left to decide on, an empty answer."""
        if picture is None and not (question or "").strip():
            return None, *self.decide(None, *wish_and_excluded)
        return self.ask(picture, question, *wish_and_excluded)

    def decide(
        self, features: Any, kind: str, position: float, usd: float | None, percent: float | None, excluded: list[str]
    ) -> tuple[str, str, str]:
        """Decide on kept features: choice, figure, table."""
        if features is None:
            return WAITING, "", ""
        router = self.ground.router
        wish = Wish(kind, position, usd, percent)
        found = answer(router, features, wish, excluded=excluded, strongest=self.ground.strongest)
        return choice_card(found), figure(found), candidate_table(found.points, calibrated=found.calibrated)

    def switch(self, kind: str, features: Any, *rest: Any) -> tuple[Any, ...]:
        """Another kind of budget: its field, and the decision under it where its number is known."""
        shown = shown_knobs(kind)
        wish = Wish(kind, *rest[:3])
        known = wish.is_complete and features is not None
        drawn = self.decide(features, kind, *rest) if known else (gr.skip(), gr.skip(), gr.skip())
        return *shown, *drawn

    def toggle(self, event: gr.EventData, features: Any, *wish: Any) -> tuple[Any, ...]:
        """Candidates excluded or allowed by their boxes."""
        given = event._data.get("excluded") if isinstance(event._data, dict) else None
        excluded = [str(name) for name in given or ()][: len(self.ground.router.config.candidates)]
        return excluded, *self.decide(features, *wish, excluded)

    def pick(self, event: gr.EventData, *wish_and_excluded: Any) -> tuple[Any, ...]:
        """An example: its picture and question, and the decision on them."""
        place = event._data.get("place") if isinstance(event._data, dict) else None
        if not isinstance(place, int) or not 0 <= place < len(self.examples):
            return tuple(gr.skip() for _ in range(6))
        example = self.examples[place]
        return (
            str(example.picture),
            example.question,
            *self.ask(str(example.picture), example.question, *wish_and_excluded),
        )


def build_route(ground: Ground) -> None:
    """Lay the tab out and connect it."""
    tab = RouteTab(ground, try_outs(ground.test, ground.place.examples))
    first = tab.examples[0] if tab.examples else None
    features, card, drawn, listed = None, WAITING, "", ""
    if first is not None:
        features, card, drawn, listed = tab.ask(
            str(first.picture), first.question, *(Wish().kind, tab.start, None, None, [])
        )
    kept, excluded = gr.State(features, time_to_live=_KEPT_SECONDS), gr.State([], time_to_live=_KEPT_SECONDS)
    with gr.Row(elem_classes="vrb-columns"):
        with gr.Column(scale=3, min_width=280):
            picture = picture_field(
                value=str(first.picture) if first else None,
                sources=["upload", "clipboard"],
                label="Picture (PNG, JPEG or WebP)",
                height=205,
                buttons=[],
                elem_id="picture",
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
            wish = knobs(tab.start, visible=ground.router.calibrated)
            route = gr.Button("Route", variant="primary", elem_id="route")
        with gr.Column(scale=5, min_width=320):
            choice = fragment(card, elem_id="choice")
            plot = fragment(drawn, elem_id="points")
        with gr.Column(scale=4, min_width=320):
            candidates = fragment(listed, js_on_load=_TOGGLE, elem_id="candidates")
    _connect(tab, (picture, question, examples, route), wish, (kept, excluded), (choice, plot, candidates))


def _connect(tab: RouteTab, given: tuple, wish: tuple, kept: tuple, drawn: tuple) -> None:
    picture, question, examples, route = given
    features, excluded = kept
    kind, slider, usd, percent = wish
    places = (tab.ground.place.uploads, tab.ground.place.folder)
    settings = [*wish, excluded]

    def plain(work: Any) -> Any:
        return in_plain_words(work, places)

    asking = {"inputs": [picture, question, *settings], "outputs": [features, *drawn], "show_progress": "minimal"}
    for event in (route.click, question.submit):
        event(plain(tab.ask), **asking, **PRIVATE, **DECIDING)
    for event in (picture.upload, picture.clear, question.blur):
        event(plain(tab.look), **asking, **PRIVATE, **DECIDING)
    quick = {"show_progress": "hidden", "trigger_mode": "always_last"}
    deciding = {"inputs": [features, *settings], "outputs": list(drawn), **quick}
    slider.change(plain(tab.decide), **deciding, **PRIVATE, **DECIDING)
    for number in (usd, percent):
        number.input(plain(tab.decide), **deciding, **PRIVATE, **DECIDING)
    switched = {"inputs": [kind, features, slider, usd, percent, excluded], "outputs": [slider, usd, percent, *drawn]}
    kind.change(plain(tab.switch), **switched, **quick, **PRIVATE, **DECIDING)
    toggled = {"inputs": [features, *wish], "outputs": [excluded, *drawn]}
    drawn[2].toggle(plain(tab.toggle), **toggled, **quick, **PRIVATE, **DECIDING)
    picked = {"inputs": settings, "outputs": [picture, question, features, *drawn], "show_progress": "hidden"}
    examples.pick(plain(tab.pick), **picked, **PRIVATE, **DECIDING)
