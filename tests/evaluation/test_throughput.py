"""Throughput: measured on real decisions, with all fields, on at most so many samples."""

import math

import pytest

from vlrouterbench.evaluation.throughput import MAX_TIMED, measure_throughput
from vlrouterbench.routers.auto import AutoRouter


@pytest.fixture(scope="module")
def router(trained_folders):
    return AutoRouter.from_pretrained(trained_folders["linear"])


def test_throughput_has_its_figures_and_says_what_it_includes(router, simulated_table):
    found = measure_throughput(router, simulated_table.split("test"))
    assert set(found) >= {"latency_ms_p50", "latency_ms_p95", "decisions_per_second", "text_tokens_per_second"}
    figures = [value for value in found.values() if isinstance(value, float)]
    assert all(math.isfinite(value) and value > 0 for value in figures)
    assert found["latency_ms_p50"] <= found["latency_ms_p95"]
    assert found["includes"] == "image decoding, encoder, decision"
    assert found["device"] == "cpu"


def test_at_most_so_many_samples_are_timed(router, simulated_table):
    test = simulated_table.split("test")
    assert len(test) > MAX_TIMED
    assert measure_throughput(router, test)["num_timed"] == MAX_TIMED


def test_fewer_samples_than_the_warm_up_are_enough(router, simulated_table):
    one = simulated_table.take(simulated_table.rows[:1])
    assert measure_throughput(router, one)["num_timed"] == 1
