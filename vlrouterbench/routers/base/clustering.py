"""k-means over unit-length features, and what a group of samples says about each candidate.

Decisions
- k-means++ seeding and Lloyd steps in torch: a router's cluster needs no scikit-learn, here or where it is loaded.
- Cosine geometry (rows at unit length, centres left where their means fall): the same neighbourhoods as kNN's.
- An emptied cluster takes the sample farthest from its centre, so there are always as many clusters as required.
- A group's mean is shrunk to the whole split's: strength is the number of samples that the whole split counts for.
"""

from __future__ import annotations

import torch

from vlrouterbench.routers.base.neighbors import unit_rows

MAX_STEPS = 25
ROWS_PER_BLOCK = 1024


def kmeans(features: torch.Tensor, *, num_clusters: int, seed: int) -> torch.Tensor:
    """Cluster centres, (num_clusters, dim), of features (num_samples, dim), num_samples >= num_clusters."""
    rows = unit_rows(features)
    centers = _spread_out(rows, num_clusters, torch.Generator().manual_seed(seed))
    clusters = None
    for _ in range(MAX_STEPS):
        distance, closest = _closest(rows, centers)
        if clusters is not None and torch.equal(closest, clusters):
            break
        clusters = closest
        membership = one_hot(clusters, num_clusters)
        counts = membership.sum(dim=0)
        centers = (membership.T @ rows) / counts.clamp(min=1).unsqueeze(1)
        empty = torch.nonzero(counts == 0).flatten()
        if len(empty):
            centers[empty] = rows[torch.topk(distance, len(empty)).indices]
    return centers


def assign(features: torch.Tensor, centers: torch.Tensor) -> torch.Tensor:
    """Index of the closest centre, (num_samples,) int64."""
    return torch.cat([_closest(unit_rows(block), centers)[1] for block in features.split(ROWS_PER_BLOCK)])


def one_hot(groups: torch.Tensor, num_groups: int) -> torch.Tensor:
    """Membership, (num_samples, num_groups) float32."""
    return torch.nn.functional.one_hot(groups, num_groups).float()


def group_sums(values: torch.Tensor, membership: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums and counts of measured values per group.

    Args:
        values: (num_samples, num_candidates), NaN = not measured.
        membership: (num_samples, num_groups).

    Returns:
        Two tensors (num_groups, num_candidates).
    """
    membership = membership.to(values.dtype)
    return membership.T @ values.nan_to_num(0.0), membership.T @ (~values.isnan()).to(values.dtype)


def shrunk_means(sums: torch.Tensor, counts: torch.Tensor, prior: torch.Tensor, *, strength: float) -> torch.Tensor:
    """(sum + strength * prior) / (count + strength); the prior itself where both weigh nothing.

    Args:
        sums: (num_groups, num_candidates), of measured values.
        counts: (num_groups, num_candidates), of measured values.
        prior: (num_candidates,).
        strength: samples that the prior counts for, >= 0.
    """
    weight = counts + strength
    return torch.where(weight > 0, (sums + strength * prior) / weight.clamp(min=1e-12), prior)


def _closest(rows: torch.Tensor, centers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Squared distance to the closest centre, less each row's own length, and its index."""
    values, indices = ((centers * centers).sum(dim=1) - 2 * (rows @ centers.T)).min(dim=1)
    return values, indices


def _spread_out(rows: torch.Tensor, num_clusters: int, generator: torch.Generator) -> torch.Tensor:
    """First centres by k-means++: each drawn in proportion to its squared distance from those drawn before."""
    chosen = [int(torch.randint(len(rows), (1,), generator=generator))]
    distance = torch.full((len(rows),), torch.inf)
    for _ in range(num_clusters - 1):
        distance = torch.minimum(distance, (rows - rows[chosen[-1]]).square().sum(dim=1))
        chances = distance if float(distance.sum()) > 0 else torch.ones_like(distance)
        chosen.append(int(torch.multinomial(chances, 1, generator=generator)))
    return rows[chosen].clone()
