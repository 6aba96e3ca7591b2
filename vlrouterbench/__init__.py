"""Choosing among vision-language models: the VL-RouterBench benchmark, its routers and its tools.

The pipeline, in the order that data flows; a folder imports folders above it only (held by tests/test_architecture.py):

    core         names, errors, writing whole or not at all: what everything stands on
    metrics      pure numpy: Rank Score, frontiers, calibration, intervals
    cards        READMEs rendered from figures
    plotting     figures as SVG, pages that hold them
    routers      the models, and the code that is saved beside their weights
    data         logs, own tables or a simulation -> benchmark folder -> arrays
    measuring    questions and endpoints -> answers -> own tables
    hub          the name that `load_dataset` answers to; pushing and fetching
    features     samples -> features, stored beside the benchmark
    training     features and soft labels -> a router, chosen on validation; changes of its pool
    routing      tables of questions -> decisions
    evaluation   router and truth -> results, intervals, report; studies, ablations, leaderboard
    demo         a page to route, explore, rank and decide batches on
    bench        named speed comparisons
    quickstart   all of it, once, on the simulated benchmark
    cli          the same, as commands

`serving` is reserved for what is to come. The leaderboard, studies and ablations are parts of
evaluation, simulation and inspection parts of data, and changes of a pool a part of training, so that a reader of the
first level sees the stages and no more than 16 of them.

Importing this package is cheap: it imports neither torch nor datasets. Names below are resolved when first used.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlrouterbench.hub.auto_classes import install_auto_classes
from vlrouterbench.hub.hook import install_dataset_name
from vlrouterbench.hub.saved_routers import install_cards
from vlrouterbench.version import __version__

if TYPE_CHECKING:
    from vlrouterbench.data.build import BuildOptions, build_benchmark
    from vlrouterbench.data.simulation.simulate import simulate_logs
    from vlrouterbench.data.sources.registry import register_source
    from vlrouterbench.data.table import RoutingTable, load_table
    from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
    from vlrouterbench.features.encode import encode_benchmark
    from vlrouterbench.metrics.calibration import expected_calibration_error
    from vlrouterbench.metrics.frontier import convex_hull_area, hypervolume, normalized_auc, quality_neutral_cost
    from vlrouterbench.metrics.ranks import rank_ranges
    from vlrouterbench.metrics.trade_off import oracle_gap_closed, rank_score
    from vlrouterbench.routers.auto import AutoRouter
    from vlrouterbench.routers.encoder_registration import register_encoder
    from vlrouterbench.routers.encoders.sample_input import RouterInputError
    from vlrouterbench.routers.registration import register_router
    from vlrouterbench.routing.options import RoutingOptions
    from vlrouterbench.routing.route_table import route_table
    from vlrouterbench.training.arguments import RouterTrainingArguments
    from vlrouterbench.training.fit import save_router, train_router
    from vlrouterbench.training.problem import Problem

METRIC_PATH = str(Path(__file__).parent / "metrics" / "rank_score")
"""Folder for `evaluate.load`."""

_HOMES = {
    "AutoRouter": "routers.auto",
    "BuildOptions": "data.build",
    "EvaluationOptions": "evaluation.evaluate",
    "Problem": "training.problem",
    "RouterInputError": "routers.encoders.sample_input",
    "RouterTrainingArguments": "training.arguments",
    "RoutingOptions": "routing.options",
    "RoutingTable": "data.table",
    "build_benchmark": "data.build",
    "convex_hull_area": "metrics.frontier",
    "encode_benchmark": "features.encode",
    "evaluate_routers": "evaluation.evaluate",
    "expected_calibration_error": "metrics.calibration",
    "hypervolume": "metrics.frontier",
    "load_table": "data.table",
    "normalized_auc": "metrics.frontier",
    "oracle_gap_closed": "metrics.trade_off",
    "quality_neutral_cost": "metrics.frontier",
    "rank_ranges": "metrics.ranks",
    "rank_score": "metrics.trade_off",
    "register_encoder": "routers.encoder_registration",
    "register_router": "routers.registration",
    "register_source": "data.sources.registry",
    "route_table": "routing.route_table",
    "save_router": "training.fit",
    "simulate_logs": "data.simulation.simulate",
    "train_router": "training.fit",
}
__all__ = [
    "METRIC_PATH",
    "AutoRouter",
    "BuildOptions",
    "EvaluationOptions",
    "Problem",
    "RouterInputError",
    "RouterTrainingArguments",
    "RoutingOptions",
    "RoutingTable",
    "__version__",
    "build_benchmark",
    "convex_hull_area",
    "encode_benchmark",
    "evaluate_routers",
    "expected_calibration_error",
    "hypervolume",
    "load_table",
    "normalized_auc",
    "oracle_gap_closed",
    "quality_neutral_cost",
    "rank_ranges",
    "rank_score",
    "register_encoder",
    "register_router",
    "register_source",
    "route_table",
    "save_router",
    "simulate_logs",
    "train_router",
]


def __getattr__(name: str) -> Any:
    """A public name, imported when first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)


# All that is done at import: light hooks, so that `load_dataset("vl-routerbench")` and transformers' Auto classes know
# what is ours, and saved routers have their whole card.
install_dataset_name()
install_auto_classes()
install_cards()
