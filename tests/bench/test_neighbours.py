"""The comparison of neighbours checks what it times."""

import json

import numpy as np
import pytest

from vlrouterbench.bench import neighbours
from vlrouterbench.cli.main import main
from vlrouterbench.core.errors import VLRouterBenchError


def test_bench_neighbours_says_its_ratios(capsys):
    assert main(["bench", "neighbours", "--scale", "0.01", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["memories"], result["queries"]) == (214, 64)
    assert result["ratio"] == pytest.approx(result["baseline"] / result["ours"])
    assert result["float64_ratio"] == pytest.approx(result["float64"] / result["ours"])
    assert result["single_ratio"] == pytest.approx(result["baseline_single_ms"] / result["single_ms"])


def test_other_neighbours_are_no_figure(monkeypatch):
    with pytest.raises(VLRouterBenchError, match="found others for 1 of 2 queries"):
        neighbours.check_same(np.array([[1, 2], [3, 4]]), np.array([[1, 2], [4, 3]]))
    monkeypatch.setattr(neighbours, "_search", lambda memory, queries: np.zeros((len(queries), 5), int))
    with pytest.raises(VLRouterBenchError, match="expected the neighbours that scikit-learn finds"):
        neighbours.bench_neighbours(scale=0.003)
