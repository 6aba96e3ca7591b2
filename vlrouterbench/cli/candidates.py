"""`vlrouterbench candidates`: the pool of a saved router. Candidates are listed, join, leave and change their price.

Decisions
- A router folder is never changed in place unless --out names it: every change writes a router of its own.
- After a change the whole new pool is shown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlrouterbench.cli.help import GroupedCommand
from vlrouterbench.cli.parameters import options_of
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.simulated import SIMULATED_ROUTER

if TYPE_CHECKING:
    from rich.console import RenderableType

    from vlrouterbench.routers.pool.open_pool import OpenPoolRouter
    from vlrouterbench.training.pool.changing import Prices

Router = Annotated[str, typer.Option(help="Router folder or Hub id, of a family with an open pool.")]
Benchmark = Annotated[Path, typer.Option(help="Benchmark folder that the router was trained on.")]
InputPrice = Annotated[str, typer.Option(help="USD per million input tokens, as a plain decimal number.")]
OutputPrice = Annotated[str, typer.Option(help="USD per million output tokens, as a plain decimal number.")]
UnlikelyPrices = Annotated[
    bool, typer.Option("--allow-unlikely-prices", help="Take prices that look like another unit as they stand.")
]
NewRouter = Annotated[Path, typer.Option(help="Folder of the changed router.")]

candidates = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@candidates.callback()
def _group() -> None:
    """Show or change the pool of a saved router, without training it again."""


@candidates.command("list", cls=GroupedCommand)
def list_candidates(router: Router) -> None:
    """Show a router's pool: prices, mean accuracy and mean cost on the train split."""
    from vlrouterbench.cli import console
    from vlrouterbench.training.pool.opened import load_open_pool

    console.quiet_libraries()
    loaded = load_open_pool(router)
    console.show(_pool(loaded), *_lines(loaded))


@candidates.command("probe", cls=GroupedCommand, hidden=True)
@candidates.command("anchors", cls=GroupedCommand)
def anchors(
    router: Router,
    benchmark: Benchmark,
    count: Annotated[int, typer.Option(min=1, help="How many anchor samples; 100 are ample, 30 give a rough idea.")],
    out: Annotated[Path, typer.Option(help="The csv to fill in; images go to a folder beside it.")],
) -> None:
    """Write anchor samples, on which a new candidate is to be measured, as a csv with columns for its outcomes."""
    from vlrouterbench.cli import console
    from vlrouterbench.training.pool.anchors import write_anchors
    from vlrouterbench.training.pool.opened import benchmark_of, load_open_pool

    console.quiet_libraries()
    loaded = load_open_pool(router)
    sheet = write_anchors(loaded, benchmark_of(loaded, benchmark), count, out)
    facts = {
        "out": str(sheet.path),
        "images": sheet.images and str(sheet.images),
        "num_samples": sheet.num_samples,
        "num_images": sheet.num_images,
        "num_unreadable_images": sheet.num_unreadable,
    }
    unreadable = f"{sheet.num_unreadable:,} of them without their image, which the benchmark could not read"
    console.show(
        facts,
        f"{sheet.num_samples:,} anchor samples of the train split: {sheet.path}",
        *([f"their {sheet.num_images:,} images: {sheet.images}"] if sheet.images else []),
        *([unreadable] if sheet.num_unreadable else []),
        "Fill in quality (0 to 1), input_tokens and output_tokens of each; an empty row",
        "is skipped. Then: vlrouterbench candidates add --outcomes FILE ...",
    )


