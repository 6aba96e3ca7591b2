"""One training run: what is solved, how it is trained, and under which setting.

Decisions
- It is handed down whole, from the choice of settings to the trainer.
- Checkpoints of a run are kept in a folder named by a digest of all that its weights depend on: a run goes on from
  checkpoints of the very same run alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from vlrouterbench.core.constants import Unsolved
from vlrouterbench.routers.base.learning import MOST_IN_MEMORY, Recipe
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.sharding import is_sharded


@dataclass(frozen=True)
class TrainingRun:
    """One training run.

    Attributes:
        problem: the benchmark with its features.
        recipe: the family's, with the values of the arguments in its place.
        arguments: as they were given.
        setting: the cost weight and the configuration fields of this run; empty where there is only one run.
    """

    problem: Problem
    recipe: Recipe
    arguments: RouterTrainingArguments
    setting: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the run in trackers: its setting."""
        return ",".join(f"{name}={value}" for name, value in self.setting.items()) or "training"

    @property
    def cost_weight(self) -> float:
        """Lambda of the targets; 0 where they have none."""
        return float(self.setting.get("cost_weight", 0.0))

    @property
    def max_samples(self) -> int:
        """The most training samples in memory at once."""
        return self.arguments.max_samples or MOST_IN_MEMORY

    @property
    def unsolved(self) -> Unsolved:
        """Rule for samples that no candidate answers correctly."""
        return self.arguments.unsolved or Unsolved.DROP

    def checkpoint_folder(self, routers: Sequence[PreTrainedRouter], targets: torch.Tensor) -> Path | None:
        """Where checkpoints of this very run are kept; None for a temporary folder.

        Args:
            routers: what is trained, before its first step.
            targets: what it learns.
        """
        if self.arguments.checkpoint_folder is None:
            return None
        from accelerate import PartialState

        content = [
            self.problem.table.sha256,
            [router.config.to_dict() for router in routers],
            self.recipe,
            hashlib.sha256(targets.numpy().tobytes()).hexdigest(),
            (self.arguments.bf16, self.arguments.gradient_accumulation),
            (PartialState().num_processes, is_sharded()),
            self.arguments.seed,
        ]
        digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=repr).encode()).hexdigest()
        return self.arguments.checkpoint_folder / digest[:16]
