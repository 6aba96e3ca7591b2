"""`vlrouterbench bench`: a named speed comparison."""

from __future__ import annotations

from typing import Annotated

import typer

from vlrouterbench.errors import unknown_name

NAMES = ("build",)


def bench(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(NAMES)}.")],
    scale: Annotated[float, typer.Option(min=0.0001, help="Share of the published size.")] = 1.0,
) -> None:
    """Compare our speed with a baseline's on the same work, in one run."""
    from vlrouterbench.bench.build import bench_build
    from vlrouterbench.cli import console

    if name not in NAMES:
        raise unknown_name("comparison", name, NAMES)
    with console.stage(f"bench {name}"):
        result = bench_build(scale=scale)
    unit = result["unit"]
    console.show(
        result,
        f"baseline {result['baseline']:.2f} {unit}, ours {result['ours']:.2f} {unit}: ratio {result['ratio']:.1f}",
        f"reading alone {result['reading']:.2f} {unit}: ratio {result['reading_ratio']:.1f}",
    )
