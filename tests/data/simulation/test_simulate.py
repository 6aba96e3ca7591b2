"""The embedded benchmark: seeded, nested, honest about being simulated, and worth routing on."""

import io
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from vlrouterbench.core.constants import DATASETS, TASK_GROUPS
from vlrouterbench.core.errors import SourceError, UnknownNameError
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.candidates import published_pool
from vlrouterbench.data.simulation import simulate
from vlrouterbench.data.simulation.accuracies import INFERRED_SIZES, PROFILES, accuracy_targets
from vlrouterbench.data.simulation.draw import draw_item
from vlrouterbench.data.simulation.simulate import simulate_logs
from vlrouterbench.data.simulation.skills import (
    DEMAND_SLOPE,
    candidate_skills,
    demand_means,
    item_demand,
    simulate_outcomes,
)
from vlrouterbench.data.table import load_table
from vlrouterbench.metrics.trade_off import chosen_values

BUILD = """
import sys
from pathlib import Path
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.simulation.simulate import simulate_logs
print(build_from_logs(simulate_logs(num_samples=60, seed=3), Path(sys.argv[1]))["sha256"])
"""
THINKING = ("Kimi-VL-A3B-Thinking-2506", "MiMo-VL-7B-RL", "Qianfan-VL-8B")


@pytest.fixture(scope="module")
def logs():
    return simulate_logs(num_samples=60, seed=3)


def _outcomes(logs):
    """(sample, candidate) -> quality and output tokens."""
    columns = [logs.outcomes[name].to_pylist() for name in ("sample_id", "candidate", "quality", "output_tokens")]
    return {(sample, candidate): values for sample, candidate, *values in zip(*columns, strict=True)}


def _samples(logs):
    """Sample id -> everything asked, and the picture."""
    rows = zip(logs.samples.to_pylist(), logs.images, strict=True)
    return {row["sample_id"]: (row, image) for row, image in rows}


def test_same_seed_gives_the_same_bytes_in_another_process(logs, tmp_path):
    ours = build_from_logs(logs, tmp_path / "ours")["sha256"]
    command = [sys.executable, "-c", BUILD, str(tmp_path / "theirs")]
    environment = os.environ | {"PYTHONHASHSEED": "77"}
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip() == ours
    for path in (tmp_path / "ours").rglob("*.*"):
        other = tmp_path / "theirs" / path.relative_to(tmp_path / "ours")
        assert path.read_bytes() == other.read_bytes(), path.name


def test_number_of_processes_does_not_change_the_bytes(logs):
    parallel = simulate_logs(num_samples=60, seed=3, num_proc=2)
    assert parallel.images == logs.images
    assert parallel.samples == logs.samples and parallel.outcomes == logs.outcomes


def test_another_seed_gives_other_pictures_and_outcomes(logs):
    other = simulate_logs(num_samples=60, seed=4)
    assert not set(other.images) & set(logs.images)
    assert other.outcomes["quality"] != logs.outcomes["quality"]
    assert other.source_sha256 != logs.source_sha256


def test_larger_benchmark_contains_the_smaller_ones_samples_and_outcomes(logs):
    # 75 is a size at which sharing by largest remainders takes a sample away from a dataset.
    larger = simulate_logs(num_samples=75, seed=3)
    samples, outcomes = _samples(larger), _outcomes(larger)
    assert len(samples) == 75
    assert all(samples[sample_id] == asked for sample_id, asked in _samples(logs).items())
    assert all(outcomes[pair] == values for pair, values in _outcomes(logs).items())


def test_no_dataset_ever_shrinks_while_the_benchmark_grows():
    before = Counter()
    for num_samples in range(len(DATASETS), 1200):
        counts = Counter(simulate._datasets(num_samples))
        assert counts.total() == num_samples
        assert counts >= before, num_samples
        before = counts


def test_shares_follow_the_published_sizes():
    total = sum(INFERRED_SIZES.values())
    assert total == 30_540
    counts = Counter(simulate._datasets(total))
    assert all(abs(counts[name] - size) <= 2 for name, size in INFERRED_SIZES.items())


