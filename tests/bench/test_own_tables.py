"""The comparison on own tables builds what it wrote, whole."""

import json

import pytest

from vlrouterbench.cli.main import main


def test_bench_own_tables_builds_every_sample_and_says_what_it_took(capsys):
    assert main(["bench", "own-tables", "--scale", "0.0003", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["samples"] == 300
    assert result["ratio"] == pytest.approx(result["baseline"] / result["ours"])
    assert 0 < result["peak_memory_gib"] < 2
