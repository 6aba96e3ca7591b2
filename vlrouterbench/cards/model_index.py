"""Figures of a router as `model-index`, which the Hub shows beside a model, and test figures added to a card.

Decisions
- Built with huggingface_hub's own types, so that what it writes the Hub reads.
- The data's name stands beside each figure, with "simulated data" where they are.
- Test figures come from an evaluation's record and stand in a section between two marks: evaluating again replaces it,
  and what a person wrote elsewhere in the card stays.
- A card of another benchmark's router is refused: its validation figures and these would not belong together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vlrouterbench.cards.render import render_template
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.files import staged_file
from vlrouterbench.core.simulated import marked

METRIC_NAMES = {
    "rank_score": "Rank Score (0 to 100)",
    "accuracy": "Accuracy",
    "average_cost_usd": "Average cost (USD per sample)",
}
"""Metric type -> its name on the Hub."""
_BEGIN, _END = "<!-- evaluation: begin -->", "<!-- evaluation: end -->"
_CARD = "README.md"


def model_index(
    name: str, benchmark: Mapping[str, Any], figures: Mapping[str, Mapping[str, float]]
) -> list[dict[str, Any]]:
    """The value of `model-index` in a card's front matter.

    Args:
        name: of the router.
        benchmark: its `name`, `sha256` and `simulated`.
        figures: split -> metric of METRIC_NAMES -> value.
    """
    from huggingface_hub import EvalResult
    from huggingface_hub.repocard_data import eval_results_to_model_index

    results = [
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
        for split, values in figures.items()
        for metric, value in values.items()
    ]
    return eval_results_to_model_index(name, results)


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
    front, text = _parted(card, where)
    benchmark, split = record["benchmark"], record["split"]
    known = front.get("model-index") or [{"name": record["router"], "results": []}]
    others = {result["dataset"].get("args", {}).get("sha256") for result in known[0]["results"]}
    if others - {benchmark["sha256"]}:
        raise VLRouterBenchError(
            f"{where}: expected figures of the benchmark that the router was trained on, found an evaluation on "
            f"{benchmark['name']} ({benchmark['sha256'][:16]}). Evaluate there, or leave out --update-card."
        )
    figures = {split: {metric: record[metric] for metric in METRIC_NAMES}}
    kept = [result for result in known[0]["results"] if result["dataset"].get("split") != split]
    known[0]["results"] = kept + model_index(known[0]["name"], benchmark, figures)[0]["results"]
    front["model-index"] = known
    section = render_template("router_results.md", r=record, per=SAMPLES_PER_COST_UNIT, begin=_BEGIN, end=_END)
    return _joined(front, _with_section(text, section))


def card_without_results(card: str) -> str:
    """A card's text without `model-index` and without the section of an evaluation: the router is another by now."""
    front, text = _parted(card, _CARD)
    front.pop("model-index", None)
    return _joined(front, re.sub(rf"{re.escape(_BEGIN)}\n.*?{re.escape(_END)}\n*", "", text, flags=re.DOTALL))


def _parted(card: str, where: Path | str) -> tuple[dict[str, Any], str]:
    """Front matter as data, and the text under it."""
    import yaml

    parts = re.fullmatch(r"---\n(.*?)\n---\n(.*)", card, re.DOTALL)
    front = yaml.safe_load(parts[1]) if parts else None
    if not isinstance(front, dict):
        raise VLRouterBenchError(f"{where}: expected a card with front matter between two lines of ---. Train again.")
    return front, parts[2]


def _joined(front: dict[str, Any], text: str) -> str:
    import yaml

    return f"---\n{yaml.safe_dump(front, sort_keys=False).rstrip()}\n---\n{text}"


def _with_section(text: str, section: str) -> str:
    """The text with its section of results replaced, or put before the candidates, or at the end."""
    start, stop = text.find(_BEGIN), text.find(_END)
    if 0 <= start < stop:
        return text[:start] + section.rstrip("\n") + text[stop + len(_END) :]
    place = text.find("## Candidates\n")
    place = len(text) if place < 0 else place
    return f"{text[:place]}{section}\n{text[place:]}"
