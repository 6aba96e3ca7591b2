"""Accuracy against answer time, where the benchmark's answers were timed.

Decisions
- A point's time is the median of its answers that were timed, as in `results.json`; the router's own time, measured on
  another machine, is not in it.
- The frontier is of what can be had: the oracle, which sees the answers, has a point and no part in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.records import LatencyRecord, ResultRecord
from vlrouterbench.metrics.frontier import pareto_frontier
from vlrouterbench.plotting.figures import BLUE, GREY, VERMILION, Drawing, log_cost_axis, titled
from vlrouterbench.plotting.labels import PointLabel, label_points

_SEES_THE_ANSWERS = "oracle"
_KINDS = (("policy", BLUE, "policy", "s"), ("router", VERMILION, "trained router", "o"))


def answer_time_plot(records: Sequence[ResultRecord], table: RoutingTable) -> Drawing | None:
    """Accuracy with its 95 % interval against median answer time: routers, policies, single candidates, frontier.

    A step line is the frontier: at every time the best accuracy that a point reaches by then.

    Args:
        records: as in `results.json`; those without `latency` have no point.
        table: the scored samples.

    Returns:
        The figure; None where no record has a time.
    """
    timed = _timed(records)
    if not timed or table.latency is None:
        return None
    from vlrouterbench.plotting.laid_out import LaidOutFigure

    figure = LaidOutFigure(8.2, 5.2)
    axes = figure.add_subplot()
    attainable = _single_candidates(table.latency, table.quality)
    axes.scatter(attainable[:, 0], 100 * attainable[:, 1], s=16, color=GREY, label="always one candidate", zorder=1)
    labels: list[PointLabel] = []
    for kind, colour, meaning, marker in _KINDS:
        chosen = [(record, latency) for record, latency in timed if record["router_config"]["kind"] == kind]
        if not chosen:
            continue
        points = np.array([(latency["p50_s"], record["accuracy"]) for record, latency in chosen])
        low, high = np.array([record["ci95"]["accuracy"] for record, _ in chosen]).T
        x, y = points.T
        whiskers = 100 * np.maximum(0, [y - low, high - y])
        axes.errorbar(x, 100 * y, yerr=whiskers, fmt=marker, color=colour, label=meaning, elinewidth=0.8, zorder=2)
        labels += [PointLabel(r["router"], (px, 100 * py), colour) for (r, _), px, py in zip(chosen, x, y, strict=True)]
        real = [record["router_config"].get("name") != _SEES_THE_ANSWERS for record, _ in chosen]
        attainable = np.vstack([attainable, points[real]])
    best = attainable[pareto_frontier(*attainable.T)]
    axes.step(best[:, 0], 100 * best[:, 1], where="post", color=GREY, linestyle="--", label="Pareto frontier", zorder=0)
    label = "median answer time, seconds"
    if min([*attainable[:, 0], *(label.point[0] for label in labels)]) > 0:
        log_cost_axis(axes, f"{label} (log scale)")
    else:
        axes.set_xlabel(label)  # a logarithmic scale has no place for 0
    axes.set_ylabel("accuracy, %")
    title = titled("Accuracy against answer time", simulated=table.simulated)
    axes.set_title(title)
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", fontsize=9)
    label_points(axes, labels)
    return Drawing(figure, title)


def answer_time_note(records: Sequence[ResultRecord]) -> str:
    """What the points of the figure stand for, and how many answers were timed; of records of which one was."""
    fewest = min(latency["num_timed"] for _, latency in _timed(records))
    note = (
        f"A point's time is the median over its answers that were timed, of a router or policy at least {fewest:,} of "
        f"{records[0]['num_samples']:,}; a router's own time comes on top. The dashed line joins the points that no "
        "other beats in time and accuracy; the oracle, which sees the answers, has no part in it."
    )
    absent = [record["router"] for record in records if record["latency"] is None]
    return f"{note} Not drawn, without a timed answer: {', '.join(absent)}." if absent else note


def _timed(records: Sequence[ResultRecord]) -> list[tuple[ResultRecord, LatencyRecord]]:
    return [(record, record["latency"]) for record in records if record["latency"] is not None]


def _single_candidates(latency: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """(num_timed_candidates, 2): median seconds and mean quality of every candidate that was timed.

    Args:
        latency: (num_samples, num_candidates), seconds, NaN where an answer was not timed.
        quality: of that shape, in [0, 1].
    """
    timed = np.isfinite(latency).any(axis=0)
    return np.column_stack([np.nanmedian(latency[:, timed], axis=0), quality[:, timed].mean(axis=0)])
