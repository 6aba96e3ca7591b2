"""Submissions and a benchmark folder -> ranked records.

Decisions
- Every figure is computed from the decisions and the benchmark folder, whose tables are first checked against their
  digest; the scoring is the evaluator's own.
- One refused submission refuses the command, with every refusal named: a table that quietly lacks somebody is no table.
- The reference policies are computed here, at the leaderboard's seed, and stand unranked among the submissions. A
  submitted router that bears a policy's name and decides as it does is that policy; one that decides otherwise is an
  entry.
- An entry goes by its router's name, by `submission/router` where several bear it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vlrouterbench.core.errors import BenchmarkError, VLRouterBenchError
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.evaluation.decisions import read_decisions
from vlrouterbench.evaluation.leaderboard.signing import verify_decisions
from vlrouterbench.evaluation.leaderboard.submissions import Submission, SubmissionError, check_stated
from vlrouterbench.evaluation.policies import POLICIES, decide_policy
from vlrouterbench.evaluation.ranking import rank_routers
from vlrouterbench.evaluation.results import RoutedSplit, ScoringContext, score_routers

_FIGURES = (
    "router",
    "split",
    "num_samples",
    "num_left_out",
    "accuracy",
    "average_cost_usd",
    "rank_score",
    "ci95",
    "vs_mixture",
    "oracle_gap_closed",
    "per_dataset",
    "per_group",
    "candidate_shares",
    "cost_bounds_usd",
    "beta",
    "benchmark",
    "seed",
    "version",
)
"""What a standing takes over from an evaluator's record: what decisions alone tell."""


@dataclass(frozen=True)
class Standings:
    """A leaderboard.

    Attributes:
        table: the scored samples.
        records: one per entry and reference policy, by Rank Score.
    """

    table: RoutingTable
    records: list[dict[str, Any]]


@dataclass(frozen=True)
class _Entry:
    submission: Submission
    router: str
    decisions: np.ndarray
    signed_by: str | None


def rank_submissions(
    submissions: Sequence[Submission], folder: Path | str, *, split: str = "test", seed: int = 0
) -> Standings:
    """Score and rank submissions.

    Args:
        submissions: as `find_submissions` gives them.
        folder: benchmark folder that they decided on.
        split: whose samples they decided on.
        seed: of resamples and of the policies that draw.

    Returns:
        Standings whose records hold the figures of `results.json` that decisions tell, and `kind` ("submission" or
        "policy"), `rank`, `rank_range` [best, worst] and `tied_with` (None for policies), `submission`, `file`,
        `signed_by` (fingerprint of a key, None where unsigned).

    Raises:
        SubmissionError: one or more submissions are refused; the message names each.
        BenchmarkError: no benchmark folder, other tables than its report was written for, or no sample to score.
    """
    whole = load_table(folder, verify=True)
    asked = whole.split(split)
    table = asked.take(asked.complete)
    if not len(table):
        raise BenchmarkError(
            f"expected samples of the {split} split of {folder} measured for every candidate, found none."
        )
    policies = {name: decide_policy(name, table, whole.split("train"), seed=seed).decisions for name in POLICIES}
    entries = _without_policies(_read(submissions, table), policies)
    named = dict(zip(_unique_names(entries), entries, strict=True))
    decisions = {name: entry.decisions for name, entry in named.items()}
    routed = [RoutedSplit(name, chosen, {"kind": "router"}) for name, chosen in decisions.items()]
    routed += [RoutedSplit(name, chosen, {"kind": "policy", "name": name}) for name, chosen in policies.items()]
    context = ScoringContext(table, split, seed, policies, num_left_out=len(asked) - len(table))
    ranks = rank_routers(table, decisions, seed=seed)
    records = []
    for scored in score_routers(routed, context):
        name = scored["router"]
        record = {figure: scored[figure] for figure in _FIGURES}
        records.append(record | (_standing(named[name], ranks[name]) if name in named else _REFERENCE))
    return Standings(table, sorted(records, key=lambda record: -record["rank_score"]))


_REFERENCE: dict[str, Any] = {
    "kind": "policy",
    "rank": None,
    "rank_range": None,
    "tied_with": None,
    "submission": None,
    "file": None,
    "signed_by": None,
}


def _standing(entry: _Entry, rank: Any) -> dict[str, Any]:
    return {
        "kind": "submission",
        "rank": rank.rank,
        "rank_range": [rank.best, rank.worst],
        "tied_with": list(rank.ties),
        "submission": entry.submission.name,
        "file": str(entry.submission.path),
        "signed_by": entry.signed_by,
    }


def _read(submissions: Sequence[Submission], table: RoutingTable) -> list[_Entry]:
    entries: list[_Entry] = []
    refusals: list[str] = []
    for submission in submissions:
        try:
            check_stated(submission, table.sha256)
            signed_by = verify_decisions(submission.path, benchmark_sha256=table.sha256)
            decided = read_decisions(submission.path, table)
        except VLRouterBenchError as error:
            refusals.append(str(error))
            continue
        entries += [_Entry(submission, router, chosen, signed_by) for router, chosen in decided.items()]
    if len(refusals) == 1:
        raise SubmissionError(f"submission refused. {refusals[0]}")
    if refusals:
        raise SubmissionError("\n  ".join([f"{len(refusals)} submissions refused.", *refusals]))
    return entries


def _without_policies(entries: Sequence[_Entry], policies: dict[str, np.ndarray]) -> list[_Entry]:
    return [e for e in entries if e.router not in policies or (e.decisions != policies[e.router]).any()]


def _unique_names(entries: Sequence[_Entry]) -> list[str]:
    """Router names; with the submission's name, then its file, in front where that is not enough."""
    ways = (
        lambda entry: entry.router,
        lambda entry: f"{entry.submission.name}/{entry.router}",
        lambda entry: f"{entry.submission.path}: {entry.router}",
    )
    names = [""] * len(entries)
    for way in ways:
        made = [name or way(entry) for name, entry in zip(names, entries, strict=True)]
        # A policy's name is taken; a name that several would bear goes to none of them.
        counts = Counter([*made, *POLICIES])
        names = [name if counts[name] == 1 else "" for name in made]
        if all(names):
            return names
    # Only a router named like another submission's file and router comes here.
    numbered = zip(names, entries, strict=True)
    return [name or f"{e.submission.path}: {e.router} ({n})" for n, (name, e) in enumerate(numbered, start=1)]
