"""Learning curves: a power law is found where there is one, and flat, falling and short curves are said to be so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.evaluation.study.learning_curve import Curve, answer, curve_shape, over_splits, power_laws

SIZES = np.array([50.0, 100.0, 200.0, 400.0, 800.0])


def curve_of(values, sizes=SIZES, noise=0.2):
    values = np.asarray(values, dtype=float)
    return Curve(sizes, values, values + np.random.default_rng(1).normal(0, noise, (400, len(values))))


def said(curve, **others):
    options = {"sizes": [round(size) for size in curve.sizes], "in_all": 1.5, "figure": "Rank Score"} | others
    return answer("mine", curve_shape(curve), **options)


@given(limit=st.floats(50, 100), scale=st.floats(1, 200), exponent=st.floats(0.15, 1.8))
def test_a_power_law_is_fitted_to_its_own_points(limit, scale, exponent):
    found = power_laws(SIZES, (limit - scale * SIZES**-exponent)[None])
    fitted = found[0] - found[1] * SIZES ** -found[2]
    assert fitted == pytest.approx(limit - scale * SIZES**-exponent, abs=0.02 * scale * SIZES[0] ** -exponent + 1e-6)


def test_a_curve_that_no_growing_law_fits_is_its_mean():
    limit, scale, _ = power_laws(SIZES, np.array([[5.0, 4, 3, 2, 1], [2.0, 2, 2, 2, 2]]))
    assert limit.tolist() == [3.0, 2.0] and scale.tolist() == [0.0, 0.0]


def test_what_doubling_brings_and_where_it_stops_to_pay_follow_from_the_law():
    """80 - 100 / n: doubling n brings 50 / n, which is 0.5 at 100 and 0.0625 at 800."""
    shape = curve_shape(curve_of(80 - 100 / SIZES, noise=0.02))
    extrapolation = shape["extrapolation"]
    assert shape["shape"] == "rising" and shape["gain"]["points"] == pytest.approx(100 / 50 - 100 / 800)
    assert extrapolation["doubled"]["points"] == pytest.approx(0.0625, rel=0.15)
    low, high = extrapolation["doubled"]["ci95"]
    assert low <= 0.0625 <= high
    assert extrapolation["enough"] == pytest.approx(100, rel=0.1)
    assert extrapolation["foreseen"]["points"] == pytest.approx(0, abs=0.02)


def test_the_answer_says_that_there_are_enough_or_how_many_are_needed():
    enough = said(curve_of(80 - 100 / SIZES, noise=0.001))
    assert "you have enough questions" in enough and "(1" in enough and "twice your 800" in enough
    more = said(curve_of(80 - 1000 / SIZES, noise=0.001))
    assert "you need more questions" in more and "1,000 training samples (1,500 questions in all), until" in more
    beyond = said(curve_of(10 * np.log2(SIZES), noise=0.001))
    assert "at 8 times as many it still grows" in beyond


def test_neither_is_said_where_what_pays_lies_within_the_interval():
    unsure = curve_of(80 - 500 / SIZES, noise=0.4)
    low, high = curve_shape(unsure)["extrapolation"]["doubled"]["ci95"]
    assert low < 0.5 < high
    words = said(unsure)
    assert "whether more questions pay cannot be said: twice your 800" in words and "lies within" in words
    assert "stops paying at about" in words and "enough questions" not in words and "you need" not in words


def test_a_flat_and_a_falling_curve_are_said_and_not_extrapolated():
    flat, falling = curve_of([70, 70.1, 69.9, 70.0, 70.05]), curve_of([75, 74, 73, 72, 71])
    for curve, kind, words in ((flat, "flat", "does not measurably grow"), (falling, "falling", "falls, -4.00 (")):
        assert curve_shape(curve)["shape"] == kind and curve_shape(curve)["extrapolation"] is None
        assert words in said(curve) and "from 50 to 800" in said(curve)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_sizes_are_too_few_to_say(count):
    curve = curve_of([60.0, 65.0, 70.0][:count], SIZES[:count])
    assert curve_shape(curve)["shape"] == "too few samples" and curve_shape(curve)["extrapolation"] is None
    assert "too few to say" in said(curve) and "at least 128 (190 questions in all)" in said(curve)


def test_resamples_over_splits_draw_splits_as_well_as_groups():
    draws = over_splits([np.full((2000, 3), 1.0), np.full((2000, 3), 3.0)])
    assert draws.shape == (2000, 3) and (draws == draws[:, :1]).all()
    assert sorted(set(draws[:, 0].tolist())) == [1.0, 2.0, 3.0]
    assert draws[:, 0].mean() == pytest.approx(2.0, abs=0.1)
    alone = np.random.default_rng(0).normal(size=(50, 2))
    assert over_splits([alone]).tolist() == alone.tolist()
