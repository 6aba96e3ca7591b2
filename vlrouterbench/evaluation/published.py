"""The published table of VL-RouterBench, and when it may be shown beside figures of ours.

Decisions
- Only beside the real benchmark: its 14 datasets at their published size, the published pool at published prices,
  reference tokens, nothing simulated. For anything else the rows are refused, with the reason: equal units do not make
  equal questions. The name of a folder is not checked, since it proves nothing.
- Even there the samples differ: the published split cannot be rebuilt, and its quality is 0 or 1. The report says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vlrouterbench.core.constants import DATASETS
from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.data.candidates import published_pool
from vlrouterbench.data.table import RoutingTable


@dataclass(frozen=True)
class PublishedResult:
    """One row of the published table (test split).

    Attributes:
        method: as printed.
        accuracy: mean in percent.
        cost: mean in USD per 10,000 samples.
        rank_score: mean, 0 to 100.
        spread: standard deviations of the three over trials, None where there is one figure.
        source: where it was published.
    """

    method: str
    accuracy: float
    cost: float
    rank_score: float
    spread: tuple[float, float, float] | None = None
    source: str = "arXiv 2512.23562"


PUBLISHED_SAMPLES = 30_540
_SIZE_TOLERANCE = 0.01
"""Share of samples that may be missing because of damaged logs."""
_LATER = "UniRoute, later work"
PUBLISHED_RESULTS: tuple[PublishedResult, ...] = (
    PublishedResult("Oracle", 95.60, 0.37, 93.68),
    PublishedResult("Strongest", 78.01, 2.72, 68.88),
    PublishedResult("Cheapest", 62.43, 0.14, 64.63),
    PublishedResult("KNN", 66.26, 0.38, 67.13),
    PublishedResult("PRkNN", 70.68, 0.41, 71.09),
    PublishedResult("OVR", 75.49, 2.18, 68.92),
    PublishedResult("K-means", 70.01, 2.21, 64.62),
    PublishedResult("Linear", 68.32, 1.32, 65.68, (7.45, 0.33, 5.69)),
    PublishedResult("MLP", 77.49, 1.13, 74.23, (0.56, 0.13, 0.22)),
    PublishedResult("CosineCls", 70.24, 0.61, 69.90, (0.62, 0.16, 0.34)),
    PublishedResult("RouterDC", 77.52, 1.04, 74.59, (1.04, 0.26, 1.05)),
    PublishedResult("ZOOTER", 74.65, 0.93, 72.58, (1.34, 0.15, 1.03)),
    PublishedResult("VLC", 78.09, 1.23, 74.33, (1.17, 0.03, 0.51)),
    PublishedResult("UniRoute-KM", 75.88, 0.82, 74.04, (0.73, 0.21, 1.08), _LATER),
    PublishedResult("UniRoute-LM", 75.14, 0.68, 73.86, (0.96, 0.14, 1.04), _LATER),
    PublishedResult("SCOPE-Router", 79.11, 0.98, 76.18, (1.02, 0.27, 1.44), "arXiv 2608.12127"),
)
"""In the published order."""


def published_results(table: RoutingTable, split: str) -> tuple[PublishedResult, ...]:
    """The published rows, to be shown beside figures of this table.

    Raises:
        EvaluationError: the table is not the published benchmark, or the split is not the test split.
    """
    reason = why_not_comparable(table, split)
    if reason:
        raise EvaluationError(
            f"published figures cannot be shown beside these: {reason}. Evaluate on the real benchmark."
        )
    return PUBLISHED_RESULTS


def why_not_comparable(table: RoutingTable, split: str) -> str | None:
    """Why published figures may not be shown beside figures of this table and split; None where they may."""
    report = table.report
    if table.simulated:
        return "these data are simulated"
    if split != "test":
        return f"these are figures of the {split} split, not of the test split"
    different = sorted(set(DATASETS) ^ set(report["datasets"]))
    if different:
        return f"its datasets are not the 14 published ones (missing or further: {', '.join(different)})"
    if abs(report["samples"] / PUBLISHED_SAMPLES - 1) > _SIZE_TOLERANCE:
        return f"it has {report['samples']:,} samples, not about the published {PUBLISHED_SAMPLES:,}"
    published = published_pool()
    if table.pool.names != published.names:
        return "its candidates are not the published pool"
    if not np.array_equal(table.pool.price_arrays, published.price_arrays):
        return "its prices are not the published ones"
    if report["protocol"] != "reference":
        return f"its tokens are counted by the protocol {report['protocol']}, not by the published one"
    return None
