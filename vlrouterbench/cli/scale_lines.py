"""What `bench scale` and `bench train-scale` measured, as lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.simulated import marked

Figures = Mapping[str, Any]
"""As in `bench.py`."""


def scale_lines(result: Figures) -> list[str]:
    """Figures of `bench scale`."""
    lines = []
    for stage in result["stages"]:
        lines.append(
            f"{stage['rows']:,} {'with images' if stage['images'] else 'texts'}, seconds per 1,000: looking through "
            f"{stage['look_through_s']:.3f}, reading {stage['read_s']:.3f}, all of a part {stage['part_s']:.2f}; "
            f"{stage['input_bytes'] / 1024:.0f} KiB in, {stage['output_bytes'] / 1024:.0f} KiB out; peak memory "
            f"{stage['peak_memory_gib']:.2f} GiB"
        )
    for plan in result["plan"]:
        lines.append(
            f"{plan['rows']:.0e} texts, by the fit: {plan['core_hours']:,.0f} core-hours, "
            f"{plan['look_through_hours']:.1f} h of looking through, {plan['input_gib']:,.0f} GiB in, "
            f"{plan['output_gib']:,.0f} GiB out, {plan['ids_on_disk_gib']:.1f} GiB of disk for ids"
        )
    if result["baseline"] is not None:
        speeds = ", ".join(
            f"{name} {'-' if speed is None else f'{speed:.0f}'} rows/s" for name, speed in result["rows_per_s"].items()
        )
        ratio = result["ratio_reason"] if result["ratio"] is None else f"ratio {result['ratio']:.2f}"
        lines.append(f"{result['rows_of_engines']:,} with images on {result['actors']} processes: {speeds}: {ratio}")
    if (found := result["processes"]) is not None:
        speeds = ", ".join(f"on {number} {speed:.0f} rows/s" for number, speed in found["rows_per_s"].items())
        starts = ", ".join(f"{seconds:.1f} s on {number}" for number, seconds in found["start_s"].items())
        lines.append(
            f"{found['rows']:,} with images, processes of the local engine: {speeds}: ratio {found['ratio']:.2f} "
            f"(start left out: {starts}); of arithmetic {found['cores_ratio']:.2f}"
        )
    began = f"load average {result['load_average']:.1f} on {result['cores']} cores when it began"
    return [*lines, marked(began, simulated=True)]


def train_scale_lines(result: Figures) -> list[str]:
    """Figures of `bench train-scale`."""
    lines = [
        f"{result['family']} on {one['rows']:,} rows: {one['seconds']:,.0f} s, {one['processor_s']:,.0f} s of the "
        f"processor, peak memory {one['peak_memory_gib']:.2f} GiB, {one['router_mib']:.0f} MiB saved; on the same test "
        f"rows accuracy {one['accuracy']:.2%}, {SAMPLES_PER_COST_UNIT * one['average_cost_usd']:.3f} $/10K, "
        f"Rank Score {one['rank_score']:.2f}"
        for one in result["trained"]
    ]
    lines.append(f"processor seconds per 1,000 rows: {result['baseline']:.3f}, then {result['ours']:.3f}")
    began = f"load average {result['load_average']:.1f} on {result['cores']} cores when it began"
    return [*lines, marked(began, simulated=True)]
