"""`vlrouterbench bench`: a named speed comparison."""

from __future__ import annotations

from typing import Annotated

import typer

from vlrouterbench.errors import unknown_name

NAMES = ("build", "own-tables", "encode")


def bench(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(NAMES)}.")],
    scale: Annotated[float, typer.Option(min=0.0001, help="Share of the full size.")] = 1.0,
) -> None:
    """Compare our speed with a baseline's on the same work, in one run."""
    from vlrouterbench.bench.build import bench_build
    from vlrouterbench.bench.encode import bench_encode
    from vlrouterbench.bench.own_tables import bench_own_tables
    from vlrouterbench.cli import console

    if name not in NAMES:
        raise unknown_name("comparison", name, NAMES)
    with console.stage(f"bench {name}"):
        result = dict(zip(NAMES, (bench_build, bench_own_tables, bench_encode), strict=True))[name](scale=scale)
    unit = result["unit"]
    lines = [f"baseline {result['baseline']:.2f} {unit}, ours {result['ours']:.2f} {unit}: ratio {result['ratio']:.1f}"]
    if "reading" in result:
        lines.append(f"reading alone {result['reading']:.2f} {unit}: ratio {result['reading_ratio']:.1f}")
    if "loading" in result:
        lines.append(f"{result['samples']:,} samples are loaded in {result['loading']:.2f} {unit}")
    if "shares" in result:
        lines.append(f"ours is {result['samples_per_second']:.0f} samples per second on one core, of which")
        lines += [f"  {part.replace('_', ' ')} {share:.0%}" for part, share in result["shares"].items()]
    lines.append(f"peak memory {result['peak_memory_gib']:.2f} GiB")
    console.show(result, *lines)
