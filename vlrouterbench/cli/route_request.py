"""The options of `vlrouterbench route`, and which of them go together.

Decisions
- One of --question and --questions; an option that belongs to the other one is wrong usage, not ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from vlrouterbench.cli.parameters import WHEN_UNFAMILIAR, GoalRequest, check_confidence
from vlrouterbench.cli.parts import OF_PARTS, EngineRequest

if TYPE_CHECKING:
    from vlrouterbench.routing.parts.router_source import RouterSource
    from vlrouterbench.routing.when_unfamiliar import WhenUnfamiliar

TABLE, BUDGET = "A table of questions", "Budget of each answer"
FILES = (".parquet", ".csv")
"""Endings of --out that are one table of decisions."""


class RequestedBudget(TypedDict):
    """The budget of each answer, as `AskedRouter.route` takes it."""

    usd_weight: float | None
    max_cost_usd: float | None
    min_accuracy: float | None
    max_latency_s: float | None
    cost_confidence: float | None


@dataclass(frozen=True)
class RouteRequest(GoalRequest, EngineRequest):
    """The options as given on the command line."""

    router: Annotated[str, typer.Option(help="Router: a folder or a Hub id.")]
    question: Annotated[str | None, typer.Option(help="The question, without answer options.")] = None
    image: Annotated[list[str] | None, typer.Option(help="An image file or a data URL; repeat for each.")] = None
    option: Annotated[list[str] | None, typer.Option(help="An answer option; repeat for each.")] = None
    hint: Annotated[str, typer.Option(help="Extra instruction or context.")] = ""
    questions: Annotated[
        Path | None,
        typer.Option(
            help="Instead of one question: a table (csv, tsv, jsonl, json, xlsx, parquet) with a column question; "
            "optional columns are sample_id, image, hint and options. With a folder as --out also a folder of tables, "
            "a pattern as 'shards/*.parquet', a benchmark, or hf://datasets/OWNER/NAME.",
            rich_help_panel=TABLE,
        ),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(
            help="With --questions: .parquet or .csv file for decisions; or a folder, for parts.", rich_help_panel=TABLE
        ),
    ] = None
    average_cost_usd: Annotated[
        float | None,
        typer.Option(
            help="With --questions: budget of the mean expected cost (docs/budgets.md); needs an open pool.",
            rich_help_panel=TABLE,
        ),
    ] = None
    candidates: Annotated[
        str | None, typer.Option(help="Comma-separated candidates to choose from.", rich_help_panel=BUDGET)
    ] = None
    usd_weight: Annotated[
        float | None,
        typer.Option(
            help="Accuracy that 1 USD must buy: at 100 a point is worth 1 USD per 10,000. Needs calibrated estimates.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    max_cost_usd: Annotated[
        float | None, typer.Option(help="The most that one answer may cost.", rich_help_panel=BUDGET)
    ] = None
    cost_confidence: Annotated[
        float | None,
        typer.Option(
            help="Probability that an answer keeps to --max-cost-usd, such as 0.9; else it does on average.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    min_accuracy: Annotated[
        float | None, typer.Option(help="Least probability of a correct answer.", rich_help_panel=BUDGET)
    ] = None
    max_latency_s: Annotated[
        float | None,
        typer.Option(
            help="Only candidates of which 95 % of the answers to training samples took so many seconds.",
            rich_help_panel=BUDGET,
        ),
    ] = None
    when_unfamiliar: Annotated[str, WHEN_UNFAMILIAR] = "ignore"
    allow_text_only: Annotated[bool, typer.Option(help="Decide by the text where the image is unreadable.")] = False
    text_encoder: Annotated[str | None, typer.Option(help="Folder of the router's text encoder.")] = None
    image_encoder: Annotated[str | None, typer.Option(help="Folder of the router's image encoder.")] = None

    @property
    def budget(self) -> RequestedBudget:
        """The budget of each answer."""
        return {
            "usd_weight": self.usd_weight,
            "max_cost_usd": self.max_cost_usd,
            "min_accuracy": self.min_accuracy,
            "max_latency_s": self.max_latency_s,
            "cost_confidence": self.cost_confidence,
        }

    def objective_facts(self, note: str) -> dict[str, str | None]:
        """What `--json` says of the objective; the note of what cannot be met is None where it can be.

        Args:
            note: what its choice says of what cannot be met, else empty.
        """
        if self.objective is None:
            return {}
        return {"objective": str(self.goal().objective), "objective_note": note or None}

    def table_files(self) -> tuple[Path, Path]:
        """The table of questions and the file for its decisions, of a request that was checked.

        Raises:
            typer.BadParameter: one of them is missing.
        """
        if self.questions is None or self.out is None:
            raise typer.BadParameter("--questions needs --out, a .parquet or .csv file or a folder for the decisions.")
        return self.questions, self.out

    @property
    def in_parts(self) -> bool:
        """Whether decisions go to a folder of parts: one that is there, a path without an ending, or if told so."""
        _, out = self.table_files()
        if out.suffix.lower() in FILES and not out.is_dir():
            return False
        return out.is_dir() or not out.suffix or bool(self.of_parts())

    @property
    def if_unfamiliar(self) -> WhenUnfamiliar:
        """What is done with requests that are unlike the training samples; errors are those of its `parse`."""
        from vlrouterbench.routing.when_unfamiliar import WhenUnfamiliar

        return WhenUnfamiliar.parse(self.when_unfamiliar)

    @property
    def acts_if_unfamiliar(self) -> bool:
        """Whether anything is done with them; nothing more is imported where nothing was asked for."""
        return self.when_unfamiliar != "ignore" and self.if_unfamiliar.acts

    def source(self) -> RouterSource:
        """The router as it is loaded."""
        from vlrouterbench.routing.parts.router_source import RouterSource

        goal = None if self.objective is None else self.goal()
        names = None if self.names is None else tuple(self.names)
        return RouterSource(self.router, self.text_encoder, self.image_encoder, goal, names)

    @property
    def names(self) -> list[str] | None:
        """Candidates to choose from, None for all."""
        if self.candidates is None:
            return None
        return [name.strip() for name in self.candidates.split(",") if name.strip()]

    def check(self) -> None:
        """Raise typer.BadParameter for options that do not go together."""
        acts = self.acts_if_unfamiliar
        kinds = ("usd_weight", "max_cost_usd", "min_accuracy")
        budgets = [_flag(name) for name in kinds if getattr(self, name) is not None]
        if self.average_cost_usd is not None:
            budgets.append("--average-cost-usd")
        check_confidence(self.cost_confidence, self.max_cost_usd)
        if self.objective is not None and budgets:
            raise typer.BadParameter(f"give --objective or {budgets[0]}: an objective chooses each answer's trade-off.")
        if self.average_cost_usd is not None and acts:
            raise typer.BadParameter(
                "give --average-cost-usd or --when-unfamiliar: an average is the router's to keep."
            )
        if (self.question is None) == (self.questions is None):
            raise typer.BadParameter("give --question, or --questions with a table of them; one of the two.")
        if self.question is not None:
            for name in ("out", "average_cost_usd", *OF_PARTS):
                if getattr(self, name):
                    raise typer.BadParameter(_belongs(name, "questions"))
            return
        for name in ("image", "option", "hint"):
            if getattr(self, name):
                raise typer.BadParameter(_belongs(name, "question") + " A table has a column for it.")
        if not self.in_parts and (given := self.of_parts()):
            raise typer.BadParameter(f"{given[0]} needs a folder as --out, found the file {self.table_files()[1]}.")
        if self.average_cost_usd is not None and len(budgets) > 1:
            raise typer.BadParameter(
                f"give --average-cost-usd or {budgets[0]}: an average sets each answer's trade-off."
            )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _belongs(name: str, other: str) -> str:
    return f"{_flag(name)} belongs to {_flag(other)}."
