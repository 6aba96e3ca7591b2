"""What a setting leads to, as a sentence below the controls."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.simulated import marked
from vlrouterbench.demo.controls import OBJECTIVE, Preference
from vlrouterbench.demo.errors import NobodyFitsError
from vlrouterbench.demo.html import escaped, usd_per_10k
from vlrouterbench.demo.leading import LeadsTo, leads_to
from vlrouterbench.demo.workspace import Workspace, trained_on_simulated_data
from vlrouterbench.routers.auto import is_kind
from vlrouterbench.routers.base.calibrated import CalibratedRouter


def leads_to_html(workspace: Workspace, preference: Preference, excluded: Collection[str] = ()) -> str:
    """What a setting leads to, in words; "" where it is not complete, cannot be kept, or no router could follow it."""
    router, known = workspace.router, workspace.validation
    names = [name for name in router.config.candidate_names if name not in excluded]
    if not is_kind(router, CalibratedRouter) or not names or not preference.is_complete:
        return ""
    if known is None:
        return _card("What this setting leads to is unknown: the router keeps no validation samples of its pool.")
    try:
        found = leads_to(router, known, preference.budget(router, names), names)
    except NobodyFitsError:
        return ""
    facts = getattr(router.config, "training", None) or {}
    name = facts.get("benchmark", {}).get("name", "its benchmark")
    name = marked(name, simulated=trained_on_simulated_data(router))
    if preference.kind != OBJECTIVE:
        return _card(f"Leads to {_words(found, name)}")
    return _card(f"Wanted: {preference.wanted.words}. Leads to {_words(found, name)}")


def _words(found: LeadsTo, name: str) -> str:
    low, high = (100 * min(1.0, max(0.0, found.accuracy + side * found.accuracy_margin)) for side in (-1, 1))
    cheap, dear = (max(0.0, found.cost_usd + side * found.cost_margin) for side in (-1, 1))
    single = not np.isfinite(found.accuracy_margin)
    spread = "" if single else f" (95 % {low:.1f} to {high:.1f})"
    cost_spread = "" if single else f" ({usd_per_10k(cheap)} to {usd_per_10k(dear)})"
    over = f" No candidate fits on {found.num_over:,} of them: the cheapest counts." if found.num_over else ""
    return (
        f"{100 * found.accuracy:.1f} % correct{spread} at ${usd_per_10k(found.cost_usd)}{cost_spread} per "
        f"{SAMPLES_PER_COST_UNIT // 1000}K on the validation split of {name}, {found.num_samples:,} samples.{over}"
    )


def _card(text: str) -> str:
    return f'<p class="vrb-leads">{escaped(text)}</p>'
