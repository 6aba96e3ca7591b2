"""`vlrouterbench measure`: questions and endpoints -> own tables.

Decisions
- Nobody is asked before an estimate was shown and agreed to: on a terminal by a question, else by --yes.
- What was reached is written and shown also where the command then fails: an endpoint that is gone, or Ctrl-C.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlrouterbench.cli.parameters import options_of
from vlrouterbench.core.errors import VLRouterBenchError

if TYPE_CHECKING:
    from vlrouterbench.measuring.endpoints.endpoint import EndpointFile
    from vlrouterbench.measuring.judge_estimate import JudgeEstimate
    from vlrouterbench.measuring.measure import Progress, State
    from vlrouterbench.measuring.measurement import Measurement
    from vlrouterbench.measuring.money import EndpointEstimate
    from vlrouterbench.measuring.report import MeasureReport

EndpointsOption = Annotated[Path, typer.Option(help="Endpoints file (YAML), as docs/measure.md describes it.")]
JudgeOption = Annotated[
    str | None, typer.Option(help="The model of the endpoints file that judges samples graded by judge.")
]
GradingHelp = "choice, yes-no, exact, numeric[=TOLERANCE], relaxed, vqa, anls, ocrbench, contains or judge"
MaxUSD = Annotated[float | None, typer.Option(min=0, help="Most that all of it may cost, USD; earlier runs count.")]


@dataclass(frozen=True)
class MeasureRequest:
    """The options of `measure` as given on the command line."""

    samples: Annotated[
        Path, typer.Argument(help="Table of samples with answer, a folder with one, or a benchmark folder.")
    ]
    endpoints: EndpointsOption
    out: Annotated[Path, typer.Option(help="Folder of the tables; a rerun asks only what was not answered.")]
    grading: Annotated[
        str | None,
        typer.Option(
            help=f"{GradingHelp}; a column grading wins. Else choice where a question has options, and exact."
        ),
    ] = None
    answers: Annotated[
        Path | None, typer.Option(help="Table with sample_id and answer, for a benchmark folder, which has none.")
    ] = None
    candidates: Annotated[str | None, typer.Option(help="Names to ask, with commas; else all but the judge.")] = None
    judge: JudgeOption = None
    prompt: Annotated[
        Path | None, typer.Option(help="Template with {question}, {options}, {hint} and {instruction}.")
    ] = None
    max_usd: MaxUSD = None
    yes: Annotated[bool, typer.Option("--yes", help="Ask without a question first.")] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show estimate and first prompt; ask nobody.")] = False
    allow_unlikely_prices: Annotated[
        bool, typer.Option("--allow-unlikely-prices", help="Take prices that look like another unit as they stand.")
    ] = False


@options_of(MeasureRequest)
def measure(request: MeasureRequest) -> None:
    """Ask candidates all questions, grade their answers, and write own tables."""
    from vlrouterbench.cli import console
    from vlrouterbench.measuring.endpoints.read import read_endpoints
    from vlrouterbench.measuring.judge_estimate import judge_estimate
    from vlrouterbench.measuring.measure import measure as ask
    from vlrouterbench.measuring.measure import rows_done
    from vlrouterbench.measuring.money import checked_limit, estimate

    checked_limit(request.max_usd)
    file = read_endpoints(request.endpoints, allow_unlikely=request.allow_unlikely_prices)
    measurement = _measurement(request, file)
    done = [] if request.dry_run else rows_done(measurement, request.out)
    with console.stage("estimate"):
        estimates = estimate(measurement.samples, measurement.template, measurement.endpoints, done)
        judge = judge_estimate(measurement, done)
    texts = estimate_texts(estimates, judge)
    if request.dry_run:
        prompt = measurement.job(0, measurement.endpoints[0]).prompt
        content = {"estimate": [asdict(entry) for entry in estimates], "prompt": prompt, "asked": 0}
        content["judge"] = None if judge is None else asdict(judge)
        console.show(content, *texts, *_without_keys(measurement), "", "the first prompt:", prompt)
        return
    if any(entry.requests for entry in estimates):
        agree_to(texts, request.max_usd, yes=request.yes)
    with console.stage("ask", with_note=True) as progress:
        report = ask(
            measurement,
            request.out,
            prices_from=request.endpoints.name,
            max_usd=request.max_usd,
            progress=shown_progress(progress),
        )
    show_report(report, request.out, [f"note: {said}" for said in file.notes])
    fail_where_stopped(report, request.out)


def _measurement(request: MeasureRequest, file: EndpointFile) -> Measurement:
    """What is asked of whom; everything is checked before anybody is asked."""
    from vlrouterbench.cli import console
    from vlrouterbench.measuring.grading.kinds import parse_grading
    from vlrouterbench.measuring.measurement import Measurement
    from vlrouterbench.measuring.prompts import read_template
    from vlrouterbench.measuring.sample_sources import read_samples
    from vlrouterbench.measuring.samples import take_in
    from vlrouterbench.measuring.tables import check_out

    grading = None if request.grading is None else parse_grading(request.grading)
    template = read_template(request.prompt)
    judge = None if request.judge is None else file.find(request.judge)
    names = [name for name in file.names if name != request.judge]
    if request.candidates is not None:
        names = [name.strip() for name in request.candidates.split(",") if name.strip()]
    if not names:
        raise VLRouterBenchError(f"expected candidates to ask in {request.endpoints}, found none beside the judge.")
    if not request.dry_run:
        check_out(request.out)
    with console.stage("read samples"):
        rows = read_samples(request.samples, request.answers)
        samples = take_in(rows, request.out, grading, write=not request.dry_run)
    return Measurement(samples, template, file.chosen(names), judge)


def _without_keys(measurement: Measurement) -> list[str]:
    """What a dry run says of keys that asking will need."""
    from vlrouterbench.measuring.endpoints.endpoint import EndpointError

    notes = []
    for endpoint in (*measurement.endpoints, *([measurement.judge] if measurement.judge else [])):
        try:
            endpoint.key()
        except EndpointError as error:
            notes.append(f"note: {error}")
    return notes


def agree_to(texts: list[str], max_usd: float | None, *, yes: bool) -> None:
    """Let the user say yes to an estimate.

    Raises:
        VLRouterBenchError: there is no terminal to ask at, or the answer was no.
    """
    from vlrouterbench.cli import console

    if yes:
        return
    for line in (*texts, *limit_lines(max_usd)):
        console.warn(line)
    if not sys.stdin.isatty():
        raise VLRouterBenchError("expected a yes to this estimate, found no terminal to ask at. Give --yes.")
    if not typer.confirm("Ask?", err=True):
        raise VLRouterBenchError("nobody was asked.")


def judge_text(judge: JudgeEstimate) -> str:
    """What a judge will take, in a sentence."""
    return (
        f"judge {judge.name}: about {judge.requests:,} requests, about {judge.usd:.4g} USD, by what it is given to read"
    )


def estimate_texts(estimates: list[EndpointEstimate], judge: JudgeEstimate | None = None) -> list[str]:
    """The estimate in sentences."""
    lines = [
        f"{entry.name}: {entry.requests:,} requests, about {entry.usd:.4g} USD (at most {entry.most_usd:.4g}"
        f"{'' if entry.capped else ', without a cap on its answers'}), {entry.minutes:.1f} minutes"
        for entry in estimates
    ]
    total, most = sum(entry.usd for entry in estimates), sum(entry.most_usd for entry in estimates)
    slowest = max(entry.minutes for entry in estimates)
    if judge is None:
        return [*lines, f"in all about {total:.4g} USD (at most {most:.4g}), {slowest:.1f} minutes"]
    return [
        *lines,
        judge_text(judge),
        f"in all about {total + judge.usd:.4g} USD (at most {most:.4g} and the judge's), {slowest:.1f} minutes and the "
        "judge's",
    ]


def limit_lines(max_usd: float | None) -> list[str]:
    """What limits the money."""
    return ["no limit on money: --max-usd sets one"] if max_usd is None else [f"never more than {max_usd:g} USD"]


def shown_progress(bar: object) -> Progress | None:
    """Progress for the bar of a stage; None where there is none."""
    if not callable(bar):
        return None

    def show(state: State) -> None:
        bar(state.done, state.total, f"{state.done:,} done, {state.failed:,} failed, {state.paid_usd:.4g} USD")

    return show


def show_report(report: MeasureReport, out: Path, notes: list[str]) -> None:
    """Show what a measurement came to."""
    from vlrouterbench.cli import console
    from vlrouterbench.measuring.report import PAGE_FILE

    table = console.plain_table("", ("candidate", "answered", "failed", "acc. %", "95 %", "USD", "p50 s"))
    for entry in report["candidates"]:
        accuracy, interval, latency = entry["accuracy"], entry["ci95"], entry["latency_s"]
        table.add_row(
            entry["name"],
            f"{entry['answered']:,}",
            f"{entry['failed']:,}",
            "-" if accuracy is None else f"{100 * accuracy:.1f}",
            "-" if interval is None else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}",
            f"{entry['cost_usd']:.4g}",
            "-" if latency is None else f"{latency['p50']:.2f}",
        )
    console.show(
        {**report, "out": str(out)},
        table,
        *_remarks(report),
        *notes,
        f"tables: {out}; page: {out / PAGE_FILE}",
        f"next: vlrouterbench build {out} --out BENCHMARK",
    )


def _remarks(report: MeasureReport) -> list[str]:
    """What a user should know beside the table."""
    from vlrouterbench.measuring.asking.engine import OUT_OF_MONEY

    lines = ["graded by " + ", ".join(f"{kind}: {count:,}" for kind, count in report["gradings"].items())]
    for entry in report["candidates"]:
        counts = {
            "answers whose tokens were counted here, since the server gave no usage": entry["tokens_counted_here"],
            "answers to an image that was encoded anew for the endpoint's limit": entry["images_encoded_anew"],
            "refusals": entry["refused"],
            "answers that were cut short": entry["cut_short"],
        }
        lines += [f"{entry['name']}: {count:,} {what}" for what, count in counts.items() if count]
        lines += [f"{entry['name']}: {count:,} failed, {why}" for why, count in entry["failures"].items()]
    judge = report["judge"]
    if judge is not None:
        lines.append(
            f"judge {judge['name']}: {judge['judged']:,} answers, {judge['without_verdict']:,} without verdict, "
            f"{judge['agreed']:,} of {judge['judged_twice']:,} judged twice alike, {judge['cost_usd']:.4g} USD"
        )
    counted = sum(entry["cost_usd"] for entry in report["candidates"]) + (judge["cost_usd"] if judge else 0.0)
    if counted > report["paid_usd"] * (1 + 1e-6):
        lines.append("equal questions share an answer, which is asked and paid once; the table counts it for each")
    lines += [
        f"{name}: the limit on money is reached, and not all was asked. A larger --max-usd goes on"
        for name, why in report["stopped"].items()
        if why == OUT_OF_MONEY
    ]
    maybe = f", and at most {report['maybe_paid_usd']:.4g} of failed requests" if report["maybe_paid_usd"] else ""
    lines.append(f"paid: {report['paid_usd']:.4g} USD{maybe}")
    if report["max_usd"] is not None:
        lines.append(f"limit: {report['max_usd']:g} USD, exceeded by at most {report['overrun_bound']}")
    return lines


def fail_where_stopped(report: MeasureReport, out: Path) -> None:
    """Raise VLRouterBenchError where something ended the asking that the user did not ask for."""
    from vlrouterbench.measuring.asking.engine import OUT_OF_MONEY

    if report["interrupted"]:
        raise VLRouterBenchError(f"stopped; what was answered is in {out}. Run the same command again to go on.")
    gone = {name: why for name, why in report["stopped"].items() if why != OUT_OF_MONEY}
    if gone:
        said = "; ".join(f"{name}: {why}" for name, why in gone.items())
        raise VLRouterBenchError(
            f"expected all endpoints to answer, found {len(gone)} that stopped: {said}. What was answered is in {out}: "
            "correct it and run the same command again to go on."
        )
