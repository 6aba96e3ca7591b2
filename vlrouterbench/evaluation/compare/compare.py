"""Routers over several benchmarks: families trained anew on every split of each, saved routers only scored.

Decisions
- Every benchmark is a study of its own (`study/context.py`): the same splits, training, choices on validation and
  paired resamples, so that its figures are those of `study`. Nothing is pooled over benchmarks but ranks and verdicts.
- The best static mixture of each benchmark is always there: it is what every router is held against.
- The oracle sees the answers: it has figures and no rank.
- Everything is checked on all benchmarks before anything is trained on the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vlrouterbench.core.errors import BenchmarkError, EvaluationError
from vlrouterbench.core.files import staged_folder, without_nan, write_json
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.compare.records import Cell, ComparedBenchmark, ComparedRouter, CompareRecord
from vlrouterbench.evaluation.compare.saved import AskedRouters, with_saved
from vlrouterbench.evaluation.compare.standing import mean_ranks, tally, verdict
from vlrouterbench.evaluation.compare.view import latex, markdown, page
from vlrouterbench.evaluation.evaluate import EvaluationOptions
from vlrouterbench.evaluation.paired import MIXTURE, ORACLE, best_single
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.pool import scored_candidates, with_candidates
from vlrouterbench.evaluation.ranking import ranks_of
from vlrouterbench.evaluation.study.context import StudyContext, check_names, family_and_variant, scored
from vlrouterbench.evaluation.study.decided import with_decisions
from vlrouterbench.evaluation.study.over_splits import OverSplits, outcomes_of
from vlrouterbench.evaluation.study.parts.routers import outcomes_by_name
from vlrouterbench.metrics.bootstrap import interval
from vlrouterbench.routers.registration import is_family
from vlrouterbench.version import __version__

COMPARE_FILES = ("compare.json", "compare.html", "compare.md", "compare.tex")


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of a comparison.

    Attributes:
        label: its column.
        context: the benchmark and its splits.
        notes: what is to be said of how it is scored.
    """

    label: str
    context: StudyContext
    notes: Sequence[str] = ()


def compare(
    contexts: Sequence[StudyContext], asked: AskedRouters, options: EvaluationOptions | None = None
) -> CompareRecord:
    """Compare routers over benchmarks.

    Args:
        contexts: one per benchmark.
        asked: the routers, as `load_asked` gives them.
        options: how saved routers decide: `rechoose` and `candidates`.

    Returns:
        The content of `compare.json`.

    Raises:
        RouterError: no router or seed, or one twice; a saved router that does not fit a benchmark.
        UnknownNameError: no such variant.
        EvaluationError: a benchmark twice.
        BenchmarkError: a split without a sample that was measured for every candidate.
    """
    options = options or EvaluationOptions(time_routers=False)
    benchmarks = [
        _prepared(label, context, asked, options)
        for label, context in zip(_labels([context.table for context in contexts]), contexts, strict=True)
    ]
    over = {one.label: _scored(one, asked.names) for one in benchmarks}
    return {
        "objective": str(contexts[0].table.goal.objective),
        "benchmarks": [_header(one) for one in benchmarks],
        "routers": _routers(asked, over),
        "version": __version__,
    }


def asked_table(table: RoutingTable, candidates: str, asked: AskedRouters) -> RoutingTable:
    """A benchmark with the candidates asked for: all, shared (those that every saved router has), or A,B,..."""
    pools = {name: router.config.candidate_names for name, router in asked.saved.items()}
    return with_candidates(table, scored_candidates(candidates, table, pools))


def write_comparison(record: CompareRecord, out: Path | str) -> None:
    """Write `compare.json`, the page, and the table as Markdown and LaTeX (beside, then renamed)."""
    with staged_folder(Path(out)) as folder:
        write_json(folder / COMPARE_FILES[0], without_nan(record))
        for name, text in zip(COMPARE_FILES[1:], (page(record), markdown(record), latex(record)), strict=True):
            (folder / name).write_text(text, encoding="utf-8")


def _labels(tables: Sequence[RoutingTable]) -> Iterator[str]:
    """A column's heading for each benchmark: its name, with its folder's where another one has it too."""
    names = [table.report["name"] for table in tables]
    for place, table in enumerate(tables):
        if (first := [one.sha256 for one in tables].index(table.sha256)) != place:
            raise EvaluationError(
                f"expected different benchmarks, found the same tables in {tables[first].folder} and {table.folder}. "
                "Leave one out: it would count twice."
            )
        yield names[place] if names.count(names[place]) == 1 else f"{names[place]} [{table.folder}]"


