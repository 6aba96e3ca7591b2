"""What the router makes of every sample of the benchmark: asked once, at the first start, and kept for Explore.

Decisions
- Estimates of all splits, a block of samples at a time: memory follows the block, not the benchmark.
- An end-to-end router, which takes seconds for a sample, is not asked again: Explore shows its scored decisions alone.
- The file belongs to a router and a benchmark; whoever keeps it sees to that (`workspace.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from vlrouterbench.core.files import staged_file
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.features.encode import features_by
from vlrouterbench.routers.auto import is_kind
from vlrouterbench.routers.base.calibrated import CalibratedRouter
from vlrouterbench.routers.base.familiarity import unfamiliarities
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter

_BLOCK = 1_024
"""Samples that are estimated together."""
FeaturesOf = Callable[[RoutingTable], torch.Tensor]
"""Features (num_samples, dim) of a part of the benchmark, by the router's own encoder."""


@dataclass(frozen=True)
class SampleEstimates:
    """What a router makes of the samples of a benchmark, in the order of its rows and of its candidates.

    Attributes:
        decisions: (num_samples,) int64, indices into the benchmark's pool.
        height: (num_samples, num_candidates) float32, estimated accuracy, or scores where the router is not calibrated.
        cost_usd: of that shape, USD per sample; NaN where it is not known.
        standard_error: of `height`, None where there is none.
        unfamiliar: (num_samples,) float32, see `familiarity.py`; None where the router keeps nothing to tell by.
    """

    decisions: torch.Tensor
    height: torch.Tensor
    cost_usd: torch.Tensor
    standard_error: torch.Tensor | None = None
    unfamiliar: torch.Tensor | None = None

    def take(self, rows: np.ndarray) -> SampleEstimates:
        """Those of some rows (num_rows,)."""
        chosen = torch.from_numpy(rows)
        error, unlike = self.standard_error, self.unfamiliar
        return SampleEstimates(
            self.decisions[chosen],
            self.height[chosen],
            self.cost_usd[chosen],
            None if error is None else error[chosen],
            None if unlike is None else unlike[chosen],
        )


def keep_estimates(
    router: PreTrainedRouter, table: RoutingTable, path: Path, features_of: FeaturesOf | None = None
) -> None:
    """Ask a router about every sample and write what it answers; no file for an end-to-end router.

    Args:
        router: with the benchmark's candidates, in any order.
        table: the whole benchmark.
        path: the file.
        features_of: where features are at hand; else samples are encoded.
    """
    if router.end_to_end:
        return
    features_of = features_of or _encoded_by(router)
    places = torch.tensor([router.config.candidate_names.index(name) for name in table.pool.names])
    parts = [_of_block(router, features_of(part), places) for part in _blocks(table)]
    kept: dict[str, torch.Tensor] = {}
    for part in fields(SampleEstimates):
        values = [getattr(block, part.name) for block in parts]
        if values[0] is not None:
            kept[part.name] = torch.cat(values).contiguous()
    with staged_file(path) as staging:
        save_file(kept, staging)


def read_estimates(path: Path) -> SampleEstimates | None:
    """What `keep_estimates` wrote; None where there is no file."""
    return SampleEstimates(**load_file(path)) if path.is_file() else None


def _blocks(table: RoutingTable) -> Iterator[RoutingTable]:
    for start in range(0, len(table), _BLOCK):
        yield table.take(np.arange(start, min(start + _BLOCK, len(table))))


def _encoded_by(router: PreTrainedRouter) -> FeaturesOf:
    return lambda part: features_by(router.encoder, part)


@torch.no_grad()
def _of_block(router: PreTrainedRouter, features: torch.Tensor, places: torch.Tensor) -> SampleEstimates:
    """Estimates of a block; `places` has the router's index of each of the benchmark's candidates."""
    features = features.to(router.device)
    error = None
    if is_kind(router, CalibratedRouter):
        made = router.estimates(features)
        height, cost, error = made.accuracy, made.cost_usd, made.standard_error
    else:
        height = router.score(features)
        means = [entry.get("mean_cost_usd") for entry in router.config.candidates]
        cost = torch.tensor([torch.nan if mean is None else mean for mean in means]).expand_as(height)
    unlike = unfamiliarities(features, router.held_out, router.encoder)
    return SampleEstimates(
        decisions=torch.argsort(places)[router.decide(features).cpu()],
        height=height.float().cpu()[:, places],
        cost_usd=cost.float().cpu()[:, places],
        standard_error=None if error is None else error.float().cpu()[:, places],
        unfamiliar=None if unlike is None else unlike.float(),
    )
