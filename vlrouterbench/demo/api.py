"""The endpoints for programs: `/route`, `/route_batch`, `/leaderboard`. Names and arguments are stable.

Decisions
- They call what the tabs call, so that a program and a visitor get the same decision under the same limits.
- Costs go in and out in USD per sample, chances as numbers from 0 to 1, as everywhere in the package.
- One trade-off at a time: `trade_off` where no budget is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.demo.batch import BatchFiles
from vlrouterbench.demo.components import DECIDING, HEAVY, in_plain_words, picture_field
from vlrouterbench.demo.controls import CEILING, FLOOR, TRADE_OFF, Wish, dearest_usd, position_of
from vlrouterbench.demo.deciding import answer, encode
from vlrouterbench.demo.page_batch import BatchDesk
from vlrouterbench.demo.ranking import api_records, standings
from vlrouterbench.demo.workspace import Ground
from vlrouterbench.routing.limits import DemoError, picture_from_file


@dataclass(frozen=True)
class Api:
    """The endpoints' functions over one ground."""

    ground: Ground

    def route(
        self,
        question: str,
        image: str | None = None,
        trade_off: float | None = None,
        max_cost_usd: float | None = None,
        min_accuracy: float | None = None,
        exclude: list[str] | None = None,
    ) -> dict[str, Any]:
        """Decide who is asked: the candidate, every candidate's estimates, the reason, and the saving."""
        router = self.ground.router
        wish = self._wish(trade_off, max_cost_usd, min_accuracy)
        picture = None if image is None else picture_from_file(image)
        features = encode(router, question, picture)
        found = answer(router, features, wish, excluded=_names(exclude), strongest=self.ground.strongest)
        return found.as_dict() | {"trained_on": self.ground.data_note}

    def route_batch(
        self,
        table: str,
        images: str | None = None,
        trade_off: float | None = None,
        max_cost_usd: float | None = None,
        min_accuracy: float | None = None,
        exclude: list[str] | None = None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how the library finds it
    ) -> tuple[str | None, dict[str, Any]]:
        """Decide every row of a table: the file of decisions, and counts with the bad rows."""
        if table is None:
            raise DemoError("Give a table.")
        wish = self._wish(trade_off, max_cost_usd, min_accuracy)
        path, result = BatchDesk(self.ground).run(BatchFiles(table, images), wish, _names(exclude), progress)
        return path, result.as_dict()

    def leaderboard(self, decisions: str | None = None) -> list[dict[str, Any]]:
        """Routers and policies by Rank Score; with a decisions.parquet, its routers among them."""
        return api_records(standings(self.ground, decisions))

    def _wish(self, trade_off: float | None, max_cost_usd: float | None, min_accuracy: float | None) -> Wish:
        given = [value for value in (trade_off, max_cost_usd, min_accuracy) if value is not None]
        if len(given) > 1:
            raise DemoError("Give one of trade_off, max_cost_usd and min_accuracy.")
        if given and not self.ground.router.calibrated:
            raise DemoError("This router has no calibrated estimates: leave trade_off and budgets out.")
        if max_cost_usd is not None:
            return Wish(CEILING, usd_per_10k=SAMPLES_PER_COST_UNIT * max_cost_usd)
        if min_accuracy is not None:
            return Wish(FLOOR, percent=100 * min_accuracy)
        weight = getattr(self.ground.router.config, "usd_weight", 0.0)
        start = position_of(weight, dearest_usd(self.ground.router))
        return Wish(TRADE_OFF, start if trade_off is None else trade_off)


def add_endpoints(ground: Ground) -> None:
    """Put the endpoints into the page that is being built; none of their fields is shown."""
    api, places = Api(ground), (ground.place.uploads, ground.place.folder)
    with gr.Row(visible=False):
        question, picture = gr.Textbox(label="question"), picture_field(label="image")
        budgets = [gr.Number(value=None, label=name) for name in ("trade_off", "max_cost_usd", "min_accuracy")]
        exclude = gr.JSON(value=None, label="exclude")
        table = gr.File(label="table", file_types=[".csv", ".parquet"], type="filepath")
        images = gr.File(label="images", file_types=[".zip"], type="filepath")
        decisions = gr.File(label="decisions", file_types=[".parquet"], type="filepath")
        made, found = gr.File(label="decisions"), gr.JSON(label="result")
        hidden = gr.Button("API")
    hidden.click(
        in_plain_words(api.route, places),
        inputs=[question, picture, *budgets, exclude],
        outputs=found,
        api_name="route",
        **DECIDING,
    )
    hidden.click(
        in_plain_words(api.route_batch, places),
        inputs=[table, images, *budgets, exclude],
        outputs=[made, found],
        api_name="route_batch",
        **HEAVY,
    )
    hidden.click(
        in_plain_words(api.leaderboard, places), inputs=decisions, outputs=found, api_name="leaderboard", **HEAVY
    )


def _names(exclude: Any) -> list[str]:
    if exclude in (None, ""):
        return []
    if not isinstance(exclude, list) or not all(isinstance(name, str) for name in exclude):
        raise DemoError("exclude: expected a list of candidates' names.")
    return exclude
