"""The router card: what was trained on which benchmark, what was chosen on validation, and how to load it.

Decisions
- The card is a by-product of training: it is rendered from the saved configuration and the trials.
- Only validation figures stand here, in the text and as `model-index`; test figures are the evaluator's, which may add
  them (`model_index.py`).
- A router trained on simulated data says so above everything else.
- A pool that changed after training is told beside its candidates, change by change. Whatever else a card says stays,
  but for figures on test and `model-index`: those were of another pool, and the Hub would show them of this one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from vlrouterbench.cards.model_index import card_without_results, model_index
from vlrouterbench.cards.render import render_template
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT

_CITATIONS = {"flagship": "flagship_citation.md"}
"""Of families that are put together from parts of others."""
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
            `held_out_rank_score` where it was chosen by that. Empty where they are not known any more: the card
            then says nothing of them.
        title: the family's name in print; its name where empty.
        calibrated: whether the family's estimates may be taken at their word.
    """
    import yaml

    training = config["training"]
    simulated = training["benchmark"]["simulated"]
    held_out = any(trial.get("held_out_rank_score") is not None for trial in trials)
    chosen_by = "held_out_rank_score" if held_out else "validation_rank_score"
    ranked = sorted(trials, key=lambda trial: -trial[chosen_by])
    front = {
        "library_name": "transformers",
        "license": "apache-2.0",
        "tags": ["model-routing", "vision-language", "vl-routerbench", *(["simulated"] if simulated else [])],
    }
    if ranked:
        figures = {"rank_score": ranked[0]["validation_rank_score"]}
        front["model-index"] = model_index(title or family, training["benchmark"], {"validation": figures})
    return render_template(
        "router_card.md",
        front=yaml.safe_dump(front, sort_keys=False).rstrip(),
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
        calibrated=calibrated,
    )


def card_with_pool(card: str, config: Mapping[str, Any]) -> str | None:
    """A card's text after the pool changed; None where it has no table of candidates to put the new pool into.

    Args:
        card: a router's README, as `render_router_card` writes it, with whatever was added since.
        config: the router's configuration as a dict, `training.pool_changes` among it.
    """
    text = re.sub(r"^(# .* router over )\d+", rf"\g<1>{len(config['candidates'])}", card, count=1, flags=re.MULTILINE)
    told = rf"\n{re.escape(_BEGIN)}\n.*?{re.escape(_END)}\n"
    section = re.compile(rf"^## Candidates\n\n(?:\|[^\n]*\n)+(?:{told})?", flags=re.MULTILINE | re.DOTALL)
    if not section.search(text):
        return None
    return card_without_results(section.sub(lambda _: _candidates(config), text, count=1))


def _candidates(config: Mapping[str, Any]) -> str:
    return render_template(
        "router_candidates.md",
        config=config,
        changes=config["training"].get("pool_changes", []),
        per=SAMPLES_PER_COST_UNIT,
        begin=_BEGIN,
        end=_END,
    )
