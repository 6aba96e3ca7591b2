"""How unlike its training samples a request is: distances to them per modality, and a conformal p-value.

Decisions
- The distance of a sample is the mean distance to its nearest NEIGHBOURS training samples, of texts and of images apart
  where features hold them side by side: a familiar picture must not hide a strange question.
- It is compared with the distances of one training sample of each group to the training samples of other groups, each
  held out in turn. The share of those that are at least as large is a conformal p-value (Vovk et al. 2005; of
  outliers Bates et al. 2023, arXiv 2104.08279): of requests like the training samples, about a share p has one of p
  or less. Of two modalities the smaller counts, doubled (Bonferroni).
- `unfamiliar` is 1 - p. Nothing follows from it unless that is asked for (`--when-unfamiliar`).
- At most REFERENCE training samples are kept, drawn by a fixed seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from vlrouterbench.routers.encoders.block import CONCAT, NORMALIZE_CONCAT

REFERENCE, NEIGHBOURS = 2000, 5
SAID_FROM = 0.95
"""From here on a request is said to be unlike the training samples: of those that are like them, at most one in 20."""
FEATURES, DISTANCES = "familiar_features", "familiar_distances"
"""Names of what is kept: (num_kept, dim) float32, and (num_parts, num_groups) float32, each row ascending."""


def familiar(features: torch.Tensor, groups: torch.Tensor, encoder: Any) -> dict[str, torch.Tensor]:
    """What is kept of training samples.

    Args:
        features: (num_samples, dim).
        groups: (num_samples,) int64: number of each sample's group of near-duplicates.
        encoder: what the features come from.

    Returns:
        By name; nothing where fewer than two groups leave nothing to compare with.
    """
    order = torch.randperm(len(features), generator=torch.Generator().manual_seed(0))[:REFERENCE]
    kept, own = features[order].float().cpu(), groups[order].cpu()
    if len(own.unique()) < 2:
        return {}
    # One sample of each group, the first that was drawn: a large group is one piece of evidence.
    one_each = torch.tensor([int((own == group).nonzero()[0]) for group in own.unique()])
    same = own[one_each].unsqueeze(1) == own
    rows = [_distances(part[one_each], part, same) for part in _parts(kept, encoder)]
    return {FEATURES: kept, DISTANCES: torch.stack(rows).sort(dim=1).values}


def unfamiliarities(
    features: torch.Tensor, kept: Mapping[str, torch.Tensor] | None, encoder: Any
) -> torch.Tensor | None:
    """1 - p of samples, (num_samples,) float64, by features (num_samples, dim); None where nothing is kept."""
    if kept is None or FEATURES not in kept:
        return None
    asked, known, known_distances = features.float().cpu(), kept[FEATURES], kept[DISTANCES]
    shares = []
    for part, others, distances in zip(_parts(asked, encoder), _parts(known, encoder), known_distances, strict=True):
        as_large = len(distances) - torch.searchsorted(distances, _distances(part, others))
        shares.append((1 + as_large.double()) / (1 + len(distances)))
    return 1.0 - (torch.stack(shares).amin(dim=0) * len(shares)).clamp(max=1.0)


def unfamiliar_text(unfamiliar: float | None) -> str:
    """That a request is unlike the training samples, in a sentence; empty for one that is not, or where no score is."""
    if unfamiliar is None or unfamiliar < SAID_FROM:
        return ""
    return f"Unlike the training samples: at most {1 - unfamiliar:.1%} of them lie so far from the others."


def _parts(features: torch.Tensor, encoder: Any) -> tuple[torch.Tensor, ...]:
    """Features of the modalities, where they stand side by side; else all in one."""
    if getattr(encoder, "fusion", "") not in (CONCAT, NORMALIZE_CONCAT):
        return (features,)
    return features.split([encoder.text.length, encoder.image.length], dim=1)


def _distances(asked: torch.Tensor, known: torch.Tensor, left_out: torch.Tensor | None = None) -> torch.Tensor:
    """Mean distance to the nearest, (num_asked,), of those that `left_out` (num_asked, num_known) bool leaves."""
    distances = torch.cdist(asked, known, compute_mode="donot_use_mm_for_euclid_dist")
    if left_out is not None:
        distances = distances.masked_fill(left_out, torch.inf)
    nearest = distances.topk(min(NEIGHBOURS, distances.shape[1]), dim=1, largest=False).values
    # Where other groups have fewer samples than that, those that there are.
    return nearest.masked_fill(nearest.isinf(), torch.nan).nanmean(dim=1)
