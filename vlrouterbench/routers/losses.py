"""Training losses, as pure functions of tensors."""

from __future__ import annotations

import torch


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
