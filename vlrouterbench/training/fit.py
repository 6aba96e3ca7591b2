"""Training a router of any family: choose on validation, fill in the configuration, save.

Decisions
- Families differ in how weights come about: by gradient, or by remembering. What is tried, what it is judged by and
  what is recorded are the same for all.
- All cost weights of one run share features; the one with the best Rank Score on validation is kept, the first of
  equals.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import set_seed

from vlrouterbench.cards.router_card import render_router_card
from vlrouterbench.errors import unknown_name
from vlrouterbench.files import staged_folder
from vlrouterbench.routers.modeling_knn import KNNRouter, nearest, unit_rows, vote
from vlrouterbench.routers.modeling_router import PreTrainedRouter
from vlrouterbench.routers.registry import ROUTERS, family_name
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.trainer import train_gradient_router
from vlrouterbench.version import __version__

NUM_NEIGHBORS = (5, 10, 20, 50, 100, 200)
"""Neighbour counts that kNN chooses from on validation."""


@dataclass(frozen=True)
class Trial:
    """One setting that was tried: what it was and its Rank Score on validation."""

    setting: dict[str, Any]
    validation_rank_score: float


@dataclass(frozen=True)
class TrainedRouter:
    """A router with what choosing it on validation showed."""

    router: PreTrainedRouter
    trials: list[Trial]
    chosen: Trial


def train_router(family: str, problem: Problem, arguments: RouterTrainingArguments | None = None) -> TrainedRouter:
    """Train a router and choose its settings on validation.

    Args:
        family: a name of ROUTERS.
        problem: the benchmark with its features.
        arguments: see RouterTrainingArguments.

    Raises:
        UnknownNameError: no such family.
        RouterError: nothing to learn from, or nothing to choose by.
    """
    if family not in ROUTERS:
        raise unknown_name("router", family, ROUTERS)
    arguments = arguments or RouterTrainingArguments()
    train: Callable[..., tuple[PreTrainedRouter, list[Trial], Trial]]
    train = _train_memory if ROUTERS[family] is KNNRouter else _train_gradient
    router, trials, chosen = train(ROUTERS[family], problem, arguments)
    router.config.training = {
        "benchmark": {
            "name": problem.table.report["name"],
            "sha256": problem.table.sha256,
            "simulated": problem.table.simulated,
        },
        **{key: _json_number(value) for key, value in chosen.setting.items()},
        "seed": arguments.seed,
        "unsolved": str(arguments.unsolved),
        "num_train": len(problem.train),
        "num_validation": len(problem.validation),
        "validation_rank_score": chosen.validation_rank_score,
        "version": __version__,
    }
    return TrainedRouter(router.eval(), trials, chosen)


def save_router(trained: TrainedRouter, out: Path | str) -> None:
    """Write config.json, model.safetensors, the code files and the card (beside, then renamed)."""
    with staged_folder(Path(out)) as folder:
        trained.router.save_pretrained(folder)
        trials = [{"setting": t.setting, "validation_rank_score": t.validation_rank_score} for t in trained.trials]
        card = render_router_card(family_name(trained.router), trained.router.config.to_dict(), trials)
        (folder / "README.md").write_text(card, encoding="utf-8")


def _train_gradient(
    family: type[PreTrainedRouter], problem: Problem, arguments: RouterTrainingArguments
) -> tuple[PreTrainedRouter, list[Trial], Trial]:
    best: tuple[PreTrainedRouter, Trial] | None = None
    trials = []
    for cost_weight in arguments.cost_weights:
        set_seed(arguments.seed)
        router = family(_config(family, problem))
        router.encoder.load_state_dict(problem.features.encoder.state_dict())
        score = train_gradient_router(router, problem, cost_weight=cost_weight, arguments=arguments)
        trials.append(Trial({"cost_weight": cost_weight}, score))
        if best is None or score > best[1].validation_rank_score:
            best = router, trials[-1]
    return best[0], trials, best[1]


def _train_memory(
    family: type[KNNRouter], problem: Problem, arguments: RouterTrainingArguments
) -> tuple[PreTrainedRouter, list[Trial], Trial]:
    labels = {w: problem.soft_labels(cost_weight=w, unsolved=arguments.unsolved) for w in arguments.cost_weights}
    # Which samples count does not depend on the cost weight, so neighbours are searched once.
    kept = next(iter(labels.values())).sum(dim=1) > 0
    memory = unit_rows(problem.train_features[kept])
    similarity, neighbors = nearest(problem.validation_features, memory, num_neighbors=max(NUM_NEIGHBORS))
    trials = []
    for cost_weight, targets in labels.items():
        voted = targets[kept][neighbors]
        for count in NUM_NEIGHBORS:
            decisions = vote(similarity[:, :count], voted[:, :count]).argmax(dim=1)
            setting = {"cost_weight": cost_weight, "num_neighbors": count}
            trials.append(Trial(setting, problem.validation_score(decisions)))
    chosen = max(trials, key=lambda trial: trial.validation_rank_score)
    targets = labels[chosen.setting["cost_weight"]][kept]
    router = family(_config(family, problem, memory_size=len(targets), num_neighbors=chosen.setting["num_neighbors"]))
    router.encoder.load_state_dict(problem.features.encoder.state_dict())
    router.remember(problem.train_features[kept], targets)
    return router, trials, chosen


def _config(family: type[PreTrainedRouter], problem: Problem, **own: Any) -> Any:
    return family.config_class(candidates=problem.candidates(), encoder=problem.features.encoder.config, **own)


def _json_number(value: float | int) -> float | int | str:
    return "inf" if isinstance(value, float) and math.isinf(value) else value
