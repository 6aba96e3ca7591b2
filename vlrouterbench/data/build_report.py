"""`build_report.json`: what was read, kept and left out while a benchmark was built.

Decisions
- The report names the tables' digest, so it is made last.
- Nothing of the clock or the machine stands in it: the same source gives the same report.
"""

from __future__ import annotations

from collections import Counter
from typing import NotRequired, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vlrouterbench.core.constants import GROUP_SLUGS, SAMPLES_PER_COST_UNIT, SPLITS
from vlrouterbench.data.assemble import GIVEN, Assembled
from vlrouterbench.data.costs import CostBoundsRecord, measured_means
from vlrouterbench.data.hub_source import HubOrigin
from vlrouterbench.data.leaks import Leaks
from vlrouterbench.data.prices.published_lists import OtherPrice
from vlrouterbench.data.schema import SCHEMA_VERSION
from vlrouterbench.data.sources.source_logs import Agreement, LeftOutRecord
from vlrouterbench.data.tokens import token_counter_name
from vlrouterbench.metrics.objectives import Goal
from vlrouterbench.metrics.trade_off import MIN_BOUND_RATIO
from vlrouterbench.version import __version__

REPORT_FILE = "build_report.json"
NO_COSTS = (
    "What answers cost is not known: the source states neither costs nor tokens. No figure of cost means anything."
)


class BenchmarkIdentity(TypedDict):
    """Which benchmark a figure or a router comes from, as it stands in every file that states figures.

    Attributes:
        name: the benchmark's name.
        sha256: digest of its tables.
        simulated: whether it was drawn and not measured.
    """

    name: str
    sha256: str
    simulated: bool


class _ToldOfSource(TypedDict, total=False):
    """What stands in a report where a source gives reason to it."""

    source_notes: list[str]
    costs_known: bool
    source_origin: HubOrigin


class BuildReport(TypedDict):
    """The content of `build_report.json`.

    Attributes:
        name: the benchmark's name.
        simulated: whether it was drawn and not measured.
        samples: number of samples.
        candidates: number of candidates.
        pairs_read: measured pairs seen in the source, kept or not.
        pairs_kept: pairs with a quality in the benchmark.
        left_out: what is not in the benchmark although the source holds it or should hold it.
        imputed: kind -> how many values were filled in, empty unless requested.
        cost_bounds_usd: the bounds that Rank Score normalises costs with.
        free_candidates: names of the candidates that never cost anything, which bounds leave out; absent in folders
            written by 0.x.
        splits: split -> number of samples.
        datasets: dataset -> number of samples.
        task_groups: task group -> number of samples.
        group_splits: task group -> split -> number of samples, splits without any left out.
        images: how many samples have an image (`ok`), and how many lack one that was expected
            (`bad`), and how many have several where any has (`several`).
        pool_source: where the candidates come from; absent in folders written by 0.x.
        price_sheet: where the prices come from, and since when they hold.
        price_notes: what to know of names and prices: look-alikes, candidates that a published list lacks; absent
            in folders written by 0.x.
        other_prices: prices of a published list beside those per token, with those that costs do not contain; absent
            in folders written by 0.x.
        protocol: how tokens were counted.
        quality: what quality is, a name of `choices.Quality`.
        split_by: how samples were divided.
        leaks: what stands on two sides (`leaks.py`); absent in folders written by 0.x.
        token_counter: the library that counted tokens.
        label_rules: dataset -> rule -> number of candidates whose labels it gave.
        label_agreement: dataset -> candidate -> how published labels compare with VLMEvalKit's own rule.
        source_notes: what to know of the source, a sentence each; absent where there is nothing to say.
        costs_known: False where the source states neither costs nor tokens, so that accuracy alone counts; else absent.
        source_origin: repository, commit and folder on the Hub that the source was fetched from; else absent.
        source_sha256: digest of the source.
        schema_version: of the tables (`schema.py`); absent for 1, which 0.x wrote.
        version: the package's version that built it.
        sha256: digest of the tables.
    """

    name: str
    simulated: bool
    samples: int
    candidates: int
    pairs_read: int
    pairs_kept: int
    left_out: list[LeftOutRecord]
    imputed: dict[str, int]
    cost_bounds_usd: CostBoundsRecord
    free_candidates: NotRequired[list[str]]
    splits: dict[str, int]
    datasets: dict[str, int]
    task_groups: dict[str, int]
    group_splits: dict[str, dict[str, int]]
    images: dict[str, int]
    pool_source: NotRequired[str]
    price_sheet: str
    price_notes: NotRequired[list[str]]
    other_prices: NotRequired[list[OtherPrice]]
    protocol: str
    quality: str
    split_by: str
    leaks: NotRequired[Leaks]
    token_counter: str
    label_rules: dict[str, dict[str, int]]
    label_agreement: dict[str, dict[str, Agreement]]
    source_notes: NotRequired[list[str]]
    costs_known: NotRequired[bool]
    source_origin: NotRequired[HubOrigin]
    source_sha256: str
    schema_version: NotRequired[int]
    version: str
    sha256: str


