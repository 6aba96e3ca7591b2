"""Curves that make probabilities true, and keep what few samples cannot gainsay."""

import torch

from vlrouterbench.routers.flagship.calibrating import calibrated, calibration_curve


def test_overconfident_estimates_are_drawn_in_and_true_ones_left():
    generator = torch.Generator().manual_seed(0)
    odds = torch.randn(20_000, 2, generator=generator)
    said = torch.sigmoid(torch.stack([2 * odds[:, 0] + 1, odds[:, 1]], dim=1))
    outcome = (torch.rand(20_000, 2, generator=generator) < torch.sigmoid(odds)).float()
    curve = calibration_curve(said, outcome)
    assert abs(curve[0, 0] - 0.5) < 0.05 and abs(curve[0, 1] - 1.0) < 0.05
    means = calibrated(said, curve).mean(dim=0)
    torch.testing.assert_close(means, outcome.double().mean(dim=0), atol=2e-3, rtol=0)


def test_a_candidate_without_outcomes_keeps_its_estimates():
    said = torch.rand(50, 1, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
    curve = calibration_curve(said, torch.full((50, 1), float("nan")))
    torch.testing.assert_close(calibrated(said.double(), curve), said.double())


def test_outcomes_that_are_all_alike_leave_probabilities_below_one():
    curve = calibration_curve(torch.full((40, 1), 0.9), torch.ones(40, 1))
    made = calibrated(torch.tensor([[0.5], [0.99]]), curve)
    assert torch.isfinite(curve).all() and (made < 1).all()
