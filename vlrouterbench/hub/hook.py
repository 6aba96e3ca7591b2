"""`datasets.load_dataset("vl-routerbench")` without a Hub call: a hook on the `datasets` library, set at our import.

Decisions
- Importing this package must not import `datasets` (0.7 s): a meta-path finder waits for it and wraps
  `dataset_module_factory` when it comes, or at once if it is there already.
- Only our name is answered, with our own builder; an explicit `./vl-routerbench` folder still wins, and everything else
  passes untouched.
- The module's hash carries the digest of the tables: the library's own key would serve old rows after a rebuild.
- The wrapped function is internal to `datasets`. Outside the version that this was tried with, a load of our name fails
  with a message that says so.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from vlrouterbench.core.constants import BENCHMARK_NAME

SUPPORTED_MAJOR = 5
_HOOKED_MODULES = ("datasets.load", "datasets.inspect")
_FACTORY = "dataset_module_factory"
_MARK = "answers_vlrouterbench"
"""Attribute that a wrapped factory bears, so that none is wrapped twice."""


def install_dataset_name() -> None:
    """Make our dataset name known to the `datasets` library, now or when it is imported."""
    if not any(isinstance(finder, _HookFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _HookFinder())
    for name in _HOOKED_MODULES:
        if name in sys.modules:
            _wrap_factory(sys.modules[name])


class _HookFinder(importlib.abc.MetaPathFinder):
    """Lets the usual finder locate a hooked module, and has it wrapped once it has run."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _HOOKED_MODULES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _WrappingLoader(spec.loader)
        return spec


class _WrappingLoader(importlib.abc.Loader):
    """Runs the real loader, then wraps the factory in the module it made."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _wrap_factory(module)


def _wrap_factory(module: ModuleType) -> None:
    original = getattr(module, _FACTORY, None)
    if original is None or hasattr(original, _MARK):
        return

    @functools.wraps(original)
    def factory(path: str, *args: Any, **kwargs: Any) -> Any:
        if path != BENCHMARK_NAME or Path(path).is_dir():
            return original(path, *args, **kwargs)
        return _benchmark_module()

    setattr(factory, _MARK, True)
    setattr(module, _FACTORY, factory)


def _benchmark_module() -> Any:
    """What the `datasets` library needs to know of our builder."""
    import datasets
    from datasets.load import DatasetModule

    if int(datasets.__version__.split(".")[0]) != SUPPORTED_MAJOR:
        raise ImportError(
            f'load_dataset("{BENCHMARK_NAME}") was tried with datasets {SUPPORTED_MAJOR}.x, '
            f"found {datasets.__version__}. Load a benchmark folder by its path instead."
        )
    from vlrouterbench.hub.builder import content_key

    return DatasetModule("vlrouterbench.hub.builder", hashlib.sha256(content_key().encode()).hexdigest(), {})
