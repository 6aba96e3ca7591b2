"""`bench end-to-end`: an end-to-end router against an MLP over built-in features, in speed, memory, accuracy and cost.

Decisions
- On a simulated benchmark in the easy setting, whose outcomes follow from what samples show, at 224 px. Both are
  trained as `train` does it and evaluated as `evaluate` does it, so every figure is one that a user would get.
- Encoders are counted in both: a routed sample is an encoded image and a text until there is a decision. In training,
  images are decoded or features made once, `prepare`; the epochs that follow are over what was made.
- An epoch of 21,378 samples, the published train split, is extrapolated from samples per second.
- Small backbones have random weights: what they show is speed, and that they learn; nothing about published ones.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import NotRequired, TypedDict

import torch
from torch import nn

from vlrouterbench.bench.comparison import Comparison, compared, peak_memory_gib
from vlrouterbench.bench.training_speed import (
    COST_WEIGHT,
    StepClock,
    TimedTraining,
    bf16_peak,
    launched_training,
    timed_training,
    training_flops,
)
from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.threads import one_thread
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.simulation.simulate import simulate_logs
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.routers.registry import FAMILIES
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem

NUM_SAMPLES, IMAGE_SIZE, EPOCH_SAMPLES = 2_000, 224, 21_378
FAMILY, FEATURE_FAMILY = "vlc", "mlp"
NUM_EPOCHS: int | None = None
"""The families' own."""
SCALING_EPOCHS = 2


class TestFigures(TypedDict):
    """What the evaluation says of the test split."""

    accuracy: float
    average_cost_usd: float
    rank_score: float | None


class RouterFigures(TypedDict):
    """What was measured of one router; operations and parameters of the end-to-end one alone."""

    prepared_per_second: float
    trained_per_second: float
    training_seconds: float
    epoch_seconds_extrapolated: float
    first_epoch_seconds_extrapolated: float
    parameters: NotRequired[int]
    flops_per_sample: NotRequired[float]
    flops_per_second: NotRequired[float]
    bf16_peak: NotRequired[float | None]
    share_of_bf16_peak: NotRequired[float | None]
    peak_gpu_memory_gib: NotRequired[float]
    routed_per_second: NotRequired[float]
    test: NotRequired[TestFigures]


class Difference(TypedDict):
    """Rank Score of the end-to-end router less the other's, with its paired interval."""

    rank_score: float | None
    ci95: list[float] | None


class Scaling(TypedDict):
    """Samples per second by number of processes, and how many times faster the most are than one."""

    trained_per_second: dict[int, float]
    speed_up: float


class EndToEndComparison(Comparison):
    """`bench end-to-end`; `weights`, `data` and `device` hold for every figure."""

    end_to_end: RouterFigures
    features: RouterFigures
    difference: Difference
    family: str
    feature_family: str
    backbone: str
    image_size: int
    weights: str
    data: str
    device: str
    scale: float
    peak_memory_gib: float


class ScaledComparison(EndToEndComparison):
    """`bench end-to-end` with several processes."""

    scaling: Scaling


