"""A router on disk: what stands beside its weights, and how they are loaded.

Decisions
- The code is saved beside the weights, so that a router loads where this package is not installed.
- A loaded router decides as the saved one did, to the last bit. So it is loaded in float32 whatever `dtype` is asked
  for: features are fitted and compared, costs weighed and neighbours searched in it, and in 16 bits close candidates
  would change places. Another type is said not to be taken; it is never an error in `route`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.utils import logging

from vlrouterbench.routers.base.configuration_router import RouterConfig
from vlrouterbench.routers.write_code import code_digests, write_code

logger = logging.get_logger(__name__)
_TAKEN = (None, "auto", "float32", torch.float32)
"""What `dtype` may be without a word."""


class SavedRouter(PreTrainedModel):
    """The base of `PreTrainedRouter`: saving and loading."""

    config: RouterConfig
    encoder: Any
    """A `FeatureEncoder`, or what an end-to-end family has in its place: with `dim`, `image` and `encode`."""
    config_class: type[RouterConfig] = RouterConfig
    base_model_prefix = ""

    def save_pretrained(self, save_directory: str | os.PathLike[Any], *arguments: Any, **options: Any) -> Any:
        """As transformers', with the code files that load the router where this package is not installed."""
        if options.get("is_main_process", True):
            folder = Path(save_directory)
            folder.mkdir(parents=True, exist_ok=True)
            blocks = getattr(self.encoder, "block_classes", {})
            self.config.auto_map = write_code(folder, self.auto_classes(), blocks)
            self.config.code_sha256 = code_digests(folder, self.config.auto_map)
        return super().save_pretrained(save_directory, *arguments, **options)

    def auto_classes(self) -> dict[str, type]:
        """Name of an Auto class of transformers -> the class that it loads from a saved router."""
        return {"AutoConfig": type(self.config), "AutoModel": type(self)}

    @classmethod
    def from_pretrained(cls, *arguments: Any, **options: Any) -> Any:
        """As transformers', in float32, with weights at addresses of their own.

        Tensors mapped from a file lie at any address, and kernels round by alignment: without the copy a loaded router
        would differ from the saved one in the last bit.
        """
        asked = [options.pop(name) for name in ("dtype", "torch_dtype") if name in options]
        other = [str(dtype).removeprefix("torch.") for dtype in asked if dtype not in _TAKEN]
        if other:
            logger.warning(
                f"dtype={other[0]} is not taken: {cls.__name__} computes in float32, so that it decides as saved."
            )
        loaded = super().from_pretrained(*arguments, dtype=torch.float32, **options)
        router = loaded[0] if isinstance(loaded, tuple) else loaded
        for tensor in (*router.parameters(), *router.buffers()):
            tensor.data = tensor.data.clone()
        return loaded
