"""Training a router of any family: choose on validation, fill in the configuration, save.

Decisions
- Families differ in their modelling files alone: what is learnt in one pass (`fit`), what by gradient
  (`training_loss`), and what is tried (`recipes`). How it is judged and what is recorded are the same for all.
- All settings of one run share features; the one with the best Rank Score on validation is kept, the first of equals.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import set_seed

from vlrouterbench.cards.router_card import render_router_card
from vlrouterbench.constants import Unsolved
from vlrouterbench.errors import RouterError, unknown_name
from vlrouterbench.files import staged_folder
from vlrouterbench.routers.configuration_router import RouterConfig
from vlrouterbench.routers.learning import Recipe, TrainingSet, settings_of
from vlrouterbench.routers.modeling_router import PreTrainedRouter
from vlrouterbench.routers.registry import ROUTERS, family_name
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.selection import Trial, best_of, try_settings
from vlrouterbench.training.trainer import train_gradient_router
from vlrouterbench.version import __version__


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
    recipe = _recipe(family, arguments)
    unsolved = arguments.unsolved or Unsolved.DROP
    best: tuple[PreTrainedRouter, Trial] | None = None
    trials: list[Trial] = []
    for weighting in [{"cost_weight": weight} for weight in recipe.cost_weights] or [{}]:
        training_set = problem.training_set(
            cost_weight=weighting.get("cost_weight", 0.0), unsolved=unsolved, seed=arguments.seed
        )
        for router, tried in _fits(ROUTERS[family], problem, training_set, recipe):
            trials += [Trial(weighting | trial.setting, trial.validation_rank_score) for trial in tried]
            found = best_of(trials[-len(tried) :])
            if best is None or found.validation_rank_score > best[1].validation_rank_score:
                best = router, found
    router, chosen = best
    router.config.update({name: value for name, value in chosen.setting.items() if name != "cost_weight"})
    router.config.training = {
        "benchmark": {
            "name": problem.table.report["name"],
            "sha256": problem.table.sha256,
            "simulated": problem.table.simulated,
        },
        "variant": arguments.variant,
        **{key: _json_number(value) for key, value in chosen.setting.items()},
        "seed": arguments.seed,
        "unsolved": str(unsolved) if recipe.cost_weights else None,
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
        router = trained.router
        card = render_router_card(family_name(router), router.config.to_dict(), trials, title=router.title)
        (folder / "README.md").write_text(card, encoding="utf-8")


def _recipe(family: str, arguments: RouterTrainingArguments) -> Recipe:
    recipes = ROUTERS[family].recipes
    if arguments.variant not in recipes:
        raise unknown_name(f"variant of {family}", arguments.variant, recipes)
    own = [kind for kind in ROUTERS[family].config_class.__mro__ if issubclass(kind, RouterConfig)]
    known = [
        name
        for kind in own
        if kind is not RouterConfig
        for name in list(inspect.signature(kind.__init__).parameters)[1:-1]
    ]
    for name in arguments.options:
        if name not in known:
            raise unknown_name(f"option of {family}", name, known)
    return arguments.applied_to(recipes[arguments.variant], family)


def _fits(
    family: type[PreTrainedRouter], problem: Problem, training_set: TrainingSet, recipe: Recipe
) -> Iterator[tuple[PreTrainedRouter, list[Trial]]]:
    """A fitted router for every setting that needs a fit of its own, with what it was tried with."""
    for setting in settings_of(recipe.fit_grid):
        set_seed(training_set.seed)
        own = {**recipe.fixed, **setting}
        router = family(_config(family, problem, own | family.sizes(training_set, own)))
        router.encoder.load_state_dict(problem.features.encoder.state_dict())
        router.fit(training_set)
        if router.by_gradient:
            tried = train_gradient_router(router, problem, training_set, recipe)
        else:
            tried = try_settings(router.eval(), problem, router.decision_settings(recipe))
        yield router, [Trial(setting | trial.setting, trial.validation_rank_score) for trial in tried]


def _config(family: type[PreTrainedRouter], problem: Problem, own: dict[str, Any]) -> RouterConfig:
    try:
        return family.config_class(candidates=problem.candidates(), encoder=problem.features.encoder.config, **own)
    except (TypeError, ValueError) as error:
        raise RouterError(f"the options of {family.title} do not fit: {error}") from error


def _json_number(value: float | int) -> float | int | str:
    return "inf" if isinstance(value, float) and math.isinf(value) else value
