"""LoRA: small adapters are trained on the linear layers of a backbone that stays as it is (by the library `peft`).

Decisions
- Every linear layer of the pretrained parts gets an adapter; the projections of patches and the head are trained whole.
  A layer whose weight another module reads (the output of torch's own attention) gets none: it would have no effect.
- A copy has the adapters. The router itself never does: it takes the copy's weights with the adapters added in
  (`trained_copy.py`), so that it is judged, saved and loaded like any other, without `peft`.
- An adapter's product counts twice over its rank (alpha = 2 * rank), and has no dropout of its own.
"""

from __future__ import annotations

import copy
from typing import cast

from torch import nn

from vlrouterbench.core.errors import RouterError
from vlrouterbench.routers.backbones.router import EndToEndRouter
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter

ADAPTER = "default"
"""Name that the adapters have in every layer."""


def with_adapters(router: PreTrainedRouter, rank: int) -> PreTrainedRouter:
    """A copy of a router with adapters on its backbone, which alone are trained there.

    Args:
        router: end to end.
        rank: of the adapters.
    """
    from peft import LoraConfig, inject_adapter_in_model

    copied = copy.deepcopy(router)
    for name, part in cast(EndToEndRouter, copied).backbone.pretrained_parts.items():
        layers = [path for path, layer in part.named_modules() if type(layer) is nn.Linear]
        if not layers:
            raise RouterError(
                f"LoRA adapts linear layers, and {name} ({type(part).__name__}) has none: train it whole."
            )
        inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=layers), part, ADAPTER)
    return copied
