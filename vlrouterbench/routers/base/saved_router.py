"""A router on disk: what stands beside its weights, and how they are loaded.

Decisions
- The code is saved beside the weights, so that a router loads where this package is not installed.
- So do digests of what it was trained on, so that nobody scores it on that unawares, and, of a router that estimates,
  what it estimated of held-out samples, so that another trade-off can be chosen later. Both last through every saving.
- A loaded router decides as the saved one did, to the last bit. So it is loaded in float32 whatever `dtype` is asked
  for: features are fitted and compared, costs weighed and neighbours searched in it, and in 16 bits close candidates
  would change places. Another type is said not to be taken; it is never an error in `route`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel
from transformers.utils import cached_file, logging

from vlrouterbench.routers.base.configuration_router import RouterConfig
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder, FeatureProcessor
from vlrouterbench.routers.write_code import code_digests, write_code

DIGESTS_FILE, HELD_OUT_FILE = "training_samples.safetensors", "held_out.safetensors"
_WHERE = ("revision", "token", "cache_dir", "local_files_only", "subfolder")
"""Options of `from_pretrained` that say where a file is."""
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
    training_digests: torch.Tensor | None = None
    """Digests of the content of the samples it was trained on, (num_samples,) int64, sorted; None where not known."""
    held_out: Mapping[str, torch.Tensor] | None = None
    """Estimates and outcomes of samples that it did not learn from, by name; None where it keeps none."""

    def save_pretrained(self, save_directory: str | os.PathLike[Any], *arguments: Any, **options: Any) -> Any:
        """As transformers', with the code files that load the router where this package is not installed."""
        if options.get("is_main_process", True):
            folder = Path(save_directory)
            folder.mkdir(parents=True, exist_ok=True)
            blocks = getattr(self.encoder, "block_classes", {})
            self.config.auto_map = write_code(folder, self.auto_classes(), blocks)
            if "AutoProcessor" in self.config.auto_map:
                self.save_processor(folder)
            self.config.code_sha256 = code_digests(folder, self.config.auto_map)
            digests = self.training_digests
            _write_tensors(None if digests is None else {"digests": digests}, folder / DIGESTS_FILE)
            _write_tensors(self.held_out, folder / HELD_OUT_FILE)
        return super().save_pretrained(save_directory, *arguments, **options)

    def save_processor(self, folder: Path) -> None:
        """Write the processor's settings beside the weights."""
        FeatureProcessor(self.config.encoder).save_pretrained(folder)

    def auto_classes(self) -> dict[str, type]:
        """Name of an Auto class of transformers -> the class that it loads from a saved router."""
        entries = {"AutoConfig": type(self.config), "AutoModel": type(self)}
        return entries | {"AutoProcessor": FeatureProcessor} if isinstance(self.encoder, FeatureEncoder) else entries

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
        source = arguments[0] if arguments else options.get("pretrained_model_name_or_path")
        if source is not None:
            digests = _read_tensors(source, DIGESTS_FILE, options)
            router.training_digests = None if digests is None else digests["digests"]
            router.held_out = _read_tensors(source, HELD_OUT_FILE, options)
        return loaded


def _write_tensors(tensors: Mapping[str, torch.Tensor] | None, path: Path) -> None:
    """Write tensors beside the weights; None removes an older file, which would be another router's."""
    if tensors is None:
        path.unlink(missing_ok=True)
    else:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


def _read_tensors(source: str | Path, name: str, options: Mapping[str, Any]) -> dict[str, torch.Tensor] | None:
    """Tensors of a file beside the weights, from a folder or the Hub; None for a router that was saved without it."""
    where = {option: options[option] for option in _WHERE if option in options}
    path = cached_file(
        str(source),
        name,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
        **where,
    )
    return None if path is None else load_file(path)
