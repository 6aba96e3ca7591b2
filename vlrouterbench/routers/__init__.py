"""The routers, and what a router of one's own is made from.

    from vlrouterbench.routers import PreTrainedRouter, Recipe, RouterConfig, TrainingSet, frozen
    from vlrouterbench.routers import EstimatingRouter, EstimatingRouterConfig  # quality and cost estimated apart

Modules here import only each other, numpy, torch, Pillow, transformers and the libraries of encoders. The files that a
router needs are written beside its weights, so that `AutoModel.from_pretrained(..., trust_remote_code=True)` works
where this package is not installed; `auto` (loading by family name) and `registry` stay here.

Importing this package is cheap: the names above are resolved when first used. In saved code they are imported from the
files that define them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vlrouterbench.routers.base.configuration_router import RouterConfig
    from vlrouterbench.routers.base.decision import RoutingDecision
    from vlrouterbench.routers.base.estimating import EstimatingRouter, EstimatingRouterConfig
    from vlrouterbench.routers.base.learning import Recipe, TrainingSet
    from vlrouterbench.routers.base.modeling_router import PreTrainedRouter, frozen

_HOMES = {
    "EstimatingRouter": "base.estimating",
    "EstimatingRouterConfig": "base.estimating",
    "PreTrainedRouter": "base.modeling_router",
    "Recipe": "base.learning",
    "RouterConfig": "base.configuration_router",
    "RoutingDecision": "base.decision",
    "TrainingSet": "base.learning",
    "frozen": "base.modeling_router",
}
__all__ = [
    "EstimatingRouter",
    "EstimatingRouterConfig",
    "PreTrainedRouter",
    "Recipe",
    "RouterConfig",
    "RoutingDecision",
    "TrainingSet",
    "frozen",
]


def __getattr__(name: str) -> Any:
    """A public name, imported when first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
