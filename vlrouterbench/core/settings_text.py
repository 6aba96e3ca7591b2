"""Settings of a router in words: rounded, and a weight of cost as what a point of accuracy is worth."""

from __future__ import annotations

from collections.abc import Mapping

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT

_POINT = 0.01


def settings_text(setting: Mapping[str, object]) -> str:
    """Names and values of settings, for people: JSON has every digit.

    At a USD weight W, accuracy of 0.01 on one sample is worth 0.01 / W USD: shown for as many samples as costs are.
    """
    return ", ".join(_one(name, value) for name, value in setting.items())


def _one(name: str, value: object) -> str:
    shown = f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
    if name != "usd_weight" or not isinstance(value, float | int) or value <= 0:
        return shown
    worth = float(f"{_POINT / value * SAMPLES_PER_COST_UNIT:.2g}")
    return f"{shown} (one point of accuracy is worth {worth:,g} USD per {SAMPLES_PER_COST_UNIT:,})"
