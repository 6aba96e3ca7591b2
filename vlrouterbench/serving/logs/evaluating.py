"""`logs evaluate`: what routers would have got on the requests of a log, by off-policy estimates.

Decisions
- Requests count that were routed, answered by the candidate that was chosen, rated, and whose cost is known; all others
  are counted with their reason. Every router is estimated on the same requests.
- That ratings are missing, and first choices fail, for no reason that hangs together with quality is assumed: nothing
  in a log can show it.
- A probability of 0, or none at all where the router's choice was followed, is a damaged log and is refused by name.
- The doubly robust estimate takes the router's own expectations. One without any has none.
- What cannot be (an accuracy above 1, a cost below 0) is cut off the intervals: they hold the truth as often as before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vlrouterbench.data.table import load_table
from vlrouterbench.metrics.off_policy import (
    MIN_EFFECTIVE,
    Estimate,
    doubly_robust,
    doubly_robust_terms,
    effective_size,
    inverse_propensity,
    mean_over,
    self_normalised,
    weights_of,
)
from vlrouterbench.serving.logs.deciding import TRAINED_ON, Choice, LoggedDecider
from vlrouterbench.serving.logs.reading import Logged, read_log
from vlrouterbench.serving.planning import ROUTE
from vlrouterbench.serving.settings import ServingError

IPS, SNIPS, DR = "ips", "self-normalised", "doubly-robust"
LEARNT_FROM = "requests of the benchmark's train and validation splits"
KINDS = ("accuracy", "cost_usd")
HIGHEST = {"accuracy": 1.0, "cost_usd": float("inf")}


@dataclass(frozen=True)
class RouterEstimate:
    """What a router would have got.

    Attributes:
        router: as it was given.
        agrees: requests in which it would have asked the candidate that was asked.
        effective: effective sample size of their weights.
        estimates: estimator -> kind of outcome -> estimate.
        difference: the same of this router less the first one; None of the first one.
        difference_by: its estimator: doubly robust where both have expectations, else inverse propensities.
        terms: estimator -> kind -> (num_requests,) whose mean is the estimate, of the two that are such means.
    """

    router: str
    agrees: int
    effective: float
    estimates: dict[str, dict[str, Estimate]]
    terms: dict[str, dict[str, np.ndarray]]
    difference: dict[str, Estimate] | None = None
    difference_by: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As JSON-ready content, without the terms."""
        return {name: value for name, value in asdict(self).items() if name != "terms"}


@dataclass(frozen=True)
class LogEvaluation:
    """Estimates of several routers over the same requests, what those requests did get, and what has no part."""

    requests: int
    logged: dict[str, Estimate]
    routers: list[RouterEstimate]
    left_out: dict[str, int]


def evaluate_log(
    folder: Path, routers: Sequence[str], benchmark: Path | None = None, *, trusted: bool = False
) -> LogEvaluation:
    """Estimate routers on a log.

    Args:
        folder: the log.
        routers: folders or Hub ids.
        benchmark: of an export of the log: what stands in its train and validation splits does not count, its test
            split and later requests do. None for all.
        trusted: whether code that routers bring may run.

    Raises:
        ServingError: there is no log, it is damaged, the benchmark is not of it, no request is left, or the routers'
            decisions and the log's have too little in common.
    """
    left_out: Counter[str] = Counter()
    logged = list(read_log(folder))
    usable = [one for one in logged if not _counted(left_out, _why_not(one))]
    if benchmark is not None:
        table = load_table(benchmark)
        if {one.entry.id for one in logged}.isdisjoint(table.column("sample_id")):
            raise ServingError(
                f"expected the benchmark of an export of the log {folder}, found {benchmark}, which has none of its "
                "requests. Give the one that `build` made of the export, or leave --benchmark out."
            )
        seen = {name for split in ("train", "validation") for name in table.split(split).column("sample_id")}
        usable = [one for one in usable if not _counted(left_out, LEARNT_FROM if one.entry.id in seen else "")]
    deciders = [LoggedDecider(router, trusted=trusted) for router in routers]
    kept: list[Logged] = []
    choices: list[list[Choice]] = []
    for one in usable:
        made = [decider.choice(one.entry) for decider in deciders]
        known = TRAINED_ON if any(decider.knows(one.entry) for decider in deciders) else ""
        if not _counted(left_out, known or next((choice.why for choice in made if choice.why), "")):
            kept.append(one)
            choices.append(made)
    if not kept:
        reasons = ", ".join(f"{count:,} with {reason}" for reason, count in left_out.most_common()) or "it is empty"
        raise ServingError(f"expected routed and rated requests in the log {folder}, found none ({reasons}).")
    return _evaluated(kept, choices, routers, dict(left_out.most_common()))


