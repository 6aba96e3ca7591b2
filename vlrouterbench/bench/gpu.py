"""`bench gpu`: what one GPU does: encoders and end-to-end training at published sizes, and the CPU's loss curve.

Decisions
- One command without network: weights are random, samples simulated. With a GPU the sizes are those of SigLIP-large,
  BGE-M3, LXMERT and Qwen2.5-VL-3B; `--backbone tiny` goes through the same steps with small ones, on any machine.
- Training is in bfloat16 on a GPU, by the trainer that `train` uses. Its operations are held against the peak of a
  large product on the same GPU in the same run.
- The baseline is that peak: its time for a sample's operations, against ours.
- The loss curve is of plain steps in float32 from the same weights and batches, on the CPU and on the device.
- Training under FSDP is launched as a user would, as a process of its own; what it says is kept where it fails.
"""

from __future__ import annotations

import copy
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import torch
from torch.nn.functional import cross_entropy

from vlrouterbench.bench.comparison import Comparison, compared, peak_memory_gib
from vlrouterbench.bench.gpu_sizes import PUBLISHED, SMALL, SizedBackbone
from vlrouterbench.bench.hub_encoders import EncoderFigures, bench_hub_encoders
from vlrouterbench.bench.training_speed import TimedTraining, bf16_peak, timed_training, training_flops
from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.simulation.simulate import simulate_logs
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.features.backbones import BackboneOptions, random_backbone
from vlrouterbench.features.packed import pack_benchmark
from vlrouterbench.training.problem import Problem

TINY = "tiny"
NUM_SAMPLES, FAMILY = 640, "vlc"
CURVE_STEPS, CURVE_BATCH, CURVE_RATE, CURVE_TOLERANCE = 10, 16, 0.05, 1e-3
"""Of the loss curves: their largest difference that rounding explains."""
_FSDP_LIMIT_S = 120


class TrainingFigures(TypedDict):
    """Training of one backbone; shares and memory are None without a GPU."""

    parameters: int
    trained_per_second: float
    flops_per_sample: float
    flops_per_second: float
    share_of_bf16_peak: float | None
    peak_gpu_memory_gib: float | None


class FsdpFigures(TypedDict):
    """A launched training under FSDP on one device: whether it ended well, in how many seconds, and what it said."""

    ended_well: bool
    seconds: float
    said: str


class LossCurves(TypedDict):
    """Losses of the same steps on the CPU and on the device."""

    cpu: list[float]
    device: list[float]
    largest_difference: float
    within_tolerance: bool


class GpuComparison(Comparison):
    """`bench gpu`; `encoders` are by kind, `training` by backbone."""

    encoders: dict[str, EncoderFigures]
    training: dict[str, TrainingFigures]
    bf16_peak: float | None
    fsdp: FsdpFigures | None
    loss_curves: LossCurves
    weights: str
    data: str
    device: str
    scale: float
    peak_memory_gib: float


def bench_gpu(*, scale: float = 1.0, backbone: str = "") -> GpuComparison:
    """Measure on a share of NUM_SAMPLES.

    Args:
        scale: share.
        backbone: "tiny" for small sizes on any machine; "" for published ones on a GPU.

    Returns:
        Microseconds that the operations of the largest backbone's training sample take at the GPU's peak, ours, and
        the ratio (contract's section 7); without a GPU both are ours.

    Raises:
        RouterError: no GPU for published sizes, or another backbone.
    """
    if backbone not in ("", TINY):
        raise RouterError(f'bench gpu: expected --backbone {TINY} or none, found "{backbone}".')
    has_gpu = torch.cuda.is_available()
    if not has_gpu and not backbone:
        raise RouterError(
            f"bench gpu: expected a GPU that torch can use, found none. `bench gpu --backbone {TINY}` goes through the "
            "same steps with small models on the CPU."
        )
    device = "cuda" if has_gpu else "cpu"
    encoders = bench_hub_encoders(scale=scale if has_gpu else scale / 10)["encoders"]
    peak, training = bf16_peak(), dict[str, TrainingFigures]()
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as temporary:
        folder = Path(temporary) / "benchmark"
        samples = max(200, round(NUM_SAMPLES * scale))
        build_from_logs(simulate_logs(num_samples=samples, seed=0, difficulty="easy"), folder)
        table = load_table(folder)
        curves = loss_curves(table, device)
        for sized in SMALL if backbone else PUBLISHED:
            training[sized.name] = _trained(sized, table, peak)
        fsdp = _under_fsdp(folder) if has_gpu else None
    largest = max(training.values(), key=lambda figures: figures["parameters"])
    ours = 1e6 / largest["trained_per_second"]
    least = ours if peak is None else 1e6 * largest["flops_per_sample"] / peak
    return {
        **compared("gpu", ours=ours, baseline=least, unit="us per training sample"),
        "encoders": encoders,
        "training": training,
        "bf16_peak": peak,
        "fsdp": fsdp,
        "loss_curves": curves,
        "weights": "random weights",
        "data": "simulated, easy setting",
        "device": torch.cuda.get_device_name() if has_gpu else "one thread of the CPU",
        "scale": scale,
        "peak_memory_gib": peak_memory_gib(),
    }


