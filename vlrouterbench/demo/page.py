"""The whole page: its purpose, the data that the router was trained on, and the four tabs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from vlrouterbench.core.simulated import marked
from vlrouterbench.demo.api import add_endpoints
from vlrouterbench.demo.asking import Asking
from vlrouterbench.demo.components import fragment
from vlrouterbench.demo.html import escaped
from vlrouterbench.demo.page_batch import build_batch
from vlrouterbench.demo.page_explore import build_explore
from vlrouterbench.demo.page_leaderboard import build_leaderboard
from vlrouterbench.demo.page_route import build_route
from vlrouterbench.demo.workspace import Workspace, trained_on_simulated_data

STYLE = Path(__file__).parent / "templates" / "style.css"
_PURGE_SECONDS = (600, 3600)
"""How often uploads are purged, and how old they may be."""
_FONT = ("system-ui", "sans-serif")


def build_page(workspace: Workspace, asking: Asking | None = None) -> Any:
    """The page as blocks of its library; nothing is served yet. Without `asking` it can ask nobody."""
    title = marked("Model routing demo", simulated=workspace.table.simulated)
    with gr.Blocks(title=title, analytics_enabled=False, delete_cache=_PURGE_SECONDS) as page:
        fragment(_header(workspace))
        with gr.Tabs():
            for name, build in (
                ("Route", partial(build_route, asking=asking or Asking())),
                ("Explore", build_explore),
                ("Leaderboard", build_leaderboard),
                ("Batch", build_batch),
            ):
                with gr.Tab(name, id=name.lower()):
                    build(workspace)
        add_endpoints(workspace)
    return page


def theme() -> Any:
    """Fonts of the reader's own machine: none is downloaded."""
    return gr.themes.Default(
        primary_hue="blue", neutral_hue="slate", spacing_size="sm", text_size="sm", font=_FONT, font_mono=("monospace",)
    )


def head(workspace: Workspace) -> str:
    """Description of the page for search engines and others that do not run it."""
    note = escaped(workspace.notice)
    return f'<meta name="description" content="Which vision-language model should answer? {note}">'


def _header(workspace: Workspace) -> str:
    warns = workspace.table.simulated or trained_on_simulated_data(workspace.router)
    kind = "vrb-note" if warns else "vrb-note vrb-quiet"
    return (
        '<header class="vrb-header"><h1>Which model should answer?</h1>'
        "<p>A router looks at an image and a question, estimates for each candidate model whether it would be right "
        "and what it would cost, and picks one.</p>"
        f'<p class="{kind}" id="data-note">{escaped(workspace.notice)}</p></header>'
    )
