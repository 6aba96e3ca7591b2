"""The whole story once, on the simulated benchmark or own data: build, encode, train, evaluate, report."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.data.build import BuildOptions, build_benchmark, build_from_logs
from vlrouterbench.data.simulation.simulate import DEFAULT_NUM_SAMPLES, simulate_logs
from vlrouterbench.data.simulation.skills import DEFAULT_DIFFICULTY
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.asked import loaded_from_folders
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.records import ResultRecord
from vlrouterbench.evaluation.report import write_report
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.features.options import EncodingWork, Progress
from vlrouterbench.hub.card_figures import single_candidates
from vlrouterbench.hub.saved_routers import update_router_card
from vlrouterbench.metrics.objectives import BENCHMARK_GOAL, Goal
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem

FAMILIES = ("knn", "linear", "mlp", "flagship")
"""Router families that are trained: one with a memory, two by gradient, and the best one."""
Stage = Callable[[str], AbstractContextManager[Progress | None]]
"""Opens a stage by its title; gives a progress callback or None."""


@dataclass(frozen=True)
class QuickstartPaths:
    """The folders of a run."""

    benchmark: Path
    routers: Path
    evaluation: Path

    @classmethod
    def under(cls, out: Path) -> QuickstartPaths:
        """The layout of a run folder."""
        return cls(out / "benchmark", out / "routers", out / "evaluation")


def run_quickstart(
    out: Path,
    *,
    source: Path | None = None,
    build: BuildOptions | None = None,
    seed: int = 0,
    num_samples: int = DEFAULT_NUM_SAMPLES,
    difficulty: str = DEFAULT_DIFFICULTY,
    stage: Stage | None = None,
    goal: Goal = BENCHMARK_GOAL,
) -> list[ResultRecord]:
    """Run everything on own logs or tables, or on a simulated benchmark.

    Args:
        out: run folder; its parts are replaced.
        source: logs or own tables, as for `build_benchmark`; None = the simulated benchmark.
        build: how the source is read, and in how many processes one is drawn; None = the defaults.
        seed: of training, and of the simulated benchmark.
        num_samples: size of the simulated benchmark.
        difficulty: of the simulated benchmark, as for `simulate_logs`.
        stage: opens each stage, for progress.
        goal: what routers are chosen and judged by.

    Returns:
        The records of `results.json`.

    Raises:
        SourceError: the source cannot be read as a benchmark.
    """
    stage = stage or (lambda _: nullcontext(None))
    paths = QuickstartPaths.under(out)
    if source is not None:
        with stage(f"build {source.name}"):
            build_benchmark(source, paths.benchmark, build)
    else:
        with stage(f"draw {num_samples:,} simulated samples"):
            num_proc = (build or BuildOptions()).num_proc
            logs = simulate_logs(num_samples=num_samples, seed=seed, num_proc=num_proc, difficulty=difficulty)
        with stage("build the benchmark"):
            build_from_logs(logs, paths.benchmark)
    table = load_table(paths.benchmark).judged_by(goal)
    with stage("encode text and images") as progress:
        problem = Problem(table, encode_benchmark(table, work=EncodingWork(progress=progress)))
    for family in FAMILIES:
        with stage(f"train {family}"):
            save_router(train_router(family, problem, RouterTrainingArguments(seed=seed)), paths.routers / family)
    with stage("evaluate on the test split"):
        routers = [*POLICIES, *(str(paths.routers / family) for family in FAMILIES)]
        records = evaluate_routers(paths.benchmark, routers, paths.evaluation, EvaluationOptions(seed=seed, goal=goal))
        test = table.split("test")
        scored = test.take(test.complete)
        write_report(records, scored, paths.evaluation)
        for record in loaded_from_folders(records):
            update_router_card(paths.routers / record["router"], record, single_candidates(scored))
    return records
