"""A router divided among processes (FSDP2), for backbones whose weights, gradients and optimiser state fill a GPU.

Decisions
- `accelerate launch --config_file .../fsdp.yaml` turns it on. Accelerate divides the module, the Trainer steps
  it and writes its checkpoints; this file has what a router needs besides.
- A copy is divided. The router itself stays whole: at every epoch's end it takes the copy's weights, gathered from all
  processes (`trained_copy.py`), and is judged, kept and saved like any other. It costs each process one set of weights,
  without gradients.
- bfloat16 is autocast, as without sharding: weights stay float32, and targets and pixels are not rounded, which FSDP's
  own policy would do.
- What is divided by itself are the layers of the backbone, as they are listed in its module lists.
- What scores do not depend on (LXMERT's last layer of image tokens) is frozen in the copy: the optimiser holds
  nothing of it, and a divided checkpoint that lacks a part is not read again.
- End-to-end routers alone: what learns from features is small.
"""

from __future__ import annotations

import copy
import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from vlrouterbench.core.errors import RouterError
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter


def is_sharded() -> bool:
    """Whether this process is one of several that were launched to share one router's weights.

    Raises:
        RouterError: launched for the first version of FSDP.
    """
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available())
    if os.environ.get("ACCELERATE_USE_FSDP", "false").lower() != "true" or state.num_processes == 1:
        return False
    if os.environ.get("FSDP_VERSION") != "2":
        raise RouterError(
            f"expected fsdp_version: 2 in the file given to accelerate, found {os.environ.get('FSDP_VERSION')}. Start "
            "from vlrouterbench/training/configs/fsdp.yaml."
        )
    return True


def divide_on_cpus_too() -> None:
    """Let accelerate divide modules among CPU processes; to be called once the trainer's arguments have been made.

    It divides those of some types of processes alone. The others would each hold all weights, without a warning.
    """
    from accelerate import PartialState
    from accelerate.utils import DistributedType

    state = PartialState()
    if is_sharded() and state.distributed_type == DistributedType.MULTI_CPU:
        state.distributed_type = DistributedType.MULTI_GPU


def copy_to_divide(router: PreTrainedRouter, rows: torch.Tensor) -> PreTrainedRouter:
    """A copy of a router as accelerate divides it well.

    Args:
        router: whole, on the CPU.
        rows: of some samples.
    """
    copied = copy.deepcopy(router).train()
    lists = [part for part in copied.modules() if isinstance(part, nn.ModuleList)]
    copied._no_split_modules = sorted({type(layer).__name__ for layers in lists for layer in layers})
    for part in list(copied.modules()):
        for name, parameter in list(part.named_parameters(recurse=False)):
            if parameter.dim() == 0:
                # FSDP divides along the first dimension, so there must be one.
                setattr(part, name, nn.Parameter(parameter.detach().reshape(1), parameter.requires_grad))
    # Of scores, not of a loss, which may gather from the other processes.
    copied.score(rows).sum().backward()
    for parameter in copied.parameters():
        if parameter.grad is None:
            parameter.requires_grad_(False)
        parameter.grad = None
    return copied


def keep_float32(accelerator: Any) -> None:
    """Turn FSDP's own casts off, before the module is divided."""
    from torch.distributed.fsdp import MixedPrecisionPolicy

    accelerator.state.fsdp_plugin.mixed_precision_policy = MixedPrecisionPolicy()


def autocast_only(accelerator: Any) -> AbstractContextManager[Any]:
    """The context that the forward pass of a divided module runs in."""
    if accelerator.mixed_precision != "bf16":
        return nullcontext()
    return torch.autocast(accelerator.device.type, torch.bfloat16)
