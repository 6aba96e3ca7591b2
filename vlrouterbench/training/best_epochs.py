"""The best epoch of each router in a training run: kept in memory, and laid beside checkpoints to resume from."""

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
    """Keeps for every member the weights of the epoch with the best Rank Score on validation, the last of equals.

    Args:
        members: routers that are trained together.
        patience: epochs without a better score before a member is done.
    """

    def __init__(self, members: Sequence[PreTrainedRouter], patience: int) -> None:
        self.members, self.patience = members, patience
        self.trials, self.waited = [Trial({}, -1.0)] * len(members), [0] * len(members)
        self.states: list[dict[str, torch.Tensor]] = [{} for _ in members]

    @property
    def going(self) -> list[int]:
        """Places of the members that are not done."""
        return [place for place, waited in enumerate(self.waited) if waited < self.patience]

    @property
    def done(self) -> bool:
        """Whether all patience is spent."""
        return not self.going

    def take(self, places: Sequence[int], trials: Sequence[Trial]) -> None:
        """Take the trials of an epoch."""
        for place, trial in zip(places, trials, strict=True):
            gain = trial.validation_rank_score - self.trials[place].validation_rank_score
            self.waited[place] = 0 if gain > 0 else self.waited[place] + 1
            if gain >= 0:
                named = self.members[place].named_parameters()
                self.trials[place] = trial
                self.states[place] = {name: p.detach().cpu().clone() for name, p in named}

    def write(self, folder: Path) -> None:
        """Lay what is kept beside a checkpoint; the file that says so comes last."""
        tensors = {f"{place}.{name}": p for place, state in enumerate(self.states) for name, p in state.items()}
        with staged_file(folder / _WEIGHTS) as staging:
            save_file(tensors, staging)
        trials = [[trial.setting, trial.validation_rank_score] for trial in self.trials]
        with staged_file(folder / _MARK) as staging:
            staging.write_text(json.dumps({"trials": trials, "waited": self.waited}), encoding="utf-8")

    def restore(self, folder: Path) -> None:
        """Take what was laid beside a checkpoint."""
        content = json.loads((folder / _MARK).read_text(encoding="utf-8"))
        self.trials = [Trial(setting, score) for setting, score in content["trials"]]
        self.waited = content["waited"]
        for key, tensor in load_file(folder / _WEIGHTS).items():
            place, _, name = key.partition(".")
            self.states[int(place)][name] = tensor


def last_checkpoint(folder: Path) -> Path | None:
    """The last checkpoint that was written whole; None where there is none."""
    whole = [path for path in folder.glob("checkpoint-*") if (path / _MARK).is_file()]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
