"""`vlrouterbench build`: logs or own tables -> a benchmark folder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from vlrouterbench.cli.parameters import options_of
from vlrouterbench.cli.parts import EngineRequest
from vlrouterbench.data.choices import Protocol, Quality, SplitBy

if TYPE_CHECKING:
    from vlrouterbench.data.build import BuildOptions
    from vlrouterbench.data.build_report import BuildReport


@dataclass(frozen=True, kw_only=True)
class SourceRequest:
    """How a source is read, for every command that builds."""

    GROUP: ClassVar[str] = "How the source is read"
    candidates: Annotated[Path | None, typer.Option(help="Pool: csv or yaml with names and prices.")] = None
    models: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Candidates to take, of the pool or of the source's models.")
    ] = None
    prices: Annotated[
        Path | None,
        typer.Option(help="Price sheet, or LiteLLM's or OpenRouter's JSON list, that overrides prices only."),
    ] = None
    allow_unlikely_prices: Annotated[
        bool, typer.Option("--allow-unlikely-prices", help="Take prices that look like another unit as they stand.")
    ] = False
    quality: Annotated[Quality, typer.Option(help="Graded score, or 0/1 at 0.5.")] = Quality.SCORE
    protocol: Annotated[
        Protocol | None,
        typer.Option(
            help="How tokens of logs are counted: reference if not given; given, also in place of stated costs."
        ),
    ] = None
    cost_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of costs, USD per answer, where it has another name.")
    ] = None
    images: Annotated[
        Path | None, typer.Option(metavar="FOLDER_OR_TABLE", help="Images that the source itself does not hold.")
    ] = None
    split_by: Annotated[SplitBy, typer.Option(help="Grouped hash, or the reference's shuffle.")] = SplitBy.HASH
    allow_leaks: Annotated[
        bool, typer.Option("--allow-leaks", help="Build although given splits have an image or group on several sides.")
    ] = False
    impute: Annotated[bool, typer.Option("--impute", help="Fill missing token counts, and count them.")] = False
    strict: Annotated[bool, typer.Option("--strict", help="Fail if anything is left out.")] = False
    allow_missing_images: Annotated[
        bool, typer.Option("--allow-missing-images", help="Build though over 20 % of the named images are unreadable.")
    ] = False
    num_proc: Annotated[int, typer.Option(min=1, help="Processes that read logs, threads that decode images.")] = 2

    def build_options(self) -> BuildOptions:
        """The same, as the builder takes them."""
        from vlrouterbench.data.build import BuildOptions

        return BuildOptions(
            candidates=self.candidates,
            models=tuple(name for part in (self.models or "").split(",") if (name := part.strip())),
            prices=self.prices,
            graded=self.quality is Quality.SCORE,
            split_by=self.split_by,
            protocol=self.protocol,
            cost_column=self.cost_column or "",
            images=self.images,
            allow_leaks=self.allow_leaks,
            impute=self.impute,
            strict=self.strict,
            allow_missing_images=self.allow_missing_images,
            num_proc=self.num_proc,
            allow_unlikely_prices=self.allow_unlikely_prices,
        )


@dataclass(frozen=True, kw_only=True)
class BuildRequest(SourceRequest, EngineRequest):
    """The options as given on the command line."""

    source: Annotated[
        Path,
        typer.Argument(
            help="Folder of logs, tables or a published benchmark, its .tar.gz, or hf://datasets/OWNER/NAME."
        ),
    ]
    out: Annotated[Path | None, typer.Option(help="Benchmark folder to write; else the benchmark home.")] = None


@options_of(BuildRequest)
def build(request: BuildRequest) -> None:
    """Build a benchmark folder from VLMEvalKit logs or own tables."""
    from vlrouterbench.cli import console
    from vlrouterbench.data.build import build_benchmark, registered_benchmark

    target = request.out or registered_benchmark()
    with console.stage(f"build {request.source.name}"):
        options = replace(request.build_options(), engine=request.opened_engine(), parts=request.parts)
        report = build_benchmark(request.source, target, options)
    console.show(report, _describe(report, target))


def _describe(report: BuildReport, target: Path) -> str:
    from vlrouterbench.data.build_report import notes_on_costs, notes_on_splits, range_of_costs
    from vlrouterbench.data.leaks import describe_leaks

    splits = ", ".join(f"{name} {count:,}" for name, count in report["splits"].items())
    left_out = Counter(entry["reason"] for entry in report["left_out"])
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in left_out.most_common()) or "nothing"
    leaks = describe_leaks(report["leaks"]) if "leaks" in report else ""
    imputed = ", ".join(f"{kind} {count:,}" for kind, count in report["imputed"].items())
    return "\n".join(
        (
            f"{report['samples']:,} samples x {report['candidates']} candidates, "
            f"{report['pairs_kept']:,} of {report['pairs_read']:,} pairs kept ({splits})",
            range_of_costs(report),
            _describe_pool(report),
            *notes_on_costs(report),
            *(f"note: {note}" for note in report.get("source_notes", ())),
            *(f"note: {note}" for note in notes_on_splits(report)),
            f"left out, each named in build_report.json: {reasons}",
            *(f"note: {note}" for note in report.get("price_notes", ())),
            *_unused_prices(report),
            *([f"between splits: {leaks}"] if leaks else []),
            *([f"imputed (--impute): {imputed}"] if imputed else []),
            f"written to {target}; look with: vlrouterbench inspect {target}",
        )
    )


def _describe_pool(report: BuildReport) -> str:
    """Where candidates and prices come from: the published ones must not pass for the user's own."""
    from vlrouterbench.data.candidates import PUBLISHED_POOL

    source = report.get("pool_source", "")
    embedded = " of this package, since the source has no candidates file" if source == PUBLISHED_POOL else ""
    return f"candidates: {source}{embedded}; prices: {report['price_sheet']}"


def _unused_prices(report: BuildReport) -> list[str]:
    """A line for prices of a published list that costs do not contain, by the list's own names of them."""
    unused = Counter(price["field"] for price in report.get("other_prices", ()) if not price["used"])
    if not unused:
        return []
    listed = ", ".join(f"{field} ({count})" for field, count in unused.most_common(6))
    more = f" and {len(unused) - 6} more kinds" if len(unused) > 6 else ""
    return [f"prices not used, each named in build_report.json (candidates): {listed}{more}"]
