"""What `results.json` holds, as types, and the one place that reads it back.

Decisions
- A record is built by `results.py` and nowhere else; tables, pages and figures read it by these types.
- A leaderboard knows decisions alone: what decisions tell is `ScoredRecord`, which both kinds of record share.
- Files written by 0.x had other names for some fields, and lack others; that is set right when a file is read, so that
  nothing else has to know it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.data.build_report import BenchmarkIdentity
from vlrouterbench.evaluation.changes import PoolChangesRecord

Interval = list[float]
"""[low, high] of a 95 % interval."""
FreeForm = dict[str, Any]
"""What a router or an encoder says of itself: its fields depend on its kind."""


class Figures(TypedDict):
    """Averages over decisions: accuracy in [0, 1], USD per sample, Rank Score from 0 to 100 (None without bounds)."""

    accuracy: float
    average_cost_usd: float
    rank_score: float | None


class Intervals(TypedDict):
    """95 % intervals of `Figures`."""

    accuracy: Interval
    average_cost_usd: Interval
    rank_score: Interval | None


class ShareIntervals(TypedDict):
    """95 % intervals of shares of the best single candidate's accuracy and cost; None where a share does not exist."""

    accuracy_share: Interval | None
    cost_share: Interval | None


class Difference(TypedDict):
    """Difference of Rank Score with its paired interval; both None without bounds."""

    rank_score: float | None
    ci95: Interval | None


class ControlRecord(Figures):
    """A control's own figures with their intervals, and how far a router's Rank Score lies above it."""

    own_ci95: Intervals
    difference: float | None
    ci95: Interval | None


class PartRecord(Figures):
    """Figures of the samples of one dataset or task group."""

    num_samples: int
    ci95: Intervals


class LatencyRecord(TypedDict):
    """How long answers took, seconds.

    Attributes:
        num_timed: decisions whose answer was timed.
        p50_s: median of the chosen candidates' answers.
        p95_s: 95th percentile of them.
        router_p50_s: median of the router's own decision, which comes on top; None where it was not measured.
    """

    num_timed: int
    p50_s: float
    p95_s: float
    router_p50_s: float | None


class RankRecord(TypedDict):
    """Rank among the routers of one evaluation, its range over resamples, and the routers it ties with."""

    rank: int
    range: list[int]
    tied_with: list[str]


class ReliabilityRecord(TypedDict):
    """Estimates against outcomes; `bins` has [count, mean estimate, mean outcome] of each bin."""

    num_samples: int
    ece: float
    brier: float
    bins: list[list[float]]


class NullDistribution(TypedDict):
    """Mean and 95th percentile of the calibration error of calibrated estimates."""

    mean: float
    p95: float


class CalibrationRecord(ReliabilityRecord):
    """Calibration of the estimates of the chosen candidates, by dataset, and by candidate on all samples."""

    estimated_accuracy: float
    estimated_cost_usd: float
    ece_null: NullDistribution
    brier_ci95: Interval
    aurc: float
    risk_coverage: list[list[float]]
    per_dataset: dict[str, ReliabilityRecord]
    per_candidate: dict[str, ReliabilityRecord]


class BatchRecord(TypedDict):
    """Speed at one batch size."""

    batch_size: int
    latency_ms_p50: float
    latency_ms_p95: float
    latency_ms_p99: float
    decisions_per_second: float
    k_tokens_per_second: float


class OverheadFigures(TypedDict):
    """What a router's own time costs, and the figures with it."""

    usd_per_decision: float
    average_cost_usd: float
    rank_score: float | None


class OverheadRecord(TypedDict):
    """The overhead at batch 1 and at the best batch size."""

    machine_usd_per_hour: float
    batch_1: OverheadFigures
    best_batch: OverheadFigures


class ThroughputRecord(TypedDict):
    """Latency at batch 1, throughput at the best batch size, and what was timed where."""

    num_timed: int
    latency_ms_p50: float
    latency_ms_p95: float
    latency_ms_p99: float
    decisions_per_second: float
    k_tokens_per_second: float
    text_tokens_per_second: float
    text_tokens_per_decision: float
    best_batch: BatchRecord
    batches: list[BatchRecord]
    peak_memory_mib: float | None
    peak_memory_of: str
    device: str
    threads: int
    includes: str


