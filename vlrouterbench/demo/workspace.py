"""What every tab works on: a benchmark, a router and its evaluation, made at the first start in the app's folder.

Decisions
- A second start reads what the first one made. `made.json` is written last and names everything that the rest was made
  from; where any of it differs, everything is made again.
- A router from elsewhere is loaded, never trained. Where it has the benchmark's candidates it is evaluated like the
  app's own; else it decides in the Route and Batch tabs only, and the other tabs show reference policies.
- Above all tabs stands which data the router was trained on, by its configuration, and where data are simulated.
- An own benchmark is read where it lies; router and evaluation go into the app's folder.
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
from vlrouterbench.data.simulation.simulate import SIMULATOR_VERSION
from vlrouterbench.data.sources.source import few_names
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.demo.leading import validation_of
from vlrouterbench.demo.sample_estimates import FeaturesOf, SampleEstimates, keep_estimates, read_estimates
from vlrouterbench.evaluation.decisions import read_decisions
from vlrouterbench.evaluation.policies import POLICIES, decide_policy
from vlrouterbench.evaluation.records import ResultRecord, read_records
from vlrouterbench.evaluation.writing import RESULTS_FILE
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.modeling_router import CALIBRATED_FAMILIES, PreTrainedRouter
from vlrouterbench.training.held_out import HeldOut
from vlrouterbench.version import __version__

ROUTER_VARIABLE = "ROUTER_ID"
OWN_FAMILY = CALIBRATED_FAMILIES[0]
NUM_SAMPLES = 2_000
MADE_FILE = "made.json"
_LAYOUT = 3  # Of what is made: a folder of another one is made again.
_MOST_PROCESSES = 4  # A hosted machine reports more cores than an app may use.
Stage = Callable[[str], AbstractContextManager[Any]]
"""Opens a stage of the first start by its title."""


@dataclass(frozen=True)
class AppFolder:
    """The app's folder and the parts in it; nothing is written elsewhere."""

    root: Path
    given: Path | None = None
    """A benchmark of the user's own, which is read and left as it is."""

    @property
    def benchmark(self) -> Path:
        """The benchmark folder."""
        return self.given or self.root / "benchmark"

    @property
    def router(self) -> Path:
        """The router that the app trained."""
        return self.root / "routers" / OWN_FAMILY

    @property
    def evaluation(self) -> Path:
        """Results of `evaluate`."""
        return self.root / "evaluation"

    @property
    def estimates(self) -> Path:
        """What the router makes of every sample, where it has the benchmark's candidates."""
        return self.root / "estimates.safetensors"

    @property
    def leaderboard(self) -> Path:
        """The leaderboard as it is shown before anybody submits."""
        return self.root / "leaderboard.json"

    @property
    def examples(self) -> Path:
        """Images of the Route tab's examples."""
        return self.root / "examples"

    @property
    def uploads(self) -> Path:
        """Files that visitors sent and files made for them; emptied from time to time."""
        return self.root / "uploads"


@dataclass(frozen=True)
class Workspace:
    """What every tab works on.

    Attributes:
        folder: the app's folder.
        router: the router that decides in Route and Batch.
        table: the whole benchmark.
        records: the records of `results.json`.
        explored: the router or policy whose decisions Explore shows.
    """

    folder: AppFolder
    router: PreTrainedRouter
    table: RoutingTable
    records: list[ResultRecord]
    explored: str

    @cached_property
    def test(self) -> RoutingTable:
        """The scored samples."""
        split = self.table.split("test")
        return split.take(split.complete)

    @cached_property
    def estimates(self) -> SampleEstimates | None:
        """What the router makes of the samples of the whole benchmark; None where it was not asked."""
        return read_estimates(self.folder.estimates)

    @cached_property
    def validation(self) -> HeldOut | None:
        """What the router keeps of its validation samples; None where it keeps nothing to judge a setting by."""
        return validation_of(self.router)

    @cached_property
    def decisions(self) -> Mapping[str, np.ndarray]:
        """Router or policy -> indices into the benchmark's pool, (num_samples,)."""
        return read_decisions(self.folder.evaluation, self.test)

    @cached_property
    def strongest(self) -> str:
        """The candidate with the best mean quality on train."""
        train = self.table.split("train")
        return self.table.pool.names[int(decide_policy("strongest", self.test, train, seed=0).decisions[0])]

    @cached_property
    def data_note(self) -> str:
        """Which data the router was trained on, in a sentence or two."""
        return training_note(self.router)

    @cached_property
    def notice(self) -> str:
        """What the page says above all tabs: the router's data, and where the benchmark's are simulated, theirs."""
        if not self.table.simulated or trained_on_simulated_data(self.router):
            return self.data_note if self.table.simulated else f"{self.data_note} {self._shown_note}"
        return (
            f"{self.data_note} Explore and Leaderboard show {SIMULATED_DATA} under the names of real models: nothing "
            "there says anything about a real model, and no router's figure there is one of real use."
        )

    @property
    def _shown_note(self) -> str:
        name, scored = self.table.report["name"], f"{len(self.test):,} samples of its test split"
        explored = f"{int(self.table.complete.sum()):,} samples of all splits in Explore, " if self.estimates else ""
        return f"Explore and Leaderboard show {name}: {explored}{scored}{' in Leaderboard' if explored else ''}."

    @cached_property
    def unscored(self) -> str:
        """Why the router's decisions stand in neither Explore nor Leaderboard; empty where they do."""
        own, known = self.router.config.candidate_names, self.table.pool.names
        if any(record["router_config"]["kind"] == "router" for record in self.records):
            return ""
        strange = [name for name in own if name not in known]
        lacking = [name for name in known if name not in own]
        differ = [
            *([f"it chooses among {few_names(strange)}, which were not measured there"] if strange else []),
            *([f"it does not know {few_names(lacking)}"] if lacking else []),
        ]
        return (
            f"The router of the Route tab is not scored here: this benchmark has {len(known)} candidates, and "
            f"{'; '.join(differ)}. Only policies are shown."
        )