def test_smallest_benchmark_has_one_sample_per_dataset():
    assert Counter(simulate_logs(num_samples=14).samples["dataset"].to_pylist()) == dict.fromkeys(DATASETS, 1)


@pytest.mark.parametrize("num_samples", [13, 0, -5])
def test_fewer_samples_than_datasets_is_an_error(num_samples):
    with pytest.raises(SourceError, match=f"at least 14 samples.*found {num_samples}"):
        simulate_logs(num_samples=num_samples)


def test_pool_is_the_published_17_with_their_prices(simulated_table):
    prices, published = (
        {c.name: (c.input_price, c.output_price) for c in pool.candidates}
        for pool in (simulated_table.pool, published_pool())
    )
    assert len(prices) == 17
    assert list(prices.items()) == list(published.items())
    assert prices["GPT-4o"] == (2.5, 10.0) and prices["Gemini-Flash-2.5"] == (0.3, 2.4)
    assert list(prices)[:2] == ["Janus-Pro-1B", "DeepSeek-VL2-Tiny"] and prices["Janus-Pro-1B"] == (0.05, 0.05)


def test_all_14_datasets_and_3_groups_are_present(simulated_table):
    assert set(simulated_table.column("dataset")) == set(DATASETS) and len(DATASETS) == 14
    assert set(simulated_table.column("task_group")) == set(TASK_GROUPS) and len(TASK_GROUPS) == 3


def test_every_pair_is_measured_and_every_picture_decodes(logs, simulated_table):
    assert simulated_table.complete.all() and all(simulated_table.column("image_ok"))
    assert set(np.unique(simulated_table.quality)) == {0.0, 1.0}
    assert len(logs.images) == 60
    for image in logs.images:
        Image.open(io.BytesIO(image)).load()


def test_flag_says_simulated(logs, simulated_table):
    assert logs.simulated and simulated_table.simulated and simulated_table.report["simulated"] is True
    assert "simulated" in logs.name


def test_cost_follows_from_tokens_and_prices(simulated_table):
    tokens = simulated_table.matrices
    prices = np.array([(c.input_price, c.output_price) for c in simulated_table.pool.candidates]) / 1e6
    expected = tokens["input_tokens"] * prices[:, 0] + tokens["output_tokens"] * prices[:, 1]
    np.testing.assert_allclose(simulated_table.cost, expected, rtol=1e-12)


def test_oracle_is_above_the_strongest_candidate(simulated_table):
    quality = simulated_table.quality
    assert quality.max(axis=1).mean() > quality.mean(axis=0).max() + 0.05


def test_some_samples_are_solved_by_none_and_some_by_all(simulated_table):
    right = simulated_table.quality.sum(axis=1)
    assert (right == 0).any() and (right == 17).any()
    assert ((right > 0) & (right < 17)).mean() > 0.5


def test_candidates_that_think_write_several_times_more(simulated_table):
    written = dict(zip(simulated_table.pool.names, simulated_table.matrices["output_tokens"].mean(axis=0), strict=True))
    others = [tokens for name, tokens in written.items() if name not in THINKING]
    assert min(written[name] for name in THINKING) > 2 * max(others)


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """A benchmark of 3,000 samples, calibrated to the published table."""
    folder = tmp_path_factory.mktemp("larger") / "benchmark"
    build_from_logs(simulate_logs(num_samples=3000, seed=0, num_proc=2, difficulty="published"), folder)
    return load_table(folder)


