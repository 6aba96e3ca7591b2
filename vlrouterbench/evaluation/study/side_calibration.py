"""How well estimated accuracy holds on one side of `left-out`: of the chosen candidates, and of all of them."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.study.held_out_answers import Answer
from vlrouterbench.metrics.calibration import brier_score, expected_calibration_error


class CalibrationErrors(TypedDict):
    """Calibration error and Brier score of estimated accuracy, 0 to 1."""

    ece: float
    brier: float


class SideCalibration(TypedDict):
    """Of the chosen candidates, and of all candidates."""

    chosen: CalibrationErrors
    all: CalibrationErrors


def side_calibration(answer: Answer, test: RoutingTable, rows: np.ndarray) -> SideCalibration | None:
    """Calibration of an answer on some rows of a test split; None where the router estimates nothing."""
    if answer.estimates is None:
        return None
    estimates, quality = answer.estimates, answer.outcomes[None][0]
    return {
        "chosen": _errors(estimates.chosen[rows], quality[rows]),
        "all": _errors(estimates.all_candidates[rows].ravel(), test.quality[rows].ravel()),
    }


def _errors(estimates: np.ndarray, outcomes: np.ndarray) -> CalibrationErrors:
    return {"ece": expected_calibration_error(estimates, outcomes), "brier": brier_score(estimates, outcomes)}
