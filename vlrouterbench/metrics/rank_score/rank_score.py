"""Rank Score as an `evaluate` metric: a thin shell over `vlrouterbench.metrics`.

Decisions
- One import of ours per line, by absolute name: `evaluate` reads imports line by line, and the Space's copy of this
  file has the same lines with the files beside it (`hub/metric_space.py`).
- Bounds and beta may be given once, to `evaluate.load`: combined metrics can share no keyword at `compute`.
"""

from collections.abc import Sequence
from typing import Any, TypedDict

import datasets
import evaluate
import numpy as np

from vlrouterbench.core.constants import RANK_SCORE_BETA
from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.metrics.trade_off import chosen_values
from vlrouterbench.metrics.trade_off import normalized_cost
from vlrouterbench.metrics.trade_off import rank_score

_DESCRIPTION = """
Rank Score of a model router (VL-RouterBench, arXiv 2512.23562): the weighted harmonic mean of average quality and
log-normalised average cost, 0 to 100.
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions: index of the chosen candidate, one per sample.
    quality: quality of every candidate in [0, 1], one list per sample.
    cost: cost of every candidate in USD, one list per sample.
    cost_bounds: (cmin, cmax), the smallest and largest mean cost over the candidates of the whole benchmark, USD per
    sample. They may be given to `evaluate.load` instead, once for all.
    beta: weight of cost against accuracy, 0.1 in the benchmark; may be given to `evaluate.load` too.
    groups: optional, a name per sample (its dataset, its task): results for each name beside those of all.
Returns:
    rank_score: 0 to 100.
    accuracy: mean quality of the chosen candidates.
    average_cost: mean cost of the chosen candidates, USD per sample.
    normalized_cost: 1 at cmin, 0 at cmax.
    per_group: where groups were given, name -> num_samples and the four figures, under the same bounds.
Examples:
    >>> import evaluate, vlrouterbench
    >>> metric = evaluate.load(vlrouterbench.METRIC_PATH)
    >>> results = metric.compute(predictions=[0, 1], quality=[[1.0, 0.0], [0.0, 1.0]],
    ...                          cost=[[0.001, 0.01], [0.001, 0.01]], cost_bounds=(0.001, 0.01))
    >>> round(results["rank_score"], 2)
    79.41
    >>> results = metric.compute(predictions=[0, 1], quality=[[1.0, 0.0], [0.0, 0.0]], groups=["charts", "maths"],
    ...                          cost=[[0.001, 0.01], [0.001, 0.01]], cost_bounds=(0.001, 0.01))
    >>> {name: figures["accuracy"] for name, figures in results["per_group"].items()}
    {'charts': 1.0, 'maths': 0.0}
"""

_CITATION = """
@article{vlrouterbench,
  title = {VL-RouterBench: A Benchmark for Vision-Language Model Routing},
  journal = {arXiv preprint arXiv:2512.23562},
  year = {2025}
}
"""


class Figures(TypedDict):
    """Figures of some decisions."""

    rank_score: float
    accuracy: float
    average_cost: float
    normalized_cost: float


class GroupFigures(Figures):
    """Figures of the decisions of one group."""

    num_samples: int


