"""The comparison of an end-to-end router with one over features: what is said of it, and how it is timed."""

import json

import pytest

from vlrouterbench.bench import end_to_end
from vlrouterbench.bench.training_speed import StepClock
from vlrouterbench.cli.bench import _lines
from vlrouterbench.cli.main import main
from vlrouterbench.core.errors import RouterError


def test_bench_end_to_end_counts_encoders_and_says_random_weights_beside_every_figure(capsys, monkeypatch):
    monkeypatch.setattr(end_to_end, "IMAGE_SIZE", 32)
    monkeypatch.setattr(end_to_end, "NUM_EPOCHS", 3)
    asked = ("--scale", "0.1", "--backbone", "tiny-siglip", "--processes", "2", "--json")
    assert main(["bench", "end-to-end", *asked]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["ratio"] == pytest.approx(result["baseline"] / result["ours"])
    for key in ("end_to_end", "features"):
        found = result[key]
        assert found["epoch_seconds_extrapolated"] == pytest.approx(21_378 / found["trained_per_second"])
        preparing = found["first_epoch_seconds_extrapolated"] - found["epoch_seconds_extrapolated"]
        assert preparing == pytest.approx(21_378 / found["prepared_per_second"])
        assert 0 < found["test"]["accuracy"] <= 1
    gap = result["end_to_end"]["test"]["rank_score"] - result["features"]["test"]["rank_score"]
    assert result["difference"]["rank_score"] == pytest.approx(gap)
    speeds = result["scaling"]["trained_per_second"]
    assert list(speeds) == ["1", "2"] and result["scaling"]["speed_up"] == pytest.approx(speeds["2"] / speeds["1"])
    assert all("random weights; simulated" in line for line in _lines(result))


def test_samples_per_second_are_by_the_median_step_after_the_first():
    clock = StepClock()
    clock.times = [100.0, 110.0, 112.0, 119.0, 121.0]
    assert clock.samples_per_second(32) == 16.0
    clock.times = [1.0, 2.0]
    with pytest.raises(RouterError, match="three steps at least to time, found 2"):
        clock.samples_per_second(32)


def test_its_options_are_refused_elsewhere(capsys):
    assert main(["bench", "decide", "--processes", "2"]) == 1
    assert "--processes is an option of `bench end-to-end`" in capsys.readouterr().err
