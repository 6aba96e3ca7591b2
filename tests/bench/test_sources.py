"""The comparison on published forms builds each of them whole."""

import json

import pytest

from vlrouterbench.cli.main import main


def test_bench_sources_builds_every_form_and_says_the_ratio_of_each(capsys):
    assert main(["bench", "sources", "--scale", "0.0001", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["per_form"]) == {"embedllm", "routerbench", "mmr-bench", "lmms-eval", "openvlmrecords"}
    assert set(result["pairs"].values()) == {200}
    assert result["ratio"] == pytest.approx(result["baseline"] / result["ours"])
    assert 0 < result["peak_memory_gib"] < 2
