"""Submissions and a benchmark folder -> ranked records.

Decisions
- Every figure is computed from the decisions and the benchmark folder, whose tables are first checked against their
  digest; the scoring is the evaluator's own.
- Every refusal is named, with its reason: no submission is left out silently. One that is refused keeps no other from
  being ranked where the caller shows refusals too (`keep_good`); else it is an error.
- The reference policies are computed here, at the leaderboard's seed, and are listed without a rank. A submitted router
  with a policy's name and the policy's decisions is that policy, and so is one that its `results.json` calls so (an
  evaluation's own baselines, under another objective or other candidates); one with other decisions is an entry.
- An entry has its router's name, or `submission/router` where several routers have the same name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from vlrouterbench.core.errors import BenchmarkError, VLRouterBenchError
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.evaluation.decisions import read_decisions
from vlrouterbench.evaluation.leaderboard.records import POLICY, SUBMISSION, Leaderboard, LeaderboardRecord, Refusal
from vlrouterbench.evaluation.leaderboard.signing import verify_decisions
from vlrouterbench.evaluation.leaderboard.submissions import Submission, check_stated, refusal_error
from vlrouterbench.evaluation.paired import RoutedSplit, ScoringContext
from vlrouterbench.evaluation.policies import POLICIES, decide_policy
from vlrouterbench.evaluation.pool import ALL, candidates_beside, pool_notes, scored_candidates, with_candidates
from vlrouterbench.evaluation.ranking import Rank, rank_routers
from vlrouterbench.evaluation.records import ResultRecord, ScoredRecord
from vlrouterbench.evaluation.results import score_routers
from vlrouterbench.evaluation.view import judged_notes
from vlrouterbench.metrics.objectives import BENCHMARK_GOAL, Goal


@dataclass(frozen=True)
class _Entry:
    submission: Submission
    router: str
    decisions: np.ndarray
    signed_by: str | None


def rank_submissions(
    submissions: Sequence[Submission],
    folder: Path | str,
    *,
    split: str = "test",
    seed: int = 0,
    goal: Goal = BENCHMARK_GOAL,
    candidates: str = ALL,
    keep_good: bool = False,
) -> Leaderboard:
    """Score and rank submissions.

    Args:
        submissions: as `find_submissions` gives them.
        folder: benchmark folder that they decided on.
        split: whose samples they decided on.
        seed: of resamples and of the policies that draw.
        goal: what decisions are judged by.
        candidates: which are scored: "all", "shared" (those that every submission's evaluation scored), or names with
            commas between them.
        keep_good: rank the others where submissions are refused, and name those in `refused`.

    Returns:
        The leaderboard; its records have the figures of `results.json` that follow from decisions.

    Raises:
        SubmissionError: one or more submissions are refused, without `keep_good`; the message names each.
        BenchmarkError: no benchmark folder, other tables than its report was written for, or no sample to score.
    """
    whole = load_table(folder, verify=True).judged_by(goal)
    every = whole.pool.names
    beside = {one.name: candidates_beside(one.path) or every for one in submissions if not one.refused}
    whole = with_candidates(whole, scored_candidates(candidates, whole, beside))
    scored_split = whole.split(split)
    table = scored_split.take(scored_split.complete)
    if not len(table):
        raise BenchmarkError(
            f"expected samples of the {split} split of {folder} measured for every candidate, found none."
        )
    policies = {name: decide_policy(name, table, whole.split("train"), seed=seed).decisions for name in POLICIES}
    read, refused = _read(submissions, table)
    if refused and not keep_good:
        raise refusal_error([one.reason for one in refused])
    entries = _without_policies(read, policies)
    named = dict(zip(_unique_names(entries), entries, strict=True))
    decisions = {name: entry.decisions for name, entry in named.items()}
    context = ScoringContext(
        table,
        split,
        seed,
        policies,
        num_left_out=len(scored_split) - len(table),
        candidates_left_out=[name for name in every if name not in table.pool.index],
    )
    ranks = rank_routers(table, decisions, seed=seed)
    scored_ones = score_routers(_routed(decisions, policies), context)
    records = [_record(one, named.get(one["router"]), ranks.get(one["router"])) for one in scored_ones]
    notes = [*judged_notes(records[0]), *pool_notes(records[0]), *_decided_for(named, goal)]
    ordered = sorted(records, key=lambda record: -record["objective_value"])
    return Leaderboard(table, ordered, notes, refused)


def _routed(entries: Mapping[str, np.ndarray], policies: Mapping[str, np.ndarray]) -> list[RoutedSplit]:
    routed = [RoutedSplit(name, chosen, {"kind": "router"}) for name, chosen in entries.items()]
    return routed + [RoutedSplit(name, chosen, {"kind": "policy", "name": name}) for name, chosen in policies.items()]


def _record(scored: ResultRecord, entry: _Entry | None, rank: Rank | None) -> LeaderboardRecord:
    """The figures that follow from decisions alone, and the origin and rank of an entry."""
    names = ScoredRecord.__required_keys__
    figures = cast("ScoredRecord", {name: value for name, value in scored.items() if name in names})
    return {
        **figures,
        "kind": SUBMISSION if entry else POLICY,
        "rank": rank.rank if rank else None,
        "rank_range": [rank.best, rank.worst] if rank else None,
        "tied_with": list(rank.ties) if rank else None,
        "submission": entry.submission.name if entry else None,
        "file": str(entry.submission.path) if entry else None,
        "signed_by": entry.signed_by if entry else None,
    }


def _read(submissions: Sequence[Submission], table: RoutingTable) -> tuple[list[_Entry], list[Refusal]]:
    """The entries of submissions that can be ranked, and the others with their reasons."""
    entries: list[_Entry] = []
    refused: list[Refusal] = []
    for submission in submissions:
        if submission.refused:
            refused.append(Refusal(submission.name, str(submission.path), submission.refused))
            continue
        try:
            check_stated(submission, table.sha256)
            signed_by = verify_decisions(submission.path, benchmark_sha256=table.sha256)
            decided = read_decisions(submission.path, table)
        except VLRouterBenchError as error:
            refused.append(Refusal(submission.name, str(submission.path), str(error)))
            continue
        entries += [_Entry(submission, router, chosen, signed_by) for router, chosen in decided.items()]
    return entries, refused


def _without_policies(entries: Sequence[_Entry], policies: dict[str, np.ndarray]) -> list[_Entry]:
    return [
        e
        for e in entries
        if e.router not in policies
        or not (_is_baseline(e.submission, e.router) or (e.decisions == policies[e.router]).all())
    ]


def _is_baseline(submission: Submission, router: str) -> bool:
    """Whether the evaluation that wrote the decisions calls a router the policy of that name."""
    return router in submission.stated and submission.stated[router].baseline == router


def _decided_for(named: Mapping[str, _Entry], goal: Goal) -> list[str]:
    """What was decided for something else than it is judged by here, by what the `results.json` beside it says."""
    notes, asked = [], str(goal.objective)
    for name, entry in named.items():
        stated = entry.submission.stated.get(entry.router)
        if stated is not None and stated.objective != asked:
            notes.append(f"{name} was decided under {stated.objective}, and is judged by {asked} here (--objective).")
        if stated is not None and stated.own_prices:
            notes.append(f"{name} was evaluated at other prices; costs here are the benchmark's.")
    return notes


def _unique_names(entries: Sequence[_Entry]) -> list[str]:
    """Router names, with the submission's name, or else its file, in front where they are not unique."""
    ways = (
        lambda entry: entry.router,
        lambda entry: f"{entry.submission.name}/{entry.router}",
        lambda entry: f"{entry.submission.path}: {entry.router}",
    )
    names = [""] * len(entries)
    for way in ways:
        candidates = [name or way(entry) for name, entry in zip(names, entries, strict=True)]
        # The names of policies are taken, and a name that several entries would have goes to none of them.
        counts = Counter([*candidates, *POLICIES])
        names = [name if counts[name] == 1 else "" for name in candidates]
        if all(names):
            return names
    # This is reached only by a router that is named like the file and router of another submission.
    numbered = zip(names, entries, strict=True)
    return [name or f"{e.submission.path}: {e.router} ({n})" for n, (name, e) in enumerate(numbered, start=1)]
