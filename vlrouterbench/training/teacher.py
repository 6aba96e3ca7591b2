"""Learning from another router: its scores on the train split as soft labels.

Decisions
- A target is the softmax of the teacher's scores, which for families trained by cross-entropy are logits. Which samples
  count is as without a teacher, and the student is still chosen on the measured validation samples.
- The teacher reads the benchmark by its own encoder, so that an end-to-end router can teach one over features.
"""

from __future__ import annotations

from typing import cast

import torch

from vlrouterbench.core.errors import RouterError
from vlrouterbench.features.encode import features_by
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.learning import TrainingSet
from vlrouterbench.training.problem import Problem


def teacher_labels(teacher: str, problem: Problem, training_set: TrainingSet) -> torch.Tensor:
    """Targets of the train split, (num_train, num_candidates) float32; rows of samples that do not count stay zero.

    Args:
        teacher: folder or Hub id of a router over the same candidates.
        problem: the benchmark.
        training_set: the split as it is learnt without a teacher.

    Raises:
        RouterError: it cannot be loaded, or is trained over other candidates.
    """
    router = AutoRouter.from_pretrained(teacher)
    names, teacher_names = list(problem.table.pool.names), router.config.candidate_names
    if set(names) != set(teacher_names):
        raise RouterError(
            f"expected a teacher over the benchmark's candidates, found one over others at {teacher}: only there "
            f"{', '.join(sorted(set(teacher_names) - set(names))) or 'none'}, only in the benchmark "
            f"{', '.join(sorted(set(names) - set(teacher_names))) or 'none'}."
        )
    with torch.no_grad():
        rows = cast(torch.Tensor, features_by(router.encoder, problem.train).to(router.device))
        scores = router.score(rows).cpu()
    shares = torch.softmax(scores.float(), dim=1)[:, [teacher_names.index(name) for name in names]]
    return shares * training_set.counted.unsqueeze(1)
