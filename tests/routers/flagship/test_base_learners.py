"""What base learners learn from few samples, folds that keep groups whole, weights and curves that resist noise."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.routers.flagship.base_learners import DatasetLearner, KernelLearner, LinearLearner
from vlrouterbench.routers.flagship.stacking import (
    NUM_FOLDS,
    calibrated,
    calibration_curve,
    fold_of,
    parts,
    stack_weights,
    stacked,
)

NAN = float("nan")
ROWS = torch.eye(2).repeat_interleave(50, dim=0)
"""Fifty samples along each of two axes."""


def test_kernel_predicts_what_lies_in_the_same_direction_and_nothing_for_the_unmeasured():
    learner = KernelLearner(20, 2, 2, [1e-4])
    residuals = torch.stack([torch.where(ROWS[:, 0] > 0, 0.3, -0.3), torch.full((100,), NAN)], dim=1)
    learner.fit(ROWS, residuals, seed=0)
    predictions = learner.predict(torch.tensor([[5.0, 0.0], [0.0, 2.0]]))[:, :, 0]
    torch.testing.assert_close(predictions[:, 0], torch.tensor([0.3, -0.3]), atol=2e-3, rtol=0)
    assert predictions[:, 1].tolist() == [0.0, 0.0]


def test_a_heavier_penalty_draws_predictions_to_the_mean():
    learner = KernelLearner(20, 2, 1, [1e-4, 1.0, 100.0])
    learner.fit(ROWS, torch.where(ROWS[:, :1] > 0, 0.3, -0.3), seed=0)
    light, middle, heavy = learner.predict(ROWS[:1])[0, 0].tolist()
    assert light > middle > heavy > 0


def test_a_kernel_with_more_landmarks_than_samples_uses_what_there_is():
    learner = KernelLearner(500, 2, 1, [1e-4])
    learner.fit(ROWS, torch.where(ROWS[:, :1] > 0, 0.3, -0.3), seed=0)
    assert learner.predict(ROWS[:1])[0, 0, 0].item() == pytest.approx(0.3, abs=2e-3)
    assert learner.landmarks[100:].abs().sum() == 0


def test_dataset_effects_are_shrunken_means_and_need_no_name():
    learner = DatasetLearner(2, 1, 2)
    learner.fit(lambda: [(ROWS, torch.where(ROWS[:, :1] > 0, 0.7, 0.0), (ROWS[:, 1] > 0).long())])
    # 50 samples of 0.7 beside 20 of no effect.
    torch.testing.assert_close(learner.effects, torch.tensor([[0.5], [0.0]]))
    predictions = learner.predict(torch.eye(2))[:, 0, 0]
    assert predictions[0] > 0.49 and predictions[1] < 0.01


def test_linear_learner_passes_the_means_and_is_blind_to_the_unmeasured():
    learner = LinearLearner(2, 1, 1e-6)
    residuals = torch.where(ROWS[:, :1] > 0, 0.4, -0.4)
    residuals[::2] = NAN
    learner.fit(lambda: [(ROWS, residuals)])
    torch.testing.assert_close(learner.predict(torch.eye(2))[:, 0], torch.tensor([0.4, -0.4]), atol=1e-4, rtol=0)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=80), st.integers(0, 5))
def test_a_group_lies_in_one_fold_and_folds_are_of_even_numbers_of_groups(groups, seed):
    numbers = torch.tensor(groups)
    fold_per_sample = fold_of(numbers, seed=seed)
    per_group = [set(fold_per_sample[numbers == group].tolist()) for group in numbers.unique()]
    assert all(len(folds) == 1 for folds in per_group)
    sizes = [sum(folds == {fold} for folds in per_group) for fold in range(NUM_FOLDS)]
    assert max(sizes) - min(sizes) <= 1


def test_parts_tell_what_candidates_share_from_what_sets_them_apart():
    assert parts(torch.tensor([[[1.0], [3.0]]])).tolist() == [[[2.0, -1.0], [2.0, 1.0]]]


def test_a_true_prediction_outweighs_noise_and_weights_are_never_negative():
    generator = torch.Generator().manual_seed(0)
    truth, noise = torch.randn(2, 2000, 3, generator=generator)
    weights = stack_weights(torch.stack([truth, noise, -truth], dim=2), truth)
    assert (weights >= 0).all()
    # Half the pull is the prior's: 1 + 1/3 over 2 for what is true, 1/3 over 2 for what says nothing.
    assert 0.6 < weights[3] and weights[4] < 0.2
    assert weights[5] == 0


def test_unmeasured_pairs_have_no_part_in_the_weights():
    generator = torch.Generator().manual_seed(1)
    truth = torch.randn(500, 2, generator=generator)
    predictions = torch.stack([truth, torch.randn(500, 2, generator=generator)], dim=2)
    hidden = torch.cat([truth, torch.full((100, 2), float("nan"))])
    more = torch.cat([predictions, torch.full((100, 2, 2), 9.0)])
    torch.testing.assert_close(stack_weights(more, hidden), stack_weights(predictions, truth))


def test_predictions_that_all_say_nothing_amount_to_nothing():
    nothing = torch.zeros(10, 2, 3)
    assert stacked(nothing, stack_weights(nothing, torch.ones(10, 2))).abs().sum() == 0


def test_overconfident_estimates_are_drawn_in_and_true_ones_left():
    generator = torch.Generator().manual_seed(0)
    odds = torch.randn(20_000, 2, generator=generator)
    stated = torch.sigmoid(torch.stack([2 * odds[:, 0] + 1, odds[:, 1]], dim=1))
    outcome = (torch.rand(20_000, 2, generator=generator) < torch.sigmoid(odds)).float()
    curve = calibration_curve(stated, outcome)
    assert abs(curve[0, 0] - 0.5) < 0.05 and abs(curve[0, 1] - 1.0) < 0.05
    means = calibrated(stated, curve).mean(dim=0)
    torch.testing.assert_close(means, outcome.double().mean(dim=0), atol=2e-3, rtol=0)


def test_a_candidate_without_outcomes_keeps_its_estimates():
    stated = torch.rand(50, 1, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
    curve = calibration_curve(stated, torch.full((50, 1), float("nan")))
    torch.testing.assert_close(calibrated(stated.double(), curve), stated.double())


def test_outcomes_that_are_all_alike_leave_probabilities_below_one():
    curve = calibration_curve(torch.full((40, 1), 0.9), torch.ones(40, 1))
    made = calibrated(torch.tensor([[0.5], [0.99]]), curve)
    assert torch.isfinite(curve).all() and (made < 1).all()
