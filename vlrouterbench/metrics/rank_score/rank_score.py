"""Rank Score as an `evaluate` metric: a thin shell over `vlrouterbench.metrics`."""

import datasets
import evaluate
import numpy as np

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
    sample.
    beta: weight of cost against accuracy, 0.1 in the benchmark.
Returns:
    rank_score: 0 to 100.
    accuracy: mean quality of the chosen candidates.
    average_cost: mean cost of the chosen candidates, USD per sample.
    normalized_cost: 1 at cmin, 0 at cmax.
Examples:
    >>> import evaluate, vlrouterbench
    >>> metric = evaluate.load(vlrouterbench.METRIC_PATH)
    >>> results = metric.compute(predictions=[0, 1], quality=[[1.0, 0.0], [0.0, 1.0]],
    ...                          cost=[[0.001, 0.01], [0.001, 0.01]], cost_bounds=(0.001, 0.01))
    >>> round(results["rank_score"], 2)
    79.41
"""

_CITATION = """
@article{vlrouterbench,
  title = {VL-RouterBench: A Benchmark for Vision-Language Model Routing},
  journal = {arXiv preprint arXiv:2512.23562},
  year = {2025}
}
"""


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class RankScore(evaluate.Metric):
    """Rank Score of the chosen candidates."""

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
        cost_bounds: tuple[float, float],
        beta: float = 0.1,
    ) -> dict[str, float]:
        decisions = np.asarray(predictions)
        accuracy = float(chosen_values(np.asarray(quality, dtype=float), decisions).mean())
        average_cost = float(chosen_values(np.asarray(cost, dtype=float), decisions).mean())
        return {
            "rank_score": float(rank_score(accuracy, average_cost, cost_bounds=cost_bounds, beta=beta)),
            "accuracy": accuracy,
            "average_cost": average_cost,
            "normalized_cost": float(normalized_cost(average_cost, cost_bounds=cost_bounds)),
        }
