"""What an evaluation is asked to score: policies, trained routers, families to train here, functions, decisions.

Decisions
- Everything is told apart before anything is computed, so that a wrong name costs no time.
- A family of the package must have been trained; one from outside is trained here, with its default settings on
  built-in features, and its record says so: whoever writes one compares it without a detour.
- A file of decisions stands for every router in it; the baselines of the evaluation that wrote it are not routers: this
  one has its own, by its objective and prices. A file of nothing but baselines is taken whole.
- Nobody may bear a policy's name but the policy: a function is refused (as with a family's), a decided router gets the
  file's name in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import cast

import numpy as np
from transformers import PreTrainedModel

from vlrouterbench.core.errors import EvaluationError, RouterError
from vlrouterbench.core.files import sha256_of_files
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.cascades.names import is_cascade
from vlrouterbench.evaluation.decisions import is_decisions_file, read_calls, read_decisions
from vlrouterbench.evaluation.functions import function_name
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.records import FreeForm, ResultRecord, read_records
from vlrouterbench.evaluation.writing import DECISIONS_FILE, RESULTS_FILE
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.registration import (
    BUILT_IN,
    FUNCTIONS,
    RouterFunction,
    find_family,
    is_family,
    unknown_family,
)
from vlrouterbench.routers.registry import FAMILIES, family_name

RouterSource = str | Path | PreTrainedRouter | type[PreTrainedRouter] | RouterFunction
"""A policy's or family's name, a folder, Hub id or file of decisions, a router, a family's class, or a function."""

FUNCTION, DECISIONS, TRAINED_HERE = "function", "decisions", "trained_here"
"""In a record's `router_config`: the families of what is no model, and the mark of a router that was trained for it."""
NO_ROUTER = f"expected at least one router, found none. Policies: {', '.join(POLICIES)}; else a folder or Hub id."


@dataclass(frozen=True)
class AskedRouter:
    """One router of an evaluation; exactly one of those between name and asked_before is given.

    Attributes:
        name: in the results.
        policy: name of a policy.
        cascade: name of a cascade.
        folder: a router's folder or Hub id.
        family: name of a family that is trained for the occasion.
        router: a router in memory.
        function: what decides.
        decisions: (num_samples,) indices in the pool, read from a file.
        asked_before: who was asked before each of these, see RoutedSplit; None where nobody was.
        config: what the results say of decisions from a file.
    """

    name: str
    policy: str | None = None
    cascade: str | None = None
    folder: str | None = None
    family: str | None = None
    router: PreTrainedRouter | None = None
    function: RouterFunction | None = None
    decisions: np.ndarray | None = None
    asked_before: np.ndarray | None = None
    config: FreeForm | None = None

    @property
    def has_model(self) -> bool:
        """Whether a router decides, and not a policy, a function or a file."""
        return self.folder is not None or self.family is not None or self.router is not None


def asked_routers(sources: Sequence[RouterSource], table: RoutingTable, whole: RoutingTable) -> list[AskedRouter]:
    """What sources stand for, in their order, under names of their own.

    Args:
        sources: as a user gives them.
        table: the scored samples.
        whole: the benchmark.

    Raises:
        RouterError: a name that is neither known nor a folder.
        EvaluationError: a file of decisions that cannot be read or lacks samples, or a function with a taken name.
    """
    asked = [one for source in sources for one in _asked(source, table, whole)]
    return [replace(one, name=name) for name, one in zip(_unique_names([a.name for a in asked]), asked, strict=True)]


def names_folder(source: str) -> bool:
    """Whether a name stands for a router's folder or Hub id, not for a policy, a registered router or decisions."""
    if source in POLICIES or is_cascade(source) or is_decisions_file(source):
        return False
    return Path(source).exists() or "/" in source


def loaded_from_folders(records: Sequence[ResultRecord]) -> list[ResultRecord]:
    """The records of routers that were loaded from a folder or the Hub, in their order."""
    configs = [record["router_config"] for record in records]
    own = [
        c["kind"] == "router" and c["family"] not in (FUNCTION, DECISIONS) and TRAINED_HERE not in c for c in configs
    ]
    return [record for record, wanted in zip(records, own, strict=True) if wanted]


