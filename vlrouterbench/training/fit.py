"""Training a router of any family: choose on validation, fill in the configuration, save.

Decisions
- Families differ in their modelling files alone: what is learnt in one pass (`fit`), what by gradient
  (`training_loss`), and what is tried (`recipes`). How it is judged and what is recorded are the same for all.
- All settings of one call share features; the one with the best Rank Score on validation is kept, the first of equals.
"""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vlrouterbench.core.errors import RouterError, unknown_name
from vlrouterbench.core.files import staged_folder
from vlrouterbench.features.packed import PackedSet
from vlrouterbench.routers.base.card import pool_of
from vlrouterbench.routers.base.configuration_router import RouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet, settings_of
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.base.saved_router import CARD
from vlrouterbench.routers.registration import find_family
from vlrouterbench.routers.registry import FAMILIES, family_name
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.for_objective import for_objective
from vlrouterbench.training.held_out import held_out_of
from vlrouterbench.training.outside import check_outside, code_carried, is_outside, outside_code
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.record import training_record
from vlrouterbench.training.selection import Trial, best_of, trial_facts, try_settings
from vlrouterbench.training.side_by_side import fits_side_by_side, train_side_by_side
from vlrouterbench.training.teacher import teacher_labels
from vlrouterbench.training.trainer import train_gradient_router
from vlrouterbench.training.training_run import TrainingRun


@dataclass(frozen=True)
class TrainedRouter:
    """A router with what choosing it on validation showed.

    Attributes:
        router: after training.
        trials: every setting that was tried.
        chosen: the trial that the router is configured by.
    """

    router: PreTrainedRouter
    trials: list[Trial]
    chosen: Trial


def train_router(
    family: str | type[PreTrainedRouter], problem: Problem, arguments: RouterTrainingArguments | None = None
) -> TrainedRouter:
    """Train a router and choose its settings on validation.

    Args:
        family: a name of FAMILIES or of a registered router, or a class of one's own.
        problem: the benchmark with its features.
        arguments: see RouterTrainingArguments.

    Raises:
        UnknownNameError: no such family.
        RouterError: nothing to learn from, or nothing to choose by.
    """
    return _best(train_each(family, problem, arguments))


def train_each(
    family: str | type[PreTrainedRouter], problem: Problem, arguments: RouterTrainingArguments | None = None
) -> Iterator[TrainedRouter]:
    """Train a router for every cost weight in turn, its other settings chosen on validation; one where there is none.

    Arguments and errors are those of `train_router`.
    """
    family = find_family(family)
    arguments = arguments or RouterTrainingArguments()
    if FAMILIES[family].end_to_end != isinstance(problem.features, PackedSet):
        raise RouterError(_wrong_rows(family))
    run = TrainingRun(problem, _recipe(family, problem, arguments), arguments)
    if run.recipe.lora_rank and (not FAMILIES[family].end_to_end or run.recipe.fixed.get("freeze_backbone")):
        raise RouterError(
            f"LoRA trains adapters on a backbone, and {family} has none, or has it frozen by freeze_backbone. Leave "
            "one of the two out."
        )
    for fits in _by_cost_weight(FAMILIES[family], run):
        with outside_code(family, FAMILIES[family], "trained"):
            trained = _best(fits)
        router, setting = trained.router, trained.chosen.setting
        # Fields that needed a fit are as the router was built: its sizes may be smaller than the setting's.
        built = {"cost_weight", *run.recipe.fit_grid}
        router.config.update({name: value for name, value in setting.items() if name not in built})
        router.held_out = held_out_of(router.eval(), problem)
        chosen = for_objective(router, trained.chosen, run)
        trained = trained if chosen is trained.chosen else TrainedRouter(router, [chosen], chosen)
        router.config.training = training_record(router, run, trained.chosen)
        router.training_digests = problem.train_digests
        router.eval()
        yield trained


def _best(routers: Iterable[TrainedRouter]) -> TrainedRouter:
    """The router that did best on validation, the first of equals, with the trials of all."""
    pending = iter(routers)
    best = next(pending)
    trials = [*best.trials]
    for trained in pending:
        trials += trained.trials
        if trained.chosen.merit > best.chosen.merit:
            best = trained
    return replace(best, trials=trials)


def _wrong_rows(family: str) -> str:
    if FAMILIES[family].end_to_end:
        return f"{family} learns from images and texts, found features: give what `pack_benchmark` makes."
    return f"{family} learns from features, found images and texts as bytes: give what `encode_benchmark` makes."


def save_router(trained: TrainedRouter, out: Path | str) -> None:
    """Write config.json, model.safetensors, the code files and the card with its facts (beside, then renamed)."""
    router = trained.router
    trials = [trial_facts(trial) for trial in trained.trials]
    router.card_facts = {"family": family_name(router), "pool": pool_of(router.config.to_dict()), "trials": trials}
    save_staged(router, out)


def save_staged(router: PreTrainedRouter, out: Path | str) -> None:
    """As `save_pretrained`, beside and then renamed."""
    with staged_folder(Path(out)) as folder, code_carried(family_name(router)):
        if (card := Path(out) / CARD).is_file():
            shutil.copyfile(card, folder / CARD)  # for what a person wrote into it
        router.save_pretrained(folder)


