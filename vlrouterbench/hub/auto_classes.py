"""transformers' Auto classes and `pipeline` know the families once this package is imported, with no code of a folder.

Decisions
- Importing this package imports neither transformers nor torch. What looks families and tasks up is wrapped when
  transformers defines it, and ours are registered when it is first asked: by then both are there.
- A family that was registered since is registered at the next call.
"""

from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import Any

from vlrouterbench.hub.import_hook import when_imported

_HOOKED = {
    "transformers.models.auto.configuration_auto": ("AutoConfig", ("from_pretrained", "for_model")),
    "transformers.models.auto.modeling_auto": ("AutoModel", ("from_pretrained", "from_config")),
    "transformers.models.auto.processing_auto": ("AutoProcessor", ("from_pretrained",)),
    "transformers.pipelines.base": ("PipelineRegistry", ("check_task", "get_supported_tasks")),
}
"""Module -> the class in it, and its methods that look a family or a task up."""
_MARK = "registers_vlrouterbench"
"""Attribute that a wrapped method bears, so that none is wrapped twice."""


def install_auto_classes() -> None:
    """Make the families known to transformers' Auto classes, now or when transformers is imported."""
    when_imported(dict.fromkeys(_HOOKED, _wrap_methods))


def register_families() -> None:
    """Register all families that are known by now with transformers' Auto classes, and the task of routing."""
    from transformers import AutoConfig, AutoModel, AutoProcessor
    from transformers.pipelines import PIPELINE_REGISTRY

    from vlrouterbench.routers.backbones.processing_router import RouterProcessor
    from vlrouterbench.routers.base.asking import RoutingPipeline
    from vlrouterbench.routers.base.configuration_router import PIPELINE
    from vlrouterbench.routers.encoders.feature_encoder import FeatureProcessor
    from vlrouterbench.routers.registry import FAMILIES

    for family in FAMILIES.values():
        config_class = family.config_class
        AutoConfig.register(config_class.model_type, config_class, exist_ok=True)
        AutoModel.register(config_class, family, exist_ok=True)
        processor_class = RouterProcessor if family.end_to_end else FeatureProcessor
        AutoProcessor.register(config_class, processor_class, exist_ok=True)
    if PIPELINE not in PIPELINE_REGISTRY.supported_tasks:
        PIPELINE_REGISTRY.register_pipeline(PIPELINE, RoutingPipeline, pt_model=AutoModel)


def _wrap_methods(module: ModuleType) -> None:
    name, methods = _HOOKED[module.__name__]
    auto_class = getattr(module, name)
    for method in methods:
        original = getattr(auto_class, method)
        if not hasattr(original, _MARK):
            wrapped = _registering(original)
            setattr(auto_class, method, staticmethod(wrapped) if inspect.ismethod(original) else wrapped)


def _registering(original: Any) -> Any:
    @functools.wraps(original)
    def method(*arguments: Any, **options: Any) -> Any:
        register_families()
        return original(*arguments, **options)

    setattr(method, _MARK, True)
    return method