def trained_on_simulated_data(router: PreTrainedRouter) -> bool:
    """Whether a router's own configuration says so."""
    facts = getattr(router.config, "training", None) or {}
    return bool(facts.get("benchmark", {}).get("simulated"))


def training_note(router: PreTrainedRouter) -> str:
    """Which data a router was trained on, as its own configuration says."""
    facts = getattr(router.config, "training", None) or {}
    benchmark = facts.get("benchmark", {})
    name, size = benchmark.get("name", "data that its configuration does not name"), facts.get("num_train")
    samples = f", {size:,} samples" if size else ""
    if trained_on_simulated_data(router):
        return (
            f"This router was trained on {SIMULATED_DATA} ({name}{samples}), drawn by a seeded simulator: nothing here "
            "says anything about a real model."
        )
    return f"This router was trained on {name}{samples}."


def prepare(
    folder: Path,
    router: str | None = None,
    *,
    benchmark: Path | None = None,
    num_samples: int = NUM_SAMPLES,
    stage: Stage | None = None,
) -> Workspace:
    """Make the workspace, or read it again.

    Args:
        folder: the app's folder.
        router: folder or Hub id; None trains one on the benchmark.
        benchmark: folder of an own benchmark; None draws a simulated one.
        num_samples: size of the simulated benchmark.
        stage: opens each stage, for progress.

    Raises:
        RouterError: the given router cannot be loaded.
        BenchmarkError: the given folder holds no benchmark, or no sample to show.
    """
    stage = stage or (lambda _: nullcontext(None))
    app = AppFolder(Path(folder).absolute(), benchmark and benchmark.absolute())
    own = None if app.given is None else load_table(app.given)
    make_folder(app.uploads)
    loaded = AutoRouter.from_pretrained(router) if router else None
    sources = {
        "version": __version__,
        "layout": _LAYOUT,
        "simulator_version": SIMULATOR_VERSION,
        "num_samples": num_samples,
        "family": OWN_FAMILY,
        "given_router": None if loaded is None else weights_digest(loaded),
        **({} if own is None else {"benchmark": own.report["sha256"]}),
    }
    if _read_json(app.root / MADE_FILE) != sources:
        (app.root / MADE_FILE).unlink(missing_ok=True)
        _make(app, loaded, num_samples, stage)
        write_json(app.root / MADE_FILE, sources)
    table = own or load_table(app.benchmark)
    records = read_records(app.evaluation / RESULTS_FILE)
    explored = next((r["router"] for r in records if r["router_config"]["kind"] == "router"), "mixture")
    return Workspace(app, loaded or AutoRouter.from_pretrained(app.router), table, records, explored)


def router_from_environment() -> str | None:
    """The router that the environment names, None without one."""
    return os.environ.get(ROUTER_VARIABLE, "").strip() or None


def weights_digest(router: PreTrainedRouter) -> str:
    """A digest of a router's configuration and weights: equal for equal routers only."""
    digest = hashlib.sha256(router.config.to_json_string().encode())
    for name, values in sorted(router.state_dict().items()):
        digest.update(name.encode() + values.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _make(app: AppFolder, loaded: PreTrainedRouter | None, num_samples: int, stage: Stage) -> None:
    # What trains and evaluates is loaded here: it takes a second, which later starts do not need.
    from vlrouterbench.data.build import build_from_logs
    from vlrouterbench.data.simulation.simulate import simulate_logs
    from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
    from vlrouterbench.features.encode import encode_benchmark
    from vlrouterbench.training.fit import save_router, train_router
    from vlrouterbench.training.problem import Problem

    if app.given is None:
        with stage(f"draw {num_samples:,} simulated samples"):
            build_from_logs(simulate_logs(num_samples=num_samples, num_proc=_processes(num_samples)), app.benchmark)
    table = load_table(app.benchmark)
    for stale in (app.estimates, app.leaderboard):
        stale.unlink(missing_ok=True)
    routers, asked = list(POLICIES), loaded
    features_of: FeaturesOf | None = None
    if loaded is None:
        with stage("encode images and texts"):
            features = encode_benchmark(table)
        with stage(f"train {OWN_FAMILY}"):
            save_router(train_router(OWN_FAMILY, Problem(table, features)), app.router)
        asked, features_of = AutoRouter.from_pretrained(app.router), features.of
        routers.append(str(app.router))
    elif set(loaded.config.candidate_names) == set(table.pool.names):
        routers.append(str(loaded.name_or_path))
    with stage("evaluate on the test split"):
        evaluate_routers(app.benchmark, routers, app.evaluation, EvaluationOptions(time_routers=False))
    if asked is not None and len(routers) > len(POLICIES):
        with stage("estimate every sample"):
            keep_estimates(asked, table, app.estimates, features_of)


def _processes(num_samples: int) -> int:
    """Number of processes that draw samples: starting one takes longer than drawing a few hundred samples."""
    return min(_MOST_PROCESSES, os.cpu_count() or 1, 1 + num_samples // 500)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
