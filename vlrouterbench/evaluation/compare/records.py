"""What `compare.json` holds, as types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from vlrouterbench.data.build_report import BenchmarkIdentity
from vlrouterbench.evaluation.records import Interval


class MeritDifference(TypedDict):
    """How far a router is above the best static mixture, by what routers are judged by, with its paired interval."""

    value: float
    ci95: Interval


class Cell(TypedDict):
    """A router on one benchmark: means over its splits.

    Attributes:
        accuracy: 0 to 1.
        average_cost_usd: USD per sample.
        rank_score: 0 to 100; NaN (null) where the benchmark has no range of costs.
        rank_scores: per split.
        objective_value: what routers are judged by, the larger the better: the Rank Score, unless another objective
            was given or there is none.
        vs_mixture: its difference from that of the best static mixture.
        verdict: "win", "tie" or "loss" against the mixture: the interval lies above, around or below 0.
        rank: 1 + number of routers that are clearly better; None for what is not ranked.
        rank_range: middle 95 % of its position over resamples.
    """

    accuracy: float
    average_cost_usd: float
    rank_score: float
    rank_scores: list[float]
    objective_value: float
    vs_mixture: MeritDifference
    verdict: str
    rank: int | None
    rank_range: list[int] | None


class Tally(TypedDict):
    """Benchmarks on which one is clearly better, not told apart, clearly worse."""

    wins: int
    ties: int
    losses: int


class ComparedRouter(TypedDict):
    """A router over all benchmarks.

    Attributes:
        router: its name.
        kind: "family" (trained on every split), "saved", "function" or "policy".
        mean_rank: mean of its positions on the benchmarks; None for what is not ranked.
        mean_rank_ci95: its interval over resamples of samples, never of benchmarks.
        versus_mixture: over benchmarks.
        against: other router -> over benchmarks.
        benchmarks: label of a benchmark -> the router on it.
    """

    router: str
    kind: str
    mean_rank: float | None
    mean_rank_ci95: Interval | None
    versus_mixture: Tally
    against: Mapping[str, Tally]
    benchmarks: Mapping[str, Cell]


class ComparedBenchmark(TypedDict):
    """A benchmark of a comparison.

    Attributes:
        label: its column.
        benchmark: which it is.
        features: of the families that were trained.
        seeds: of the splits that were scored.
        num_samples: scored on each.
        candidates: that were scored.
        rank_score_reason: why there is no Rank Score; empty where there is one.
        notes: what else is to be said.
    """

    label: str
    benchmark: BenchmarkIdentity
    features: Mapping[str, object]
    seeds: list[int]
    num_samples: list[int]
    candidates: list[str]
    rank_score_reason: str
    notes: list[str]


class CompareRecord(TypedDict):
    """The content of `compare.json`; routers are ordered by mean rank."""

    objective: str
    benchmarks: list[ComparedBenchmark]
    routers: list[ComparedRouter]
    version: str
