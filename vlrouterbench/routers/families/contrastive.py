"""RouterDC's contrastive losses, as pure functions of tensors."""

from __future__ import annotations

import torch

from vlrouterbench.routers.base.learning import CORRECT_THRESHOLD

_NOTHING = -1e4
"""A similarity that has no share; infinity would leave a row of nothing else without a gradient."""


def sample_candidate_loss(
    similarities: torch.Tensor, labels: torch.Tensor, quality: torch.Tensor, kept: tuple[int, int]
) -> torch.Tensor:
    """RouterDC's contrast of samples with candidates, a mean over the batch.

    Of each sample the sum over its positives of -log of its share against the negatives.

    Args:
        similarities: (batch, num_candidates), over the temperature.
        labels: (batch, num_candidates); of the correct candidates those with the largest are positives.
        quality: (batch, num_candidates), NaN = not measured; of the incorrect candidates those with the least are
            negatives.
        kept: most positives and most negatives of a sample.
    """
    correct, incorrect = quality >= CORRECT_THRESHOLD, quality < CORRECT_THRESHOLD
    # Of equals the one that scores higher now, so that the pool's order has no part in it.
    now = similarities.detach()
    positive = _foremost(correct, kept[0], labels, now)
    negative = _foremost(incorrect, kept[1], -quality, now)
    return _share_lost(similarities, positive, negative)


def sample_sample_loss(
    similarities: torch.Tensor, clusters: torch.Tensor, num_others: int, draw: torch.Tensor
) -> torch.Tensor:
    """RouterDC's contrast among samples, a mean over the batch.

    Of each sample -log of the share of one other sample of the same cluster against samples of other clusters, all
    drawn at random.

    Args:
        similarities: (batch, batch).
        clusters: (batch,) int64.
        num_others: most samples of other clusters.
        draw: (2, batch, batch) random numbers: the largest of the first are like samples, of the second unlike ones.
    """
    same = clusters[:, None] == clusters[None, :]
    alike = same & ~torch.eye(len(clusters), dtype=torch.bool, device=same.device)
    return _share_lost(similarities, _foremost(alike, 1, draw[0]), _foremost(~same, num_others, draw[1]))


def _share_lost(similarities: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
    """Mean over rows of the sum over a row's positives of -log of its share against the row's negatives."""
    driven_from = similarities.masked_fill(~negative, _NOTHING).logsumexp(dim=1, keepdim=True)
    per_pair = torch.nn.functional.softplus(driven_from - similarities)
    return torch.where(positive, per_pair, 0.0).sum() / len(similarities)


def _foremost(allowed: torch.Tensor, count: int, *keys: torch.Tensor) -> torch.Tensor:
    """Which entries are among the `count` of their row that are allowed and have the largest keys, as bool.

    Entries are ordered by the first key, of equals by the next.
    """
    order = torch.arange(allowed.shape[1], device=allowed.device).expand(allowed.shape)
    for key in reversed(keys):
        masked = key.masked_fill(~allowed, -torch.inf).gather(1, order)
        order = order.gather(1, masked.argsort(dim=1, descending=True, stable=True))
    return torch.zeros_like(allowed).scatter(1, order[:, :count], True) & allowed