@dataclass(frozen=True)
class AddRequest:
    """The options of `add` as given on the command line."""

    router: Router
    benchmark: Benchmark
    out: NewRouter
    name: Annotated[str | None, typer.Option(help="The new candidate's name; with --endpoint the endpoint's.")] = None
    input_price: Annotated[str | None, typer.Option(help="As of `price`; with --endpoint the endpoint's.")] = None
    output_price: Annotated[str | None, typer.Option(help="As of `price`; with --endpoint the endpoint's.")] = None
    outcomes: Annotated[
        Path | None,
        typer.Option(help="csv, parquet or jsonl with sample_id, quality, input_tokens, output_tokens."),
    ] = None
    endpoint: Annotated[
        str | None, typer.Option(help="In the place of --outcomes: ask this endpoint about the anchor samples.")
    ] = None
    endpoints: Annotated[Path | None, typer.Option(help="The endpoints file that has it.")] = None
    answers: Annotated[
        Path | None, typer.Option(help="Table with sample_id and answer of the anchor samples, for --endpoint.")
    ] = None
    grading: Annotated[str | None, typer.Option(help="Of anchor samples without options, as of `measure`.")] = None
    count: Annotated[int, typer.Option(min=2, help="Anchor samples to ask about, with --endpoint.")] = 100
    max_usd: Annotated[float | None, typer.Option(min=0, help="Most that asking may cost, USD.")] = None
    yes: Annotated[bool, typer.Option("--yes", help="Ask without a question first.")] = False
    num_proc: Annotated[int, typer.Option(min=1, help="Processes that encode inputs that are not stored.")] = 1
    allow_unlikely_prices: UnlikelyPrices = False


@candidates.command(cls=GroupedCommand)
@options_of(AddRequest)
def add(request: AddRequest) -> None:
    """Add a candidate by its outcomes on anchor samples, given or measured."""
    from vlrouterbench.cli import console
    from vlrouterbench.cli.measure_anchors import measure_anchors
    from vlrouterbench.core.names import describe_look_alikes
    from vlrouterbench.features.options import EncodingWork
    from vlrouterbench.training.fit import save_staged
    from vlrouterbench.training.pool.changing import check_new, check_prices, join
    from vlrouterbench.training.pool.opened import benchmark_of, load_open_pool
    from vlrouterbench.training.pool.outcomes import read_outcomes

    console.quiet_libraries()
    name, prices = _new_candidate(request)
    loaded = load_open_pool(request.router)
    check_new(loaded, name)
    if not request.allow_unlikely_prices:
        check_prices(loaded, name, prices)
    alike = describe_look_alikes([*loaded.config.candidate_names, name])
    table = benchmark_of(loaded, request.benchmark)
    outcomes = request.outcomes or measure_anchors(request, loaded, table)
    measured = read_outcomes(outcomes, name, table)
    with console.stage("encode anchor samples") as progress:
        join(loaded, name, prices, measured, EncodingWork(request.num_proc, progress=progress))
    save_staged(loaded, request.out)
    error = float(loaded.joined_error[-1])
    more = {"num_anchors": len(measured.samples), "not_filled_in": measured.not_filled_in, "standard_error": error}
    skipped = f"rows of {outcomes} without quality, skipped: {measured.not_filled_in:,}"
    console.show(
        {"out": str(request.out), "added": name, **more, **_pool(loaded)},
        f"{name} joins by {len(measured.samples):,} anchor samples; its mean accuracy may be off by",
        f"{100 * error:.1f} points (standard error).",
        *([skipped] if measured.not_filled_in else []),
        *(f"note: {said}" for said in alike),
        *_lines(loaded),
        f"saved to {request.out}",
    )


@candidates.command(cls=GroupedCommand)
def remove(
    router: Router, name: Annotated[str, typer.Option(help="The candidate that leaves.")], out: NewRouter
) -> None:
    """Take a candidate out of the pool; it can come back only through anchor samples."""
    from vlrouterbench.cli import console
    from vlrouterbench.training.fit import save_staged
    from vlrouterbench.training.pool.changing import leave
    from vlrouterbench.training.pool.opened import load_open_pool

    console.quiet_libraries()
    loaded = load_open_pool(router)
    leave(loaded, name)
    save_staged(loaded, out)
    facts = {"out": str(out), "removed": name, **_pool(loaded)}
    console.show(facts, f"{name} has left.", *_lines(loaded), f"saved to {out}")


