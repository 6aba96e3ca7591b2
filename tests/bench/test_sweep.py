"""The comparison of sweeps trains both ways on the same simulated data."""

import json

import pytest

from vlrouterbench.bench import sweep
from vlrouterbench.cli.main import main


def test_bench_sweep_says_ratio_and_gap(capsys, monkeypatch):
    monkeypatch.setattr(sweep, "COST_WEIGHTS", (0.0, float("inf")))
    monkeypatch.setattr(sweep, "_SEEDS", (0,))
    assert main(["bench", "sweep", "--scale", "0.001", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["simulated_samples"] == 200 and list(result["gaps"]) == ["0.0", "inf"]
    assert result["rank_score_gap"] == pytest.approx(max(abs(gap) for gap in result["gaps"].values()))
    assert result["ratio"] == pytest.approx(result["baseline"] / result["ours"])
