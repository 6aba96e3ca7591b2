"""A sweep: routers of one family at several cost weights and seeds, trained in one process on one set of features.

Decisions
- Every figure is of the validation split, which also chose epochs and settings: it ranks cost weights, and is no
  estimate of what a router does on samples it has not seen. `evaluate` gives that, on the test split.
- The routers of the first seed are saved, one per cost weight; the other seeds say how much of a difference is chance.
- A family that is able to trains the cost weights of one seed side by side, unless it is turned off: the same routers
  in less time.
- An end-to-end family, which `train` gives one cost weight, is swept over the paper's grid like any other: that takes a
  training for each.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

from vlrouterbench.core.constants import COST_WEIGHTS
from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.files import staged_folder, write_json
from vlrouterbench.data.build_report import BenchmarkIdentity
from vlrouterbench.plotting.sweep import sweep_plot
from vlrouterbench.routers.registry import FAMILIES
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import TrainedRouter, save_router, train_each
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.selection import json_number
from vlrouterbench.training.side_by_side import fits_side_by_side

FIGURES: tuple[Literal["rank_score", "accuracy", "average_cost_usd"], ...] = (
    "rank_score",
    "accuracy",
    "average_cost_usd",
)


class SweepRun(TypedDict):
    """One seed's router at a cost weight: its figures on validation, and the other settings that were chosen."""

    seed: int
    rank_score: float
    accuracy: float
    average_cost_usd: float
    setting: Mapping[str, Any]


class SweepRow(TypedDict):
    """A cost weight: mean figures over seeds, their standard deviations where there are several, and the runs."""

    cost_weight: float | str | None
    rank_score: float
    rank_score_sd: float | None
    accuracy: float
    accuracy_sd: float | None
    average_cost_usd: float
    average_cost_usd_sd: float | None
    runs: list[SweepRun]


class SweepContent(TypedDict):
    """What `sweep.json` holds."""

    router: str
    variant: str
    split: str
    num_samples: int
    side_by_side: bool
    seeds: list[int]
    cost_bounds_usd: list[float]
    benchmark: BenchmarkIdentity
    rows: list[SweepRow]


@dataclass(frozen=True)
class Sweep:
    """The result of a sweep.

    Attributes:
        content: what `sweep.json` holds.
        routers: name -> router of the first seed.
    """

    content: SweepContent
    routers: dict[str, TrainedRouter]


def sweep_router(
    family: str, problem: Problem, arguments: RouterTrainingArguments | None = None, *, seeds: Sequence[int] = (0,)
) -> Sweep:
    """Train a family at several cost weights and seeds.

    Args:
        family: a name of FAMILIES.
        problem: the benchmark with its features.
        arguments: as for `train_router`; its cost weights are the sweep's (the paper's grid where there are none and
            the variant has not its own), its seed is not used.
        seeds: different ones.

    Raises:
        UnknownNameError, RouterError: as `train_router`; or a seed or a cost weight is given twice.
        EvaluationError: the benchmark has no range of costs, so that there is no Rank Score.
    """
    arguments = arguments or RouterTrainingArguments()
    bounds = problem.table.goal.bounds_for("A sweep")
    for what, values in (("seeds", seeds), ("cost weights", arguments.cost_weights or ())):
        if len(set(values)) != len(values):
            raise RouterError(f"expected different {what}, found {', '.join(map(str, values))}.")
    recipe = FAMILIES[family].recipes.get(arguments.variant) if family in FAMILIES else None
    own = recipe.cost_weights if recipe else ()
    if arguments.cost_weights is None and (own is None or (own and FAMILIES[family].end_to_end)):
        arguments = replace(arguments, cost_weights=COST_WEIGHTS)
    runs: dict[float | str | None, list[SweepRun]] = {}
    routers = {}
    for seed in seeds:
        for trained in train_each(family, problem, replace(arguments, seed=seed)):
            weight = trained.chosen.setting.get("cost_weight")
            weight = None if weight is None else json_number(weight)
            runs.setdefault(weight, []).append(_run(trained, problem, seed))
            if seed == seeds[0]:
                routers[family if weight is None else f"{family}-lambda-{_plain(weight)}"] = trained
    content: SweepContent = {
        "router": family,
        "variant": arguments.variant,
        "split": "validation",
        "num_samples": len(problem.validation),
        "side_by_side": arguments.side_by_side and fits_side_by_side(FAMILIES[family]),
        "seeds": list(seeds),
        "cost_bounds_usd": list(bounds),
        "benchmark": problem.table.identity,
        "rows": [_row(weight, same_weight) for weight, same_weight in runs.items()],
    }
    return Sweep(content, routers)


def write_sweep(sweep: Sweep, out: Path | str) -> None:
    """Write `sweep.json`, `sweep.svg` and `routers/NAME` (beside, then renamed)."""
    with staged_folder(Path(out)) as folder:
        write_json(folder / "sweep.json", sweep.content)
        (folder / "sweep.svg").write_text(sweep_plot(sweep.content), encoding="utf-8")
        for name, trained in sweep.routers.items():
            save_router(trained, folder / "routers" / name)


def _run(trained: TrainedRouter, problem: Problem, seed: int) -> SweepRun:
    accuracy, cost = problem.validation_averages(trained.router.decide(problem.validation_features))
    return {
        "seed": seed,
        "rank_score": cast(float, trained.chosen.validation_rank_score),  # there are bounds, as was checked
        "accuracy": accuracy,
        "average_cost_usd": cost,
        "setting": {name: value for name, value in trained.chosen.setting.items() if name != "cost_weight"},
    }


def _row(weight: float | str | None, runs: list[SweepRun]) -> SweepRow:
    (rank_score, rank_score_sd), (accuracy, accuracy_sd), (cost, cost_sd) = (
        _mean_and_sd([run[name] for run in runs]) for name in FIGURES
    )
    return {
        "cost_weight": weight,
        "rank_score": rank_score,
        "rank_score_sd": rank_score_sd,
        "accuracy": accuracy,
        "accuracy_sd": accuracy_sd,
        "average_cost_usd": cost,
        "average_cost_usd_sd": cost_sd,
        "runs": runs,
    }


def _mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def _plain(weight: float | str) -> str:
    return weight if isinstance(weight, str) else f"{weight:g}"
