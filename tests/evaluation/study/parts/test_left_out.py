"""Datasets left out: no router saw the dataset that it is judged on, and every figure follows from the table."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch

from tests.evaluation.study.workspaces import DATASETS, small_context
from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.data.held_out import leave_dataset_out
from vlrouterbench.evaluation.study import held_out_answers
from vlrouterbench.evaluation.study.held_out_answers import GUARDS, IfUnfamiliar, answers_on_both_sides
from vlrouterbench.evaluation.study.parts.left_out import LeftOutPart
from vlrouterbench.evaluation.study.parts.routers import RoutersPart
from vlrouterbench.features.refitting import Refitting
from vlrouterbench.metrics.calibration import brier_score, expected_calibration_error
from vlrouterbench.metrics.trade_off import rank_score
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router
from vlrouterbench.training.problem import Problem

ROUTERS = ("flagship", "uniroute", "strongest")


class Stranger(NamedTuple):
    """A router that never saw a dataset, and features of that dataset's test samples by its encoder."""

    router: PreTrainedRouter
    features: torch.Tensor


@pytest.fixture(scope="module")
def context(simulated_problem):
    return small_context(simulated_problem)


@pytest.fixture(scope="module")
def part(context):
    return LeftOutPart().run(context, ROUTERS)


@pytest.fixture(scope="module")
def rows(part):
    return {row["router"]: row for row in part["routers"]}


@pytest.fixture(scope="module")
def strangers(context):
    """Flagships that never saw a dataset, trained here on features that never saw it either; and its test features."""
    found, test = {}, context.table.split("test")
    datasets, refitting = np.array(test.column("dataset")), Refitting(context.table, context.features)
    for name in DATASETS:
        without = leave_dataset_out(context.table, name)
        problem = Problem(without, refitting.on(without))
        router = train_router("flagship", problem, RouterTrainingArguments(seed=0)).router
        found[name] = Stranger(router, problem.features.of(test.take(datasets == name)))
    return found


def decided_by_strangers(strangers, context):
    """Quality and cost of their decisions, what they expected of them, and of every candidate with what came of it."""
    test = context.table.split("test")
    datasets, values = np.array(test.column("dataset")), []
    for name, (router, features) in strangers.items():
        samples = test.take(datasets == name)
        rows = np.arange(len(samples))
        chosen, estimated = (
            router.decide(features).numpy(),
            router.estimates(features).accuracy.detach().double().numpy(),
        )
        values.append((samples.quality[rows, chosen], samples.cost[rows, chosen], estimated[rows, chosen]))
        values[-1] += (estimated.ravel(), samples.quality.ravel())
    return [np.concatenate(column) for column in zip(*values, strict=True)]


def test_no_router_saw_the_dataset_that_it_is_judged_on(part, context):
    """Of every family first the router of all datasets, then one without each of them."""
    for family in ("flagship", "uniroute"):
        datasets_seen = []
        for name, table in context.seen:
            if name == family:
                learned = [table.split(side) for side in ("train", "validation")]
                datasets_seen.append({dataset for side in learned for dataset in side.column("dataset")})
        assert datasets_seen[0] == set(DATASETS)
        assert sorted(map(sorted, datasets_seen[1:])) == sorted(sorted(set(DATASETS) - {name}) for name in DATASETS)


def test_figures_inside_are_those_of_the_plain_comparison(rows, context):
    plain = {row["router"]: row for row in RoutersPart().run(replace(context, seen=[]), ROUTERS)}
    for name in ROUTERS:
        for figure in ("accuracy", "average_cost_usd", "rank_score"):
            assert rows[name]["inside"][figure] == pytest.approx(plain[name][figure])


