"""A router as a job names it, loaded alike in every process, and what tells it from another one.

Decisions
- The digest is of what decides: every weight and every field of the configuration once an objective was chosen. A
  folder that was moved, or whose card was edited, is the same router.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch

from vlrouterbench.core.errors import RouterError
from vlrouterbench.metrics.objectives import Goal
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routing.parts.router_files import router_name
from vlrouterbench.training.rechoosing import rechoose

_OF_THE_FILE = ("_name_or_path", "_commit_hash", "transformers_version", "bound")
"""Fields of a configuration that say where or how it was saved."""


@dataclass(frozen=True)
class RouterSource:
    """What is loaded.

    Attributes:
        router: folder or Hub id.
        text_encoder, image_encoder: folders of its pretrained encoders, None where it finds them itself.
        goal: what its trade-off is chosen anew for, None for the saved one.
        candidates: names that it may choose from, None for all.
    """

    router: str
    text_encoder: str | None = None
    image_encoder: str | None = None
    goal: Goal | None = None
    candidates: tuple[str, ...] | None = None

    @property
    def encoders(self) -> tuple[str | None, str | None]:
        """Folders of its pretrained encoders."""
        return self.text_encoder, self.image_encoder

    @property
    def name(self) -> str:
        """What the router is called in files of decisions."""
        return router_name(self.router)

    def open(self) -> tuple[PreTrainedRouter, str]:
        """The router, and what of its objective cannot be met, else an empty text.

        Raises:
            RouterError, UnknownNameError: it cannot be loaded, or has no encoder of a kind that was given.
        """
        loaded = AutoRouter.from_pretrained(self.router)
        for kind, source in (("text", self.text_encoder), ("image", self.image_encoder)):
            if source is None:
                continue
            block: Any = getattr(loaded.encoder, kind, None)
            if not hasattr(block, "use"):
                raise RouterError(f"--{kind}-encoder was given, but this router has no pretrained {kind} encoder.")
            block.use(source)
        if self.goal is None:
            return loaded, ""
        return loaded, rechoose(loaded, self.goal, None if self.candidates is None else list(self.candidates)).note


def router_sha256(router: PreTrainedRouter) -> str:
    """Digest of what a router decides by."""
    config = cast(Mapping[str, Any], router.config.to_dict())
    fields = {name: value for name, value in config.items() if name not in _OF_THE_FILE}
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True, default=repr).encode())
    for name, tensor in sorted(router.state_dict().items()):
        values = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
        digest.update(values.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def encoder_identity(router: PreTrainedRouter) -> dict[str, str]:
    """What a router's encoder is: a text for each of its blocks."""
    blocks = getattr(router.encoder, "blocks", None)
    if blocks is None:
        return {"backbone": json.dumps(router.config.to_dict().get("encoder"), sort_keys=True, default=repr)}
    return {kind: json.dumps(dict(block.identity), sort_keys=True, default=repr) for kind, block in blocks.items()}
