"""How fast an end-to-end router trains: by its own trainer, step by step, in one process or several launched together.

Decisions
- Samples per second are the global batch over the median step. The step after which an epoch is judged on validation
  is an ordinary one in the median, and so is a step that something else on the machine held up.
- Several processes are started as `torchrun` would start them, and compared with one that is started in the same way:
  over gloo, each on one thread of the CPU; where there are GPUs, each with one of its own.
- Operations are counted by torch in a forward and a backward pass of one batch. The peak that they are held against is
  that of a large bfloat16 product on the same GPU in the same run, not one from a data sheet.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.threads import one_thread
from vlrouterbench.data.table import load_table
from vlrouterbench.features.backbones import BackboneOptions, open_backbone
from vlrouterbench.features.packed import pack_benchmark
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import TrainedRouter, train_router
from vlrouterbench.training.problem import Problem

COST_WEIGHT = 10.0
_PRODUCT, _PRODUCTS = 8192, 20


@dataclass(frozen=True)
class TimedTraining:
    """What is trained and timed.

    Attributes:
        folder: benchmark folder.
        family: an end-to-end family.
        backbone: as BackboneOptions names it.
        image_size: side of the image in pixels.
        num_epochs: at most this many; None for the family's own.
    """

    folder: str
    family: str
    backbone: str
    image_size: int
    num_epochs: int | None = None

    def problem(self) -> Problem:
        """The benchmark as the backbone takes it."""
        table = load_table(Path(self.folder))
        return Problem(
            table, pack_benchmark(table, open_backbone(BackboneOptions(self.backbone, self.image_size), table))
        )


class StepClock:
    """Takes the time of every step of a training; its `tick` is a training's progress."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def tick(self, done: int, total: int) -> None:
        """A step has ended."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.times.append(time.perf_counter())

    def samples_per_second(self, batch_size: int) -> float:
        """By the median step after the first.

        Raises:
            RouterError: fewer than three steps were taken.
        """
        steps = [after - before for before, after in zip(self.times[1:-1], self.times[2:], strict=True)]
        if not steps:
            raise RouterError(f"expected three steps at least to time, found {len(self.times)}: give a larger --scale.")
        return batch_size / statistics.median(steps)


def timed_training(training: TimedTraining, problem: Problem) -> tuple[TrainedRouter, float]:
    """A trained router, and the samples per second of its training."""
    clock = StepClock()
    arguments = RouterTrainingArguments(
        (COST_WEIGHT,), num_epochs=training.num_epochs, bf16=torch.cuda.is_available(), progress=clock.tick
    )
    with one_thread(not torch.cuda.is_available()):
        trained = train_router(training.family, problem, arguments)
    return trained, clock.samples_per_second(trained.router.config.training["batch_size"])


def launched_training(training: TimedTraining, num_processes: int) -> float:
    """Samples per second of a training by processes that are launched for it.

    Raises:
        RouterError: fewer GPUs than processes, or a process failed.
    """
    if torch.cuda.is_available() and torch.cuda.device_count() < num_processes:
        raise RouterError(f"expected a GPU for each of {num_processes} processes, found {torch.cuda.device_count()}.")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(num_processes)}
    if not torch.cuda.is_available():
        common |= {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "vlrouterbench.bench.training_speed", json.dumps(asdict(training))],
            env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(num_processes)
    ]
    ended = [(*process.communicate(), process.returncode) for process in processes]
    for rank, (_, errors, status) in enumerate(ended):
        if status:
            raise RouterError(f"process {rank} of {num_processes} failed with status {status}: {errors[-500:]}")
    return float(json.loads(ended[0][0].splitlines()[-1]))


def main(given: str) -> None:
    """One of the processes that are launched together; the first writes samples per second to stdout."""
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available())
    training = TimedTraining(**json.loads(given))
    speed = timed_training(training, training.problem())[1]
    if state.is_main_process:
        sys.stdout.write(f"{json.dumps(speed)}\n")
    sys.stdout.flush()
    if state.num_processes > 1:
        state.wait_for_everyone()
        # A thread of gloo's may abort a finished run while the interpreter exits.
        os._exit(0)


def training_flops(router: PreTrainedRouter, problem: Problem) -> float:
    """Operations of a training step per sample, as torch counts them: forward and backward."""
    from torch.utils.flop_counter import FlopCounterMode

    size = min(router.config.training["batch_size"], len(problem.train))
    rows = problem.train_features[torch.arange(size)].to(router.device)
    targets = torch.full((size, router.num_candidates), 1 / router.num_candidates, device=router.device)
    router.train()
    with FlopCounterMode(display=False) as counter:
        torch.nn.functional.cross_entropy(router.score(rows), targets).backward()
    router.eval().zero_grad(set_to_none=True)
    return counter.get_total_flops() / size


def bf16_peak() -> float | None:
    """Operations per second of a large bfloat16 product on the GPU; None without one."""
    if not torch.cuda.is_available():
        return None
    one = torch.randn(_PRODUCT, _PRODUCT, device="cuda", dtype=torch.bfloat16)
    return 2 * _PRODUCT**3 / _seconds_on_gpu(lambda: one @ one)


def _seconds_on_gpu(work: Callable[[], Any]) -> float:
    """Median seconds of work on the GPU."""
    seconds = []
    for _ in range(_PRODUCTS):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    main(sys.argv[1])
