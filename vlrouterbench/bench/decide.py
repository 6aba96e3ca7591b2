"""`bench decide`: milliseconds of one decision from ready features, for every family that works on features.

Decisions
- Random features of the published size and 17 candidates; each family with the heaviest setting that it would try.
- A family without a memory of samples is fitted on a few of them: its decisions cost the same.
- The baseline is one `predict` of scikit-learn's brute-force KNeighborsClassifier; `ours` is kNN's decision.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from vlrouterbench.bench.comparison import Comparison, compared, median_ms
from vlrouterbench.bench.neighbours import DIM, NUM_MEMORIES, random_features
from vlrouterbench.core.constants import Unsolved
from vlrouterbench.routers.base.configuration_router import CandidateEntry
from vlrouterbench.routers.base.learning import TrainingSet
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.encoders.builtin.image import NUM_SHAPE_FACTS
from vlrouterbench.routers.encoders.builtin.text import BUILTIN, BUILTIN_VERSION, NUM_TEXT_FACTS
from vlrouterbench.routers.families.modeling_knn import NeighborRouter
from vlrouterbench.routers.registry import ROUTERS
from vlrouterbench.training.soft_labels import build_soft_labels

NUM_CANDIDATES = 17
_FEW_SAMPLES = 700
"""More than the flagship has landmarks."""
_DECISIONS = 40


class DecideComparison(Comparison):
    """`bench decide`; `ours` is kNN's decision, with a memory of `memories` samples."""

    ms_per_decision: dict[str, float]
    memories: int
    scale: float


def bench_decide(*, scale: float = 1.0) -> DecideComparison:
    """Time single decisions with a memory of a share of the published size.

    Returns:
        `ms_per_decision`: family -> median milliseconds; for kNN the ratio to scikit-learn.
    """
    from sklearn.neighbors import KNeighborsClassifier

    features = torch.from_numpy(random_features(scale, NUM_MEMORIES, seed=0))
    samples = random_samples(features)
    rows = torch.from_numpy(random_features(0.0, NUM_MEMORIES, seed=1)).split(1)[:_DECISIONS]
    took = {}
    for name, family in ROUTERS.items():
        router = fitted(family, samples)
        router.decide(rows[0])
        took[name] = median_ms(router.decide, rows)
    classifier = KNeighborsClassifier(n_neighbors=5, metric="cosine", algorithm="brute")
    classifier.fit(features.numpy(), samples.soft_labels.argmax(dim=1).numpy())
    baseline = median_ms(lambda row: classifier.predict(row.numpy()), rows[:10])
    return {
        **compared("decide", ours=took["knn"], baseline=baseline, unit="ms"),
        "ms_per_decision": took,
        "memories": len(features),
        "scale": scale,
    }


def random_samples(features: torch.Tensor) -> TrainingSet:
    """A training set of random outcomes."""
    rng = np.random.default_rng(2)
    quality = rng.integers(0, 2, (len(features), NUM_CANDIDATES)).astype(float)
    cost = rng.uniform(1e-5, 1e-3, quality.shape)
    labels = build_soft_labels(quality, cost, cost_weight=0.0, unsolved=Unsolved.CHEAPEST)
    return TrainingSet(
        features=features,
        quality=torch.tensor(quality, dtype=torch.float32),
        cost=torch.tensor(cost),
        soft_labels=torch.tensor(labels, dtype=torch.float32),
        cost_rate=0.0,
        seed=0,
    )


def fitted(family: type[PreTrainedRouter], samples: TrainingSet) -> PreTrainedRouter:
    """A router of a family with the largest values of its default recipe's grids, fitted in one pass."""
    recipe = family.recipes["default"]
    if not issubclass(family, NeighborRouter):
        samples = _first(samples, _FEW_SAMPLES)
    largest = {name: values[-1] for name, values in {**recipe.decision_grid, **recipe.fit_grid}.items()}
    own = {**recipe.fixed, **largest}
    names = (f"candidate-{number}" for number in range(NUM_CANDIDATES))
    candidates: list[CandidateEntry] = [{"name": name, "mean_cost_usd": 1e-4} for name in names]
    # Little text, much image: the text projection has a row for each of many buckets, and is not used here.
    encoder = {"text": BUILTIN, "image": BUILTIN, "version": BUILTIN_VERSION, "text_dim": 1}
    encoder["image_dim"] = DIM - 1 - NUM_TEXT_FACTS - NUM_SHAPE_FACTS
    config = family.config_class(candidates=candidates, encoder=encoder, **own | family.sizes(samples, own))
    router = family(config).eval()
    router.fit(samples)
    return router


def _first(samples: TrainingSet, count: int) -> TrainingSet:
    names = ("features", "quality", "cost", "soft_labels")
    return replace(samples, **{name: getattr(samples, name)[:count] for name in names})
