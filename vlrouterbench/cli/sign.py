"""`vlrouterbench sign`: sign a file of decisions before handing it in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vlrouterbench.cli.extras import require_extra


def sign(
    decisions: Annotated[Path, typer.Argument(help="decisions.parquet, or the folder that holds it.")],
    key: Annotated[Path, typer.Option(help="Private ed25519 key as PEM.")],
    benchmark: Annotated[
        Path | None, typer.Option(help="Benchmark folder; else found by the digest in the results.json beside it.")
    ] = None,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Make the key first; an existing file is never overwritten.")
    ] = False,
) -> None:
    """Write decisions.parquet.sig: who decided, on which benchmark (extra `sign`)."""
    require_extra("sign", "cryptography", "a signature")
    from vlrouterbench.cli import console
    from vlrouterbench.data.table import load_table
    from vlrouterbench.evaluation.leaderboard.signing import make_key, sign_decisions, signature_path
    from vlrouterbench.evaluation.leaderboard.submissions import check_stated, find_benchmark, find_submissions

    submissions = find_submissions([str(decisions)])
    if len(submissions) > 1:
        raise typer.BadParameter(f"expected one submission, found {len(submissions)}.", param_hint="DECISIONS")
    table = load_table(benchmark or find_benchmark(submissions))
    check_stated(submissions[0], table.sha256)
    if new_key:
        make_key(key)
    path = submissions[0].path
    fingerprint = sign_decisions(path, key, benchmark_sha256=table.sha256)
    signature = signature_path(path)
    content = {"signature": str(signature), "key": fingerprint, "benchmark_sha256": table.sha256}
    console.show(content, f"signed by {fingerprint}: {signature}")
