"""Out of distribution: every dataset in turn is left out of training, and its test samples are decided all the same.

Decisions
- "Outside" is every test sample decided by the router that saw nothing of its dataset, all datasets put together;
  "inside" is the same samples decided by the router of the whole benchmark. Both meet one pair of cost bounds.
- Left out are all samples of the dataset from train and validation, and training groups that it shares
  (`data/held_out.py`). Features stay: encoders were fitted on texts and images, never on outcomes.
- Who cannot tell samples apart should fall back on the mixture, so every router is compared with the mixture of the
  other datasets.
- A guard is a setting of decisions: it is tried on the routers that are there, and nothing is trained again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.data.held_out import leave_dataset_out
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.estimates import ask_estimates
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.study.over_splits import Chosen, OverSplits, worth_of, worth_of_policy
from vlrouterbench.evaluation.study.splits import Ground, check_names, scored
from vlrouterbench.metrics.calibration import brier_score, expected_calibration_error
from vlrouterbench.metrics.trade_off import rank_score

MIXTURE = "mixture"
INSIDE, OUTSIDE = SIDES = ("inside", "outside")
GUARDS = (0.0, 0.5, 1.0, 2.0)
"""Standard errors, tried on routers whose configuration has a guard."""


@dataclass(frozen=True)
class Answer:
    """What a router made of some samples.

    Attributes:
        worth: what its decisions were worth under each guard; None is the router as it was trained.
        told: (num_samples,) estimated accuracy of the decisions, None where the family is not calibrated.
        estimated: (num_samples, num_candidates) estimated accuracy, None as `told`.
    """

    worth: Mapping[float | None, Chosen]
    told: np.ndarray | None = None
    estimated: np.ndarray | None = None


def leave_datasets_out(ground: Ground, routers: Sequence[str]) -> dict[str, Any]:
    """Train routers with and without each dataset, and score both on its test samples.

    Args:
        ground: benchmark and splits.
        routers: names (see `splits.py`); the mixture comes besides.

    Returns:
        `routers`, a row each, the best outside first: `router`; `inside` and `outside`, each {"accuracy",
        "average_cost_usd", "rank_score", "calibration"}; `outside_minus_mixture` and `inside_minus_outside`
        {"rank_score", "ci95"}; `per_dataset` {dataset: {"num_samples" of all splits, "inside", "outside"}}.
        `calibration` is {"chosen": {"ece", "brier"}, "all": {"ece", "brier"}}, None where the family is not calibrated.
        `guards`, a row per guard of each router that has one: `router`, `guard`, and as above without calibration.

    Raises:
        RouterError: no router or seed, or one twice.
        UnknownNameError: no such family, variant or policy.
        BenchmarkError: fewer than two datasets.
    """
    check_names(routers, ground.seeds)
    _check_datasets(ground.table)
    names = list(dict.fromkeys((*routers, MIXTURE)))
    found = OverSplits(ground.table.cost_bounds)
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for seed, split in ground.splits():
        test = scored(split)
        chosen: dict[Any, Chosen] = {}
        for name in names:
            sides = dict(zip(SIDES, _both_sides(name, ground, split, test, seed), strict=True))
            for side, answer in sides.items():
                chosen |= {(name, side, guard): worth for guard, worth in answer.worth.items()}
            seen[name].append(_seen(sides, test))
        found.add(chosen, test.column("group_id"), seed=seed)
    rows = [_row(found, name, None, _averaged(seen[name])) for name in names]
    guards = [(name, guard) for name, side, guard in found.names if side == OUTSIDE and guard is not None]
    return {
        "routers": sorted(rows, key=lambda row: -row[OUTSIDE]["rank_score"]),
        "guards": [_row(found, name, guard) | {"guard": guard} for name, guard in guards],
    }


def _check_datasets(table: RoutingTable) -> None:
    datasets = sorted(set(table.column("dataset")))
    if len(datasets) < 2:
        raise BenchmarkError(
            f"expected at least two datasets in {table.folder}, found {', '.join(datasets) or 'none'}: with it left "
            "out, nothing would be left to learn from. Build from logs of several datasets, or leave this part out."
        )


def _both_sides(name: str, ground: Ground, split: RoutingTable, test: RoutingTable, seed: int) -> tuple[Answer, Answer]:
    """A router's answers on the test samples, inside and outside."""
    with ground.stage(f"split {seed}: {name}"):
        inside = _answer(name, ground, split, test, seed)
    datasets = np.array(test.column("dataset"))
    parts, places = [], []
    for dataset in dict.fromkeys(test.column("dataset")):
        with ground.stage(f"split {seed}: {name} without {dataset}"):
            rows = np.flatnonzero(datasets == dataset)
            parts.append(_answer(name, ground, leave_dataset_out(split, dataset), test.take(rows), seed))
            places.append(rows)
    return inside, _joined(parts, np.argsort(np.concatenate(places)))