def _problem(sized: SizedBackbone, table: RoutingTable) -> Problem:
    options = BackboneOptions(sized.name, sized.image_size)
    encoder = random_backbone(options, table, sized.kind, sized.make_config, patch_size=sized.patch_size)
    return Problem(table, pack_benchmark(table, encoder))


def _trained(sized: SizedBackbone, table: RoutingTable, peak: float | None) -> TrainingFigures:
    """Train for an epoch."""
    if peak is not None:
        torch.cuda.reset_peak_memory_stats()
    problem = _problem(sized, table)
    trained, speed = timed_training(TimedTraining("", FAMILY, sized.name, sized.image_size, 1), problem)
    memory = None if peak is None else torch.cuda.max_memory_allocated() / 2**30
    router = trained.router
    torch.nn.Module.to(router, "cpu" if peak is None else "cuda")
    flops = training_flops(router, problem)
    return {
        "parameters": router.num_parameters(),
        "trained_per_second": speed,
        "flops_per_sample": flops,
        "flops_per_second": flops * speed,
        "share_of_bf16_peak": None if peak is None else flops * speed / peak,
        "peak_gpu_memory_gib": memory,
    }


def loss_curves(table: RoutingTable, device: str) -> LossCurves:
    """Losses of CURVE_STEPS plain steps of a small backbone, from the same weights and batches, on CPU and device."""
    problem = _problem(SMALL[0], table)
    trained, _ = timed_training(TimedTraining("", FAMILY, SMALL[0].name, SMALL[0].image_size, 1), problem)
    generator = torch.Generator().manual_seed(0)
    count = len(problem.train)
    batches = [torch.randint(count, (CURVE_BATCH,), generator=generator) for _ in range(CURVE_STEPS)]
    targets = torch.rand(count, trained.router.num_candidates, generator=generator).softmax(dim=1)

    def losses(place: str) -> list[float]:
        router = copy.deepcopy(trained.router)
        torch.nn.Module.to(router, place)
        router.eval()  # dropout draws differ between devices
        optimizer, found = torch.optim.SGD(router.parameters(), lr=CURVE_RATE), list[float]()
        for batch in batches:
            loss = cross_entropy(router.score(problem.train_features[batch].to(place)), targets[batch].to(place))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(float(loss.detach()))
        return found

    return compared_curves(losses("cpu"), losses(device))


def compared_curves(cpu: Sequence[float], device: Sequence[float]) -> LossCurves:
    """Two curves of one length beside each other."""
    largest = max(abs(one - other) for one, other in zip(cpu, device, strict=True))
    return {
        "cpu": list(cpu),
        "device": list(device),
        "largest_difference": largest,
        "within_tolerance": largest <= CURVE_TOLERANCE,
    }


def _under_fsdp(folder: Path) -> FsdpFigures:
    """Train a small backbone as one process that Accelerate launches with FSDP."""
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "1", "--mixed_precision", "bf16"]
    fsdp = ["--use_fsdp", "--fsdp_version", "2", "--fsdp_auto_wrap_policy", "NO_WRAP"]
    command = ["-m", "vlrouterbench", "train", str(folder), "--router", FAMILY, "--backbone", SMALL[1].name]
    out, start = folder.with_name("fsdp"), time.perf_counter()
    try:
        ended = subprocess.run(
            [*launch, *fsdp, *command, "--out", str(out)], capture_output=True, text=True, timeout=_FSDP_LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return {"ended_well": False, "seconds": float(_FSDP_LIMIT_S), "said": f"not done in {_FSDP_LIMIT_S} s"}
    lines = (ended.stderr or ended.stdout).strip().splitlines()
    is_well = ended.returncode == 0 and out.is_dir()
    said = "" if is_well else " ".join(lines[-3:])[-500:]
    return {"ended_well": is_well, "seconds": time.perf_counter() - start, "said": said}
