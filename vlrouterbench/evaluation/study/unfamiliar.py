"""How well routers tell samples of datasets that they never saw from samples of those that they did.

Decisions
- The same test samples stand on both sides: scored by the router of the whole benchmark, and by the one that was
  trained without the sample's dataset. So nothing but having seen the dataset is told apart.
- Beside the area under the ROC curve stands the share that a decision says it of (`SAID_FROM`), on both sides.
"""

from __future__ import annotations

from typing import Literal, TypedDict

import numpy as np

from vlrouterbench.routers.base.familiarity import SAID_FROM

SAID: tuple[Literal["said_inside"], Literal["said_outside"]] = ("said_inside", "said_outside")
"""Fields of the shares, in the order in which they are shown."""


class FlagFigures(TypedDict):
    """Area under the ROC curve, 0 to 1, and the shares of samples that are said to be unlike the training samples."""

    auroc: float
    said_inside: float
    said_outside: float


def flag_figures(inside: np.ndarray | None, outside: np.ndarray | None) -> FlagFigures | None:
    """Figures of `unfamiliar` (num_samples,) of both sides; None for a router that has none."""
    if inside is None or outside is None:
        return None
    from sklearn.metrics import roc_auc_score

    seen = np.concatenate([np.zeros(len(inside)), np.ones(len(outside))])
    return {
        "auroc": float(roc_auc_score(seen, np.concatenate([inside, outside]))),
        "said_inside": float((inside >= SAID_FROM).mean()),
        "said_outside": float((outside >= SAID_FROM).mean()),
    }
