"""New candidates: training never sees them, and what they are judged by is what joining by hand gives."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.evaluation.study.workspaces import small_context
from vlrouterbench.core.errors import RouterError, UnknownNameError
from vlrouterbench.data.held_out import leave_candidate_out
from vlrouterbench.evaluation.study.parts.new_candidates import NewCandidatesPart
from vlrouterbench.metrics.calibration import brier_score
from vlrouterbench.metrics.trade_off import rank_score
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router
from vlrouterbench.training.problem import Problem

FEW = 20


@pytest.fixture(scope="module")
def context(simulated_problem):
    return small_context(simulated_problem)


@pytest.fixture(scope="module")
def num_train(context):
    return len(context.table.split("train"))


@pytest.fixture(scope="module")
def part(context, num_train):
    return NewCandidatesPart((FEW, num_train, num_train + 1)).run(context, ("flagship", "mixture", "uniroute", "knn"))


@pytest.fixture(scope="module")
def rows(part):
    return {row["router"]: row for row in part["routers"]}


def trained(context, table, family="flagship"):
    return train_router(family, Problem(table, context.features), RouterTrainingArguments(seed=0)).router


def test_training_saw_all_candidates_or_all_but_one_under_the_same_bounds(part, context):
    names = context.table.pool.names
    for family in ("flagship", "uniroute"):
        tables = [table for name, table in context.seen if name == family]
        missing = [tuple(name for name in names if name not in table.pool.names) for table in tables]
        assert missing == [(), *((name,) for name in names)]
        assert {table.cost_bounds for table in tables} == {context.table.cost_bounds}


def test_a_new_candidate_is_judged_as_one_that_joins_by_hand(rows, context):
    """The Brier score and the Rank Score at few anchor samples, with every step of joining written out."""
    train, test = (context.table.split(side) for side in ("train", "test"))
    briers, constants, scores = [], [], []
    for index, candidate in enumerate(train.pool.candidates):
        fewer = replace(leave_candidate_out(context.table, candidate.name), report=context.table.report)
        router = trained(context, fewer)
        anchors = train.take(np.array(router.anchor_set(FEW)))
        entry = {"name": candidate.name, "input_price": candidate.input_price, "output_price": candidate.output_price}
        names = ("quality", "input_tokens", "output_tokens")
        outcomes = {name: torch.tensor(anchors.matrices[name][:, index]) for name in names}
        router.add_candidate(entry, context.features.of(train)[router.anchor_set(FEW)], outcomes)
        estimated = router.estimates(context.features.of(test)).accuracy[:, -1].detach().double().numpy()
        briers.append(brier_score(estimated, test.quality[:, index]))
        constants.append(((anchors.quality[:, index].mean() - test.quality[:, index]) ** 2).mean())
        order = [other for other in range(len(train.pool)) if other != index] + [index]
        decided = np.array(order)[router.decide(context.features.of(test)).numpy()]
        averages = (matrix[np.arange(len(test)), decided].mean() for matrix in (test.quality, test.cost))
        scores.append(float(rank_score(*averages, cost_bounds=context.table.cost_bounds)))
    few = rows["flagship"]["anchor_set"][0]
    assert few["num_anchors"] == FEW
    assert few["brier"] == pytest.approx(np.mean(briers), abs=1e-6)
    assert few["constant_brier"] == pytest.approx(np.mean(constants), abs=1e-6)
    assert few["rank_score"] == pytest.approx(np.mean(scores), abs=1e-4)


def test_the_router_that_knows_all_candidates_is_the_plain_one(rows, context):
    test, router = context.table.split("test"), trained(context, context.table)
    estimated = router.estimates(context.features.of(test)).accuracy.detach().double().numpy()
    decided = router.decide(context.features.of(test)).numpy()
    averages = (matrix[np.arange(len(test)), decided].mean() for matrix in (test.quality, test.cost))
    score = float(rank_score(*averages, cost_bounds=context.table.cost_bounds))
    expected = {"brier": ((estimated - test.quality) ** 2).mean(), "rank_score": score}
    assert rows["flagship"]["trained_on"] == pytest.approx(expected)


def test_with_every_training_sample_as_an_anchor_both_choices_agree(rows):
    chosen, random = (rows["flagship"][how][1] for how in ("anchor_set", "random"))
    assert chosen["brier"] == pytest.approx(random["brier"], abs=1e-5)
    assert chosen["constant_brier"] == pytest.approx(random["constant_brier"])
    assert rows["flagship"]["anchor_set_minus_random"][1]["brier"] == pytest.approx(0.0, abs=1e-5)


def test_a_new_candidate_with_an_equal_in_the_pool_comes_near_one_that_was_trained_on(context, num_train):
    """Two candidates answer the charts, two everything else: whom a new candidate follows is all there is to learn."""
    charts = np.array(context.table.column("dataset")) == "ChartQA_TEST"
    quality = np.column_stack([charts, charts, ~charts, ~charts]).astype(float)
    table = replace(context.table, matrices=context.table.matrices | {"quality": quality})
    row = NewCandidatesPart((FEW, num_train)).run(replace(context, table=table), ("flagship",))["routers"][0]
    (few, many), trained_on = row["anchor_set"], row["trained_on"]["brier"]
    assert trained_on < many["brier"] < few["brier"] < many["constant_brier"]
    assert many["brier"] - trained_on < 0.2 * (many["constant_brier"] - trained_on)


def test_counts_that_train_does_not_have_are_left_out(rows, num_train):
    assert [entry["num_anchors"] for entry in rows["flagship"]["random"]] == [FEW, num_train]


def test_a_family_that_chooses_no_anchors_joins_by_random_ones(rows):
    assert "anchor_set" not in rows["uniroute"] and len(rows["uniroute"]["random"]) == 2
    assert rows["uniroute"]["anchor_set_minus_random"] == []


def test_larger_random_sets_hold_the_smaller_ones(context, monkeypatch):
    joined, add = [], OpenPoolRouter.add_candidate

    def watched(router, candidate, features, outcomes):
        joined.append((candidate["name"], features))
        add(router, candidate, features, outcomes)

    monkeypatch.setattr(OpenPoolRouter, "add_candidate", watched)
    NewCandidatesPart((10, FEW)).run(context, ("flagship",))
    for start in range(0, len(joined), 4):
        (_, by_router), (one, small), _, (other, large) = joined[start : start + 4]
        assert one == other and len(large) == FEW
        assert torch.equal(large[:10], small) and not torch.equal(by_router, small)


def test_routers_that_nobody_can_join_are_named(part, context):
    assert part["skipped"] == ["mixture", "knn"]
    with pytest.raises(RouterError, match=r"found knn, mixture\. .*: uniroute, flagship"):
        NewCandidatesPart().run(context, ("knn", "mixture"))
    with pytest.raises(UnknownNameError, match="flagshp"):
        NewCandidatesPart().run(context, ("flagshp",))


def test_too_few_training_samples_and_unmeasured_tokens_are_refused(context, num_train):
    with pytest.raises(RouterError, match=f"at least {num_train + 1} training samples .* found {num_train}"):
        NewCandidatesPart((num_train + 1,)).run(context, ("flagship",))
    tokens = context.table.matrices["input_tokens"].copy()
    tokens[:, 0] = np.nan
    lacking = replace(context.table, matrices=context.table.matrices | {"input_tokens": tokens})
    with pytest.raises(RouterError, match=f"{context.table.pool.names[0]} cannot join flagship .*input_tokens"):
        NewCandidatesPart((FEW,)).run(replace(context, table=lacking), ("flagship",))
