"""Files of decisions and functions among the routers of a study: their decisions, before anything is trained.

Decisions
- A function is called once, with the scored samples of all splits: it learns nothing, so it decides the same on each.
- A file stands for every router in it, and must have decisions on the scored samples of every split: that is looked at
  before anything is trained.
- A router that is named like a family or a policy gets the file's name in front, for the study has those itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.evaluation.decisions import is_decisions_file, read_decisions
from vlrouterbench.evaluation.functions import decide_by_function
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.study.context import StudyContext, scored
from vlrouterbench.routers.registration import FUNCTIONS, is_family
from vlrouterbench.routers.registry import FAMILIES


def with_decisions(context: StudyContext, routers: Sequence[str]) -> tuple[StudyContext, list[str]]:
    """A study's context with the decisions of the files and functions among its routers, and the routers' names.

    Args:
        context: benchmark and splits.
        routers: names, and paths of files of decisions.

    Raises:
        EvaluationError: a file that cannot be read or lacks scored samples, or two routers of one name; a function
            that fails or answers with something else than one candidate's name for each sample.
        UnknownNameError: a function names a candidate that the benchmark does not have.
    """
    functions = [name for name in routers if name not in POLICIES and not is_family(name) and name in FUNCTIONS]
    if not functions and not any(map(is_decisions_file, routers)):
        return context, list(routers)
    needed = {name for _, split in context.splits() for name in scored(split).column("sample_id")}
    table = context.table.take(np.array([name in needed for name in context.table.column("sample_id")]))
    sample_ids = table.column("sample_id")
    decided, names = dict(context.decided), list[str]()
    for given in routers:
        if given in functions:
            chosen = decide_by_function(given, FUNCTIONS[given], table)
            decided[given] = dict(zip(sample_ids, chosen.tolist(), strict=True))
        if not is_decisions_file(given):
            names.append(given)
            continue
        for router, chosen in read_decisions(Path(given), table, whole=context.table).items():
            name = f"{Path(given).stem}/{router}" if router in POLICIES or router in FAMILIES else router
            if name in names or name in routers:
                raise EvaluationError(f'{given}: the study has a router "{name}" already. Rename one of them.')
            names.append(name)
            decided[name] = dict(zip(sample_ids, chosen.tolist(), strict=True))
    return replace(context, decided=decided), names
