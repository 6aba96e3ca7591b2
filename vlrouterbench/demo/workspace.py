"""What the app stands on: a benchmark, a router and its evaluation, made at first start in one folder of its own.

Decisions
- Kept in the app's folder: a second start reads what the first one made. `made.json` is written last and names all
  that it was made from; where anything of that differs, everything is made again.
- A router from elsewhere is loaded, never trained. Where it knows the benchmark's candidates it is evaluated like the
  app's own; else it decides in the Route and Batch tabs alone, and the other tabs show reference policies.
- The page says at every place which data the router was trained on, by what the router's own configuration states.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vlrouterbench.core.files import make_folder, write_json
from vlrouterbench.core.simulated import SIMULATED_DATA
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.simulation.simulate import SIMULATOR_VERSION, simulate_logs
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.evaluation.decisions import read_decisions
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.policies import POLICIES, decide_policy
from vlrouterbench.evaluation.writing import RESULTS_FILE
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.modeling_router import CALIBRATED_FAMILIES, PreTrainedRouter
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem
from vlrouterbench.version import __version__

ROUTER_VARIABLE = "ROUTER_ID"
OWN_FAMILY = CALIBRATED_FAMILIES[0]
NUM_SAMPLES = 2_000
MADE_FILE = "made.json"
_MOST_PROCESSES = 4
"""A hosted machine states more cores than an app may use."""
Stage = Callable[[str], AbstractContextManager[Any]]
"""Opens a stage of the first start by its title."""


@dataclass(frozen=True)
class Place:
    """Where the parts of the app lie; nothing is written elsewhere."""

    folder: Path

    @property
    def benchmark(self) -> Path:
        """The benchmark folder."""
        return self.folder / "benchmark"

    @property
    def router(self) -> Path:
        """The router that the app trained."""
        return self.folder / "routers" / OWN_FAMILY

    @property
    def evaluation(self) -> Path:
        """What `evaluate` wrote."""
        return self.folder / "evaluation"

    @property
    def examples(self) -> Path:
        """Pictures of the Route tab's examples."""
        return self.folder / "examples"

    @property
    def uploads(self) -> Path:
        """What visitors sent and what they may fetch; emptied from time to time."""
        return self.folder / "uploads"


@dataclass(frozen=True)
class Ground:
    """What every tab works on.

    Attributes:
        place: where it lies.
        router: who decides in Route and Batch.
        table: the whole benchmark.
        records: of `results.json`.
        judged: the router or policy whose decisions Explore shows.
    """

    place: Place
    router: PreTrainedRouter
    table: RoutingTable
    records: list[dict[str, Any]]
    judged: str

    @cached_property
    def test(self) -> RoutingTable:
        """The scored samples."""
        split = self.table.split("test")
        return split.take(split.complete)

    @cached_property
    def decisions(self) -> Mapping[str, np.ndarray]:
        """Router or policy -> places in the benchmark's pool, (num_samples,)."""
        return read_decisions(self.place.evaluation, self.test)

    @cached_property
    def strongest(self) -> str:
        """The candidate with the best mean quality on train."""
        train = self.table.split("train")
        return self.table.pool.names[int(decide_policy("strongest", self.test, train, seed=0).decisions[0])]

    @cached_property
    def data_note(self) -> str:
        """Which data the router was trained on, in a sentence or two."""
        return training_note(self.router)


def training_note(router: PreTrainedRouter) -> str:
    """Which data a router was trained on, by its own configuration."""
    facts = getattr(router.config, "training", None) or {}
    benchmark = facts.get("benchmark", {})
    name, size = benchmark.get("name", "data that its configuration does not name"), facts.get("num_train")
    samples = f", {size:,} samples" if size else ""
    if benchmark.get("simulated"):
        return (
            f"This router was trained on {SIMULATED_DATA} ({name}{samples}), drawn by a seeded simulator: nothing here "
            "says anything about a real model."
        )
    return f"This router was trained on {name}{samples}."


def prepare(
    folder: Path, router: str | None = None, *, num_samples: int = NUM_SAMPLES, stage: Stage | None = None
) -> Ground:
    """Make, or read again, what the app stands on.

    Args:
        folder: the app's own.
        router: folder or Hub id; None trains one on the simulated benchmark.
        num_samples: size of the simulated benchmark.
        stage: opens each stage, for progress.

    Raises:
        RouterError: the given router cannot be loaded.
    """
    stage = stage or (lambda _: nullcontext(None))
    place = Place(Path(folder).absolute())
    for needed in (place.folder, place.uploads):
        make_folder(needed)
    given = AutoRouter.from_pretrained(router) if router else None
    wanted = {
        "version": __version__,
        "simulator_version": SIMULATOR_VERSION,
        "num_samples": num_samples,
        "family": OWN_FAMILY,
        "given_router": None if given is None else weights_digest(given),
    }
    if _read_json(place.folder / MADE_FILE) != wanted:
        (place.folder / MADE_FILE).unlink(missing_ok=True)
        _make(place, router, given, num_samples, stage)
        write_json(place.folder / MADE_FILE, wanted)
    table = load_table(place.benchmark)
    records = _read_json(place.evaluation / RESULTS_FILE) or []
    judged = next((r["router"] for r in records if r["router_config"]["kind"] == "router"), "mixture")
    return Ground(place, given or AutoRouter.from_pretrained(place.router), table, records, judged)


def router_from_environment() -> str | None:
    """The router that the environment names, None where it names none."""
    return os.environ.get(ROUTER_VARIABLE, "").strip() or None


def weights_digest(router: PreTrainedRouter) -> str:
    """What tells a router from every other: its configuration and weights."""
    digest = hashlib.sha256(router.config.to_json_string().encode())
    for name, values in sorted(router.state_dict().items()):
        digest.update(name.encode() + values.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _make(place: Place, router: str | None, given: PreTrainedRouter | None, num_samples: int, stage: Stage) -> None:
    with stage(f"draw {num_samples:,} simulated samples"):
        build_from_logs(simulate_logs(num_samples=num_samples, num_proc=_processes(num_samples)), place.benchmark)
    table = load_table(place.benchmark)
    routers = list(POLICIES)
    if given is None:
        with stage("encode pictures and texts"):
            problem = Problem(table, encode_benchmark(table))
        with stage(f"train {OWN_FAMILY}"):
            save_router(train_router(OWN_FAMILY, problem), place.router)
        routers.append(str(place.router))
    elif set(given.config.candidate_names) == set(table.pool.names):
        routers.append(router)
    with stage("evaluate on the test split"):
        evaluate_routers(place.benchmark, routers, place.evaluation, EvaluationOptions(time_routers=False))


def _processes(num_samples: int) -> int:
    """Processes that draw: starting one takes longer than drawing a few hundred samples."""
    return min(_MOST_PROCESSES, os.cpu_count() or 1, 1 + num_samples // 500)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
