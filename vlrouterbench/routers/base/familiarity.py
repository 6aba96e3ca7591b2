"""How unlike its training samples a request is: distances to them, what their texts do not span, conformal p-values.

Decisions
- The distance of a sample is the mean distance to its nearest NEIGHBOURS training samples, of texts and of images apart
  where features hold them side by side: a familiar picture must not hide a strange question.
- It is compared with the distances of one training sample of each group to the training samples of other groups, each
  held out in turn. The share of those that are at least as large is a conformal p-value (Vovk et al. 2005; of
  outliers Bates et al. 2023, arXiv 2104.08279): of requests like the training samples, about a share p has one of p
  or less.
- Distances see what training texts span: words that none of them has are lost in the projection of n-grams, and what is
  left of a strange text lies in the middle of all. So where features hold projected n-grams, the share of a text's
  length outside of the projection is a score too. The projection fits its own texts too well to be compared with
  them: the share is compared with one validation sample of each group.
- The smallest p counts, each divided by a weight (Bonferroni; the weights are 1 together): what it takes for a score
  beyond all that are known to be said, and an equal part of the rest. Where so few validation groups are known that
  this is more than 1, distances alone count.
- `unfamiliar` is 1 - p. Nothing follows from it unless that is asked for (`--when-unfamiliar`).
- At most REFERENCE training samples are kept, drawn by a fixed seed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from vlrouterbench.routers.encoders.block import CONCAT, NORMALIZE_CONCAT, TEXT_ONLY

REFERENCE, NEIGHBOURS = 2000, 5
SAID_FROM = 0.95
"""From here on a request is said to be unlike the training samples: of those that are like them, at most one in 20."""
FEATURES, DISTANCES, OUTSIDE = "familiar_features", "familiar_distances", "familiar_outside"
"""Names of what is kept: (num_kept, dim) float32; (num_parts, num_groups) float32, each row ascending; and of texts
outside of the projection (num_validation_groups,) float32, ascending."""
Grouped = tuple[torch.Tensor, torch.Tensor]
"""Features (num_samples, dim), and (num_samples,) int64: number of each sample's group of near-duplicates."""


def familiar(train: Grouped, validation: Grouped, encoder: Any) -> dict[str, torch.Tensor]:
    """What is kept of training and validation samples.

    Args:
        train: what a router learns from.
        validation: what neither its encoder nor its parameters were fitted on.
        encoder: what the features come from.

    Returns:
        By name; nothing where fewer than two groups leave nothing to compare with.
    """
    kept, own = _drawn(*train)
    if len(own.unique()) < 2:
        return {}
    one_each = _one_each(own)
    same = own[one_each].unsqueeze(1) == own
    rows = [_distances(part[one_each], part, same) for part in _parts(kept, encoder)]
    found = {FEATURES: kept, DISTANCES: torch.stack(rows).sort(dim=1).values}
    unseen, groups = _drawn(*validation)
    shares = _outside(unseen, encoder)
    return found if shares is None else found | {OUTSIDE: shares[_one_each(groups)].sort().values}


def unfamiliarities(
    features: torch.Tensor, kept: Mapping[str, torch.Tensor] | None, encoder: Any
) -> torch.Tensor | None:
    """1 - p of samples, (num_samples,) float64, by features (num_samples, dim); None where nothing is kept."""
    if kept is None or FEATURES not in kept:
        return None
    asked, known, known_distances = features.float().cpu(), kept[FEATURES], kept[DISTANCES]
    values = [
        _p_values(_distances(part, others), distances)
        for part, others, distances in zip(_parts(asked, encoder), _parts(known, encoder), known_distances, strict=True)
    ]
    sizes = _sizes(kept)
    outside = _outside(asked, encoder) if OUTSIDE in kept else None
    if outside is not None and _needed([*sizes, len(kept[OUTSIDE])]) < 1:
        values, sizes = [*values, _p_values(outside, kept[OUTSIDE])], [*sizes, len(kept[OUTSIDE])]
    spare = max(0.0, 1 - _needed(sizes)) / len(sizes)
    # Of distances alone, which are of as many groups each, every weight is the same.
    weights = [_needed([size]) + spare if spare else 1 / len(sizes) for size in sizes]
    weighted = torch.stack([p / weight for p, weight in zip(values, weights, strict=True)])
    return 1.0 - weighted.amin(dim=0).clamp(max=1.0)


def unfamiliar_text(unfamiliar: float | None) -> str:
    """That a request is unlike the training samples, in a sentence; empty for one that is not, or where no score is."""
    if unfamiliar is None or unfamiliar < SAID_FROM:
        return ""
    return f"Unlike the training samples: of requests that are like them at most {1 - unfamiliar:.1%} score as high."


def few_groups_text(kept: Mapping[str, torch.Tensor] | None) -> str:
    """That too few validation groups were kept to tell texts by their words, in a sentence; else empty."""
    if kept is None or OUTSIDE not in kept or _needed([*_sizes(kept), len(kept[OUTSIDE])]) < 1:
        return ""
    left = 1 - _needed(_sizes(kept))
    needed = f"{math.floor(1 / (1 - SAID_FROM) / left):,} are" if left > 0 else "more training samples are, too,"
    return (
        f"unfamiliar goes by distances alone: to tell texts by their words {needed} needed of groups of validation "
        f"samples, found {len(kept[OUTSIDE]):,}."
    )


def _sizes(kept: Mapping[str, torch.Tensor]) -> list[int]:
    return [len(distances) for distances in kept[DISTANCES]]


def _drawn(features: torch.Tensor, groups: torch.Tensor) -> Grouped:
    """At most REFERENCE samples, in the order drawn."""
    order = torch.randperm(len(features), generator=torch.Generator().manual_seed(0))[:REFERENCE]
    return features[order].float().cpu(), groups[order].cpu()


def _one_each(groups: torch.Tensor) -> torch.Tensor:
    """A sample of each group, the first that was drawn: a large group is one piece of evidence."""
    return torch.tensor([int((groups == group).nonzero()[0]) for group in groups.unique()], dtype=torch.int64)


def _p_values(scores: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Conformal p-values of scores (num_samples,), by those that are known, ascending."""
    as_large = len(known) - torch.searchsorted(known, scores)
    return (1 + as_large.double()) / (1 + len(known))


def _needed(sizes: Sequence[int]) -> float:
    """The least weights, together, by which a score beyond all known ones is said, of so many known ones each."""
    return sum(1 / (1 + size) for size in sizes) / (1 - SAID_FROM)


def _outside(features: torch.Tensor, encoder: Any) -> torch.Tensor | None:
    """How much of each text's length lies outside of the projection, (num_samples,); None where nothing tells.

    N-grams have length 1 and directions are orthonormal, so what the projected ones lack of it lies outside.
    """
    block: Any = getattr(encoder, "text", None)
    if getattr(encoder, "fusion", "") not in (CONCAT, TEXT_ONLY) or not hasattr(block, "projection"):
        return None
    size = block.projection.shape[1]
    mean, scale = (values[:size].float().cpu() for values in (block.mean, block.scale))
    return 1 - (features[:, :size] * scale + mean).norm(dim=1)


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