def _asked(source: RouterSource, table: RoutingTable, whole: RoutingTable) -> list[AskedRouter]:
    if isinstance(source, PreTrainedModel):  # also one that was loaded by its own code
        return [AskedRouter(family_name(cast("PreTrainedRouter", source)), router=cast("PreTrainedRouter", source))]
    if isinstance(source, type):
        return [_family(find_family(source))]
    if not isinstance(source, str | Path):
        return [_function(source)]
    name = str(source)
    if name in POLICIES:
        return [AskedRouter(name, policy=name)]
    if is_cascade(name):
        return [AskedRouter(name, cascade=name)]
    if is_decisions_file(name):
        return _decisions(Path(name), table, whole)
    if name.endswith(".py") and Path(name).is_file():
        raise RouterError(
            f"expected a router, found the file of a plugin, {name}. Give it with --plugin, and the name that it "
            "registers with --router."
        )
    if names_folder(name):
        return [AskedRouter(_last_component(name), folder=name)]
    if is_family(name):  # first: it also imports the function that an installed package offers by the name
        return [_family(name)]
    if name in FUNCTIONS:
        return [AskedRouter(name, function=FUNCTIONS[name])]
    raise unknown_family(name, *POLICIES)


def _family(name: str) -> AskedRouter:
    if name in BUILT_IN or FAMILIES[name].end_to_end:
        raise RouterError(
            f'"{name}" needs training first: `vlrouterbench train DIR --router {name} --out PATH`, then give PATH.'
        )
    return AskedRouter(name, family=name)


def _function(source: object) -> AskedRouter:
    if not callable(source):
        raise EvaluationError(
            f"expected a name, a path, a router or a function of samples, found {type(source).__name__}. A function "
            "takes a list of dicts and returns a list of candidates' names."
        )
    function = cast("RouterFunction", source)
    name = function_name(function)
    if name in POLICIES or name in FAMILIES:
        kind = "policy" if name in POLICIES else "family"
        raise EvaluationError(f'the function\'s name "{name}" is taken by a {kind}. Rename the function.')
    return AskedRouter(name, function=function)


def _decisions(file: Path, table: RoutingTable, whole: RoutingTable) -> list[AskedRouter]:
    by_router = read_decisions(file, table, whole=whole, with_calls=True)
    calls = read_calls(file, table, whole=whole)
    baselines = _baselines_beside(file)
    if not baselines >= set(by_router):
        by_router = {router: chosen for router, chosen in by_router.items() if router not in baselines}
    digest = sha256_of_files([file], file.parent)
    return [
        AskedRouter(
            f"{file.stem}/{router}" if router in POLICIES else router,
            decisions=chosen,
            asked_before=calls.get(router),
            config={"kind": "router", "family": DECISIONS, "file": file.name, "file_sha256": digest, "named": router},
        )
        for router, chosen in by_router.items()
    ]


def _baselines_beside(file: Path) -> set[str]:
    """Policies that the evaluation which wrote a file of decisions had beside its routers; none where it is unknown."""
    results = file.with_name(RESULTS_FILE)
    if file.name != DECISIONS_FILE or not results.is_file():
        return set()
    configs = {record["router"]: record["router_config"] for record in read_records(results)}
    return {router for router, config in configs.items() if config.get("kind") == "policy" and router in POLICIES}


def _unique_names(wanted: Sequence[str]) -> list[str]:
    """The name that each wants; a repeated one gets a number."""
    names: list[str] = []
    for name in wanted:
        # A numbered name must not be the own name of a later router.
        numbered = (f"{name}-{number}" for number in count(2))
        names.append(name if name not in names else next(n for n in numbered if n not in names and n not in wanted))
    return names


def _last_component(source: str) -> str:
    path = Path(source)
    return path.name if path.name not in ("", "..") else path.resolve().name