def build_report(benchmark: Assembled, *, sha256: str) -> BuildReport:
    """The report of a benchmark whose tables have the digest `sha256`."""
    samples, source = benchmark.samples, benchmark.source
    told: _ToldOfSource = {"source_notes": list(source.notes)} if source.notes else {}
    if not source.costs_known:
        told["costs_known"] = False
    if source.origin is not None:
        told["source_origin"] = source.origin
    splits, groups = Counter(samples["split"].to_pylist()), Counter(samples["task_group"].to_pylist())
    return {
        "name": source.name,
        "simulated": source.simulated,
        "samples": samples.num_rows,
        "candidates": len(source.pool),
        "pairs_read": source.pairs_read,
        "pairs_kept": int(np.isfinite(benchmark.matrices["quality"]).sum()),
        "left_out": [entry.as_dict() for entry in benchmark.left_out],
        "imputed": benchmark.imputed,
        "cost_bounds_usd": benchmark.cost_bounds.as_record(),
        "free_candidates": _free_candidates(benchmark),
        "splits": {split: splits.get(split, 0) for split in SPLITS},
        "datasets": dict(sorted(Counter(samples["dataset"].to_pylist()).items())),
        "task_groups": {
            group: groups[group] for group in (*GROUP_SLUGS, *sorted(set(groups) - set(GROUP_SLUGS))) if group in groups
        },
        "group_splits": _counts_by_group(samples),
        "images": {
            "ok": sum(i is not None for i in benchmark.images),
            "bad": int((~benchmark.image_ok).sum()),
            **({"several": len(benchmark.further)} if benchmark.further else {}),
        },
        "pool_source": source.pool.source,
        "price_sheet": source.pool.describe_prices(),
        "price_notes": list(source.pool.notes),
        "other_prices": _other_prices(benchmark),
        "protocol": source.protocol,
        "quality": str(benchmark.quality),
        "split_by": str(benchmark.split_by),
        "leaks": benchmark.leaks,
        "token_counter": token_counter_name(),
        "label_rules": source.label_rules,
        "label_agreement": source.label_agreement,
        **told,
        "source_sha256": source.source_sha256,
        "schema_version": SCHEMA_VERSION,
        "version": __version__,
        "sha256": sha256,
    }


def _other_prices(benchmark: Assembled) -> list[OtherPrice]:
    """Prices beside those per token; none is in the costs of a candidate whose outcomes all bring their own cost."""
    outcomes = benchmark.outcomes
    own_cost = pc.is_finite(outcomes["cost_usd"])
    priced = set(outcomes["candidate"].filter(pc.invert(pc.fill_null(own_cost, False))).unique().to_pylist())
    prices = [price for candidate in benchmark.source.pool.candidates for price in candidate.other_prices]
    reason = "every outcome of it brings its own cost_usd"
    return [
        {**price, "used": False, "reason": reason} if price["used"] and price["candidate"] not in priced else price
        for price in prices
    ]


def _free_candidates(benchmark: Assembled) -> list[str]:
    means = measured_means(benchmark.matrices["cost"])
    return [name for name, mean in zip(benchmark.source.pool.names, means, strict=True) if mean == 0]


def range_of_costs(report: BuildReport) -> str:
    """Between which mean costs candidates lie, free ones included, in a line."""
    if not report.get("costs_known", True):
        return "mean cost: not known"
    bounds, per = report["cost_bounds_usd"], SAMPLES_PER_COST_UNIT
    free, low = report.get("free_candidates", []), bounds["cmin"]
    cheapest = f"{per * low:.4f} ({bounds['cmin_candidate']})"
    if free and low:
        more = f" and {len(free) - 1:,} more" if len(free) > 1 else ""
        line = f"mean cost from 0 ({free[0]}{more}), or {cheapest} of those that cost anything,"
    else:
        line = f"mean cost from {cheapest}"
    return f"{line} to {per * bounds['cmax']:.4f} ({bounds['cmax_candidate']}) USD per {per:,} samples"


def notes_on_costs(report: BuildReport) -> list[str]:
    """What a pool or its costs rule out, and what works nevertheless; empty where nothing is ruled out."""
    bounds = report["cost_bounds_usd"]
    if not report.get("costs_known", True):
        return [
            NO_COSTS,
            "No Rank Score: choices are made by accuracy alone, and every cost that is shown stands as 0.",
        ]
    goal = Goal().on((bounds["cmin"], bounds["cmax"]))
    if report["candidates"] == 1:
        return [
            "One candidate: there is nothing to choose between. inspect and evaluate work, with its accuracy and cost; "
            "every router is that candidate."
        ]
    if goal.cost_bounds is None:
        what = "accuracy" if not goal.dearest else "accuracy and cost"
        return [
            goal.why_no_rank_score,
            f"train, evaluate and every other command state {what} of each router; sweep, ablate and the parts of "
            "study that measure over a range of costs need --cost-bounds.",
        ]
    if bounds["cmax"] / bounds["cmin"] < MIN_BOUND_RATIO:
        return [
            "All candidates cost about the same: Rank Score hardly separates anything. Read accuracy, or choose by it: "
            "--objective accuracy."
        ]
    return []


def notes_on_splits(report: BuildReport) -> list[str]:
    """What the source's own splits rule out; empty where they are not given, or each has samples."""
    empty = [name for name in SPLITS if not report["splits"][name]]
    if report["split_by"] != GIVEN or not empty:
        return []
    return [
        f'the column "split" has no sample in {" and ".join(empty)}: train needs train and validation, evaluate the '
        "split that it scores. Correct it, or drop it and build again: samples are then divided by content."
    ]


def _counts_by_group(samples: pa.Table) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for (group, split), count in sorted(
        Counter(zip(samples["task_group"].to_pylist(), samples["split"].to_pylist(), strict=True)).items()
    ):
        counts.setdefault(group, {})[split] = count
    return counts
