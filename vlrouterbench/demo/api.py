"""The endpoints for programs: `/route`, `/route_batch`, `/leaderboard`. Names and arguments are stable.

Decisions
- They call the functions that the tabs call: a program and a visitor get the same decision under the same limits.
- Costs are in USD per sample and probabilities from 0 to 1, as everywhere in the package.
- One trade-off per call: `trade_off` where no budget is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.data.saved_tables.form import SUFFIXES
from vlrouterbench.demo.batch import BatchFiles
from vlrouterbench.demo.components import DECIDING, HEAVY, image_field, in_plain_words
from vlrouterbench.demo.controls import CEILING, FLOOR, TRADE_OFF, Preference, start_position
from vlrouterbench.demo.deciding import answer, encode
from vlrouterbench.demo.errors import DemoError
from vlrouterbench.demo.page_batch import BatchDesk
from vlrouterbench.demo.ranking import api_records, ranked_records
from vlrouterbench.demo.workspace import Workspace
from vlrouterbench.routing.limits import image_from_file
from vlrouterbench.routing.routed_table import RoutedCounts


@dataclass(frozen=True)
class Api:
    """The endpoints' functions over one workspace."""

    workspace: Workspace

    def route(
        self,
        question: str,
        image: str | None = None,
        trade_off: float | None = None,
        max_cost_usd: float | None = None,
        min_accuracy: float | None = None,
        exclude: list[str] | None = None,
    ) -> dict[str, Any]:
        """Decide which candidate to ask: its name, every candidate's estimates, the reason, and the saving."""
        router = self.workspace.router
        preference = self._preference(trade_off, max_cost_usd, min_accuracy)
        features = encode(router, question, None if image is None else image_from_file(image))
        answered = answer(router, features, preference, excluded=_names(exclude), strongest=self.workspace.strongest)
        return answered.as_dict() | {"trained_on": self.workspace.data_note}

    def route_batch(
        self,
        table: str,
        images: str | None = None,
        trade_off: float | None = None,
        max_cost_usd: float | None = None,
        min_accuracy: float | None = None,
        exclude: list[str] | None = None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how the library finds it
    ) -> tuple[str | None, RoutedCounts]:
        """Decide every row of a table: the file of decisions, and counts with the bad rows."""
        if table is None:
            raise DemoError("Give a table.")
        preference = self._preference(trade_off, max_cost_usd, min_accuracy)
        paths, routed = BatchDesk(self.workspace).run(BatchFiles(table, images), preference, _names(exclude), progress)
        return paths[0] if paths else None, routed.counts()

    def leaderboard(self, decisions: str | None = None) -> list[dict[str, object]]:
        """Routers and policies by Rank Score; with a decisions.parquet, its routers among them."""
        return api_records(ranked_records(self.workspace, decisions))

    def _preference(
        self, trade_off: float | None, max_cost_usd: float | None, min_accuracy: float | None
    ) -> Preference:
        settings = [value for value in (trade_off, max_cost_usd, min_accuracy) if value is not None]
        if len(settings) > 1:
            raise DemoError("Give one of trade_off, max_cost_usd and min_accuracy.")
        if settings and not self.workspace.router.calibrated:
            raise DemoError("This router has no calibrated estimates: leave trade_off and budgets out.")
        if max_cost_usd is not None:
            return Preference(CEILING, usd_per_10k=SAMPLES_PER_COST_UNIT * max_cost_usd)
        if min_accuracy is not None:
            return Preference(FLOOR, percent=100 * min_accuracy)
        return Preference(TRADE_OFF, start_position(self.workspace.router) if trade_off is None else trade_off)


def add_endpoints(workspace: Workspace) -> None:
    """Add the endpoints to the page that is being built; none of their fields is shown."""
    api, folders = Api(workspace), (workspace.folder.uploads, workspace.folder.root)
    with gr.Row(visible=False):
        question, image = gr.Textbox(label="question"), image_field(label="image")
        budgets = [gr.Number(value=None, label=name) for name in ("trade_off", "max_cost_usd", "min_accuracy")]
        exclude = gr.JSON(value=None, label="exclude")
        table = gr.File(label="table", file_types=SUFFIXES, type="filepath")
        images = gr.File(label="images", file_types=[".zip"], type="filepath")
        decisions = gr.File(label="decisions", file_types=[".parquet"], type="filepath")
        file, result = gr.File(label="decisions"), gr.JSON(label="result")
        hidden = gr.Button("API")
    hidden.click(
        in_plain_words(api.route, folders),
        inputs=[question, image, *budgets, exclude],
        outputs=result,
        api_name="route",
        **DECIDING,
    )
    hidden.click(
        in_plain_words(api.route_batch, folders),
        inputs=[table, images, *budgets, exclude],
        outputs=[file, result],
        api_name="route_batch",
        **HEAVY,
    )
    hidden.click(
        in_plain_words(api.leaderboard, folders), inputs=decisions, outputs=result, api_name="leaderboard", **HEAVY
    )


def _names(exclude: Any) -> list[str]:
    if exclude in (None, ""):
        return []
    if not isinstance(exclude, list) or not all(isinstance(name, str) for name in exclude):
        raise DemoError("exclude: expected a list of candidates' names.")
    return exclude
