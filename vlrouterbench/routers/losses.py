"""Training losses, as pure functions of tensors."""

from __future__ import annotations

import torch

_NOTHING = -1e4
"""A similarity that has no share; infinity would leave a row of nothing else without a gradient."""


def soft_cross_entropy(logits: torch.Tensor, soft_labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy between soft labels and softmax(logits), both (batch, num_candidates).

    Rows of soft labels sum to 1, or to 0 for a sample that must not count; the mean is over the rows that count.
    """
    per_row = -(soft_labels * torch.log_softmax(logits, dim=-1)).sum(dim=-1)
    return per_row.sum() / soft_labels.sum().clamp(min=1.0)


def masked_binary_cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean binary cross-entropy over the pairs that count, both (batch, num_candidates); a NaN target does not."""
    counted = ~targets.isnan()
    per_pair = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets.nan_to_num(0.0), reduction="none")
    return (per_pair * counted).sum() / counted.sum().clamp(min=1)


def kl_divergence(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean Kullback-Leibler divergence of softmax(logits) from targets, both (batch, num_candidates).

    Rows of targets sum to 1, or to 0 for a sample that must not count; the mean is over the rows that count.
    """
    per_row = (torch.xlogy(targets, targets) - targets * torch.log_softmax(logits, dim=-1)).sum(dim=-1)
    return per_row.sum() / targets.sum().clamp(min=1.0)


def sample_candidate_loss(
    similarities: torch.Tensor, labels: torch.Tensor, correct: torch.Tensor, kept: tuple[int, int]
) -> torch.Tensor:
    """RouterDC's contrast of samples with candidates: sum over a sample's positives of -log of its share against the
    negatives, as a mean over the batch.

    Args:
        similarities: (batch, num_candidates), temperature applied.
        labels: (batch, num_candidates); of the correct candidates those with the largest are positives.
        correct: (batch, num_candidates), 1 correct, 0 incorrect, NaN not measured.
        kept: most positives and most negatives of a sample.
    """
    # Of equals the one that scores higher now.
    tie = 1e-6 * torch.tanh(similarities.detach())
    positive = _largest(labels + tie, correct == 1, kept[0])
    negative = _largest(similarities.detach(), correct == 0, kept[1])
    driven_from = similarities.masked_fill(~negative, _NOTHING).logsumexp(dim=1, keepdim=True)
    per_pair = torch.nn.functional.softplus(driven_from - similarities)
    return torch.where(positive, per_pair, 0.0).sum() / len(similarities)


def sample_sample_loss(similarities: torch.Tensor, clusters: torch.Tensor, num_others: int) -> torch.Tensor:
    """RouterDC's contrast among samples: -log of the share of one sample of the same cluster, drawn at random, against
    samples of other clusters, drawn at random, as a mean over the batch.

    Args:
        similarities: (batch, batch), temperature applied.
        clusters: (batch,) int64.
        num_others: most samples of other clusters.
    """
    size = len(clusters)
    same = clusters[:, None] == clusters[None, :]
    alike = same & ~torch.eye(size, dtype=torch.bool, device=same.device)
    # Drawn on the CPU, whose random state is the one that every device and a resumed run share.
    draw = torch.rand(2, size, size).to(similarities.device)
    positive = _largest(draw[0], alike, 1)
    negative = _largest(draw[1], ~same, num_others)
    driven_from = similarities.masked_fill(~negative, _NOTHING).logsumexp(dim=1, keepdim=True)
    per_pair = torch.nn.functional.softplus(driven_from - similarities)
    return torch.where(positive, per_pair, 0.0).sum() / size


def _largest(values: torch.Tensor, allowed: torch.Tensor, count: int) -> torch.Tensor:
    """Which entries are among the `count` largest of their row that are allowed, as bool."""
    masked = values.masked_fill(~allowed, -torch.inf)
    places = masked.topk(min(count, values.shape[1]), dim=1).indices
    return torch.zeros_like(allowed).scatter(1, places, True) & allowed
