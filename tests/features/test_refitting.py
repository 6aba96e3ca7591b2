"""Encoders fitted anew on a part: as the part's own train split would have it, and nothing of the rest."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.evaluation.study.workspaces import small_context
from vlrouterbench.evaluation.study.learning_curve_sizes import part_of_split
from vlrouterbench.features import refitting
from vlrouterbench.features.fitting import fit_encoder
from vlrouterbench.features.inputs import router_inputs
from vlrouterbench.features.refitting import Refitting


@pytest.fixture(scope="module")
def context(simulated_problem):
    return small_context(simulated_problem)


def test_features_of_a_part_are_those_of_an_encoder_that_saw_its_train_split_alone(context):
    part = part_of_split(context.table, 0.3, seed=0)
    own = Refitting(context.table, context.features).on(part)
    ordered = part.take(np.argsort(part.rows))
    inputs, train = list(router_inputs(ordered)), np.array(ordered.column("split")) == "train"
    read = context.features.encoder.read(inputs)
    expected = fit_encoder(read.take(np.flatnonzero(train)))
    assert own.encoder.config == expected.config != context.features.encoder.config
    for (name, one), (_, two) in zip(own.encoder.named_buffers(), expected.named_buffers(), strict=True):
        assert torch.equal(one, two), name
    np.testing.assert_array_equal(own.of(ordered), own.encoder.features_of(read))
    outside = np.setdiff1d(np.arange(len(own.values)), part.rows)
    assert len(outside) and own.values[outside].isnan().all()


def test_features_that_a_benchmark_brings_keep_their_encoder(context, monkeypatch):
    monkeypatch.setattr(refitting, "read_given", lambda folder: SimpleNamespace())
    kept = Refitting(context.table, context.features)
    assert not kept.refits and kept.on(context.table) is context.features


def test_fitted_on_the_whole_benchmark_features_are_those_that_were_stored(simulated_problem):
    again = Refitting(simulated_problem.table, simulated_problem.features).on(simulated_problem.table)
    assert torch.equal(again.values, simulated_problem.features.values)
