"""Training a router of any family: choose on validation, fill in the configuration, save.

Decisions
- Families differ in their modelling files alone: what is learnt in one pass (`fit`), what by gradient
  (`training_loss`), and what is tried (`recipes`). How it is judged and what is recorded are the same for all.
- All settings of one run share features; the one with the best Rank Score on validation is kept, the first of equals.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from transformers import set_seed

from vlrouterbench.cards.router_card import render_router_card
from vlrouterbench.core.constants import Unsolved
from vlrouterbench.core.errors import RouterError, unknown_name
from vlrouterbench.core.files import staged_folder
from vlrouterbench.features.packed import PackedSet
from vlrouterbench.routers.base.configuration_router import RouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet, settings_of
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.registry import FAMILIES, family_name
from vlrouterbench.training.arguments import RouterTrainingArguments, RunOptions
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.selection import Trial, best_of, try_settings
from vlrouterbench.training.sharding import sharding_asked
from vlrouterbench.training.shared_trunk import train_on_shared_trunk
from vlrouterbench.training.teacher import taught_labels
from vlrouterbench.training.trackers import run_name
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
        family: a name of FAMILIES.
        problem: the benchmark with its features.
        arguments: see RouterTrainingArguments.

    Raises:
        UnknownNameError: no such family.
        RouterError: nothing to learn from, or nothing to choose by.
    """
    best: TrainedRouter | None = None
    trials: list[Trial] = []
    for trained in train_each(family, problem, arguments):
        trials += trained.trials
        if best is None or trained.chosen.merit > best.chosen.merit:
            best = trained
    return TrainedRouter(best.router, trials, best.chosen)


def train_each(
    family: str, problem: Problem, arguments: RouterTrainingArguments | None = None
) -> Iterator[TrainedRouter]:
    """Train a router for every cost weight in turn, its other settings chosen on validation; one where there is none.

    Arguments and errors are those of `train_router`.
    """
    if family not in FAMILIES:
        raise unknown_name("router", family, FAMILIES)
    arguments = arguments or RouterTrainingArguments()
    if FAMILIES[family].end_to_end != isinstance(problem.features, PackedSet):
        raise RouterError(_wrong_rows(family))
    recipe = _recipe(family, problem, arguments)
    if recipe.lora_rank and (not FAMILIES[family].end_to_end or recipe.fixed.get("freeze_backbone")):
        raise RouterError(
            f"LoRA trains adapters on a backbone, and {family} has none, or has it frozen by freeze_backbone. Leave "
            "one of the two out."
        )
    for fits in _by_cost_weight(FAMILIES[family], problem, recipe, arguments):
        best: tuple[PreTrainedRouter, Trial] | None = None
        trials: list[Trial] = []
        for router, tried in fits:
            trials += tried
            found = best_of(tried)
            if best is None or found.merit > best[1].merit:
                best = router, found
        router, chosen = best
        # Fields that needed a fit are as the router was built: its sizes may be smaller than what was asked for.
        built = {"cost_weight", *recipe.fit_grid}
        router.config.update({name: value for name, value in chosen.setting.items() if name not in built})
        router.config.training = _facts(problem, arguments, recipe, chosen)
        yield TrainedRouter(router.eval(), trials, chosen)


def _wrong_rows(family: str) -> str:
    if FAMILIES[family].end_to_end:
        return f"{family} learns from pictures and texts, found features: give what `pack_benchmark` makes."
    return f"{family} learns from features, found pictures and texts as bytes: give what `encode_benchmark` makes."


def save_router(trained: TrainedRouter, out: Path | str) -> None:
    """Write config.json, model.safetensors, the code files and the card (beside, then renamed)."""
    save_with_card(trained.router, card_of(trained.router, [asdict(trial) for trial in trained.trials]), out)


def card_of(router: PreTrainedRouter, trials: Sequence[Mapping[str, Any]]) -> str:
    """The card of a router; `trials` as for `render_router_card`."""
    facts = {"title": router.title, "calibrated": router.calibrated}
    return render_router_card(family_name(router), router.config.to_dict(), trials, **facts)


def save_with_card(router: PreTrainedRouter, card: str, out: Path | str) -> None:
    """As `save_router`, with a card that is written already."""
    with staged_folder(Path(out)) as folder:
        router.save_pretrained(folder)
        (folder / "README.md").write_text(card, encoding="utf-8")


def _recipe(family: str, problem: Problem, arguments: RouterTrainingArguments) -> Recipe:
    recipes = FAMILIES[family].recipes
    if arguments.variant not in recipes:
        raise unknown_name(f"variant of {family}", arguments.variant, recipes)
    own = [kind for kind in FAMILIES[family].config_class.__mro__ if issubclass(kind, RouterConfig)]
    known = [
        name
        for kind in own
        if kind is not RouterConfig
        for name in list(inspect.signature(kind.__init__).parameters)[1:-1]
    ]
    for name in arguments.options:
        if name not in known:
            raise unknown_name(f"option of {family}", name, known)
    recipe = FAMILIES[family].recipe_for(arguments.variant, problem.features.encoder)
    return arguments.applied_to(recipe, family)


