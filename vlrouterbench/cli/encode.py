"""`vlrouterbench encode`: features of a benchmark, stored beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def encode(
    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")],
    text: Annotated[str, typer.Option(help="Text encoder.")] = "builtin",
    image: Annotated[str, typer.Option(help="Image encoder.")] = "builtin",
) -> None:
    """Encode text and images of all samples; what is stored already is not encoded again."""
    from vlrouterbench.cli import console
    from vlrouterbench.data.table import load_table
    from vlrouterbench.encoders.features import encode_benchmark

    table = load_table(folder)
    with console.stage("encode text and images") as progress:
        features = encode_benchmark(table, text=text, image=image, progress=progress)
    described = {"path": str(features.path), "samples": len(features.values), **features.describe()}
    console.show(
        described,
        f"{described['samples']:,} samples x {described['dim']} features "
        f"({described['masked_images']:,} without an image)",
        f"stored at {described['path']}",
    )
