"""Calibration of a router's estimates, as a record of `results.json` has it.

Decisions
- Of the whole and of each dataset the chosen candidate's estimate is judged: the one that users see. Choosing the
  highest estimate favours over-estimates, so this is stricter than judging all pairs.
- Of each candidate all samples count, chosen or not: a budget or a smaller pool may choose it tomorrow.
- The error over bins has no interval: it is biased upwards, and resampling adds to the bias. Its null distribution,
  that of calibrated estimates, is given instead. The Brier score has an interval.
- A curve of risk over coverage is kept at 20 coverages; its area is over all.
"""

from __future__ import annotations

import numpy as np

from vlrouterbench.evaluation.estimates import CandidateEstimates
from vlrouterbench.evaluation.paired import RoutedSplit, ScoringContext
from vlrouterbench.evaluation.records import CalibrationRecord, ReliabilityRecord
from vlrouterbench.metrics.bootstrap import interval, resampled_means
from vlrouterbench.metrics.calibration import (
    area_under_risk_coverage,
    brier_score,
    expected_calibration_error,
    reliability_bins,
    risk_coverage,
)
from vlrouterbench.metrics.calibration_null import null_calibration_error
from vlrouterbench.metrics.trade_off import chosen_values

NUM_COVERAGES = 20


def calibration_of(router: RoutedSplit, context: ScoringContext) -> CalibrationRecord | None:
    """Calibration of a router's estimates over its decisions; None where it has no estimates."""
    if router.estimates is None:
        return None
    table = context.table
    estimated, cost = router.estimates.of_chosen(router.decisions)
    quality = chosen_values(table.quality, router.decisions)
    squared = ((estimated - quality) ** 2)[:, None]
    datasets = np.array(table.column("dataset"))
    mean, p95 = null_calibration_error(estimated, quality, table.column("group_id"), context.seed)
    return {
        "estimated_accuracy": float(estimated.mean()),
        "estimated_cost_usd": float(cost.mean()),
        **_reliability(estimated, quality),
        "ece_null": {"mean": mean, "p95": p95},
        "brier_ci95": interval(resampled_means(squared, table.column("group_id"), seed=context.seed)[:, 0]),
        "aurc": area_under_risk_coverage(estimated, quality),
        "risk_coverage": _curve(estimated, quality),
        "per_dataset": {
            name: _reliability(estimated[datasets == name], quality[datasets == name])
            for name in dict.fromkeys(table.column("dataset"))
        },
        "per_candidate": _per_candidate(router.estimates, context),
    }


def _per_candidate(estimates: CandidateEstimates, context: ScoringContext) -> dict[str, ReliabilityRecord]:
    table = context.table
    return {
        name: _reliability(estimates.accuracy[:, index], table.quality[:, index])
        for index, name in enumerate(table.pool.names)
    }


def _reliability(estimated: np.ndarray, quality: np.ndarray) -> ReliabilityRecord:
    return {
        "num_samples": len(estimated),
        "ece": expected_calibration_error(estimated, quality),
        "brier": brier_score(estimated, quality),
        "bins": [[part.count, part.estimate, part.outcome] for part in reliability_bins(estimated, quality)],
    }


def _curve(estimated: np.ndarray, quality: np.ndarray) -> list[list[float]]:
    """[coverage, risk] at the first coverages that reach 1/20, 2/20, ..., 1."""
    coverage, risk = risk_coverage(estimated, quality)
    size = len(coverage)
    kept = sorted({-(-size * step // NUM_COVERAGES) - 1 for step in range(1, NUM_COVERAGES + 1)})
    return [[float(coverage[index]), float(risk[index])] for index in kept]
