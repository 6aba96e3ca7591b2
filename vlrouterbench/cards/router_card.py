"""The router card: what was trained on which benchmark, what was chosen on validation, and how to load it.

Decisions
- The card is a by-product of training: it is rendered from the saved configuration and the trials.
- Only validation figures stand here, in the text and as `model-index`; test figures are the evaluator's, which may add
  them (`model_index.py`).
- A router trained on simulated data says so above everything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vlrouterbench.cards.model_index import model_index
from vlrouterbench.cards.render import render_template
from vlrouterbench.constants import SAMPLES_PER_COST_UNIT


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
            `held_out_rank_score` where it was chosen by that.
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
        per=SAMPLES_PER_COST_UNIT,
        simulated=simulated,
        held_out=held_out,
        calibrated=calibrated,
    )
