"""Throughput: measured on real decisions, with all fields, on at most so many samples; its price in dollars."""

import math

import pytest

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.data.tokens import count_tokens
from vlrouterbench.evaluation import throughput
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.throughput import MAX_TIMED, measure_throughput, overhead
from vlrouterbench.metrics.objectives import Goal
from vlrouterbench.metrics.trade_off import rank_score
from vlrouterbench.routers.auto import AutoRouter

LATENCIES = ("latency_ms_p50", "latency_ms_p95", "latency_ms_p99")


@pytest.fixture(scope="module")
def router(trained_folders):
    return AutoRouter.from_pretrained(trained_folders["linear"])


@pytest.fixture(scope="module")
def found(router, simulated_table):
    return measure_throughput(router, simulated_table.split("test"))


def test_throughput_has_its_figures_and_says_what_it_includes(found):
    assert set(found) >= {*LATENCIES, "decisions_per_second", "k_tokens_per_second", "peak_memory_mib"}
    figures = [value for value in found.values() if isinstance(value, float)]
    assert all(math.isfinite(value) and value > 0 for value in figures)
    assert found["includes"] == "image decoding, encoder, decision"
    assert found["device"] == "cpu" and found["peak_memory_of"] == "the whole process"


def test_every_batch_size_is_timed_and_the_best_is_the_fastest(found):
    assert [batch["batch_size"] for batch in found["batches"]] == [1, 8, 32, 64]
    fastest = max(found["batches"], key=lambda batch: batch["decisions_per_second"])
    assert found["best_batch"] == fastest
    assert found["decisions_per_second"] == fastest["decisions_per_second"]
    for batch in found["batches"]:
        assert batch["latency_ms_p50"] <= batch["latency_ms_p95"] <= batch["latency_ms_p99"]
    assert {name: found[name] for name in LATENCIES} == {name: found["batches"][0][name] for name in LATENCIES}


def test_tokens_are_those_of_the_text_that_is_read(found, simulated_table):
    rows = simulated_table.split("test").samples.slice(0, MAX_TIMED).to_pylist()
    texts = []
    for row in rows:
        options = [f"({chr(65 + place)}) {option}" for place, option in enumerate(row["options"] or ())]
        texts.append("\n".join(part for part in (row["question"], row["hint"] or "", *options) if part))
    assert found["text_tokens_per_decision"] == pytest.approx(count_tokens(texts).sum() / MAX_TIMED)
    expected = found["decisions_per_second"] * found["text_tokens_per_decision"] / 1000
    assert found["k_tokens_per_second"] == pytest.approx(expected)
    assert found["text_tokens_per_second"] == pytest.approx(1000 * expected)


def test_each_batch_size_is_warmed_up_and_a_small_last_batch_counts_by_its_samples(
    router, simulated_table, monkeypatch
):
    """A clock that adds a second per sample of each batch: 10 samples in batches of 8 wait 8, and 2 wait 2."""
    now, asked = [0.0], []

    def decide(_, rows):
        asked.append(len(rows))
        now[0] += len(rows)

    monkeypatch.setattr(throughput, "_decide", decide)
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: now[0])
    found = measure_throughput(router, simulated_table.take(simulated_table.rows[:10]))
    assert asked == [1] * 4 + [1] + [1] * 10 + [8] + [8, 2] + [10] + [10]
    assert [batch["batch_size"] for batch in found["batches"]] == [1, 8, 10]
    by_size = {batch["batch_size"]: batch for batch in found["batches"]}
    assert by_size[8]["latency_ms_p50"] == 8000 and by_size[1]["latency_ms_p99"] == 1000
    assert by_size[8]["decisions_per_second"] == pytest.approx(1)


def test_at_most_so_many_samples_are_timed(found, simulated_table):
    assert len(simulated_table.split("test")) > MAX_TIMED
    assert found["num_timed"] == MAX_TIMED


def test_fewer_samples_than_the_warm_up_are_enough(router, simulated_table):
    one = simulated_table.take(simulated_table.rows[:1])
    assert measure_throughput(router, one)["num_timed"] == 1


def test_overhead_by_hand():
    # 3.6 USD per hour are 0.001 per second; 2 decisions a second cost 0.0005 each, 10 a second 0.0001.
    batches = [{"decisions_per_second": 2.0}, {"decisions_per_second": 10.0}]
    bounds = (0.001, 0.016)
    counted = overhead(
        {"batches": batches, "best_batch": batches[1]},
        {"accuracy": 0.8, "average_cost_usd": 0.0035},
        machine_usd_per_hour=3.6,
        goal=Goal(given_bounds=bounds),
    )
    assert counted["machine_usd_per_hour"] == 3.6
    assert counted["batch_1"]["usd_per_decision"] == pytest.approx(0.0005)
    # 0.004 is half way between the bounds by its logarithm: S = 1.1 * 0.8 * 0.5 / (0.08 + 0.5).
    assert counted["batch_1"]["rank_score"] == pytest.approx(100 * 0.44 / 0.58)
    assert counted["best_batch"]["average_cost_usd"] == pytest.approx(0.0036)
    assert counted["best_batch"]["rank_score"] == pytest.approx(float(rank_score(0.8, 0.0036, cost_bounds=bounds)))


def test_overhead_is_counted_only_at_a_price_that_is_given(simulated_folder, trained_folders, tmp_path):
    routers = ["cheapest", str(trained_folders["linear"])]
    free, priced = (
        evaluate_routers(
            simulated_folder, routers, tmp_path / str(price), EvaluationOptions(machine_usd_per_hour=price)
        )
        for price in (None, 4.0)
    )
    assert "overhead" not in free[1]["throughput"] and priced[0]["throughput"] is None
    counted = priced[1]["throughput"]["overhead"]
    assert counted["machine_usd_per_hour"] == 4.0
    assert counted["batch_1"]["rank_score"] <= priced[1]["rank_score"] == free[1]["rank_score"]


@pytest.mark.parametrize("price", [-1.0, math.inf, math.nan])
def test_a_price_that_is_none_is_refused(price):
    with pytest.raises(EvaluationError, match="USD per hour"):
        EvaluationOptions(machine_usd_per_hour=price)
