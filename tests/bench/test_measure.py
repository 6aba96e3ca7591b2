"""The comparison asks every question once and says what it took."""

import json

import pytest

from vlrouterbench.cli.main import main


def test_bench_measure_asks_all_questions_against_the_time_that_they_must_take(capsys):
    assert main(["bench", "measure", "--scale", "0.05", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["requests"], result["failed"]) == (100, 0)
    assert result["baseline"] == pytest.approx(100 * 0.2 / 64)
    assert result["ratio"] == pytest.approx(result["baseline"] / result["ours"]) and result["ratio"] < 1