def test_figures_outside_are_those_of_routers_trained_without_the_dataset(rows, strangers, context):
    quality, cost, of_chosen, estimated, outcomes = decided_by_strangers(strangers, context)
    outside, bounds = rows["flagship"]["outside"], context.table.cost_bounds
    assert outside["accuracy"] == pytest.approx(quality.mean())
    assert outside["rank_score"] == pytest.approx(float(rank_score(quality.mean(), cost.mean(), cost_bounds=bounds)))
    expected = {
        of: {"ece": expected_calibration_error(*pair), "brier": brier_score(*pair)}
        for of, pair in {"chosen": (of_chosen, quality), "all": (estimated, outcomes)}.items()
    }
    for of, figures in expected.items():
        assert outside["calibration"][of] == pytest.approx(figures)
    assert outside["rank_score"] != rows["flagship"]["inside"]["rank_score"]


def test_a_fixed_candidate_outside_is_the_best_one_of_the_other_datasets(rows, context):
    train, test = (context.table.split(side) for side in ("train", "test"))
    learned_from, scored = (np.array(side.column("dataset")) for side in (train, test))
    quality = np.empty(len(test))
    for name in DATASETS:
        best = train.quality[learned_from != name].mean(axis=0).argmax()
        quality[scored == name] = test.quality[scored == name, best]
        found = rows["strongest"]["per_dataset"][name]
        assert found["outside"]["accuracy"] == pytest.approx(test.quality[scored == name, best].mean())
        assert found["num_samples"] == (scored == name).sum()
    assert rows["strongest"]["outside"]["accuracy"] == pytest.approx(quality.mean())


def test_datasets_weighted_by_their_samples_make_the_whole(rows):
    for row in rows.values():
        for side in ("inside", "outside"):
            sizes, accuracies = zip(
                *((found["num_samples"], found[side]["accuracy"]) for found in row["per_dataset"].values()), strict=True
            )
            assert row[side]["accuracy"] == pytest.approx(np.average(accuracies, weights=sizes))


def test_the_mixture_stands_beside_routers_and_differences_lie_in_their_intervals(rows):
    assert set(rows) == {*ROUTERS, "mixture"}
    assert rows["mixture"]["outside_minus_mixture"] == {"rank_score": 0.0, "ci95": [0.0, 0.0]}
    for name in ROUTERS:
        gap, (low, high) = (rows[name]["outside_minus_mixture"][key] for key in ("rank_score", "ci95"))
        assert gap == pytest.approx(rows[name]["outside"]["rank_score"] - rows["mixture"]["outside"]["rank_score"])
        assert low <= gap <= high
    assert rows["flagship"]["inside_minus_outside"]["rank_score"] == pytest.approx(
        rows["flagship"]["inside"]["rank_score"] - rows["flagship"]["outside"]["rank_score"]
    )


def test_only_calibrated_routers_have_calibration_and_only_guarded_ones_guards(rows, part):
    assert [name for name in rows if rows[name]["outside"]["calibration"]] == ["flagship"]
    assert [(row["router"], row["guard"]) for row in part["guards"]] == [("flagship", guard) for guard in GUARDS]


def test_a_guard_changes_decisions_of_the_same_routers(part, rows, strangers, context):
    guards = {row["guard"]: row["outside"] for row in part["guards"]}
    assert guards[0.0]["rank_score"] == rows["flagship"]["outside"]["rank_score"]
    for router, _ in strangers.values():
        router.config.guard = 2.0
    try:
        quality, cost, *_ = decided_by_strangers(strangers, context)
    finally:
        for router, _ in strangers.values():
            router.config.guard = 0.0
    assert guards[2.0]["accuracy"] == pytest.approx(quality.mean())
    assert guards[2.0]["average_cost_usd"] == pytest.approx(cost.mean())
    assert guards[2.0]["average_cost_usd"] != guards[0.0]["average_cost_usd"]