def _counted(left_out: Counter[str], why: str) -> bool:
    if why:
        left_out[why] += 1
    return bool(why)


def _why_not(one: Logged) -> str:
    """Why a request has no part, "" where it has.

    Raises:
        ServingError: its propensity is none.
    """
    entry = one.entry
    if entry.mode != ROUTE:
        return "a candidate that was not the router's choice"
    if entry.propensity is None or not 0 < entry.propensity <= 1:
        raise ServingError(
            f"request {entry.id}: expected a propensity above 0 and at most 1, found {entry.propensity}. Its log is "
            f"damaged or was changed: delete the request (`vlrouterbench logs delete --request {entry.id}`)."
        )
    if not entry.candidate or entry.candidate != entry.chosen:
        return "a first choice that failed"
    if one.quality is None:
        return "no feedback"
    return "" if entry.cost_usd is not None else "no cost"


def _evaluated(
    kept: Sequence[Logged], choices: Sequence[Sequence[Choice]], routers: Sequence[str], left_out: dict[str, int]
) -> LogEvaluation:
    clusters = np.array([one.entry.conversation for one in kept])
    if len(set(clusters.tolist())) == 1:
        raise ServingError("expected requests of several conversations, found one alone, which shows no spread.")
    outcomes = {
        "accuracy": np.array([one.quality for one in kept], dtype=float),
        "cost_usd": np.array([one.entry.cost_usd for one in kept], dtype=float),
    }
    estimated: list[RouterEstimate] = []
    for place, router in enumerate(routers):
        found = _of_router(router, kept, [made[place] for made in choices], outcomes, clusters)
        if estimated:
            first = estimated[0].terms
            by = DR if DR in first and DR in found.terms else IPS
            gaps = {kind: mean_over(found.terms[by][kind] - first[by][kind], clusters) for kind in KINDS}
            found = replace(found, difference=gaps, difference_by=by)
        estimated.append(found)
    logged = {kind: mean_over(outcomes[kind], clusters) for kind in KINDS}
    return LogEvaluation(len(kept), logged, estimated, left_out)


def _of_router(
    router: str,
    kept: Sequence[Logged],
    choices: Sequence[Choice],
    outcomes: dict[str, np.ndarray],
    clusters: np.ndarray,
) -> RouterEstimate:
    pairs = list(zip(kept, choices, strict=True))
    agrees = np.array([one.entry.candidate == choice.candidate for one, choice in pairs])
    weights = weights_of(agrees, np.array([one.entry.propensity for one in kept], dtype=float))
    effective = effective_size(weights)
    if effective < MIN_EFFECTIVE and agrees.all():  # to explore more would not help
        raise ServingError(
            f"{router}: expected routed and rated requests that weigh as much as {MIN_EFFECTIVE:g} at least, found "
            f"{len(kept):,} that weigh as much as {effective:.1f}. Log and rate more."
        )
    if effective < MIN_EFFECTIVE:
        raise ServingError(
            f"{router}: its decisions and the log's have too little in common: it agrees with {int(agrees.sum()):,} of "
            f"{len(kept):,} requests, which weigh as much as {effective:.1f}, and an estimate needs {MIN_EFFECTIVE:g}. "
            "Log more requests, or explore more (`explore:` in the gateway's configuration)."
        )
    estimates = {
        IPS: {kind: inverse_propensity(weights, outcomes[kind], clusters) for kind in KINDS},
        SNIPS: {kind: self_normalised(weights, outcomes[kind], clusters) for kind in KINDS},
    }
    terms = {IPS: {kind: weights * outcomes[kind] for kind in KINDS}}
    expected = [choice.expected for choice in choices if choice.expected is not None]
    if len(expected) == len(choices):
        values = np.array(expected)  # (num_requests, own and asked, accuracy and cost)
        terms[DR] = {
            kind: doubly_robust_terms(weights, outcomes[kind], values[:, 1, place], values[:, 0, place])
            for place, kind in enumerate(KINDS)
        }
        estimates[DR] = {kind: doubly_robust(terms[DR][kind], weights, outcomes[kind], clusters) for kind in KINDS}
    possible = {by: {kind: one.within(0.0, HIGHEST[kind]) for kind, one in of.items()} for by, of in estimates.items()}
    return RouterEstimate(router, int(agrees.sum()), effective, possible, terms)
