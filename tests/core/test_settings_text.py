"""Settings in words, worked out by hand."""

import pytest

from vlrouterbench.core.settings_text import settings_text


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"usd_weight": 238.0952}, "usd_weight 238.1 (one point of accuracy is worth 0.42 USD per 10,000)"),
        ({"usd_weight": 2.0}, "usd_weight 2 (one point of accuracy is worth 50 USD per 10,000)"),
        ({"usd_weight": 0.3}, "usd_weight 0.3 (one point of accuracy is worth 330 USD per 10,000)"),
        ({"usd_weight": 0.0}, "usd_weight 0"),
        ({"cost_weight": float("inf"), "k": 5}, "cost_weight inf, k 5"),
        ({}, ""),
    ],
)
def test_a_weight_is_what_a_point_is_worth_and_figures_are_rounded(setting, words):
    assert settings_text(setting) == words
