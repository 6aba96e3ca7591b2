"""A sweep: routers of one family at several cost weights and seeds, trained in one process on one set of features.

Decisions
- Every figure is of the validation split, which also chose epochs and settings: it ranks cost weights, and is no
  estimate of what a router does on samples it has not seen. `evaluate` gives that, on the test split.
- The routers of the first seed are saved, one per cost weight; the other seeds say how much of a difference is chance.
- A family that can trains the cost weights of one seed on a shared trunk, unless each is asked for by itself.
- An end-to-end family, which `train` gives one cost weight, is swept over the paper's grid like any other: that takes a
  training for each.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vlrouterbench.core.constants import COST_WEIGHTS
from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.files import staged_folder, write_json
from vlrouterbench.plotting.sweep import sweep_plot
from vlrouterbench.routers.registry import FAMILIES
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import TrainedRouter, json_number, save_router, train_each
from vlrouterbench.training.problem import Problem

FIGURES = ("rank_score", "accuracy", "average_cost_usd")


@dataclass(frozen=True)
class Sweep:
    """What a sweep found.

    Attributes:
        content: what `sweep.json` holds.
        routers: name -> router of the first seed.
    """

    content: dict[str, Any]
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
        UnknownNameError, RouterError: as `train_router`; or a seed or a cost weight stands there twice.
    """
    arguments = arguments or RouterTrainingArguments()
    for what, values in (("seeds", seeds), ("cost weights", arguments.cost_weights or ())):
        if len(set(values)) != len(values):
            raise RouterError(f"expected different {what}, found {', '.join(map(str, values))}.")
    recipe = FAMILIES[family].recipes.get(arguments.variant) if family in FAMILIES else None
    own = recipe.cost_weights if recipe else ()
    if arguments.cost_weights is None and (own is None or (own and FAMILIES[family].end_to_end)):
        arguments = replace(arguments, cost_weights=COST_WEIGHTS)
    runs: dict[Any, list[dict[str, Any]]] = {}
    routers = {}
    for seed in seeds:
        for trained in train_each(family, problem, replace(arguments, seed=seed)):
            weight = trained.chosen.setting.get("cost_weight")
            weight = None if weight is None else json_number(weight)
            runs.setdefault(weight, []).append({"seed": seed, **_figures(trained, problem)})
            if seed == seeds[0]:
                routers[family if weight is None else f"{family}-lambda-{_plain(weight)}"] = trained
    content = {
        "router": family,
        "variant": arguments.variant,
        "split": "validation",
        "num_samples": len(problem.validation),
        "shared_trunk": arguments.shared_trunk and FAMILIES[family].shares_trunk,
        "seeds": list(seeds),
        "benchmark": problem.table.identity,
        "rows": [{"cost_weight": weight, **_summary(found), "runs": found} for weight, found in runs.items()],
    }
    return Sweep(content, routers)


def write_sweep(sweep: Sweep, out: Path | str) -> None:
    """Write `sweep.json`, `sweep.svg` and `routers/NAME` (beside, then renamed)."""
    with staged_folder(Path(out)) as folder:
        write_json(folder / "sweep.json", sweep.content)
        (folder / "sweep.svg").write_text(sweep_plot(sweep.content), encoding="utf-8")
        for name, trained in sweep.routers.items():
            save_router(trained, folder / "routers" / name)


def _figures(trained: TrainedRouter, problem: Problem) -> dict[str, Any]:
    accuracy, cost = problem.validation_averages(trained.router.decide(problem.validation_features))
    setting = {name: value for name, value in trained.chosen.setting.items() if name != "cost_weight"}
    score = trained.chosen.validation_rank_score
    return {**dict(zip(FIGURES, (score, accuracy, cost), strict=True)), "setting": setting}


def _summary(runs: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """Mean of every figure over seeds, and its standard deviation where there are several."""
    return dict(_mean_and_spread(runs))


def _mean_and_spread(runs: Sequence[dict[str, Any]]) -> Iterator[tuple[str, float | None]]:
    for name in FIGURES:
        values = [run[name] for run in runs]
        yield name, statistics.fmean(values)
        yield f"{name}_sd", statistics.stdev(values) if len(values) > 1 else None


def _plain(weight: float | str) -> str:
    return weight if isinstance(weight, str) else f"{weight:g}"
