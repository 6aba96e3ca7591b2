"""The best epoch of each router in a training run: kept in memory, and written beside checkpoints to resume from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from vlrouterbench.core.files import staged_file
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.training.selection import Trial

_MARK, _WEIGHTS = "best_epochs.json", "best_epochs.safetensors"


class BestEpochs:
    """Keeps for every router the weights of the epoch with the best Rank Score on validation, the last of equals.

    Args:
        routers: those that are trained together.
        patience: epochs without a better score before a router is done.
    """

    def __init__(self, routers: Sequence[PreTrainedRouter], patience: int) -> None:
        self.routers, self.patience = routers, patience
        self.trials, self.waited = [Trial({}, None)] * len(routers), [0] * len(routers)
        self.states: list[dict[str, torch.Tensor]] = [{} for _ in routers]

    @property
    def unfinished(self) -> list[int]:
        """Indices of the routers that are not done."""
        return [index for index, waited in enumerate(self.waited) if waited < self.patience]

    @property
    def done(self) -> bool:
        """Whether all patience is spent."""
        return not self.unfinished

    def take(self, indices: Sequence[int], trials: Sequence[Trial]) -> None:
        """Take the trials of an epoch."""
        for index, trial in zip(indices, trials, strict=True):
            gain = trial.merit - self.trials[index].merit
            self.waited[index] = 0 if gain > 0 else self.waited[index] + 1
            if gain >= 0:
                parameters = self.routers[index].named_parameters()
                self.trials[index] = trial
                self.states[index] = {name: p.detach().cpu().clone() for name, p in parameters}

    def write(self, folder: Path) -> None:
        """Write the best epochs beside a checkpoint; the file that says that they are complete comes last."""
        tensors = {f"{index}.{name}": p for index, state in enumerate(self.states) for name, p in state.items()}
        with staged_file(folder / _WEIGHTS) as staging:
            save_file(tensors, staging)
        trials = [[t.setting, t.validation_rank_score, t.held_out_rank_score, t.objective_value] for t in self.trials]
        with staged_file(folder / _MARK) as staging:
            staging.write_text(json.dumps({"trials": trials, "waited": self.waited}), encoding="utf-8")

    def restore(self, folder: Path) -> None:
        """Read what was written beside a checkpoint."""
        content = json.loads((folder / _MARK).read_text(encoding="utf-8"))
        self.trials = [Trial(*trial) for trial in content["trials"]]
        self.waited = content["waited"]
        for key, tensor in load_file(folder / _WEIGHTS).items():
            index, _, name = key.partition(".")
            self.states[int(index)][name] = tensor


def last_checkpoint(folder: Path) -> Path | None:
    """The last checkpoint that is complete; None where there is none."""
    complete = [path for path in folder.glob("checkpoint-*") if (path / _MARK).is_file()]
    return max(complete, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