class GroupedFigures(Figures):
    """Figures of all decisions, and of each group's."""

    per_group: dict[str, GroupFigures]


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class RankScore(evaluate.Metric):
    """Rank Score of the chosen candidates.

    Args:
        cost_bounds, beta: used wherever `compute` is given none.
        options: as for `evaluate.Metric`.
    """

    def __init__(
        self, *, cost_bounds: tuple[float, float] | None = None, beta: float = RANK_SCORE_BETA, **options: Any
    ) -> None:
        super().__init__(**options)
        self._defaults = cost_bounds, beta

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("int64"),
                    "quality": datasets.Sequence(datasets.Value("float64")),
                    "cost": datasets.Sequence(datasets.Value("float64")),
                }
            ),
            reference_urls=["https://arxiv.org/abs/2512.23562"],
        )

    def _compute(
        self,
        predictions: list[int],
        quality: list[list[float]],
        cost: list[list[float]],
        cost_bounds: tuple[float, float] | None = None,
        beta: float | None = None,
        groups: Sequence[str] | None = None,
    ) -> Figures | GroupedFigures:
        bounds = self._defaults[0] if cost_bounds is None else cost_bounds
        if bounds is None:
            raise EvaluationError(
                "expected cost_bounds=(cmin, cmax), the smallest and largest mean cost over the candidates of the "
                "whole benchmark in USD per sample, found none. A benchmark folder states them in build_report.json "
                "as cost_bounds_usd; two routers compare only under one pair. Give them to compute or evaluate.load."
            )
        decisions = np.asarray(predictions)
        if not decisions.size:
            raise EvaluationError("expected at least one prediction, found none.")
        matrices = [_matrix("quality", quality), _matrix("cost", cost)]
        if matrices[0].shape != matrices[1].shape:
            raise EvaluationError(
                "expected a quality and a cost for every sample and candidate, found quality of shape "
                f"{matrices[0].shape} and cost of shape {matrices[1].shape} (samples, candidates)."
            )
        chosen = [chosen_values(matrix, decisions) for matrix in matrices]
        for name, values in zip(("quality", "cost"), chosen, strict=True):
            _check_measured(name, values, decisions)
        weight = self._defaults[1] if beta is None else beta
        figures = _figures(chosen[0], chosen[1], cost_bounds=bounds, beta=weight)
        if groups is None:
            return figures
        names = np.array([str(name) for name in groups], dtype=object)
        if names.shape != decisions.shape:
            raise EvaluationError(
                f"expected a group per prediction, found {len(names)} groups for {len(decisions)} predictions."
            )
        parts = {name: names == name for name in dict.fromkeys(names)}
        per_group: dict[str, GroupFigures] = {
            name: {
                "num_samples": int(rows.sum()),
                **_figures(chosen[0][rows], chosen[1][rows], cost_bounds=bounds, beta=weight),
            }
            for name, rows in parts.items()
        }
        return {**figures, "per_group": per_group}


def _figures(quality: np.ndarray, cost: np.ndarray, *, cost_bounds: tuple[float, float], beta: float) -> Figures:
    accuracy, average_cost = float(quality.mean()), float(cost.mean())
    return {
        "rank_score": float(rank_score(accuracy, average_cost, cost_bounds=cost_bounds, beta=beta)),
        "accuracy": accuracy,
        "average_cost": average_cost,
        "normalized_cost": float(normalized_cost(average_cost, cost_bounds=cost_bounds)),
    }


def _matrix(name: str, rows: list[list[float]]) -> np.ndarray:
    """(num_samples, num_candidates); rows of different lengths have lost a candidate."""
    width = len(rows[0])
    for index, row in enumerate(rows):
        if len(row) != width:
            raise EvaluationError(
                f"expected {name} of every candidate in every row, found {len(row)} values in row {index} and {width} "
                "in row 0. Write NaN for what was not measured."
            )
    return np.asarray(rows, dtype=float)


def _check_measured(name: str, values: np.ndarray, decisions: np.ndarray) -> None:
    """Refuse NaN, and what no quality or cost can be, by its row."""
    high = 1.0 if name == "quality" else np.inf
    wrong = np.flatnonzero(~((values >= 0) & (values <= high) & np.isfinite(values)))
    if wrong.size:
        row = wrong[0]
        value = "NaN, which was not measured" if np.isnan(values[row]) else f"{values[row]:g}"
        raise EvaluationError(
            f"expected the {name} of every chosen candidate {'in [0, 1]' if high == 1 else 'finite and >= 0'}, found "
            f"{value}, in row {row} for candidate {decisions[row]} ({wrong.size} such rows). Leave out samples that "
            "were not measured for every candidate."
        )
