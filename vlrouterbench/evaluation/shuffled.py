"""The label-permutation control: the same family and features, trained on outcomes permuted among samples.

Decisions
- Whole rows of outcomes are permuted, within train and within validation: candidates keep their averages and their
  correlations, and only the link from sample to outcome is cut. A router that is no better has learnt nothing from
  samples.
- Family, variant and cost weight are the router's; every other choice is made again, on permuted validation.
- It costs one training, so it is made only on request. The control of an end-to-end router starts from random weights
  as the router did; a router that started from pretrained weights has no control, since they are not saved with it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.features.encode import FeatureSet, features_by
from vlrouterbench.features.options import EncodingWork
from vlrouterbench.features.packed import PackedSet, pack_benchmark
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder
from vlrouterbench.routers.registry import family_name
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router
from vlrouterbench.training.problem import Problem


def shuffled_outcomes(table: RoutingTable, *, seed: int) -> RoutingTable:
    """A benchmark whose outcomes are permuted among the samples of train, and of validation; test is left as it is."""
    rng = np.random.default_rng(seed)
    splits, order = np.array(table.column("split")), np.arange(len(table))
    for name in ("train", "validation"):
        rows = np.flatnonzero(splits == name)
        order[rows] = rng.permutation(rows)
    return replace(table, matrices={name: matrix[order] for name, matrix in table.matrices.items()})


def train_on_shuffled(
    router: PreTrainedRouter, table: RoutingTable, work: EncodingWork, *, seed: int
) -> PreTrainedRouter:
    """A router of the same family and variant, trained on permuted outcomes and features of the router's own encoder.

    Args:
        router: the router to make a control for.
        table: the whole benchmark, all splits.
        work: how encoding is spread.
        seed: of the permutation and of training.

    Raises:
        RouterError: an end-to-end router that started from pretrained weights.
    """
    features: FeatureSet | PackedSet
    if router.end_to_end:
        features = _packed(router, table, work)
    else:
        encoder: FeatureEncoder = router.encoder
        features = FeatureSet(features_by(encoder, table, work), encoder, 0, Path())
    training = router.config.training
    weights = (float(training["cost_weight"]),) if "cost_weight" in training else None
    arguments = RouterTrainingArguments(weights, seed=seed, variant=training.get("variant", "default"))
    return train_router(family_name(router), Problem(shuffled_outcomes(table, seed=seed), features), arguments).router


def _packed(router: PreTrainedRouter, table: RoutingTable, work: EncodingWork) -> PackedSet:
    backbone = router.config.encoder["backbone"]
    if not backbone.get("random"):
        raise RouterError(
            f"--shuffled-labels: {router.title} started from pretrained weights of {backbone['name']}, which are not "
            "saved with it, so no label-permutation control can start from them. Leave the option out: the mixture, "
            "which sees no sample either, is in every evaluation."
        )
    return pack_benchmark(table, router.encoder, work)
