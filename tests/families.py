"""What tests over all families share: training arguments, small routers and training sets, altered problems."""

from dataclasses import replace

import numpy as np
import torch

from vlrouterbench.core.constants import Unsolved
from vlrouterbench.data.candidates import CandidatePool
from vlrouterbench.routers.base.learning import TrainingSet
from vlrouterbench.routers.registry import ROUTERS
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.soft_labels import COST_SCALE, build_soft_labels

SMALL_BACKBONES = {
    "vlc": "tiny-lxmert",
    "zooter": "tiny-visualbert",
    "cosine": "tiny-siglip",
    "routerdc": "tiny-smolvlm",
}
"""Every end-to-end family with a backbone for tests; together they see all small ones."""
ENCODER = {"text": "builtin", "image": "builtin", "version": 3, "text_dim": 4, "image_dim": 2}


def has_cost_weight(family, variant="default"):
    """Whether a family's targets have a cost weight."""
    return ROUTERS[family].recipes[variant].cost_weights != ()


def arguments_for(family, **given):
    """Arguments as given, less what a family without a cost weight refuses."""
    variant = given.get("variant", "default")
    if variant in ROUTERS[family].recipes and not has_cost_weight(family, variant):
        given = {name: value for name, value in given.items() if name not in ("cost_weights", "unsolved")}
    return RouterTrainingArguments(**given)


def packed_problem(folder, backbone="tiny-lxmert", **options):
    """A benchmark as an end-to-end router's trainer sees it."""
    from vlrouterbench.data.table import load_table
    from vlrouterbench.features.backbones import BackboneOptions, open_backbone
    from vlrouterbench.features.packed import pack_benchmark

    table = load_table(folder)
    return Problem(table, pack_benchmark(table, open_backbone(BackboneOptions(backbone, **options), table)))


def small_router(family, num_candidates=3, encoder=ENCODER, **own):
    """A router over candidates a, b, c, ... with a small encoder."""
    names = [{"name": chr(97 + place), "mean_cost_usd": 0.001} for place in range(num_candidates)]
    return ROUTERS[family](ROUTERS[family].config_class(candidates=names, encoder=encoder, **own)).eval()


def widened(rows, router):
    """Feature rows with zeros up to the router's dimension."""
    features = torch.zeros(len(rows), router.feature_dim)
    features[:, : len(rows[0])] = torch.tensor(rows, dtype=torch.float32)
    return features


def training_set(features, quality, cost, *, cost_weight=0.0, unsolved=Unsolved.DROP):
    """A training set of plain lists."""
    quality, cost = np.array(quality, dtype=float), np.array(cost, dtype=float)
    labels = build_soft_labels(quality, cost, cost_weight=cost_weight, unsolved=unsolved)
    return TrainingSet(
        features=features,
        quality=torch.tensor(quality, dtype=torch.float32),
        cost=torch.tensor(cost),
        soft_labels=torch.tensor(labels, dtype=torch.float32),
        cost_rate=cost_weight * COST_SCALE,
        seed=0,
    )


def with_matrices(problem, quality, cost):
    """The problem with other quality and cost, and the cost bounds that follow."""
    matrices = problem.table.matrices | {"quality": quality, "cost": cost}
    return Problem(replace(problem.table, matrices=matrices).with_own_bounds(), problem.features)


def with_candidates(problem, order):
    """The problem with some of its candidates, in some order."""
    table = problem.table
    pool = CandidatePool(tuple(table.pool.candidates[place] for place in order), table.pool.source)
    matrices = {name: matrix[:, order] for name, matrix in table.matrices.items()}
    return Problem(replace(table, pool=pool, matrices=matrices).with_own_bounds(), problem.features)