def test_figures_of_several_splits_are_means_over_them(context):
    def found(*seeds):
        (row,) = (
            row
            for row in LeftOutPart().run(replace(context, seeds=seeds), ("cheapest",))["routers"]
            if row["router"] == "cheapest"
        )
        return row

    first, second, both = found(0), found(3), found(0, 3)
    assert first["outside"]["rank_score"] != second["outside"]["rank_score"]
    for figures in (lambda row: row["outside"], lambda row: row["per_dataset"]["DocVQA_VAL"]["inside"]):
        single = [figures(row)["rank_score"] for row in (first, second)]
        assert figures(both)["rank_score"] == pytest.approx(np.mean(single))
    samples = [row["per_dataset"]["DocVQA_VAL"]["num_samples"] for row in (first, second, both)]
    assert samples[2] == samples[0] + samples[1]


def test_one_dataset_alone_cannot_be_left_out(context):
    table = context.table
    alone = table.take(np.array(table.column("dataset")) == "DocVQA_VAL")
    with pytest.raises(BenchmarkError, match="at least two datasets .* found DocVQA_VAL"):
        LeftOutPart().run(replace(context, table=alone), ("strongest",))


def test_how_well_strangers_are_told_follows_from_the_scores_of_both_sides(rows, strangers, context):
    test = context.table.split("test")
    seen = train_router("flagship", Problem(context.table, context.features), RouterTrainingArguments(seed=0)).router
    features, sides = context.features.of(test), {}
    sides["inside"] = np.array([seen.unfamiliarity(row.unsqueeze(0)) for row in features])
    sides["outside"] = np.concatenate(
        [[router.unfamiliarity(row.unsqueeze(0)) for row in own] for router, own in strangers.values()]
    )
    wins = np.sign(sides["outside"][:, None] - sides["inside"][None, :])
    told = rows["flagship"]["unfamiliar"]
    assert told["auroc"] == pytest.approx((wins.mean() + 1) / 2)
    assert told["said_outside"] == pytest.approx((sides["outside"] >= 0.95).mean())
    assert told["said_inside"] == pytest.approx((sides["inside"] >= 0.95).mean())
    assert rows["strongest"]["unfamiliar"] is rows["mixture"]["unfamiliar"] is None


def test_a_guard_if_unfamiliar_changes_decisions_on_samples_that_are_said_to_be_so_alone(context, monkeypatch):
    router, test = context.train("flagship", context.table, 0), context.table.split("test")
    features, rows = context.features.of(test), np.arange(len(test))
    scores = np.array([router.unfamiliarity(row.unsqueeze(0)) for row in features])
    chosen, router.config.guard = router.decide(features).numpy(), 2.0
    try:
        guarded = router.decide(features).numpy()
    finally:
        router.config.guard = 0.0
    trained = SimpleNamespace(train=lambda *_: router, features=context.features, stage=lambda _: nullcontext())
    trained.reads_features = lambda name: False
    level, decided = scores[chosen != guarded].max(), []
    for said_from in (level, np.nextafter(level, 2)):
        monkeypatch.setattr(held_out_answers, "SAID_FROM", said_from)
        ((_, *answers),) = answers_on_both_sides(["flagship"], trained, trained, context.table, 0)
        for answer in answers:
            decided.append(np.where(scores >= said_from, guarded, chosen))
            quality, cost = answer.outcomes[IfUnfamiliar(2.0)]
            assert np.array_equal(quality, test.quality[rows, decided[-1]])
            assert np.array_equal(cost, test.cost[rows, decided[-1]])
    assert not np.array_equal(decided[0], decided[2])


def test_a_guard_if_unfamiliar_is_compared_with_the_router_as_it_was_trained(part, rows):
    assert [(row["router"], row["guard"]) for row in part["when_unfamiliar"]] == [
        ("flagship", guard) for guard in GUARDS if guard
    ]
    for row in part["when_unfamiliar"]:
        for side in ("inside", "outside"):
            gain = row[f"{side}_minus_ignore"]
            own = rows["flagship"][side]["rank_score"]
            assert gain["rank_score"] == pytest.approx(row[side]["rank_score"] - own)
            assert gain["ci95"][0] <= gain["rank_score"] <= gain["ci95"][1]
