"""A router of somebody else's, as files: what plugins, folders with code and packages in tests are made from."""

import importlib
import sys
from contextlib import contextmanager

from vlrouterbench.data.sources.registry import _registered as registered_sources
from vlrouterbench.routers.encoders.block import BLOCKS
from vlrouterbench.routers.registration import FUNCTIONS
from vlrouterbench.routers.registry import END_TO_END, ROUTERS

MODULE = '''"""A router from outside: each candidate's share of correct answers on train."""
from typing import Any

import torch

from vlrouterbench.routers import PreTrainedRouter, Recipe, RouterConfig, TrainingSet, frozen


class OutsideConfig(RouterConfig):
    model_type = "vlrouter-outside"

    def __init__(self, floor: float = 0.0, **kwargs: Any) -> None:
        self.floor = floor
        super().__init__(**kwargs)


class OutsideRouter(PreTrainedRouter):
    config_class = OutsideConfig
    title = "Outside"
    recipes = {"default": Recipe(decision_grid={"floor": (0.0, 0.1)})}

    def __init__(self, config: OutsideConfig) -> None:
        super().__init__(config)
        self.shares = frozen(self.num_candidates)
        self.post_init()

    def fit(self, training_set: TrainingSet) -> None:
        self.shares.copy_(training_set.soft_labels.mean(dim=0))

    def score(self, features: torch.Tensor) -> torch.Tensor:
        return self.shares.clamp(min=self.config.floor).expand(len(features), -1)
'''
REGISTERS = """

import vlrouterbench

vlrouterbench.register_router("outside", OutsideRouter)
"""


@contextmanager
def registries_restored():
    """What is registered inside is forgotten afterwards."""
    places = (ROUTERS, END_TO_END, FUNCTIONS, *BLOCKS.values())
    before, sources = [dict(place) for place in places], list(registered_sources)
    try:
        yield
    finally:
        for place, entries in zip(places, before, strict=True):
            place.clear()
            place.update(entries)
        registered_sources[:] = sources


@contextmanager
def outside_class(folder, module="outside_router", source=MODULE):
    """The class of a module in a folder, which is forgotten afterwards as well."""
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    sys.path.insert(0, str(folder))
    earlier = sys.modules.pop(module, None)
    importlib.invalidate_caches()
    try:
        with registries_restored():
            yield importlib.import_module(module).OutsideRouter
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop(module, None)
        if earlier is not None:
            sys.modules[module] = earlier
