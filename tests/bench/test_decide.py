"""Every family's decisions are timed, on routers of the published width."""

import json

import pytest
import torch

from vlrouterbench.bench.decide import fitted, random_samples
from vlrouterbench.bench.neighbours import DIM, random_features
from vlrouterbench.cli.main import main
from vlrouterbench.routers.registry import ROUTERS


def test_bench_decide_times_every_family(capsys):
    assert main(["bench", "decide", "--scale", "0.02", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result["ms_per_decision"]) == list(ROUTERS)
    assert all(took > 0 for took in result["ms_per_decision"].values())
    assert result["ours"] == result["ms_per_decision"]["knn"]
    assert result["ratio"] == pytest.approx(result["baseline"] / result["ours"])


def test_a_timed_router_has_the_published_width_and_a_full_memory():
    features = torch.from_numpy(random_features(0.005, 21_378, seed=0))
    router = fitted(ROUTERS["knn"], random_samples(features))
    assert router.feature_dim == DIM and router.num_candidates == 17
    assert router.memory.shape == features.shape and router.config.num_neighbors == 200