def _recipe(family: str, problem: Problem, arguments: RouterTrainingArguments) -> Recipe:
    recipes = FAMILIES[family].recipes
    if arguments.variant not in recipes:
        raise unknown_name(f"variant of {family}", arguments.variant, recipes)
    own = [kind for kind in FAMILIES[family].config_class.__mro__ if issubclass(kind, RouterConfig)]
    options = [
        name
        for kind in own
        if kind is not RouterConfig
        for name in list(inspect.signature(kind.__init__).parameters)[1:-1]
    ]
    for name in arguments.options:
        if name not in options:
            raise unknown_name(f"option of {family}", name, options)
    recipe = FAMILIES[family].recipe_for(arguments.variant, problem.features.encoder)
    for name in (*recipe.fixed, *recipe.fit_grid, *recipe.decision_grid) if is_outside(FAMILIES[family]) else ():
        if name not in options:
            raise unknown_name(f"field in the recipe of {family}", name, options)
    return arguments.applied_to(recipe, family)


def _by_cost_weight(family: type[PreTrainedRouter], run: TrainingRun) -> Iterator[Iterable[TrainedRouter]]:
    """For every cost weight the routers that were fitted, each with what it was tried with."""
    runs = [replace(run, setting={"cost_weight": weight}) for weight in run.recipe.cost_weights or ()] or [run]
    if run.arguments.side_by_side and fits_side_by_side(family):
        yield from _fits_side_by_side(family, runs)
        return
    for one in runs:
        yield _fits(family, one)


def _fits(family: type[PreTrainedRouter], run: TrainingRun) -> Iterator[TrainedRouter]:
    """A fitted router for every setting that needs a fit of its own."""
    training_set = _training_set(family, run)
    for setting in settings_of(run.recipe.fit_grid):
        _set_seed(run.arguments.seed)
        router = _fitted_once(family, run, training_set, setting)
        one = replace(run, setting={**run.setting, **setting})
        check_outside(router, one)
        if router.by_gradient:
            trials = train_gradient_router(router, training_set, one)
            check_outside(router, one)
        else:
            trials = try_settings(router.eval(), run.problem, router.decision_settings(run.recipe))
        yield _tried(router, trials, one)


def _fits_side_by_side(family: type[PreTrainedRouter], runs: Sequence[TrainingRun]) -> list[list[TrainedRouter]]:
    """As `_fits` for all cost weights at once, their networks side by side."""
    training_sets = [_training_set(family, run) for run in runs]
    fits: list[list[TrainedRouter]] = [[] for _ in runs]
    recipe, arguments = runs[0].recipe, runs[0].arguments
    for setting in settings_of(recipe.fit_grid):
        routers = []
        for run, samples in zip(runs, training_sets, strict=True):
            _set_seed(arguments.seed)
            routers.append(_fitted_once(family, run, samples, setting))
        trained = train_side_by_side(routers, training_sets, replace(runs[0], setting=setting))
        for own, run, (router, trial) in zip(fits, runs, trained, strict=True):
            own.append(_tried(router, [trial], replace(run, setting={**run.setting, **setting})))
    return fits


def _set_seed(seed: int) -> None:
    # Whoever does not train waits for no trainer, and for no peft, which transformers imports with it.
    from transformers import set_seed

    set_seed(seed)


def _training_set(family: type[PreTrainedRouter], run: TrainingRun) -> TrainingSet:
    """What a family learns from under the cost weight of a run."""
    samples = run.problem.training_set(cost_weight=run.cost_weight, unsolved=run.unsolved, seed=run.arguments.seed)
    if family.needs_text_features:
        samples = replace(samples, text_features=run.problem.train_text_features)
    if run.arguments.teacher is not None:
        samples = replace(samples, soft_labels=teacher_labels(run.arguments.teacher, run.problem, samples))
    return replace(samples, max_samples=run.max_samples)


def _fitted_once(
    family: type[PreTrainedRouter], run: TrainingRun, training_set: TrainingSet, setting: Mapping[str, Any]
) -> PreTrainedRouter:
    """A router after what one pass over the train split teaches it."""
    own = {**run.recipe.fixed, **setting}
    router = family(_config(family, run.problem, own | family.sizes(training_set, own)))
    router.adopt(run.problem.features.encoder)
    try:
        router.fit(training_set)
    except ValueError as error:
        raise RouterError(f"{family.title} cannot be trained with these options: {error}") from error
    return router


def _tried(router: PreTrainedRouter, trials: Sequence[Trial], run: TrainingRun) -> TrainedRouter:
    """A fitted router at the best of its trials, whose settings are completed by the run's."""
    complete = [replace(trial, setting={**run.setting, **trial.setting}) for trial in trials]
    return TrainedRouter(router, complete, best_of(complete))


def _config(family: type[PreTrainedRouter], problem: Problem, own: Mapping[str, Any]) -> RouterConfig:
    try:
        config = family.config_class(candidates=problem.candidates(), encoder=problem.features.encoder.config, **own)
        # Here, and not when it has been trained: what is not declared could not be loaded.
        config.check_fields(json.loads(config.to_json_string()))
        return config
    except (TypeError, ValueError) as error:
        raise RouterError(f"the options of {family.title} do not fit: {error}") from error