def test_oracle_strongest_and_cheapest_land_near_the_published_figures(larger):
    quality, cost = larger.quality.mean(axis=0), larger.cost.mean(axis=0)
    right = larger.quality >= 0.5
    chosen = np.where(
        right.any(axis=1), np.where(right, larger.cost, np.inf).argmin(axis=1), larger.cost.argmin(axis=1)
    )
    oracle = [chosen_values(matrix, chosen).mean() for matrix in (larger.quality, larger.cost)]
    strongest, cheapest = quality.argmax(), cost.argmin()
    # Published: accuracy 95.60, 78.01, 62.43 % at 0.37, 2.72, 0.14 $/10K; 3,000 samples leave about a point.
    np.testing.assert_allclose([oracle[0], quality[strongest], quality[cheapest]], [0.956, 0.78, 0.624], atol=0.02)
    np.testing.assert_allclose([1e4 * oracle[1], 1e4 * cost[cheapest]], [0.37, 0.14], rtol=0.1)
    qwen = larger.pool.index["Qwen2.5-VL-72B-Instruct"]
    assert quality[strongest] - quality[qwen] < 0.01
    np.testing.assert_allclose(1e4 * cost[qwen], 2.72, rtol=0.1)


@pytest.fixture(scope="module")
def questions():
    """400 items of one dataset, MathVista: their place among the datasets, the items and their keys."""
    place = list(INFERRED_SIZES).index("MathVista_MINI")
    items = [draw_item("MathVista_MINI", np.random.default_rng([0, place, number, 0])) for number in range(400)]
    return place, items, [(place, number) for number in range(len(items))]


def _chance(questions, difficulty):
    _, items, keys = questions
    return simulate_outcomes(items, list(PROFILES), seed=0, keys=keys, difficulty=difficulty).probability


def test_content_predicts_who_succeeds_but_only_in_part(questions):
    place, items, _ = questions
    means, strengths = demand_means(), candidate_skills(seed=0)
    chance = _chance(questions, "published")
    demands = [item_demand(item) for item in items]
    visible = np.array([strengths @ (s - means.shares[place]) - DEMAND_SLOPE * h for s, h in demands])
    explained = [np.corrcoef(visible[:, c], chance[:, c])[0, 1] for c in range(len(PROFILES))]
    assert 0.05 < np.mean(explained) < 0.5


@pytest.mark.parametrize("difficulty", ["published", "moderate"])
def test_candidates_have_the_accuracies_that_are_calibrated(questions, difficulty):
    """What is visible and what is hidden is centred per dataset: on average neither helps anyone."""
    error = _chance(questions, difficulty).mean(axis=0) - accuracy_targets()[:, questions[0]]
    assert np.abs(error).mean() < 0.05
    assert abs(error.mean()) < 0.04


def test_what_a_sample_shows_sets_candidates_apart_more_in_each_easier_setting(questions):
    place, items, _ = questions
    shares = np.array([item_demand(item)[0] for item in items]) - demand_means().shares[place]

    def explained(difficulty):
        """Share of the variance between candidates that a linear function of the visible demands predicts."""
        apart = _chance(questions, difficulty)
        apart = apart - apart.mean(axis=1, keepdims=True)
        apart = apart - apart.mean(axis=0)
        fitted = shares @ np.linalg.lstsq(shares, apart, rcond=None)[0]
        return (fitted**2).sum() / (apart**2).sum()

    published, moderate, easy = map(explained, ("published", "moderate", "easy"))
    assert published < 0.6 * moderate < moderate < easy


@pytest.mark.parametrize("difficulty", ["easy", "published"])
def test_another_difficulty_has_the_same_samples_with_other_outcomes_and_says_so(difficulty):
    plain, other = simulate_logs(num_samples=60, seed=3), simulate_logs(num_samples=60, seed=3, difficulty=difficulty)
    assert other.name == f"{plain.name}-{difficulty}" and other.simulated
    assert other.source_sha256 != plain.source_sha256
    assert other.samples.equals(plain.samples) and other.images == plain.images
    assert not other.outcomes.equals(plain.outcomes)


def test_the_former_name_of_the_published_difficulty_is_taken_with_a_warning():
    with pytest.warns(FutureWarning, match='"default" is called "published" now'):
        former = simulate_logs(num_samples=14, difficulty="default")
    assert former.source_sha256 == simulate_logs(num_samples=14, difficulty="published").source_sha256


def test_unknown_difficulty_is_answered_with_the_known_ones():
    with pytest.raises(UnknownNameError, match='Did you mean "easy"'):
        simulate_logs(num_samples=60, difficulty="eazy")
