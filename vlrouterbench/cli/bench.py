"""`vlrouterbench bench`: a named speed comparison."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer

from vlrouterbench.errors import unknown_name

NAMES = ("build", "own-tables", "encode", "encode-cache", "hub-encoders", "neighbours", "sweep", "decide", "bootstrap")
"""Each is a file of `vlrouterbench.bench` with a function `bench_NAME`."""


def bench(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(NAMES)}.")],
    scale: Annotated[float, typer.Option(min=0.0001, help="Share of the full size.")] = 1.0,
) -> None:
    """Compare our speed with a baseline's on the same work, in one run."""
    from vlrouterbench.cli import console

    if name not in NAMES:
        raise unknown_name("comparison", name, NAMES)
    console.quiet_libraries()
    place = name.replace("-", "_")
    with console.stage(f"bench {name}"):
        result = getattr(importlib.import_module(f"vlrouterbench.bench.{place}"), f"bench_{place}")(scale=scale)
    console.show(result, *_lines(result))


def _lines(result: dict[str, Any]) -> list[str]:
    """What a person reads: the comparison, then what a comparison has beside it."""
    unit = result["unit"]
    lines = [f"baseline {result['baseline']:.2f} {unit}, ours {result['ours']:.2f} {unit}: ratio {result['ratio']:.1f}"]
    if "reading" in result:
        lines.append(f"reading alone {result['reading']:.2f} {unit}: ratio {result['reading_ratio']:.1f}")
    if "loading" in result:
        lines.append(f"{result['samples']:,} samples are loaded in {result['loading']:.2f} {unit}")
    if "samples_per_second" in result:
        lines.append(f"{result['samples_per_second']:.0f} samples per second on one core")
    lines += [f"  {part.replace('_', ' ')} {share:.0%}" for part, share in result.get("shares", {}).items()]
    for kind, found in result.get("encoders", {}).items():
        shares = ", ".join(f"{part} {share:.0%}" for part, share in found["shares"].items())
        lines.append(f"{kind}: {found['samples_per_second']:.1f} samples per second on {result['device']} ({shares})")
    if "refit" in result:
        lines.append(
            f"fitted again from stored vectors in {result['refit']:.2f} s; {result['stored_mib']:.0f} MiB stored"
        )
    if "peak_memory_gib" in result:
        lines.append(f"peak memory {result['peak_memory_gib']:.2f} GiB")
    if "single_ms" in result:
        lines.append(f"baseline in float64 {result['float64']:.2f} s: ratio {result['float64_ratio']:.1f}")
        lines.append(
            f"one query: baseline {result['baseline_single_ms']:.1f} ms, ours {result['single_ms']:.1f} ms: "
            f"ratio {result['single_ratio']:.1f}"
        )
        lines.append(f"the same neighbours as float64 for all {result['queries']:,} queries")
    if "rank_score_gap" in result:
        gap, loss = result["rank_score_gap"], result["largest_loss"]
        lines.append(f"validation Rank Score: largest gap {gap:.2f}, largest loss {loss:.2f} (simulated data)")
    lines += [f"{name:<12}{took:8.3f} ms" for name, took in result.get("ms_per_decision", {}).items()]
    return lines