def _prepared(label: str, context: StudyContext, asked: AskedRouters, options: EvaluationOptions) -> Benchmark:
    """A benchmark with the decisions of everything that is not trained, checked."""
    for seed, split in context.splits():
        if not len(scored(split)):
            raise BenchmarkError(
                f"{context.table.folder}: expected test samples that were measured for every candidate, found none "
                f"under seed {seed}. Build with a --candidates file that lists only measured ones, or leave it out."
            )
    context, notes = with_saved(context, asked.saved, options)
    context, _ = with_decisions(context, asked.names)
    check_names(asked.names, context)
    return Benchmark(label, context, notes)


def _scored(benchmark: Benchmark, names: Sequence[str]) -> OverSplits[str]:
    """Outcomes of all routers on all splits of a benchmark."""
    context, goal = benchmark.context, benchmark.context.table.goal
    over_splits: OverSplits[str] = OverSplits(goal.cost_bounds, goal.beta, goal)
    for seed, own, split in context.fitted(names):
        test, outcomes = scored(split), {}
        for name in names:
            with context.stage(f"{benchmark.label}, split {seed}: {name}"):
                outcomes[name] = outcomes_by_name(name, own, split, test, seed)
        single = outcomes_of(np.full(len(test), best_single(test)), test)
        over_splits.add(outcomes, test.column("group_id"), seed=seed, best=single)
    return over_splits


def _header(benchmark: Benchmark) -> ComparedBenchmark:
    context = benchmark.context
    return {
        "label": benchmark.label,
        "benchmark": context.table.identity,
        "features": context.features.describe(),
        "seeds": list(context.seeds),
        "num_samples": [len(scored(split)) for _, split in context.splits()],
        "candidates": list(context.table.pool.names),
        "rank_score_reason": context.table.goal.why_no_rank_score,
        "notes": list(benchmark.notes),
    }


def _routers(asked: AskedRouters, over: Mapping[str, OverSplits[str]]) -> list[ComparedRouter]:
    """A record per router, the best mean rank first, what is not ranked above all."""
    ranked = [name for name in asked.names if name != ORACLE]
    values = [np.array([one.merit(name) for name in ranked]) for one in over.values()]
    draws = [np.column_stack([one.merit_draws(name) for name in ranked]) for one in over.values()]
    means = dict(zip(ranked, mean_ranks(values, draws), strict=True))
    cells = {label: _cells(one, asked.names, ranked) for label, one in over.items()}
    records: list[ComparedRouter] = []
    for name in asked.names:
        rank, span = means.get(name, (None, None))
        own = {label: by_name[name] for label, by_name in cells.items()}
        others = [other for other in asked.names if other != name]
        records.append(
            {
                "router": name,
                "kind": _kind(name, asked),
                "mean_rank": rank,
                "mean_rank_ci95": span,
                "versus_mixture": tally([cell["verdict"] for cell in own.values()]),
                "against": {o: tally([verdict(_lead(one, name, o)) for one in over.values()]) for o in others},
                "benchmarks": own,
            }
        )
    return sorted(records, key=lambda record: record["mean_rank"] or 0.0)


def _cells(over_splits: OverSplits[str], names: Sequence[str], ranked: Sequence[str]) -> dict[str, Cell]:
    """Every router on one benchmark."""
    ranks = ranks_of(ranked, np.column_stack([over_splits.merit_draws(name) for name in ranked]))
    cells: dict[str, Cell] = {}
    for name in names:
        span, rank = _lead(over_splits, name, MIXTURE), ranks.get(name)
        lead = over_splits.merit(name) - over_splits.merit(MIXTURE)
        cells[name] = {
            **over_splits.figures(name),
            "rank_scores": over_splits.rank_scores(name),
            "objective_value": over_splits.merit(name),
            "vs_mixture": {"value": lead, "ci95": span},
            "verdict": verdict(span),
            "rank": rank.rank if rank else None,
            "rank_range": [rank.best, rank.worst] if rank else None,
        }
    return cells


def _lead(over_splits: OverSplits[str], name: str, other: str) -> list[float]:
    return interval(over_splits.merit_draws(name) - over_splits.merit_draws(other))


def _kind(name: str, asked: AskedRouters) -> str:
    if name in POLICIES:
        return "policy"
    if name in asked.saved:
        return "saved"
    return "family" if is_family(family_and_variant(name)[0]) else "function"
