"""What a router's configuration records of how it was trained, and on how much."""

from __future__ import annotations

from typing import Any

from vlrouterbench.features.packed import PackedSet
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.training.selection import Trial, json_number, objective_record
from vlrouterbench.training.sharding import is_sharded
from vlrouterbench.training.training_run import TrainingRun
from vlrouterbench.version import __version__


def training_record(router: PreTrainedRouter, run: TrainingRun, chosen: Trial) -> dict[str, Any]:
    """What a router's configuration records of its training.

    Args:
        router: after training.
        run: how it was trained.
        chosen: the setting that it is configured by.
    """
    arguments = run.arguments
    return {
        "benchmark": run.problem.table.identity,
        "variant": arguments.variant,
        **{key: json_number(value) for key, value in chosen.setting.items()},
        "seed": arguments.seed,
        **({"teacher": arguments.teacher} if arguments.teacher is not None else {}),
        "unsolved": str(run.unsolved) if run.recipe.cost_weights else None,
        "num_train": len(run.problem.train),
        **_sample_record(router, run),
        "num_validation": len(run.problem.validation),
        "validation_rank_score": chosen.validation_rank_score,
        **({"validation_note": note} if (note := run.problem.validation_note) else {}),
        **objective_record(run.problem.table.goal, chosen),
        **_end_to_end_record(run),
        "version": __version__,
    }


def _end_to_end_record(run: TrainingRun) -> dict[str, Any]:
    """What an end-to-end router records besides: how large a run it was, and on what."""
    features, recipe = run.problem.features, run.recipe
    if not isinstance(features, PackedSet):
        return {}
    from accelerate import PartialState

    state = PartialState()
    return {
        "num_processes": state.num_processes,
        "device": state.device.type,
        "batch_size": recipe.batch_size,
        "bf16": run.arguments.bf16,
        "divided": is_sharded(),
        "backbone_training": "lora"
        if recipe.lora_rank
        else "frozen"
        if recipe.fixed.get("freeze_backbone")
        else "full",
        **({"lora_rank": recipe.lora_rank} if recipe.lora_rank else {}),
        "random_backbone": bool(features.encoder.config["backbone"].get("random")),
    }


def _sample_record(router: PreTrainedRouter, run: TrainingRun) -> dict[str, int | str]:
    """What was learnt from a sample of the train split; nothing where nothing was."""
    count, most = len(run.problem.train), run.max_samples
    if not router.from_sample or count <= most:
        return {}
    learnt = router.from_sample[0].upper() + router.from_sample[1:]
    note = (
        f"{learnt}: learnt from {most:,} of {count:,} training samples, drawn by the seed; --max-samples takes more, "
        "and that much more memory."
    )
    return {"num_sampled": most, "sample_note": note}
