"""The embedded benchmark: seeded, nested, honest about being simulated, and worth routing on."""

import os
import subprocess
import sys

import numpy as np
import pytest

from vlrouterbench.constants import DATASETS, TASK_GROUPS
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.candidates import published_pool
from vlrouterbench.data.table import load_table
from vlrouterbench.encoders.features import encode_benchmark
from vlrouterbench.errors import SourceError
from vlrouterbench.evaluation.policies import best_mixture
from vlrouterbench.metrics.trade_off import rank_score
from vlrouterbench.simulation import simulate
from vlrouterbench.simulation.simulate import INFERRED_SIZES, simulate_logs
from vlrouterbench.soft_labels import Unsolved
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router
from vlrouterbench.training.problem import Problem

DIGEST = """
import hashlib
from vlrouterbench.simulation.simulate import simulate_logs

def digest_of(logs):
    digest = hashlib.sha256()
    for image in logs.images:
        digest.update(image)
    digest.update(repr(logs.samples.to_pylist()).encode())
    digest.update(repr(logs.outcomes.to_pylist()).encode())
    return digest.hexdigest()
"""
exec(DIGEST)  # noqa: S102 - the same words run here and in another process


@pytest.fixture(scope="module")
def logs():
    return simulate_logs(num_samples=60, seed=3)


def _outcomes(logs):
    """(sample, candidate) -> quality and output tokens."""
    columns = [logs.outcomes[name].to_pylist() for name in ("sample_id", "candidate", "quality", "output_tokens")]
    return {(sample, candidate): rest for sample, candidate, *rest in zip(*columns, strict=True)}


def _samples(logs):
    """sample id -> (everything asked, picture)."""
    return {
        row["sample_id"]: (row, image) for row, image in zip(logs.samples.to_pylist(), logs.images, strict=True)
    }


def test_same_seed_gives_the_same_bytes_in_another_process(logs):
    script = f"{DIGEST}\nprint(digest_of(simulate_logs(num_samples=60, seed=3)))"
    environment = os.environ | {"PYTHONHASHSEED": "77"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest_of(logs)  # noqa: F821


def test_number_of_processes_does_not_change_the_bytes(logs):
    assert digest_of(simulate_logs(num_samples=60, seed=3, num_proc=2)) == digest_of(logs)  # noqa: F821
