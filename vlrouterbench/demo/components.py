"""What the tabs share of the page's library: a picture field that trusts no picture, and errors in plain words."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import gradio as gr

from vlrouterbench.demo.controls import CHEAPEST, KINDS, MOST_ACCURATE, TRADE_OFF
from vlrouterbench.demo.html import VISITOR_ERRORS, message_of
from vlrouterbench.routing.limits import DemoError

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
"""For what the page itself calls; programs have endpoints of their own (`api.py`)."""
DECIDING: dict[str, Any] = {"concurrency_id": "decide", "concurrency_limit": 2}
HEAVY: dict[str, Any] = {"concurrency_id": "heavy", "concurrency_limit": 1}


def picture_field(**options: Any) -> Any:
    """The library's picture field without its own reading: our limits look at a picture before anything opens it."""
    field = gr.Image(type="filepath", **options)
    # Not a subclass: the library writes a stub file beside the source of each one.
    field.preprocess = uploaded_path
    return field


def uploaded_path(payload: Any) -> str | None:
    """The path of an uploaded picture, None where there is none.

    Raises:
        gr.Error: a picture that came inside the request instead of as a file.
    """
    if payload is None:
        return None
    if payload.path is None or (payload.url or "").startswith("data:"):
        raise gr.Error("Upload the picture as a file.", print_exception=False)
    return payload.path


def fragment(value: str, **options: Any) -> Any:
    """A piece of our own HTML, in our own style alone."""
    return gr.HTML(value, apply_default_css=False, **options)


def in_plain_words(work: Callable[..., Any], places: Iterable[Path]) -> Callable[..., Any]:
    """The same function with errors that a visitor may read; others become the library's bare "Error".

    Args:
        work: what an event calls.
        places: folders of the server that no message shows.
    """
    hidden = tuple(places)

    @functools.wraps(work)
    def answered(*given: Any, **named: Any) -> Any:
        try:
            return work(*given, **named)
        except VISITOR_ERRORS as error:
            title = "Not taken" if isinstance(error, DemoError) else "Not possible"
            raise gr.Error(message_of(error, hidden), print_exception=False, title=title) from None

    return answered


def knobs(position: int, *, visible: bool) -> tuple[Any, Any, Any, Any]:
    """The slider and the two budgets with the switch between them, in the order of `Wish`'s fields.

    Args:
        position: where the slider starts.
        visible: whether they are shown at all.
    """
    kind = gr.Radio(list(KINDS), value=TRADE_OFF, label="Decide by", visible=visible, elem_classes="vrb-kinds")
    slider = gr.Slider(
        CHEAPEST,
        MOST_ACCURATE,
        value=position,
        step=1,
        label="Cheapest to most accurate",
        visible=visible,
        elem_id="trade-off",
    )
    usd = gr.Number(
        value=None, minimum=0, label="Budget: most USD per 10,000 questions", visible=False, elem_id="dollar-budget"
    )
    percent = gr.Number(
        value=None,
        minimum=0,
        maximum=100,
        label="Target: least chance of a correct answer, %",
        visible=False,
        elem_id="target",
    )
    return kind, slider, usd, percent


def shown_knobs(kind: str) -> tuple[Any, Any, Any]:
    """Show the one field that a kind of budget needs."""
    return tuple(gr.update(visible=kind == own) for own in KINDS)
