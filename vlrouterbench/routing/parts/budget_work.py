"""An average over a whole job: what decisions at each weight would cost is added up first, part by part.

Decisions
- Two passes. The first estimates every question and sums what is expected of it at each of STEPS weights; the second
  decides at the lightest weight whose mean is within the budget. So the budget holds over all parts together, exactly
  by the router's own estimates, and depends on no order of parts. It is underspent by less than one step of weights.
- The sums of a part lie in a hidden folder until the weight is fixed in the manifest: the first pass resumes as the
  second one does.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch

from vlrouterbench.core.files import make_folder, write_json
from vlrouterbench.core.parts.part import Part
from vlrouterbench.core.parts.work import DoPart, Engine, PartFacts, PartWork
from vlrouterbench.routers.base.budget import Budget, Estimates
from vlrouterbench.routers.base.decision import BudgetError, RoutingDecision
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter
from vlrouterbench.routing.parts.job import Job
from vlrouterbench.routing.parts.manifest import BudgetRecord, budget_record
from vlrouterbench.routing.parts.route_work import RouteWork, Routing
from vlrouterbench.training.pool.opened import check_open_pool

STEPS = 200
"""Weights that are tried, from "a hundred times the dearest candidate's mean cost for all accuracy" down to none."""
_FOLDER = ".budget"
_NOTHING = RoutingDecision("", {}, None, {})


class CurveFacts(PartFacts):
    """What became of a part in the first pass: `costs_usd` of its `decided` rows together, at each weight."""

    job: str
    decided: int
    costs_usd: list[float]


def trial_weights(router: OpenPoolRouter) -> list[float]:
    """The weights that are tried, the heaviest first."""
    unit = router.largest_mean_cost
    return [*torch.logspace(2, -3, STEPS, dtype=torch.float64).div(unit).tolist(), 0.0]


@dataclass(frozen=True)
class CurveWork:
    """See PartWork; the first pass of `route`."""

    route: RouteWork

    def open(self) -> DoPart:
        """See PartWork; errors are those of the second pass, and a router without an open pool."""
        routing = self.route.open_routing()
        return _Curves(self.route, routing, check_open_pool(routing.router, self.route.source.router))


class _Curves:
    """The first pass, opened."""

    def __init__(self, work: RouteWork, routing: Routing, router: OpenPoolRouter) -> None:
        self.work, self.routing, self.router = work, routing, router
        self.weights = trial_weights(router)
        names, seconds = work.options.candidates, work.options.max_latency_s
        self.names: Sequence[str] | None = names if seconds is None else router.quick_enough(seconds, names)

    def __call__(self, part: Part) -> PartFacts:
        """Sum up a part, unless its sums stand there already."""
        if (found := done_curve(self.work.out, part, self.work.job.digest)) is not None:
            return found
        made = list[Estimates]()

        def estimate(features: torch.Tensor) -> RoutingDecision:
            made.append(self.router.estimates(features.to(self.router.device)))
            return _NOTHING

        routed, _ = self.routing.routed(part, estimate)
        facts: CurveFacts = {
            "job": self.work.job.digest,
            "part": part.number,
            "rows": part.rows,
            "decided": len(made),
            "costs_usd": self._costs(made),
        }
        write_json(_file(self.work.out, part), facts)
        return facts

    def _costs(self, made: Sequence[Estimates]) -> list[float]:
        if not made:
            return [0.0] * len(self.weights)
        together = Estimates(
            torch.cat([one.accuracy for one in made]),
            torch.cat([one.cost_usd for one in made]),
            _joined([one.standard_error for one in made]),
            _joined([one.output_tokens for one in made]),
        )
        costs = []
        for weight in self.weights:
            chosen = self.router.choose(self.router.utility(together, Budget(usd_weight=weight)), self.names)
            costs.append(float(together.cost_usd.gather(1, chosen.unsqueeze(1)).double().sum()))
        return costs


def _joined(values: Sequence[torch.Tensor | None]) -> torch.Tensor | None:
    """Values of samples together; None of a family that has none."""
    known = [value for value in values if value is not None]
    return torch.cat(known) if known else None


def done_curve(out: Path, part: Part, job: str) -> CurveFacts | None:
    """The sums of a part; None where they are not there, or another job's."""
    try:
        found = json.loads(_file(out, part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    fits = isinstance(found, dict) and (found.get("job"), found.get("part"), found.get("rows")) == (
        job,
        part.number,
        part.rows,
    )
    return cast(CurveFacts, found) if fits else None


def weigh(job: Job, work: PartWork, engine: Engine, router: OpenPoolRouter, average: float) -> float:
    """The weight that keeps an average over the whole job, from its manifest or by a first pass.

    Args:
        job: whose.
        work: the first pass.
        engine: what does it.
        router: at the trade-off that was asked for.
        average: USD per sample.

    Raises:
        BudgetError: even the cheapest decisions cost more; others as for `Engine.run`.
    """
    if "budget" not in job.manifest:
        job.begin()
        job.write()
        make_folder(job.out / _FOLDER)
        digest, rows = job.manifest["job"], job.manifest["input"]["rows"]
        missing = [part for part in job.parts if done_curve(job.out, part, digest) is None]
        done = rows - sum(part.rows for part in missing)
        for facts in engine.run(work, missing) if missing else ():
            done += facts["rows"]
            if job.progress is not None:
                job.progress(done, rows)
        found = [done_curve(job.out, part, digest) for part in job.parts]
        try:
            job.manifest["budget"] = _budget_of(
                digest, router, average, [facts for facts in found if facts is not None]
            )
        except BudgetError:
            shutil.rmtree(job.out)  # there is nothing in it but what this pass has written
            raise
        job.write()
    # Its outcome is in the manifest; a job that was killed just then left it there.
    shutil.rmtree(job.out / _FOLDER, ignore_errors=True)
    return job.manifest["budget"]["usd_weight"]


def _budget_of(job: str, router: OpenPoolRouter, average_cost_usd: float, curves: Sequence[CurveFacts]) -> BudgetRecord:
    """The lightest weight that keeps an average over all questions.

    Raises:
        BudgetError: even the cheapest decisions cost more.
    """
    decided = max(1, sum(facts["decided"] for facts in curves))
    means = [sum(costs) / decided for costs in zip(*(facts["costs_usd"] for facts in curves), strict=True)]
    if means[0] > average_cost_usd:
        raise BudgetError(
            f"average_cost_usd: {average_cost_usd:.3g} USD per sample is less than the cheapest decisions cost on "
            f"these questions, {means[0]:.3g}. Raise the budget, or add a cheaper candidate."
        )
    weights = trial_weights(router)
    chosen = max(place for place, mean in enumerate(means) if mean <= average_cost_usd)
    return budget_record(job, average_cost_usd, weights[chosen], means[chosen])


def _file(out: Path, part: Part) -> Path:
    return out / _FOLDER / f"curve-{part.number:05d}-of-{part.count:05d}.json"
