"""`vlrouterbench encode`: features of a benchmark, stored beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from vlrouterbench.cli.parameters import FeatureRequest, options_of
from vlrouterbench.cli.parts import EngineRequest
from vlrouterbench.cli.unused_options import say_length


@dataclass(frozen=True)
class EncodeRequest(FeatureRequest, EngineRequest):
    """The options as given on the command line."""

    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")]


@options_of(EncodeRequest)
def encode(request: EncodeRequest) -> None:
    """Encode text and images of all samples; features that are stored already are not computed again.

    With --engine, parts of it are encoded on several processes or a cluster: the same features, to the last bit.
    Also under `accelerate launch -m vlrouterbench encode ...`: each process encodes its share.
    """
    from vlrouterbench.cli import console
    from vlrouterbench.cli.processes import launched_processes
    from vlrouterbench.data.table import load_table
    from vlrouterbench.features.encode import encode_benchmark, fewer_images_note, fitted_note

    console.quiet_libraries()
    say_length(request)
    table, processes = load_table(request.folder), launched_processes()
    share = {"rank": processes.process_index, "world_size": processes.num_processes}
    parts = {"engine": request.opened_engine(), "parts": request.parts}
    with console.stage("encode text and images") as progress:
        work = request.work(progress=progress, wait=processes.wait_for_everyone, **parts, **share)
        features = encode_benchmark(table, request.feature_options(), work)
    if not processes.is_main_process:
        return
    described = {"path": str(features.path), "samples": len(features.values), **features.describe()}
    console.show(
        described,
        f"{described['samples']:,} samples x {described['dim']} features "
        f"({described['masked_images']:,} without an image)",
        *filter(None, (fewer_images_note("This encoder", described), fitted_note(described))),
        f"stored at {described['path']}",
    )
