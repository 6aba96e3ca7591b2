"""Combining guesses: how much each member's counts, learnt on samples that the members were not fitted on.

Decisions
- What all candidates share (is the sample hard?) and what tells them apart have weights of their own: decisions follow
  the second alone, and a squared error over both would be ruled by the first.
- Weights are at least 0 and are free to sum to less than 1: where guesses are mostly noise, that draws them to 0.
- They are drawn towards the plain average of all guesses as strongly as the samples draw them elsewhere: guesses are
  much alike, and which of them was best by a hair is chance.
- Folds hold groups whole, since near-duplicates would tell a member the answer.
"""

from __future__ import annotations

import torch

NUM_FOLDS = 5
SWEEPS = 500


def fold_of(groups: torch.Tensor, *, seed: int) -> torch.Tensor:
    """Fold of each sample, (num_samples,) int64 in 0..NUM_FOLDS - 1: groups are drawn, and of about equal number.

    Args:
        groups: (num_samples,) int64, number of each sample's group.
        seed: of the draw.
    """
    _, numbers = groups.unique(return_inverse=True)
    order = torch.randperm(int(numbers.max()) + 1, generator=torch.Generator().manual_seed(seed))
    return (order % NUM_FOLDS)[numbers]


def parts(guesses: torch.Tensor) -> torch.Tensor:
    """Guesses (num_samples, num_candidates, num_guesses) split into what candidates share and what tells them apart,
    (num_samples, num_candidates, 2 * num_guesses)."""
    shared = guesses.mean(dim=1, keepdim=True)
    return torch.cat([shared.expand_as(guesses), guesses - shared], dim=2)


def stack_weights(guesses: torch.Tensor, deviations: torch.Tensor) -> torch.Tensor:
    """Weights >= 0 of the parts with the least squared error, (2 * num_guesses,) float64.

    Args:
        guesses: (num_samples, num_candidates, num_guesses), made without each sample's own fold.
        deviations: (num_samples, num_candidates), NaN = not measured.
    """
    known = ~deviations.isnan()
    design, target = parts(guesses)[known].double(), deviations[known].double()
    gram, toward = design.T @ design, design.T @ target
    own = gram.diagonal().clamp(min=1e-12)
    average = torch.full_like(own, 1 / guesses.shape[2])
    gram, toward = gram + torch.diag(own), toward + own * average
    weights = average.clone()
    for _ in range(SWEEPS):
        for place in range(len(weights)):
            step = (toward[place] - gram[place] @ weights) / gram[place, place]
            weights[place] = (weights[place] + step).clamp(min=0)
    return weights


def stacked(guesses: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Deviations (num_samples, num_candidates) that weighted guesses amount to."""
    return parts(guesses) @ weights.to(guesses)
