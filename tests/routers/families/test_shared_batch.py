"""Losses over the batch of all processes: two of them have the gradients of one with the whole batch."""

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from vlrouterbench.features.tiny_backbones import TINY
from vlrouterbench.routers.families.modeling_routerdc import RouterDCConfig, RouterDCRouter

BATCH, CANDIDATES = 8, 4
SEED = 7
"""Of the first process's draws; the other's are others."""


def _small_router():
    torch.manual_seed(0)
    kind, describe = TINY["tiny-siglip"]
    encoder = {"image_size": 32, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "max_tokens": 6, "fixed_length": True}
    encoder["backbone"] = {"name": "tiny-siglip", "kind": kind, "config": describe(50, 6, 32)}
    names = [{"name": chr(97 + place), "mean_cost_usd": 0.001} for place in range(CANDIDATES)]
    return RouterDCRouter(RouterDCConfig(candidates=names, encoder=encoder, dropout=0.0, num_others=2)).train()


def _batch():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (BATCH, 3 * 32 * 32), dtype=np.uint8)
    flags = np.tile(np.array([1, 0, 0, 0], dtype=np.uint8), (BATCH, 1))
    tokens = rng.integers(0, 50, (BATCH, 6)).astype("<i4").view(np.uint8)
    quality = torch.from_numpy(rng.integers(0, 2, (BATCH, CANDIDATES)).astype(np.float32))
    # Every half alone has other clusters: what is contrasted is not the same within halves.
    clusters = torch.tensor([0.0, 0, 1, 2, 0, 1, 1, 2])[:, None]
    return torch.from_numpy(np.concatenate([pixels, flags, tokens], axis=1)), torch.cat([quality, quality, clusters], 1)


def _gradients(module, rows, targets, seed):
    torch.manual_seed(seed)
    module(features=rows, targets=targets).loss.backward()
    return {name.removeprefix("module."): p.grad for name, p in module.named_parameters() if p.grad is not None}


def _one_of_two(rank, folder):
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    module = torch.nn.parallel.DistributedDataParallel(_small_router(), find_unused_parameters=True)
    rows, targets = (part.chunk(2)[rank] for part in _batch())
    found = _gradients(module, rows, targets, SEED + rank)
    if rank == 0:
        save_file({name: gradient.contiguous() for name, gradient in found.items()}, f"{folder}/found.safetensors")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def test_two_processes_have_the_gradients_of_one(tmp_path):
    torch.multiprocessing.spawn(_one_of_two, (str(tmp_path),), nprocs=2)
    together = load_file(tmp_path / "found.safetensors")
    alone = _gradients(_small_router(), *_batch(), SEED)
    assert {name for name, gradient in alone.items() if gradient.any()} <= together.keys()
    largest = max(float(gradient.abs().max()) for gradient in alone.values())
    for name, gradient in alone.items():
        assert torch.allclose(together[name], gradient, atol=1e-5 * largest), name


def test_the_loss_among_samples_has_a_part_in_the_gradient():
    """Without it the test above would say little."""
    weighed, unweighed = _small_router(), _small_router()
    unweighed.config.sample_weight = 0.0
    one, other = (_gradients(router, *_batch(), SEED) for router in (weighed, unweighed))
    name = "backbone.model.vision_model.embeddings.patch_embedding.weight"
    assert not torch.allclose(one[name], other[name], rtol=1e-2)
