"""The router card: what was trained on which benchmark, what was chosen on validation, and how to load it.

Decisions
- The card is rendered each time a router is saved, from its configuration and the facts beside its weights
  (`vlrouterbench.routers.base.card`, which also gives what needs no template: front matter and table of candidates).
- Figures on test are the evaluator's; they stand here only while the pool is the one that they were measured with.
- A router trained on simulated data says so above everything else.
- A router that no benchmark was recorded of, such as one that is made by hand, says that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vlrouterbench.cards.render import render_template
from vlrouterbench.core.constants import BEST_SINGLE, SAMPLES_PER_COST_UNIT
from vlrouterbench.core.settings_text import settings_text

_CITATIONS = {"flagship": "flagship_citation.md"}
"""Of families that are put together from parts of others."""


def render_router_card(
    config: Mapping[str, Any],
    facts: Mapping[str, Any],
    *,
    front: str,
    candidates: str,
    held_out: bool = False,
    figure: bool = False,
) -> str:
    """The README of a router folder.

    Args:
        config: the router's configuration as a dict.
        facts: `family`, `title`, `calibrated`; `trials`, those first that did best, empty where they are not known;
            `evaluations`, records of the pool as it is.
        front: front matter, as YAML.
        candidates: the section on the pool.
        held_out: whether settings were chosen by `held_out_rank_score`.
        figure: whether a figure lies beside the card.
    """
    family, training, trials = facts["family"], config["training"], facts["trials"]
    return render_template(
        "router_card.md",
        front=front,
        title=facts["title"] or family,
        family=family,
        config=config,
        training=training,
        trials=trials[:10],
        num_trials=len(trials),
        candidates=candidates,
        best_single=BEST_SINGLE,
        evaluations=facts["evaluations"],
        citation="\n" + render_template(_CITATIONS[family]) if family in _CITATIONS else "",
        simulated=bool(training.get("benchmark", {}).get("simulated")),
        held_out=held_out,
        figure=figure,
        by_objective=any(trial.get("objective_value") is not None for trial in trials),
        calibrated=facts["calibrated"],
        per=SAMPLES_PER_COST_UNIT,
        settings_text=settings_text,
    )
