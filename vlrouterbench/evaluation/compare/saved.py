"""Saved routers in a comparison: what they decide on a benchmark, and on which of its splits that may be scored.

Decisions
- A saved router is never trained again. Its decisions are made once per benchmark, as `evaluate` makes them.
- Where it was trained on samples of a benchmark, the test splits of other seeds hold its training and validation
  samples: everything is then scored on the benchmark's own split alone, all routers alike, and that is said.
  Training samples in the own test split are an error.
- A saved router that is named like a family or a policy gets "(saved)" behind its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vlrouterbench.core.errors import EvaluationError, RouterError
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.asked import names_folder
from vlrouterbench.evaluation.decisions import is_decisions_file
from vlrouterbench.evaluation.evaluate import EvaluationOptions, routed_split, router_features
from vlrouterbench.evaluation.headline import objective_note
from vlrouterbench.evaluation.overlap import OverlapCheck
from vlrouterbench.evaluation.paired import MIXTURE
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.study.context import OWN_SPLIT, StudyContext, family_and_variant, scored
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.registration import FUNCTIONS, is_family, unknown_family
from vlrouterbench.routers.registry import FAMILIES


@dataclass(frozen=True)
class AskedRouters:
    """The routers of a comparison.

    Attributes:
        names: of all, in the order given.
        saved: name -> router, of those that were loaded.
    """

    names: Sequence[str]
    saved: Mapping[str, PreTrainedRouter]


def load_asked(routers: Sequence[str]) -> AskedRouters:
    """Load what is given as a folder or Hub id; other names stay as they are, and the mixture is added to them.

    Raises:
        UnknownNameError: a name that nothing has.
        RouterError: a router twice, or one that cannot be loaded.
        EvaluationError: a file of decisions, which is of one benchmark.
    """
    names, saved = list[str](), dict[str, PreTrainedRouter]()
    for given in [*routers, *([] if MIXTURE in routers else [MIXTURE])]:
        if is_family(family_and_variant(given)[0]):
            name = given
        elif is_decisions_file(given):
            raise EvaluationError(
                f"{given}: expected a family, a policy or a saved router, found decisions, which are of one benchmark. "
                "Compare them there: vlrouterbench study, or evaluate."
            )
        elif names_folder(given):
            name = _name(given)
            saved[name] = AutoRouter.from_pretrained(given)
        elif given in POLICIES or given in FUNCTIONS:
            name = given
        else:
            raise unknown_family(given, *POLICIES)
        if name in names:
            raise RouterError(f'expected each router once, found two by the name "{name}". Rename the folder of one.')
        names.append(name)
    return AskedRouters(names, saved)


def with_saved(
    context: StudyContext, saved: Mapping[str, PreTrainedRouter], options: EvaluationOptions
) -> tuple[StudyContext, list[str]]:
    """A context with the decisions of saved routers and the seeds that may be scored; and what is to be said of it.

    Args:
        context: a benchmark and the seeds asked for.
        saved: name -> router.
        options: `rechoose` and `candidates`, as for `evaluate`.

    Raises:
        RouterError: a router has other candidates than the benchmark, or was trained on what must be scored.
    """
    if not saved:
        return context, []
    own = [name for name, router in saved.items() if _trained_on(name, router, context)]
    notes = []
    if own and list(context.seeds) != [OWN_SPLIT]:
        context = replace(context, seeds=(OWN_SPLIT,))
        notes.append(
            f"Scored on the benchmark's own split alone: {', '.join(own)} was trained on it, and the test samples of "
            "other splits are training samples there."
        )
    needed = {sample_id for _, split in context.splits() for sample_id in scored(split).column("sample_id")}
    table = context.table.take(np.array([name in needed for name in context.table.column("sample_id")]))
    decided = dict(context.decided)
    for name, router in saved.items():
        with context.stage(f"{context.table.folder.name}: {name}"):
            routed = routed_split(name, router, router_features(router, table, options), table, options)
        decided[name] = dict(zip(table.column("sample_id"), routed.decisions.tolist(), strict=True))
        notes += objective_note(name, routed.config, str(table.goal.objective))
        if router.training_digests is None:
            notes.append(f"Not known whether scored samples were training samples of {name}: it was saved without.")
    return replace(context, decided=decided), notes


def _trained_on(name: str, router: PreTrainedRouter, context: StudyContext) -> bool:
    """Whether a router was trained on samples of the benchmark that other splits than its own would score."""
    own = replace(context, seeds=(OWN_SPLIT,))
    if not any(_overlap(name, router, split) for split in _tests(context)):
        return False
    if OWN_SPLIT not in context.seeds:
        raise RouterError(
            f"{name} was trained on samples of {context.table.folder}, which splits of other seeds score. Add --seed "
            f"{OWN_SPLIT}, the benchmark's own split."
        )
    if overlap := sum(_overlap(name, router, split) for split in _tests(own)):
        raise RouterError(
            f"expected samples that {name} was not trained on, found {overlap:,} of its training samples in the test "
            f"split of {context.table.folder} (same question, options and image). Leave the router or the benchmark "
            "out, or train its family anew: --router FAMILY."
        )
    return True


def _tests(context: StudyContext) -> list[RoutingTable]:
    return [scored(split) for _, split in context.splits()]


def _overlap(name: str, router: PreTrainedRouter, samples: RoutingTable) -> int:
    return OverlapCheck(samples, "test", allow_leaks=True).count(name, router) or 0


def _name(given: str) -> str:
    path = Path(given)
    name = path.name if path.name not in ("", "..") else path.resolve().name
    return f"{name} (saved)" if name in POLICIES or name in FAMILIES else name
