"""The buttons "Ask it" and "Ask all" of the Route tab: the question goes to candidates, answers come below the choice.

Decisions
- What is in the fields is asked, and decided anew for it: an answer never stands beside estimates of another question.
- Excluded candidates are not asked.
- A visitor's token comes from the session of the page's library, which keeps it in the visitor's own cookie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from vlrouterbench.data.sources.source import few_names
from vlrouterbench.demo.answer_html import nobody_card
from vlrouterbench.demo.asked_html import asked_card, simulated_note
from vlrouterbench.demo.asking import Asking, ask_candidates
from vlrouterbench.demo.components import PRIVATE, fragment
from vlrouterbench.demo.controls import Preference
from vlrouterbench.demo.deciding import answer, encode, estimated
from vlrouterbench.demo.errors import DemoError, NobodyFitsError
from vlrouterbench.demo.workspace import Workspace, trained_on_simulated_data
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.plotting.candidates import CandidatePoint
from vlrouterbench.routing.limits import LIMITS, checked_file, checked_image, checked_text

_AT_ONCE = 4
"""Presses that are answered at the same time."""
_CLEAR = "() => ''"


@dataclass(frozen=True)
class AskTab:
    """The functions that the two buttons call; each returns the card of answers."""

    workspace: Workspace
    asking: Asking

    def ask_it(self, token: gr.OAuthToken | None, image: str | None, question: str, *settings: Any) -> str:
        """Ask the candidate that the router chooses."""
        return self._ask(token, image, question, settings, every=False)

    def ask_all(self, token: gr.OAuthToken | None, image: str | None, question: str, *settings: Any) -> str:
        """Ask every candidate that has an endpoint and is not excluded."""
        return self._ask(token, image, question, settings, every=True)

    def _ask(
        self, token: gr.OAuthToken | None, image: str | None, question: str, settings: tuple[Any, ...], *, every: bool
    ) -> str:
        key = "" if token is None else token.token
        if needed := self.asking.needs(key):
            return nobody_card(needed)
        content = None if image is None else checked_file(image, "image", LIMITS.image_bytes).read_bytes()
        points = {point.name: point for point in self._points(content, question, settings, every=every)}
        asked = ask_candidates(
            self._whom(points, every=every), checked_text(question), content, key if self.asking.on_hub else None
        )
        calibrated = self.workspace.router.calibrated
        return asked_card(
            question or "", asked, points, self._notes([one.name for one in asked]), calibrated=calibrated
        )

    def _points(
        self, image: bytes | None, question: str, settings: tuple[Any, ...], *, every: bool
    ) -> list[CandidatePoint]:
        router, (*preference, excluded) = self.workspace.router, settings
        features = encode(router, question, None if image is None else checked_image(image))
        try:
            return answer(router, features, Preference(*preference), excluded=excluded).points
        except NobodyFitsError:
            if not every:
                raise
            return estimated(router, features, excluded)

    def _whom(self, points: dict[str, CandidatePoint], *, every: bool) -> list[Endpoint]:
        if not every:
            return [self.asking.of(name) for name, point in points.items() if point.chosen]
        whom = [endpoint for endpoint in self.asking.endpoints if not points[endpoint.name].excluded]
        if not whom:
            raise DemoError("Every candidate that has an endpoint is excluded. Allow at least one.")
        return whom

    def _notes(self, names: Sequence[str]) -> list[str]:
        """What a reader of the figures must know."""
        router = self.workspace.router
        notes = [simulated_note()] if trained_on_simulated_data(router) else []
        stated = {one["name"]: (one.get("input_price"), one.get("output_price")) for one in router.config.candidates}
        paid = {name: (one.input_price, one.output_price) for name in names for one in [self.asking.of(name)]}
        if differ := [name for name in names if None not in stated[name] and stated[name] != paid[name]]:
            notes.append(f"Estimated costs are at the router's prices; the endpoints' differ for {few_names(differ)}.")
        return notes


def ask_buttons(asking: Asking) -> tuple[Any, Any]:
    """The two buttons, and on the Hub the one to sign in with."""
    one = gr.Button("Ask it", elem_id="ask-it", min_width=80)
    every = gr.Button("Ask all", elem_id="ask-all", min_width=80)
    if asking.signs_in:
        gr.LoginButton(size="md", elem_id="sign-in", min_width=80)
    return one, every


def answers_field() -> Any:
    """Where answers are shown; empty until somebody was asked."""
    return fragment("", elem_id="asked")


def connect_asking(tab: AskTab, buttons: tuple[Any, Any], asked: Any, inputs: list[Any], plain: Any) -> None:
    """Let the buttons ask.

    Args:
        tab: whose functions are called.
        buttons: as from `ask_buttons`.
        asked: as from `answers_field`.
        inputs: image, question, the controls and the excluded names.
        plain: turns errors of a function into a visitor's words.
    """
    event = {"inputs": inputs, "outputs": asked, "show_progress": "minimal"}
    for button, work in zip(buttons, (tab.ask_it, tab.ask_all), strict=True):
        button.click(plain(work), **event, concurrency_id="ask", concurrency_limit=_AT_ONCE, **PRIVATE)
    image, question, *_ = inputs
    for changed in (image.upload, image.clear, question.input):
        # An answer to the question before must not stand below the next one's choice.
        changed(fn=None, js=_CLEAR, outputs=asked, **PRIVATE)
