"""The simple estimators that the flagship router stacks: each guesses every candidate's quality from features.

Decisions
- A member is a module that is sized by its settings, fitted in one pass and asked for guesses; it is saved with the
  router.
- Guesses are deviations from each candidate's mean, so that a member that knows nothing says 0 and the stack can draw
  every guess towards the mean by one number.
- A member may make several guesses at once (several neighbour counts); the stack weighs them apart.
- Unmeasured pairs count for nothing: a neighbourhood without measured pairs guesses 0.
"""

from __future__ import annotations

import torch
from torch import nn

from .modeling_ridge_mf import reduced_rank_ridge
from .neighbors import NeighborIndex, unit_rows


def _zeros(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(*shape), requires_grad=False)


class NeighborMember(nn.Module):
    """Mean deviations of the nearest training samples, for several numbers of them.

    Args:
        memory_size: remembered samples.
        dim: length of a feature vector.
        num_candidates: size of the pool.
        counts: numbers of neighbours, one guess each.
    """

    def __init__(self, memory_size: int, dim: int, num_candidates: int, counts: list[int]) -> None:
        super().__init__()
        self.counts = counts
        self.rows = _zeros(memory_size, dim)
        self.deviations = _zeros(memory_size, num_candidates)
        self.measured = _zeros(memory_size, num_candidates)
        self._searched: tuple[tuple[int, int], NeighborIndex] | None = None

    @torch.no_grad()
    def fit(self, features: torch.Tensor, deviations: torch.Tensor) -> None:
        """Remember features (memory_size, dim) and deviations (memory_size, num_candidates), NaN = not measured."""
        self.rows.copy_(unit_rows(features))
        self.measured.copy_(~deviations.isnan())
        self.deviations.copy_(deviations.nan_to_num(0.0))

    def guesses(self, features: torch.Tensor) -> torch.Tensor:
        """Deviations, (num_samples, num_candidates, len(counts))."""
        _, places = self._index().search(features, num_neighbors=max(self.counts))
        total = self.deviations[places].cumsum(dim=1)
        seen = self.measured[places].cumsum(dim=1)
        ends = [min(count, places.shape[1]) - 1 for count in self.counts]
        return (total[:, ends] / seen[:, ends].clamp(min=1)).transpose(1, 2)

    def _index(self) -> NeighborIndex:
        rows = self.rows.detach()
        state = rows.data_ptr(), 0 if rows.is_inference() else rows._version
        if self._searched is None or self._searched[0] != state:
            self._searched = state, NeighborIndex(rows)
        return self._searched[1]


class LinearMember(nn.Module):
    """Deviations as low-rank linear functions of the features, for several ranks.

    Args:
        dim: length of a feature vector.
        num_targets: deviations that are guessed.
        ranks: numbers of directions, one guess each.
        strength: penalty on squared weights, as a multiple of the number of samples.
    """

    def __init__(self, dim: int, num_targets: int, ranks: list[int], strength: float) -> None:
        super().__init__()
        self.ranks, self.strength = ranks, strength
        self.means = _zeros(dim)
        self.directions = _zeros(dim, num_targets)
        self.loadings = _zeros(num_targets, num_targets)

    @torch.no_grad()
    def fit(self, features: torch.Tensor, deviations: torch.Tensor) -> None:
        """Solve for features (num_samples, dim) and deviations (num_samples, num_targets), NaN = not measured."""
        rows, targets = features.double(), deviations.double()
        means = rows.mean(dim=0)
        directions, loadings = reduced_rank_ridge(rows - means, targets, penalty=self.strength * len(rows))
        self.means.copy_(means)
        self.directions.copy_(directions)
        self.loadings.copy_(loadings)

    def guesses(self, features: torch.Tensor) -> torch.Tensor:
        """Deviations, (num_samples, num_targets, len(ranks))."""
        latent = (features - self.means) @ self.directions
        return torch.stack([latent[:, :rank] @ self.loadings[:rank] for rank in self.ranks], dim=2)
