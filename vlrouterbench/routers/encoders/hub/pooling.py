"""One vector of a text from its tokens' hidden states: the first token's, the last one's, or the mean of all."""

from __future__ import annotations

import torch

CLS, LAST, MEAN = "cls", "last", "mean"
POOLINGS = (CLS, MEAN, LAST)


def pooled_tokens(hidden: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Pooled vectors, (batch, dim), of the type of the hidden states.

    Args:
        hidden: (batch, length, dim).
        mask: (batch, length) int64, 1 where there is a token, from the left; a text of no token has zeros as its mean.
        pooling: one of POOLINGS.
    """
    if pooling == CLS:
        return hidden[:, 0]
    lengths = mask.sum(dim=1)
    if pooling == LAST:
        return hidden[torch.arange(len(hidden), device=hidden.device), (lengths - 1).clamp(min=0)]
    return (hidden * mask[..., None]).sum(dim=1) / lengths[:, None].clamp(min=1)