class ThroughputWithOverhead(ThroughputRecord):
    """The same, with the overhead at a stated price of the machine."""

    overhead: OverheadRecord


class FrontierMeasures(TypedDict):
    """Areas and costs of a router's frontier (`metrics.frontier`)."""

    aiq: float
    nauc: float
    qnc: float | None
    hypervolume: float


class Scored(Figures):
    """Figures with their intervals: what every table of results shows."""

    ci95: Intervals


class Captioned(TypedDict):
    """What a caption of figures says: which benchmark, which split, how many samples, what was changed for them."""

    benchmark: BenchmarkIdentity
    split: str
    num_samples: int
    pool_changes: NotRequired[PoolChangesRecord | None]


class UpperBoundGap(TypedDict):
    """Share of the gap from the best static mixture to the cross-fitted upper-bound estimate."""

    upper_bound_gap_closed: float | None
    upper_bound_gap_ci95: Interval | None


class ScoredRecord(Scored, Captioned):
    """What follows from decisions and the benchmark folder alone.

    Attributes:
        candidates: those that were scored, in the pool's order.
        candidates_left_out: the benchmark's other candidates.
        prices: that costs were counted at where they are not the benchmark's, USD per million tokens; else None.
        objective: what routers are judged by; objective_value: its figure, the larger the better.
        rank_score_reason: why there is no Rank Score, and what choices were made by instead; empty where there is one.
        headline: the sentence of the shares.
        accuracy_share: accuracy over that of the best single candidate on the same samples; None where that is 0.
        cost_share: cost over that candidate's; None where that is 0.
        share_ci95: intervals of both.
    """

    router: str
    num_left_out: int
    vs_mixture: Difference
    oracle_gap_closed: float | None
    per_dataset: dict[str, PartRecord]
    per_group: dict[str, PartRecord]
    candidate_shares: dict[str, float]
    candidates: list[str]
    candidates_left_out: list[str]
    prices: dict[str, list[float]] | None
    objective: str
    objective_value: float
    rank_score_reason: str
    headline: str
    accuracy_share: float | None
    cost_share: float | None
    share_ci95: ShareIntervals
    cost_bounds_usd: list[float] | None
    beta: float
    seed: int
    version: str


class ResultRecord(ScoredRecord, UpperBoundGap):
    """One record of `results.json`."""

    router_config: FreeForm
    training_overlap: int | None
    same_shares: ControlRecord
    shuffled_labels: ControlRecord | None
    expected: Figures | None
    oracle_gap_ci95: Interval | None
    frontier: list[list[float]] | None
    frontier_measures: FrontierMeasures | None
    calibration: CalibrationRecord | None
    throughput: ThroughputRecord | ThroughputWithOverhead | None
    latency: LatencyRecord | None
    rank: RankRecord
    differences: dict[str, Difference]
    controls: dict[str, ControlRecord]
    features: FreeForm | None


_RENAMED = {
    "reachable_gap_closed": "upper_bound_gap_closed",
    "reachable_gap_ci95": "upper_bound_gap_ci95",
    "reachable": "upper-bound",
    "ece_by_luck": "ece_null",
}
"""Field of a file written by 0.x -> its name now."""
_LACKING: FreeForm = dict.fromkeys(("training_overlap", "prices", "latency", "pool_changes")) | {
    **{"rank_score_reason": "", "headline": "", "candidates_left_out": [], "objective": "rank-score"},
}
"""Fields that files of 0.x lack."""


def read_records(path: Path) -> list[ResultRecord]:
    """The records of a `results.json`, also of one written by 0.x.

    Raises:
        EvaluationError: the file is missing or does not hold a list of records.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvaluationError(
            f"{path} is not readable as JSON: {error}. `vlrouterbench evaluate` writes it."
        ) from error
    if not isinstance(content, list) or not all(isinstance(record, dict) for record in content):
        raise EvaluationError(f"{path}: expected a list of records. `vlrouterbench evaluate` writes it.")
    return [cast("ResultRecord", _renamed(record)) for record in content]


def _renamed(record: FreeForm) -> FreeForm:
    current = {_RENAMED.get(name, name): value for name, value in record.items()}
    if "router_config" in current:
        current = {**_LACKING, "objective_value": current.get("rank_score"), **current}
    return current | {n: _renamed(current[n]) for n in ("controls", "calibration") if isinstance(current.get(n), dict)}
