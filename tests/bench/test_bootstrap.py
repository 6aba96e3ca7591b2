"""The comparison of resampling states its seconds and what they are of."""

import json

import numpy as np
import pytest

from vlrouterbench.bench.bootstrap import _plain_loop
from vlrouterbench.cli.main import main
from vlrouterbench.metrics.bootstrap import trade_off_draws


def test_bench_bootstrap_says_its_seconds(capsys):
    assert main(["bench", "bootstrap", "--scale", "0.02", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["samples"], result["routers"], result["resamples"]) == (122, 20, 200)
    assert result["seconds"] == result["ours"]
    assert result["ratio"] == pytest.approx(result["baseline"] / result["ours"])


def test_the_baseline_resamples_the_same_distribution():
    rng = np.random.default_rng(1)
    groups = rng.integers(60, size=90).astype(str)
    quality, cost = (rng.random((90, 2)) < (0.5, 0.7)).astype(float), rng.uniform(1e-5, 1e-3, (90, 2))
    plain = _plain_loop(quality, cost, groups, 3000)
    ours = trade_off_draws(quality, cost, groups, cost_bounds=(1e-5, 1e-3), beta=0.1, seed=1)["rank_score"]
    np.testing.assert_allclose(plain.mean(axis=0), ours.mean(axis=0), rtol=0.01)
    np.testing.assert_allclose(plain.std(axis=0), ours.std(axis=0), rtol=0.08)
