"""Taking over weights from a copy of a router that was trained in its place, with adapters or divided among processes.

Decisions
- What is done to a copy changes where its weights are (`sharding.py`: parts of them in every process) or what they are
  (`lora.py`: two small matrices beside a large one). The router that is judged and saved is affected by neither.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.training.lora import ADAPTER

_ADAPTED, _ADAPTERS = ".base_layer.", ".lora_"


@torch.no_grad()
def take_weights(router: PreTrainedRouter, copied: nn.Module) -> None:
    """Give a router the weights of its copy; where it is divided among processes, each must call it.

    Args:
        router: moved to where the copy is, and left in evaluation mode.
        copied: a copy of it, with adapters or without, divided or whole.
    """
    device = next(copied.parameters()).device
    nn.Module.to(router, device)
    own = dict(router.eval().named_parameters())
    for name, parameter in copied.named_parameters():
        if _ADAPTERS in name:
            continue
        weight, target = _whole(parameter), own[name.replace(_ADAPTED, ".")]
        if name.endswith(f"{_ADAPTED}weight"):
            # A layer of peft: its adapters and their scaling are not typed.
            layer: Any = copied.get_submodule(name.removesuffix(f"{_ADAPTED}weight"))
            down, up = (_whole(part[ADAPTER].weight) for part in (layer.lora_A, layer.lora_B))
            weight = weight + layer.scaling[ADAPTER] * (up @ down)
        target.copy_(weight.reshape(target.shape))


def _whole(parameter: torch.Tensor) -> torch.Tensor:
    from torch.distributed.tensor import DTensor

    return parameter.full_tensor() if isinstance(parameter, DTensor) else parameter