@candidates.command(cls=GroupedCommand)
def price(
    router: Router,
    name: Annotated[str, typer.Option(help="The candidate whose prices change.")],
    input_price: InputPrice,
    output_price: OutputPrice,
    out: NewRouter,
    allow_unlikely_prices: UnlikelyPrices = False,
) -> None:
    """Give a candidate new prices; expected costs follow from expected tokens."""
    from vlrouterbench.cli import console
    from vlrouterbench.training.fit import save_staged
    from vlrouterbench.training.pool.changing import check_prices, reprice
    from vlrouterbench.training.pool.opened import load_open_pool

    console.quiet_libraries()
    loaded = load_open_pool(router)
    prices = _prices(name, input_price, output_price)
    if not allow_unlikely_prices:
        check_prices(loaded, name, prices)
    before = reprice(loaded, name, prices)
    save_staged(loaded, out)
    console.show(
        {"out": str(out), "repriced": name, "before": list(before), "after": list(prices)} | _pool(loaded),
        f"{name}: in $/1M {before.input:g} -> {prices.input:g}, out $/1M {before.output:g} -> {prices.output:g}",
        *_lines(loaded),
        f"saved to {out}",
    )


def _new_candidate(request: AddRequest) -> tuple[str, Prices]:
    """Name and prices of what `add` adds."""
    from vlrouterbench.cli.measure_anchors import read_endpoint
    from vlrouterbench.training.pool.changing import Prices

    if request.outcomes is None:
        _, endpoint, _ = read_endpoint(request)
        prices = Prices(endpoint.input_price, endpoint.output_price)
        if request.name not in (None, endpoint.name) or (request.input_price, request.output_price) != (None, None):
            raise RouterError("--name and prices are those of the endpoint: leave them out, found with --endpoint.")
        return endpoint.name, prices
    if request.endpoint is not None:
        raise RouterError("expected --outcomes or --endpoint, found both.")
    if request.name is None or request.input_price is None or request.output_price is None:
        raise RouterError("expected --name, --input-price and --output-price with --outcomes, found one missing.")
    return request.name, _prices(request.name, request.input_price, request.output_price)


def _prices(name: str, input_price: str, output_price: str) -> Prices:
    """Prices as given on the command line, read as strictly as those of a file."""
    from vlrouterbench.data.prices.numbers import price_of
    from vlrouterbench.training.pool.changing import Prices

    given = (("--input-price", input_price), ("--output-price", output_price))
    return Prices(*(float(price_of(text, option, f'candidate "{name}"')) for option, text in given))


def _pool(router: OpenPoolRouter) -> dict[str, object]:
    """The pool as JSON-ready content."""
    from vlrouterbench.training.pool.summary import pool_entries

    simulated = bool(router.config.training.get("benchmark", {}).get("simulated"))
    return {"candidates": [asdict(entry) for entry in pool_entries(router)], "trained_on_simulated_data": simulated}


def _lines(router: OpenPoolRouter) -> list[RenderableType]:
    """The pool as a table, with the notes that belong to it."""
    from vlrouterbench.cli import console
    from vlrouterbench.training.pool.summary import pool_entries

    table = console.plain_table("", ("candidate", "in $/1M", "out $/1M", "acc. %", "$/10K", "anchors"))
    for entry in pool_entries(router):
        table.add_row(
            entry.name,
            *("-" if value is None else f"{value:g}" for value in (entry.input_price, entry.output_price)),
            "-" if entry.mean_accuracy is None else f"{100 * entry.mean_accuracy:.2f}",
            "-" if entry.mean_cost_usd is None else f"{SAMPLES_PER_COST_UNIT * entry.mean_cost_usd:.3f}",
            "" if entry.num_anchors is None else f"{entry.num_anchors:,}",
        )
    simulated = router.config.training.get("benchmark", {}).get("simulated")
    return [
        table,
        "Accuracy and cost: means over the train split, of a new candidate estimated.",
        *([SIMULATED_ROUTER] if simulated else []),
    ]
