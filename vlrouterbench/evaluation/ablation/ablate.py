"""Running an ablation: encode, train and evaluate every setting, compare with the first, write table and page.

Decisions
- Each setting is a router like any other: trained by the one trainer, saved, loaded and scored by the one evaluator.
- The figures are of the scored split. They say which setting mattered; a setting is to be chosen by its validation
  score, which is given beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.files import staged_folder, write_json
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.evaluation.ablation.over_splits import over_splits
from vlrouterbench.evaluation.ablation.page import ablation_markdown, write_ablation_page
from vlrouterbench.evaluation.ablation.records import AblationRecord, AblationRow, TrainedSetting
from vlrouterbench.evaluation.ablation.settings import AblationGrid, AblationSetting
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.records import Difference, ResultRecord
from vlrouterbench.features.encode import FeatureSet, encode_benchmark
from vlrouterbench.features.options import EncodingWork
from vlrouterbench.metrics.objectives import BENCHMARK_GOAL, Goal
from vlrouterbench.routers.registry import END_TO_END
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem
from vlrouterbench.version import __version__

CONTROLS = ("mixture", "oracle")
"""Policies in every ablation: the static policy that a router must exceed, and the upper limit."""


@dataclass(frozen=True)
class AblationRun:
    """How to run an ablation.

    Attributes:
        router: family that is trained.
        split: the scored split.
        work: how encoding is spread.
        goal: between which costs Rank Scores are measured.
        splits: on how many splits every setting is trained and scored; 1 is the benchmark's own alone.
    """

    router: str = "mlp"
    split: str = "test"
    work: EncodingWork = field(default_factory=EncodingWork)
    goal: Goal = BENCHMARK_GOAL
    splits: int = 1


def ablate(folder: Path | str, grid: AblationGrid, out: Path | str, run: AblationRun | None = None) -> AblationRecord:
    """Train and evaluate a grid; write `ablation.json`, `.md`, `.html`, `routers/` and `evaluation/` under `out`.

    Args:
        folder: benchmark folder.
        grid: what varies.
        out: folder to write, replaced as a whole.
        run: see AblationRun.

    Returns:
        The content of `ablation.json`: the axis, and a row per setting with its figures, its difference from the first
        setting and its Rank Score on validation; with several splits, the means over them too.

    Raises:
        RouterError: an end-to-end family, which has no features to vary.
        EvaluationError: the benchmark has no range of costs, so that there is no Rank Score.
    """
    run, settings = run or AblationRun(), grid.settings()
    table = load_table(folder).judged_by(run.goal)
    bounds = table.goal.bounds_for("An ablation")
    if run.router in END_TO_END:
        raise RouterError(
            f"{run.router} reads images and texts through its backbone: it has no encoders or fusion to vary. "
            f"Compare lambdas with `vlrouterbench sweep --router {run.router}`, and backbones or modalities with one "
            "`train --backbone` or `--modality` each and `evaluate`."
        )
    with staged_folder(Path(out)) as staging:
        features = [(setting, encode_benchmark(table, setting.features, run.work)) for setting in settings]
        trained = [_train(setting, table, encoded, staging, run) for setting, encoded in features]
        routers = [str(staging / "routers" / setting.name) for setting in settings]
        options = EvaluationOptions(
            split=run.split, seed=grid.arguments.seed, num_proc=run.work.num_proc, goal=run.goal
        )
        records = evaluate_routers(folder, [*routers, *CONTROLS], staging / "evaluation", options)
        content: AblationRecord = {
            "axis": grid.axis,
            "router": run.router,
            "base": settings[0].name,
            "split": run.split,
            "num_samples": records[0]["num_samples"],
            "num_left_out": records[0]["num_left_out"],
            "seed": grid.arguments.seed,
            "cost_bounds_usd": list(bounds),
            "rows": _rows(settings, trained, records),
            "benchmark": records[0]["benchmark"],
            "version": __version__,
        }
        if run.splits > 1:
            content["over_splits"] = over_splits(table, features, run.router, run.splits, split=run.split)
        write_json(staging / "ablation.json", content)
        (staging / "ablation.md").write_text(ablation_markdown(content), encoding="utf-8")
        write_ablation_page(content, table, staging / "ablation.html")
    return content


def _train(
    setting: AblationSetting, table: RoutingTable, features: FeatureSet, staging: Path, run: AblationRun
) -> TrainedSetting:
    trained = train_router(run.router, Problem(table, features), setting.arguments)
    save_router(trained, staging / "routers" / setting.name)
    return {
        "features": features.describe(),
        "chosen": {name: str(value) for name, value in trained.chosen.setting.items()},
        "validation_rank_score": trained.chosen.validation_rank_score,
    }


def _rows(
    settings: Sequence[AblationSetting], trained: Sequence[TrainedSetting], records: Sequence[ResultRecord]
) -> list[AblationRow]:
    base, own = settings[0].name, dict(zip((setting.name for setting in settings), trained, strict=True))
    rows: list[AblationRow] = []
    for record in records:
        name = record["router"]
        # A record has the evaluator's paired difference from every other router, and none from itself.
        none: Difference = {"rank_score": 0.0, "ci95": [0.0, 0.0]}
        row: AblationRow = {
            "setting": name,
            "kind": record["router_config"]["kind"],
            "accuracy": record["accuracy"],
            "average_cost_usd": record["average_cost_usd"],
            "rank_score": record["rank_score"],
            "ci95": record["ci95"],
            "vs_mixture": record["vs_mixture"],
            "throughput": record["throughput"],
            "vs_base": record["differences"].get(base, none),
        }
        rows.append({**row, **own[name]} if name in own else row)
    return rows
