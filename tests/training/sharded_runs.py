"""What `test_sharding.py` launches as two processes: trainings of a router that is divided between them.

    accelerate launch --config_file fsdp.yaml --num_processes 2 -m tests.training.sharded_runs BENCHMARK OUT

writes OUT/whole (undisturbed), OUT/resumed (stopped after a checkpoint, then resumed), OUT/bf16 (with adapters), and
OUT/said.json.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from torch.distributed.tensor import DTensor

from tests.families import packed_problem
from vlrouterbench.cli.processes import launched_processes
from vlrouterbench.training import trainer
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_router

ARGUMENTS = RouterTrainingArguments(
    cost_weights=(10.0,), num_epochs=2, batch_size=16, learning_rate=1e-3, options={"dropout": 0.0}
)


def problem_without_dropout(folder):
    """The benchmark for a small LXMERT, some of whose weights no loss reaches; without dropout, drawn by process."""
    problem = packed_problem(folder, "tiny-lxmert")
    names = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    problem.features.encoder.config["backbone"]["config"].update(dict.fromkeys(names, 0.0))
    return problem


class Stopped(Exception):
    """Stands for what stops a run."""


def stop_at(wanted):
    """A progress callback that stops all processes at a step."""

    def progress(step, _):
        if step == wanted:
            raise Stopped

    return progress


def largest_share(collect=trainer.take_weights):
    """Remember the largest share of the weights that this process held when they were gathered."""
    shares = []

    def collecting(router, divided):
        own = sum(p.to_local().numel() for p in divided.parameters() if isinstance(p, DTensor))
        shares.append(own / sum(p.numel() for p in divided.parameters()))
        collect(router, divided)

    trainer.take_weights = collecting
    return shares


def main(folder, out):
    """Train, and write what came of it from the main process."""
    processes = launched_processes()
    shares = largest_share()
    with processes.main_process_first():
        problem = problem_without_dropout(folder)

    def train(name, family="vlc", **changes):
        trained = train_router(family, problem, replace(ARGUMENTS, **changes))
        if processes.is_main_process:
            save_router(trained, out / name)
        processes.wait_for_everyone()
        return trained

    said = {"processes": processes.num_processes}
    said["score"] = train("whole").chosen.validation_rank_score
    checkpoints = {"checkpoint_folder": out / "training", "checkpoint_every": 3}
    try:
        train("never", progress=stop_at(8), **checkpoints)
    except Stopped:
        steps = []
        train("resumed", resume=True, progress=lambda step, _: steps.append(step), **checkpoints)
        said["resumed_at"] = steps[0]
    train("bf16", "cosine", lora_rank=4, bf16=True)
    said["largest_share"] = max(shares)
    if processes.is_main_process:
        (out / "said.json").write_text(json.dumps(said))
    processes.wait_for_everyone()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
    # A thread of gloo's may abort a finished run while the interpreter exits.
    sys.stderr.flush()
    os._exit(0)
