"""Training losses, as pure functions of tensors."""

from __future__ import annotations

import torch


def soft_cross_entropy(logits: torch.Tensor, soft_labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy between soft labels and softmax(logits), both (batch, num_candidates).

    Rows of soft labels sum to 1, or to 0 for a sample that must not count; the mean is over the rows that count.
    """
    per_row = -(soft_labels * torch.log_softmax(logits, dim=-1)).sum(dim=-1)
    return per_row.sum() / soft_labels.sum().clamp(min=1.0)
