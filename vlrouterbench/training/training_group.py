"""Routers that are trained together on one module, and what happens to them at the ends of steps and epochs.

Decisions
- Processes judge the same weights on the same samples, and still take the main process's figures: processes that
  disagreed on when to stop would wait for each other forever.
- A checkpoint at an epoch's last step waits until the epoch has been judged. The best epochs so far are written beside
  it when all processes have written their part, so that their presence says that the checkpoint is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.training.best_epochs import BestEpochs
from vlrouterbench.training.length_buckets import LengthBuckets
from vlrouterbench.training.selection import Trial
from vlrouterbench.training.streamed import StreamedBatches
from vlrouterbench.training.training_run import TrainingRun

if TYPE_CHECKING:
    from transformers import TrainerCallback

MOST_GRADIENT = 1.0
"""Norm that a router's gradient is clipped to; the default of transformers' Trainer."""
Judge = Callable[[Sequence[int]], list[Trial]]
"""The trials of some routers of a group, given by their indices, as they are after an epoch."""


@dataclass(frozen=True)
class TrainingGroup:
    """Routers that are trained together on one module, and what judges them.

    Attributes:
        module: takes features and targets and gives a loss.
        routers: whose parameters are the module's, or become so by `collect`.
        judge: scores some of them, given by their indices, on validation.
        collect: gives the routers the module's weights, where they are not the same.
    """

    module: nn.Module
    routers: Sequence[PreTrainedRouter]
    judge: Judge
    collect: Callable[[], None] = lambda: None


def epoch_ends(
    group: TrainingGroup,
    keeper: BestEpochs,
    run: TrainingRun,
    sampler: LengthBuckets | StreamedBatches | None,
    log: Callable[[dict[str, float]], None] | None,
) -> TrainerCallback:
    """What judges epochs, stops when all patience is spent, and says when a checkpoint is due.

    Args:
        group: what is trained.
        keeper: of best epochs.
        run: how it is trained.
        sampler: of batches, where the order is our own.
        log: sends figures to trackers; None where there are none.
    """
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list
    from transformers import TrainerCallback

    arguments = run.arguments

    class EpochEnds(TrainerCallback):
        """The callback; `transformers` is imported where it is needed, so it is made here."""

        def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Tell the sampler which epoch it is, also in the middle of one that is resumed."""
            if sampler is not None:
                sampler.epoch = state.global_step // _steps_per_epoch(state)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Say whether a checkpoint is due, and how far the training is."""
            every, step = arguments.checkpoint_every, state.global_step
            control.should_save = bool(every and step % every == 0 and step % _steps_per_epoch(state))
            if arguments.progress is not None:
                arguments.progress(step, state.max_steps)

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Score the epoch; stop when all patience is spent."""
            group.module.eval()
            group.collect()
            unfinished = keeper.unfinished
            trials = broadcast_object_list(group.judge(unfinished))
            keeper.take(unfinished, trials)
            if log is not None:
                score = trials[0].validation_rank_score
                log({"eval_objective": trials[0].merit} if score is None else {"eval_rank_score": score})
                control.should_log = True
            group.module.train()
            control.should_training_stop = keeper.done
            control.should_save = bool(arguments.checkpoint_every)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Write the best epochs beside the checkpoint."""
            PartialState().wait_for_everyone()
            if state.is_world_process_zero:
                keeper.write(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    return EpochEnds()


def clips_for_each(group: TrainingGroup) -> TrainerCallback:
    """What clips the gradients of several routers for each, as the trainer does for one."""
    from transformers import TrainerCallback

    parameters = [list(router.parameters()) for router in group.routers]

    class ClipsForEach(TrainerCallback):
        """The callback; made here as `EpochEnds` is."""

        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Clip what the step is about to follow."""
            for own in parameters:
                nn.utils.clip_grad_norm_(own, MOST_GRADIENT)

    return ClipsForEach()


def _steps_per_epoch(state: Any) -> int:
    return max(1, state.max_steps // state.num_train_epochs)