def _by_cost_weight(
    family: type[PreTrainedRouter], problem: Problem, recipe: Recipe, arguments: RouterTrainingArguments
) -> Iterator[Iterable[tuple[PreTrainedRouter, list[Trial]]]]:
    """For every cost weight the routers that were fitted, each with what it was tried with."""
    weightings = [{"cost_weight": weight} for weight in recipe.cost_weights] or [{}]

    def training_set(weighting: dict[str, float]) -> TrainingSet:
        weight, unsolved = weighting.get("cost_weight", 0.0), arguments.unsolved or Unsolved.DROP
        samples = problem.training_set(cost_weight=weight, unsolved=unsolved, seed=arguments.seed)
        if family.needs_text_features:
            samples = replace(samples, text_features=problem.train_text_features)
        if arguments.teacher is not None:
            samples = replace(samples, soft_labels=taught_labels(arguments.teacher, problem, samples))
        return samples

    if arguments.shared_trunk and family.shares_trunk:
        yield from _shared_fits(family, problem, [(w, training_set(w)) for w in weightings], recipe)
        return
    for weighting in weightings:
        yield _fits(family, problem, (weighting, training_set(weighting)), recipe, arguments.running)


def _fits(
    family: type[PreTrainedRouter],
    problem: Problem,
    target: tuple[dict[str, float], TrainingSet],
    recipe: Recipe,
    running: RunOptions,
) -> Iterator[tuple[PreTrainedRouter, list[Trial]]]:
    """A fitted router for every setting that needs a fit of its own, with what it was tried with."""
    weighting, training_set = target
    for setting in settings_of(recipe.fit_grid):
        set_seed(training_set.seed)
        router = _started(family, problem, training_set, {**recipe.fixed, **setting})
        if router.by_gradient:
            run = replace(running, name=run_name(weighting | setting))
            tried = train_gradient_router(router, problem, training_set, recipe, run)
        else:
            tried = try_settings(router.eval(), problem, router.decision_settings(recipe))
        yield router, [_with(weighting | setting, trial) for trial in tried]


def _shared_fits(
    family: type[PreTrainedRouter],
    problem: Problem,
    targets: list[tuple[dict[str, float], TrainingSet]],
    recipe: Recipe,
) -> Iterable[list[tuple[PreTrainedRouter, list[Trial]]]]:
    """As `_fits` for all cost weights at once, on one trunk per setting."""
    fits: list[list[tuple[PreTrainedRouter, list[Trial]]]] = [[] for _ in targets]
    for setting in settings_of(recipe.fit_grid):
        set_seed(targets[0][1].seed)
        routers = [_started(family, problem, samples, {**recipe.fixed, **setting}) for _, samples in targets]
        trained = train_on_shared_trunk(routers, problem, [samples for _, samples in targets], recipe)
        for found, (weighting, _), (router, trial) in zip(fits, targets, trained, strict=True):
            found.append((router, [_with(weighting | setting, trial)]))
    return fits


def _started(
    family: type[PreTrainedRouter], problem: Problem, training_set: TrainingSet, own: dict[str, Any]
) -> PreTrainedRouter:
    """A router after what one pass over the train split teaches it."""
    router = family(_config(family, problem, own | family.sizes(training_set, own)))
    router.adopt(problem.features.encoder)
    try:
        router.fit(training_set)
    except ValueError as error:
        raise RouterError(f"{family.title} cannot be trained so: {error}") from error
    return router


def _with(setting: dict[str, Any], trial: Trial) -> Trial:
    return replace(trial, setting=setting | trial.setting)


def _facts(problem: Problem, arguments: RouterTrainingArguments, recipe: Recipe, chosen: Trial) -> dict[str, Any]:
    """What a router's configuration says of its training."""
    return {
        "benchmark": problem.table.identity,
        "variant": arguments.variant,
        **{key: json_number(value) for key, value in chosen.setting.items()},
        "seed": arguments.seed,
        **({"teacher": arguments.teacher} if arguments.teacher is not None else {}),
        "unsolved": str(arguments.unsolved or Unsolved.DROP) if recipe.cost_weights else None,
        "num_train": len(problem.train),
        "num_validation": len(problem.validation),
        "validation_rank_score": chosen.validation_rank_score,
        **_facts_of_run(problem, arguments, recipe),
        "version": __version__,
    }


def _facts_of_run(problem: Problem, arguments: RouterTrainingArguments, recipe: Recipe) -> dict[str, Any]:
    """What an end-to-end router says besides: how large a run it was, and on what."""
    if not isinstance(problem.features, PackedSet):
        return {}
    from accelerate import PartialState

    state = PartialState()
    return {
        "num_processes": state.num_processes,
        "device": state.device.type,
        "batch_size": recipe.batch_size,
        "bf16": arguments.running.bf16,
        "divided": sharding_asked(),
        "backbone_training": "lora"
        if recipe.lora_rank
        else "frozen"
        if recipe.fixed.get("freeze_backbone")
        else "full",
        **({"lora_rank": recipe.lora_rank} if recipe.lora_rank else {}),
        "random_backbone": bool(problem.features.encoder.config["backbone"].get("random")),
    }


def _config(family: type[PreTrainedRouter], problem: Problem, own: dict[str, Any]) -> RouterConfig:
    try:
        return family.config_class(candidates=problem.candidates(), encoder=problem.features.encoder.config, **own)
    except (TypeError, ValueError) as error:
        raise RouterError(f"the options of {family.title} do not fit: {error}") from error


def json_number(value: float | int) -> float | int | str:
    """A number as JSON can hold it: infinity is written "inf"."""
    return "inf" if isinstance(value, float) and math.isinf(value) else value
