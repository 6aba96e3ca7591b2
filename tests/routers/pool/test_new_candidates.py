"""What anchor samples say of a candidate: few of them little more than its mean, many whom it follows."""

import pytest
import torch

from vlrouterbench.routers.pool.new_candidates import checked_outcomes, checked_price, new_candidate

GENERATOR = torch.Generator().manual_seed(0)
DEVIATIONS = 0.2 * torch.randn(4000, 3, generator=GENERATOR, dtype=torch.float64)


def test_many_anchors_find_whom_a_new_candidate_follows():
    mean, loadings, error = new_candidate(DEVIATIONS, 0.5 + DEVIATIONS[:, 1])
    assert loadings[1] > 0.95 and loadings[[0, 2]].abs().max() < 0.05
    assert mean == pytest.approx(0.5, abs=0.01) and error < 0.01


def test_a_few_anchors_leave_a_new_candidate_like_all_together():
    _, loadings, _ = new_candidate(DEVIATIONS[:3], torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64))
    # Unshrunken, three samples would fit three loadings of several units.
    torch.testing.assert_close(loadings, torch.full((3,), 1 / 3, dtype=torch.float64), atol=0.2, rtol=0)


def test_the_mean_is_that_of_the_train_split_and_not_of_anchors_that_are_harder():
    hard = DEVIATIONS[DEVIATIONS.mean(dim=1) < -0.05]
    quality = 0.5 + hard.mean(dim=1)
    mean, _, _ = new_candidate(hard, quality)
    assert quality.mean() < 0.43 and mean == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    "price", [(None, 1.0), (1.0, -1.0), (1.0, float("inf")), (float("nan"), 1.0), (1.0, 1e308), (True, 1.0)]
)
def test_a_price_that_makes_no_sense_is_refused(price):
    with pytest.raises(ValueError, match="new: expected an input and an output price >= 0"):
        checked_price("new", price)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"quality": torch.tensor([0.0, 2.0])}, "quality in"), ({"quality": None}, "found nothing"),
     ({"output_tokens": torch.ones(3)}, "measured output_tokens of 2"),
     ({"input_tokens": torch.full((2,), float("nan"))}, "measured input_tokens")],
)  # fmt: skip
def test_outcomes_that_cannot_be_used_are_refused_by_name(change, said):
    whole = {"quality": torch.tensor([0.0, 1.0]), "input_tokens": torch.ones(2), "output_tokens": torch.ones(2)}
    assert len(checked_outcomes("new", whole, 2)) == 3
    with pytest.raises(ValueError, match=said):
        checked_outcomes("new", whole | change, 2)