def _answer(name: str, ground: Ground, split: RoutingTable, asked: RoutingTable, seed: int) -> Answer:
    """What a router that was trained on a split makes of the samples it is asked about."""
    if name in POLICIES:
        return Answer({None: worth_of_policy(name, split, asked, seed=seed)})
    router, features = ground.train(name, split, seed), ground.features.of(asked)
    decisions = router.decide(features).cpu().numpy()
    worth: dict[float | None, Chosen] = {None: worth_of(decisions, asked)}
    if hasattr(router.config, "guard"):
        own = router.config.guard
        for guard in GUARDS:
            router.config.guard = guard
            worth[guard] = worth_of(router.decide(features).cpu().numpy(), asked)
        router.config.guard = own
    made = ask_estimates(name, router, features, np.arange(len(asked.pool)))
    if made is None:
        return Answer(worth)
    return Answer(worth, made.of_chosen(decisions)[0], made.accuracy)


def _joined(parts: Sequence[Answer], order: np.ndarray) -> Answer:
    """Answers on samples of one dataset after another as one answer, in the order of the test split."""
    worth = {
        guard: tuple(np.concatenate([part.worth[guard][side] for part in parts])[order] for side in (0, 1))
        for guard in parts[0].worth
    }
    if parts[0].told is None:
        return Answer(worth)
    told, estimated = (np.concatenate([getattr(part, kind) for part in parts])[order] for kind in ("told", "estimated"))
    return Answer(worth, told, estimated)


def _seen(sides: Mapping[str, Answer], test: RoutingTable) -> dict[str, Any]:
    """Calibration of both sides on one split, and the figures of each dataset."""
    datasets = np.array(test.column("dataset"))
    parts: dict[str, Any] = {}
    for dataset in dict.fromkeys(test.column("dataset")):
        rows = datasets == dataset
        parts[dataset] = {"num_samples": int(rows.sum())}
        for side, answer in sides.items():
            quality, cost = (float(values[rows].mean()) for values in answer.worth[None])
            score = float(rank_score(quality, cost, cost_bounds=test.cost_bounds))
            figures = {"accuracy": quality, "average_cost_usd": cost, "rank_score": score}
            parts[dataset][side] = figures | {"calibration": _calibration(answer, test, rows)}
    every = np.ones(len(test), dtype=bool)
    calibration = {side: _calibration(answer, test, every) for side, answer in sides.items()}
    return {"calibration": calibration, "per_dataset": parts}


def _calibration(answer: Answer, test: RoutingTable, rows: np.ndarray) -> dict[str, Any] | None:
    if answer.told is None:
        return None
    pairs = {
        "chosen": (answer.told[rows], answer.worth[None][0][rows]),
        "all": (answer.estimated[rows].ravel(), test.quality[rows].ravel()),
    }
    measures = {"ece": expected_calibration_error, "brier": brier_score}
    return {of: {name: measure(*pair) for name, measure in measures.items()} for of, pair in pairs.items()}


def _averaged(seen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over splits; a dataset's over the splits whose test has samples of it."""
    parts: dict[str, Any] = {}
    for dataset in sorted({dataset for split in seen for dataset in split["per_dataset"]}):
        entries = [split["per_dataset"][dataset] for split in seen if dataset in split["per_dataset"]]
        parts[dataset] = {"num_samples": sum(entry["num_samples"] for entry in entries)}
        parts[dataset] |= {side: _mean([entry[side] for entry in entries]) for side in SIDES}
    return {"calibration": _mean([split["calibration"] for split in seen]), "per_dataset": parts}


def _mean(values: Sequence[Any]) -> Any:
    """Mean of numbers, of the same place in mappings, or None of None."""
    if isinstance(values[0], Mapping):
        return {key: _mean([value[key] for value in values]) for key in values[0]}
    return None if values[0] is None else float(np.mean(values))


def _row(found: OverSplits, name: str, guard: float | None, seen: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A router's figures on both sides, and how it compares."""
    inside, outside = ((name, side, guard) for side in SIDES)
    row = {
        "router": name,
        INSIDE: found.figures(inside),
        OUTSIDE: found.figures(outside),
        "outside_minus_mixture": found.difference([outside], [(MIXTURE, OUTSIDE, None)]),
        "inside_minus_outside": found.difference([inside], [outside]),
    }
    if seen is not None:
        for side in SIDES:
            row[side]["calibration"] = seen["calibration"][side]
        row["per_dataset"] = seen["per_dataset"]
    return row
