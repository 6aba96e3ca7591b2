"""Figures of a router as `model-index`, which the Hub shows beside a model, and test figures added to a card.

Decisions
- Front matter is read and written by huggingface_hub's `ModelCard`, so that what is written the Hub reads.
- The data's name stands beside each figure, with the mark of simulated data where they are.
- Test figures come from an evaluation's record and stand in a section between two markers: evaluating again replaces
  it, and what a person wrote elsewhere in the card stays.
- A card of another benchmark's router is refused: its validation figures and these would not belong together.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vlrouterbench.cards.render import render_template
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.files import staged_file
from vlrouterbench.core.simulated import marked

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCard, ModelCardData

METRIC_NAMES = {
    "rank_score": "Rank Score (0 to 100)",
    "accuracy": "Accuracy",
    "average_cost_usd": "Average cost (USD per sample)",
}
"""Metric type -> its name on the Hub."""
_BEGIN, _END = "<!-- evaluation: begin -->", "<!-- evaluation: end -->"
_CANDIDATES = "## Candidates\n"
_CARD = "README.md"


def hub_results(benchmark: Mapping[str, Any], split: str, figures: Mapping[str, float]) -> list[EvalResult]:
    """Figures of a router in huggingface_hub's form, of which `ModelCardData` makes `model-index`.

    Args:
        benchmark: its `name`, `sha256` and `simulated`.
        split: that the figures are of.
        figures: metric of METRIC_NAMES -> value.
    """
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type="image-text-to-text",
            task_name="Choosing among vision-language models",
            dataset_type=benchmark["name"],
            dataset_name=marked(benchmark["name"], simulated=benchmark["simulated"]),
            dataset_split=split,
            dataset_args={"sha256": benchmark["sha256"]},
            metric_type=metric,
            metric_name=METRIC_NAMES[metric],
            metric_value=float(f"{value:.6g}"),
        )
        for metric, value in figures.items()
    ]


def update_router_card(folder: Path, record: Mapping[str, Any]) -> Path:
    """Write an evaluation's figures into the README.md of a router folder and return its path.

    Args:
        folder: as `train` writes it.
        record: the router's record of `results.json`.

    Raises:
        VLRouterBenchError: no local folder with a card, or a card whose form or benchmark is another.
    """
    path = folder / _CARD
    if not path.is_file():
        raise VLRouterBenchError(
            f"expected a router folder with {_CARD} to update, found none at {folder}. --update-card is for local "
            "folders, as `vlrouterbench train` writes them."
        )
    card = card_with_results(path.read_text(encoding="utf-8"), record, where=path)
    with staged_file(path) as staging:
        staging.write_text(card, encoding="utf-8")
    return path


def card_with_results(card: str, record: Mapping[str, Any], *, where: Path | str = _CARD) -> str:
    """A card's text with an evaluation's figures in its `model-index` and in a section of its own.

    Args:
        card: a router's README, as `render_router_card` writes it.
        record: the router's record of `results.json`.
        where: the card, for messages.
    """
    parsed, data = _parsed(card, where)
    benchmark, split = record["benchmark"], record["split"]
    results: list[EvalResult] = data.eval_results or []
    others = {(result.dataset_args or {}).get("sha256") for result in results}
    if others - {benchmark["sha256"]}:
        raise VLRouterBenchError(
            f"{where}: expected figures of the benchmark that the router was trained on, found an evaluation on "
            f"{benchmark['name']} ({benchmark['sha256'][:16]}). Evaluate there, or leave out --update-card."
        )
    kept = [result for result in results if result.dataset_split != split]
    figures = {metric: record[metric] for metric in METRIC_NAMES if record[metric] is not None}
    data.eval_results = kept + hub_results(benchmark, split, figures)
    data.model_name = data.model_name or record["router"]
    section = render_template("router_results.md", r=record, per=SAMPLES_PER_COST_UNIT, begin=_BEGIN, end=_END)
    parsed.text = _with_section(parsed.text, section)
    return parsed.content


def card_without_results(card: str) -> str:
    """A card's text without `model-index` and without the section of an evaluation: the router is another by now."""
    parsed, data = _parsed(card, _CARD)
    data.eval_results = data.model_name = None
    before, begin, after = parsed.text.partition(_BEGIN)
    if begin:
        parsed.text = before + after.partition(_END)[2].lstrip("\n")
    return parsed.content


def _parsed(card: str, where: Path | str) -> tuple[ModelCard, ModelCardData]:
    """A card, and its front matter as data: what is changed in it, the card writes.

    Raises:
        VLRouterBenchError: it has no front matter, or one that huggingface_hub cannot read.
    """
    import yaml
    from huggingface_hub import ModelCard

    try:
        parsed = ModelCard(card) if card.startswith("---") else None
    except (ValueError, yaml.YAMLError) as error:
        raise VLRouterBenchError(f"{where}: expected front matter of a model card, found {error}") from error
    if parsed is None or parsed.text == card:
        raise VLRouterBenchError(f"{where}: expected a card with front matter between two lines of ---. Train again.")
    # The stubs say of a model card's data only that they are a card's.
    return parsed, cast("ModelCardData", parsed.data)


def _with_section(text: str, section: str) -> str:
    """The text with its section of results replaced, or put before the candidates, or at the end."""
    start, stop = text.find(_BEGIN), text.find(_END)
    if 0 <= start < stop:
        return text[:start] + section.rstrip("\n") + text[stop + len(_END) :]
    before, heading, after = text.partition(_CANDIDATES)
    return f"{before}{section}\n{heading}{after}"
