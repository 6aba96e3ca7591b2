"""Encoders of a study: each part, and a comparison, train over encoders that saw the train split at hand alone."""

from dataclasses import dataclass, field, replace

import pytest
import torch

from tests.evaluation.study.workspaces import WatchedContext, small_context
from vlrouterbench.evaluation.compare.compare import compare
from vlrouterbench.evaluation.compare.saved import load_asked
from vlrouterbench.evaluation.study.context import resplit
from vlrouterbench.evaluation.study.parts import budget_streams, measuring
from vlrouterbench.evaluation.study.study import PARTS, study
from vlrouterbench.features import refitting
from vlrouterbench.features.refitting import Refitting

SEEDS = (0, 3)


@dataclass(frozen=True)
class FittedContext(WatchedContext):
    """A context that keeps the features that each training was given, beside what it was trained on."""

    given: list = field(default_factory=list)

    def training_of(self, name, table, seed):
        family, problem, arguments = super().training_of(name, table, seed)
        self.given.append((table, problem.features))
        return family, problem, arguments


@pytest.fixture(scope="module")
def context(simulated_problem):
    small = small_context(simulated_problem)
    own = Refitting(small.table, small.features).on(small.table)
    return FittedContext(small.table, own, SEEDS)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(budget_streams, "SHARES", (0.2,))
    monkeypatch.setattr(measuring, "SHARES", (0.5,))


def same(one, two):
    """Whether two encoders were fitted on the same samples."""
    return all(
        torch.equal(first, second)
        for first, second in zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("part", [part.name for part in PARTS])
def test_every_part_trains_over_encoders_that_saw_the_train_split_of_the_split_alone(part, context, few):
    context = replace(context, given=[])
    study(context, ["flagship" if part in ("calibration", "budget-streams") else "uniroute"], [part])
    assert len(context.given) >= len(SEEDS)
    anew = Refitting(context.table, context.features)
    left_parts = part in ("left-out", "learning-curves")
    of_split = [anew.on(resplit(context.table, seed)).encoder for seed in SEEDS]
    assert not same(*of_split)
    for table, features in context.given:
        # A part that measures or joins candidates trains on few outcomes of a split whose inputs are all at hand.
        expected = [anew.on(table).encoder] if left_parts else of_split
        assert any(same(features.encoder, encoder) for encoder in expected)
        train = table.split("train")
        assert features.of(train).isfinite().all()
    if not left_parts:
        assert {any(same(features.encoder, one) for _, features in context.given) for one in of_split} == {True}


def test_a_comparison_trains_over_encoders_of_each_split(context):
    context = replace(context, given=[])
    compare([context], load_asked(["uniroute"]))
    anew = Refitting(context.table, context.features)
    assert len(context.given) == len(SEEDS)
    for table, features in context.given:
        assert same(features.encoder, anew.on(table).encoder)


def test_features_of_every_split_are_those_of_text_encoders_that_names_bring_and_of_those_to_compare_with(context):
    by_text = {"other": replace(context.features)}
    whole = replace(context, by_text=by_text, against=replace(context.features))
    part = resplit(context.table, 3)
    own = whole.fitted_on(part)
    for features in (own.features, own.by_text["other"], own.against):
        assert same(features.encoder, Refitting(context.table, context.features).on(part).encoder)


def test_nothing_is_read_where_nothing_is_computed_from_features(context, monkeypatch):
    def refuse(*_):
        raise AssertionError("inputs were read")

    monkeypatch.setattr(refitting, "read_blocks", refuse)
    assert [seed for seed, *_ in context.fitted(["mixture", "strongest"])] == list(SEEDS)
    with pytest.raises(AssertionError, match="inputs were read"):
        list(context.fitted(["mixture", "knn"]))


def test_the_page_says_whose_features_they_are(context, monkeypatch):
    assert "fitting encoders, training" in study(context, ["cheapest"]).page()
    monkeypatch.setattr(refitting, "read_given", lambda folder: object())
    result = study(replace(context, given=[]), ["cheapest"])
    assert result.header["encoder_refitted"] is False
    assert "Features are those that the benchmark brings with it" in result.page()
