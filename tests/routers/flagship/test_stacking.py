"""Folds that keep groups whole, and weights that trust a good guess and not a bad one."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.routers.flagship.stacking import NUM_FOLDS, fold_of, parts, stack_weights, stacked


@given(st.lists(st.integers(0, 30), min_size=1, max_size=80), st.integers(0, 5))
def test_a_group_lies_in_one_fold_and_folds_are_of_even_numbers_of_groups(groups, seed):
    numbers = torch.tensor(groups)
    folds = fold_of(numbers, seed=seed)
    per_group = [set(folds[numbers == group].tolist()) for group in numbers.unique()]
    assert all(len(found) == 1 for found in per_group)
    sizes = [sum(found == {fold} for found in per_group) for fold in range(NUM_FOLDS)]
    assert max(sizes) - min(sizes) <= 1


def test_parts_tell_what_candidates_share_from_what_sets_them_apart():
    assert parts(torch.tensor([[[1.0], [3.0]]])).tolist() == [[[2.0, -1.0], [2.0, 1.0]]]


def test_a_true_guess_outweighs_noise_and_weights_are_never_negative():
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
    guesses = torch.stack([truth, torch.randn(500, 2, generator=generator)], dim=2)
    hidden = torch.cat([truth, torch.full((100, 2), float("nan"))])
    more = torch.cat([guesses, torch.full((100, 2, 2), 9.0)])
    torch.testing.assert_close(stack_weights(more, hidden), stack_weights(guesses, truth))


def test_guesses_that_all_say_nothing_amount_to_nothing():
    nothing = torch.zeros(10, 2, 3)
    assert stacked(nothing, stack_weights(nothing, torch.ones(10, 2))).abs().sum() == 0
