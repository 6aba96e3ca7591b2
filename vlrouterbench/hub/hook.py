"""`datasets.load_dataset("vl-routerbench")` without a Hub call: a hook on the `datasets` library, set at our import.

Decisions
- Importing this package must not import `datasets` (0.7 s): `dataset_module_factory` is wrapped when it
  comes (`import_hook.py`).
- Only our name is answered, with our own builder; an explicit `./vl-routerbench` folder still wins, and everything else
  passes untouched.
- The module's hash carries the digest of the tables: the library's own key would serve old rows after a rebuild.
- The wrapped function is internal to `datasets`. Outside the version that this was tried with, a load of our name fails
  with a message that says so.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from types import ModuleType
from typing import Any

from vlrouterbench.core.constants import BENCHMARK_NAME
from vlrouterbench.hub.import_hook import when_imported

SUPPORTED_MAJOR = 5
_HOOKED_MODULES = ("datasets.load", "datasets.inspect")
_FACTORY = "dataset_module_factory"
_MARK = "answers_vlrouterbench"
"""Attribute that a wrapped factory bears, so that none is wrapped twice."""


def install_dataset_name() -> None:
    """Make our dataset name known to the `datasets` library, now or when it is imported."""
    when_imported(dict.fromkeys(_HOOKED_MODULES, _wrap_factory))


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