def bench_end_to_end(*, scale: float = 1.0, backbone: str = "tiny-lxmert", processes: int = 1) -> EndToEndComparison:
    """Compare on a share of NUM_SAMPLES.

    Args:
        scale: share.
        backbone: as `train --backbone` takes it.
        processes: where more than one, training is timed once more with one and with that many.

    Returns:
        Milliseconds to route a sample at each one's best batch size, and the ratio (contract's section 7); for
        `end_to_end` and `features` what was measured of training, routing and the test split; `difference` of their
        Rank Scores with its paired interval; `scaling` where there are several processes; `weights` and `data`,
        which hold for every figure.
    """
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as temporary:
        folder = Path(temporary) / "benchmark"
        logs = simulate_logs(num_samples=max(200, round(NUM_SAMPLES * scale)), seed=0, difficulty="easy")
        build_from_logs(logs, folder)
        training = TimedTraining(str(folder), FAMILY, backbone, IMAGE_SIZE, NUM_EPOCHS)
        names = [str(Path(temporary) / name) for name in (FAMILY, FEATURE_FAMILY)]
        end_to_end, weights = _end_to_end(training, names[0])
        features = _over_features(load_table(folder), names[1])
        with one_thread(not torch.cuda.is_available()):
            records = evaluate_routers(folder, names, Path(temporary) / "evaluation", EvaluationOptions(seed=0))
        difference = records[0]["differences"][FEATURE_FAMILY]
        scaling = _scaling(training, processes) if processes > 1 else None
    for figures, record in zip((end_to_end, features), records, strict=True):
        throughput = record["throughput"]
        if throughput is None:
            raise RouterError(f"expected a measured throughput of {record['router']}, found none.")
        figures["routed_per_second"] = throughput["decisions_per_second"]
        figures["test"] = {
            "accuracy": record["accuracy"],
            "average_cost_usd": record["average_cost_usd"],
            "rank_score": record["rank_score"],
        }
    ours, baseline = (1000 / figures["routed_per_second"] for figures in (end_to_end, features))
    comparison: EndToEndComparison = {
        **compared("end-to-end", ours=ours, baseline=baseline, unit="ms per routed sample"),
        "end_to_end": end_to_end,
        "features": features,
        "difference": difference,
        "family": FAMILY,
        "feature_family": FEATURE_FAMILY,
        "backbone": backbone,
        "image_size": IMAGE_SIZE,
        "weights": weights,
        "data": "simulated, easy setting",
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "one thread of the CPU",
        "scale": scale,
        "peak_memory_gib": peak_memory_gib(),
    }
    if scaling is None:
        return comparison
    scaled: ScaledComparison = {**comparison, "scaling": scaling}
    return scaled


def _end_to_end(training: TimedTraining, out: str) -> tuple[RouterFigures, str]:
    """Train and save; what was measured, and where the weights that it started from came from."""
    start = time.perf_counter()
    problem = training.problem()
    prepare = time.perf_counter() - start
    trained, speed = timed_training(training, problem)
    save_router(trained, out)
    figures = _training_figures(len(problem.table), prepare, speed, time.perf_counter() - start)
    router = trained.router
    nn.Module.to(router, "cuda" if torch.cuda.is_available() else "cpu")
    flops, peak = training_flops(router, problem), bf16_peak()
    figures["parameters"] = router.num_parameters()
    figures["flops_per_sample"] = flops
    figures["flops_per_second"] = flops * speed
    figures["bf16_peak"] = peak
    figures["share_of_bf16_peak"] = None if peak is None else flops * speed / peak
    if peak is not None:
        figures["peak_gpu_memory_gib"] = torch.cuda.max_memory_allocated() / 2**30
    random = router.config.training["random_backbone"]
    return figures, "random weights" if random else f"pretrained weights of {training.backbone}"


def _over_features(table: RoutingTable, out: str) -> RouterFigures:
    start = time.perf_counter()
    problem = Problem(table, encode_benchmark(table))
    prepare, clock = time.perf_counter() - start, StepClock()
    arguments = RouterTrainingArguments((COST_WEIGHT,), num_epochs=NUM_EPOCHS, progress=clock.tick)
    save_router(train_router(FEATURE_FAMILY, problem, arguments), out)
    seconds = time.perf_counter() - start
    batch = min(FAMILIES[FEATURE_FAMILY].recipes["default"].batch_size, len(problem.train))
    return _training_figures(len(table), prepare, clock.samples_per_second(batch), seconds)


def _training_figures(samples: int, prepare: float, speed: float, seconds: float) -> RouterFigures:
    epoch = EPOCH_SAMPLES / speed
    return {
        "prepared_per_second": samples / prepare,
        "trained_per_second": speed,
        "training_seconds": seconds,
        "epoch_seconds_extrapolated": epoch,
        "first_epoch_seconds_extrapolated": epoch + EPOCH_SAMPLES * prepare / samples,
    }


def _scaling(training: TimedTraining, processes: int) -> Scaling:
    timed = replace(training, num_epochs=SCALING_EPOCHS)
    speeds = {count: launched_training(timed, count) for count in (1, processes)}
    return {"trained_per_second": speeds, "speed_up": speeds[processes] / speeds[1]}
