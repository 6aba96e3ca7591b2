"""The router card: what was trained on which benchmark, what was chosen on validation, and how to load it.

Decisions
- The card is a by-product of training: it is rendered from the saved configuration and the trials.
- Only validation figures stand here, in the text and as `model-index`; test figures are the evaluator's, which may add
  them (`model_index.py`).
- A router trained on simulated data says so above everything else.
- A pool that changed after training is described beside its candidates, change by change. Whatever else a card says
  stays, but for figures on test and `model-index`: those were of another pool, and the Hub would show them of this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vlrouterbench.cards.model_index import card_without_results, hub_results
from vlrouterbench.cards.render import render_template
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT

_CITATIONS = {"flagship": "flagship_citation.md"}
"""Of families that are put together from parts of others."""
_HEADING = "## Candidates\n"
_BEGIN, _END = "<!-- pool: begin -->", "<!-- pool: end -->"


def render_router_card(
    family: str,
    config: Mapping[str, Any],
    trials: Sequence[Mapping[str, Any]],
    *,
    title: str = "",
    calibrated: bool = False,
) -> str:
    """The README of a router folder.

    Args:
        family: name of the family.
        config: the router's configuration as a dict.
        trials: `{"setting": {...}, "validation_rank_score": ...}` of every setting tried, best or not; with
            `held_out_rank_score` or `objective_value` where it was chosen by that. Empty where they are no longer
            available: the card then says nothing of them.
        title: the family's name in print; its name where empty.
        calibrated: whether the family's estimates are calibrated probabilities.
    """
    from huggingface_hub import ModelCardData

    training = config["training"]
    simulated = training["benchmark"]["simulated"]
    kinds = ("objective_value", "held_out_rank_score", "validation_rank_score")
    chosen_by = next((kind for kind in kinds if any(trial.get(kind) is not None for trial in trials)), kinds[-1])
    held_out = chosen_by == kinds[1]
    ranked = sorted(trials, key=lambda trial: -trial[chosen_by])
    front = ModelCardData(
        library_name="transformers",
        license="apache-2.0",
        tags=["model-routing", "vision-language", "vl-routerbench", *(["simulated"] if simulated else [])],
    )
    if ranked and ranked[0]["validation_rank_score"] is not None:
        front.model_name = title or family
        figures = {"rank_score": ranked[0]["validation_rank_score"]}
        front.eval_results = hub_results(training["benchmark"], "validation", figures)
    return render_template(
        "router_card.md",
        front=front.to_yaml(),
        title=title or family,
        family=family,
        config=config,
        training=training,
        trials=ranked[:10],
        num_trials=len(ranked),
        candidates=_candidates(config),
        citation="\n" + render_template(_CITATIONS[family]) if family in _CITATIONS else "",
        simulated=simulated,
        held_out=held_out,
        by_objective=chosen_by == kinds[0],
        calibrated=calibrated,
    )


def card_with_pool(card: str, config: Mapping[str, Any]) -> str | None:
    """A card's text after the pool changed; None where it has no table of candidates to put the new pool into.

    Args:
        card: a router's README, as `render_router_card` writes it, with whatever was added since.
        config: the router's configuration as a dict, `training.pool_changes` among it.
    """
    lines = card.splitlines(keepends=True)
    if _HEADING not in lines:
        return None
    start = stop = lines.index(_HEADING)
    stop += 2
    while stop < len(lines) and lines[stop].startswith("|"):
        stop += 1
    if stop == start + 2:
        return None
    after = "".join(lines[stop:])
    if after.startswith(f"\n{_BEGIN}\n"):
        after = after.partition(f"{_END}\n")[2]
    before = [_with_pool_size(line, len(config["candidates"])) for line in lines[:start]]
    return card_without_results("".join(before) + _candidates(config) + after)


def _with_pool_size(line: str, num_candidates: int) -> str:
    """A line of a card; in the title the number of candidates is replaced."""
    router, words, rest = line.rpartition(" router over ")
    number, blank, kind = rest.partition(" ")
    titled = line.startswith("# ") and words and number.isdecimal()
    return f"{router}{words}{num_candidates}{blank}{kind}" if titled else line


def _candidates(config: Mapping[str, Any]) -> str:
    return render_template(
        "router_candidates.md",
        config=config,
        changes=config["training"].get("pool_changes", []),
        per=SAMPLES_PER_COST_UNIT,
        begin=_BEGIN,
        end=_END,
    )
