"""`bench sweep`: the MLP at the paper's six cost weights, trained one by one and as one sweep side by side.

Decisions
- On a simulated benchmark drawn for the comparison. Features are made before the clock starts, for both.
- The baseline trains in this process too: six commands would each also load libraries, tables and features.
- Three seeds, since the time of a training is that of its epochs. The gap is by how much a cost weight's mean over
  seeds differs from its own training's, on validation: both should be the same router, to rounding.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from vlrouterbench.bench.comparison import Comparison, compared, timed
from vlrouterbench.core.constants import COST_WEIGHTS
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.simulation.simulate import simulate_logs
from vlrouterbench.data.table import load_table
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_each
from vlrouterbench.training.problem import Problem

NUM_SAMPLES = 3_000
_SEEDS = (0, 1, 2)


class SweepComparison(Comparison):
    """`bench sweep`; differences of validation Rank Scores, sweep less own training."""

    rank_score_gap: float
    largest_loss: float
    gaps: dict[str, float]
    seeds: int
    simulated_samples: int
    scale: float


def bench_sweep(*, scale: float = 1.0) -> SweepComparison:
    """Compare on a share of the simulated samples.

    Returns:
        Seconds and ratio (contract's section 7); `rank_score_gap`: the largest difference of a cost weight's mean
        validation Rank Score from its own training's, to either side; `largest_loss`: the largest to the worse;
        `gaps`: all of them, sweep less own training.
    """
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as folder:
        benchmark = Path(folder) / "benchmark"
        build_from_logs(
            simulate_logs(num_samples=max(200, round(NUM_SAMPLES * scale)), seed=0, difficulty="published"), benchmark
        )
        table = load_table(benchmark)
        problem = Problem(table, encode_benchmark(table))
        _train(problem, seed=0, side_by_side=True, num_epochs=1)
        apart = [_train(problem, seed=seed, side_by_side=False) for seed in _SEEDS]
        together = [_train(problem, seed=seed, side_by_side=True) for seed in _SEEDS]
    (ours, shared), (baseline, own) = (
        (sum(seconds for seconds, _ in runs), np.mean([scores for _, scores in runs], axis=0))
        for runs in (together, apart)
    )
    return {
        **compared("sweep", ours=ours, baseline=baseline),
        "rank_score_gap": float(np.abs(shared - own).max()),
        "largest_loss": float(max(0.0, (own - shared).max())),
        "gaps": dict(zip(map(str, COST_WEIGHTS), (shared - own).tolist(), strict=True)),
        "seeds": len(_SEEDS),
        "simulated_samples": len(table),
        "scale": scale,
    }


def _train(
    problem: Problem, *, seed: int, side_by_side: bool, num_epochs: int | None = None
) -> tuple[float, list[float]]:
    """Seconds, and the validation Rank Score of every cost weight."""
    arguments = RouterTrainingArguments(
        cost_weights=COST_WEIGHTS, seed=seed, side_by_side=side_by_side, num_epochs=num_epochs
    )
    trained, seconds = timed(lambda: list(train_each("mlp", problem, arguments)))
    return seconds, [one.chosen.merit for one in trained]
