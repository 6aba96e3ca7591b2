"""Parts that the tabs share: a field for untrusted images, the budget controls, errors in plain words."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import gradio as gr

from vlrouterbench.demo.controls import (
    AMOUNTS,
    CEILING,
    CHEAPEST,
    FLOOR,
    KEEP_SHARE,
    KINDS,
    MOST_ACCURATE,
    OBJECTIVE,
    OBJECTIVES,
    TRADE_OFF,
)
from vlrouterbench.demo.errors import message_of
from vlrouterbench.routing.limits import INPUT_ERRORS, QuestionError

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
"""For events of the page itself; programs have endpoints of their own (`api.py`)."""
DECIDING: dict[str, Any] = {"concurrency_id": "decide", "concurrency_limit": 2}
HEAVY: dict[str, Any] = {"concurrency_id": "heavy", "concurrency_limit": 1}


def image_field(**options: Any) -> Any:
    """The library's image field without its own decoding: our limits are checked before anything opens an image."""
    field: Any = gr.Image(type="filepath", **options)
    # Not a subclass: the library writes a stub file beside the source of each one.
    field.preprocess = uploaded_path
    return field


def uploaded_path(payload: Any) -> str | None:
    """The path of an uploaded image, None without one.

    Raises:
        gr.Error: the image came inside the request instead of as a file.
    """
    if payload is None:
        return None
    if payload.path is None or (payload.url or "").startswith("data:"):
        raise gr.Error("Upload the image as a file.", print_exception=False)
    return payload.path


def fragment(value: str, **options: Any) -> Any:
    """A piece of HTML in the page's own style, without the library's."""
    return gr.HTML(value, apply_default_css=False, **options)


def in_plain_words(work: Callable[..., Any], folders: Iterable[Path]) -> Callable[..., Any]:
    """The same function with errors that a visitor may read; other errors become the library's bare "Error".

    Args:
        work: what an event calls.
        folders: folders of the server whose path no message shows.
    """
    hidden = tuple(folders)

    @functools.wraps(work)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        try:
            return work(*arguments, **options)
        except INPUT_ERRORS as error:
            title = "Not accepted" if isinstance(error, QuestionError) else "Not possible"
            raise gr.Error(message_of(error, hidden), print_exception=False, title=title) from None

    return wrapped


def budget_controls(position: int, *, visible: bool) -> tuple[Any, ...]:
    """The slider, the two budgets and the objective with the switch between them, in the order of Preference's fields.

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
    label, _, start = AMOUNTS[OBJECTIVES[KEEP_SHARE]]
    with gr.Row():
        objective = gr.Dropdown(
            list(OBJECTIVES),
            value=KEEP_SHARE,
            label="Of many questions",
            visible=False,
            elem_id="objective",
            scale=3,
            min_width=180,
        )
        amount = gr.Number(value=start, minimum=0, label=label, visible=False, elem_id="amount", scale=2, min_width=100)
    return kind, slider, usd, percent, objective, amount


def shown_controls(kind: str, objective: str) -> tuple[Any, ...]:
    """Show the fields that a kind of budget needs: updates of all controls but the switch."""
    amount = OBJECTIVES.get(objective) in AMOUNTS
    one_each = (gr.update(visible=kind == other) for other in (TRADE_OFF, CEILING, FLOOR, OBJECTIVE))
    return *one_each, gr.update(visible=kind == OBJECTIVE and amount)


def amount_control(objective: str) -> tuple[Any, float | None]:
    """The number of another objective: an update of its field, and its value, None where none is needed yet."""
    label, _, start = AMOUNTS.get(OBJECTIVES.get(objective, ""), ("", 1, None))
    return gr.update(visible=bool(label), label=label, value=start), start
