"""What each simple estimator learns, on samples few enough to reckon with."""

import pytest
import torch

from vlrouterbench.routers.flagship.base_learners import DatasetMember, KernelMember, LinearMember

NAN = float("nan")
ROWS = torch.eye(2).repeat_interleave(50, dim=0)
"""Fifty samples along each of two axes."""


def test_kernel_guesses_what_lies_in_the_same_direction_and_nothing_for_the_unmeasured():
    member = KernelMember(20, 2, 2, [1e-4])
    deviations = torch.stack([torch.where(ROWS[:, 0] > 0, 0.3, -0.3), torch.full((100,), NAN)], dim=1)
    member.fit(ROWS, deviations, seed=0)
    guesses = member.guesses(torch.tensor([[5.0, 0.0], [0.0, 2.0]]))[:, :, 0]
    torch.testing.assert_close(guesses[:, 0], torch.tensor([0.3, -0.3]), atol=2e-3, rtol=0)
    assert guesses[:, 1].tolist() == [0.0, 0.0]


def test_a_heavier_penalty_draws_guesses_to_the_mean():
    member = KernelMember(20, 2, 1, [1e-4, 1.0, 100.0])
    member.fit(ROWS, torch.where(ROWS[:, :1] > 0, 0.3, -0.3), seed=0)
    light, middle, heavy = member.guesses(ROWS[:1])[0, 0].tolist()
    assert light > middle > heavy > 0


def test_a_kernel_with_more_landmarks_than_samples_uses_what_there_is():
    member = KernelMember(500, 2, 1, [1e-4])
    member.fit(ROWS, torch.where(ROWS[:, :1] > 0, 0.3, -0.3), seed=0)
    assert member.guesses(ROWS[:1])[0, 0, 0].item() == pytest.approx(0.3, abs=2e-3)
    assert member.landmarks[100:].abs().sum() == 0


def test_dataset_effects_are_shrunken_means_and_need_no_name():
    member = DatasetMember(2, 1, 2)
    member.fit(ROWS, torch.where(ROWS[:, :1] > 0, 0.7, 0.0), (ROWS[:, 1] > 0).long())
    # 50 samples of 0.7 beside 20 of no effect.
    torch.testing.assert_close(member.effects, torch.tensor([[0.5], [0.0]]))
    guesses = member.guesses(torch.eye(2))[:, 0, 0]
    assert guesses[0] > 0.49 and guesses[1] < 0.01


def test_linear_member_passes_the_means_and_is_blind_to_the_unmeasured():
    member = LinearMember(2, 1, 1e-6)
    deviations = torch.where(ROWS[:, :1] > 0, 0.4, -0.4)
    deviations[::2] = NAN
    member.fit(ROWS, deviations)
    torch.testing.assert_close(member.guesses(torch.eye(2))[:, 0], torch.tensor([0.4, -0.4]), atol=1e-4, rtol=0)
