"""`vlrouterbench demo`: the routing demo on this machine, the same app as the Space."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vlrouterbench.cli.extras import require_extra


def demo(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; else the first free one from 7860.")] = None,
    router: Annotated[
        str | None,
        typer.Option(help="Router folder or Hub id; else variable ROUTER_ID, else one is trained."),
    ] = None,
    benchmark: Annotated[
        Path | None,
        typer.Option(help="Benchmark folder that all tabs show; else a simulated one is drawn.", show_default=False),
    ] = None,
    endpoints: Annotated[
        Path | None,
        typer.Option(help="Endpoints file (YAML) of candidates that the Route tab may ask; see docs/measure.md."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="The app's folder; else one beside the registered benchmarks."),
    ] = None,
    num_samples: Annotated[int, typer.Option(min=100, help="Size of the simulated benchmark.")] = 2_000,
) -> None:
    """Serve the demo: route, explore, leaderboard, batch. The first start of a benchmark takes about a minute."""
    require_extra("demo", "gradio", "the demo")
    from vlrouterbench.cli import console
    from vlrouterbench.data.build import home_folder
    from vlrouterbench.data.table import load_table
    from vlrouterbench.demo.asking import asking_of
    from vlrouterbench.demo.serving import serve, settle
    from vlrouterbench.demo.workspace import prepare, router_from_environment
    from vlrouterbench.measuring.endpoints.read import read_endpoints

    console.quiet_libraries()
    file = None if endpoints is None else read_endpoints(endpoints)
    # One folder per benchmark, so that each is made ready once.
    kept = "demo" if benchmark is None else f"demo-{load_table(benchmark).report['sha256'][:12]}"
    app = folder or home_folder() / kept
    settle(app)
    workspace = prepare(
        app, router or router_from_environment(), benchmark=benchmark, num_samples=num_samples, stage=console.stage
    )
    asking = asking_of(file, workspace.router.config.candidate_names)
    with console.stage("build the page"):
        page = serve(workspace, port=port, block=False, asking=asking)
    content = {"url": page.local_url, "folder": str(app), "trained_on": workspace.data_note}
    notes = [workspace.notice, *([workspace.unscored] if workspace.unscored else []), *asking.notes]
    console.show(content, f"open {page.local_url} (stop with Ctrl+C)", *notes)
    sys.stdout.flush()  # a program that started this one waits for the address
    page.block_thread()
