"""Something done to a module of another library when it is imported, without importing it ourselves.

A meta-path finder waits for the module. The usual finder locates it, the module runs, then what was asked for is done;
at once where the module is there already.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

Action = Callable[[ModuleType], None]


def when_imported(actions: dict[str, Action]) -> None:
    """Have something done to modules, now or when they are imported; asking again changes nothing.

    Args:
        actions: full name of a module -> what is done to it; doing it twice must be as once.
    """
    finder = next((finder for finder in sys.meta_path if isinstance(finder, _HookFinder)), None)
    if finder is None:
        finder = _HookFinder()
        sys.meta_path.insert(0, finder)
    finder.actions |= actions
    for name, action in actions.items():
        if name in sys.modules:
            action(sys.modules[name])


class _HookFinder(importlib.abc.MetaPathFinder):
    """Lets the usual finder locate a hooked module, and has the action done once it has run."""

    def __init__(self) -> None:
        self.actions: dict[str, Action] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self.actions:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _ActingLoader(spec.loader, self.actions[fullname])
        return spec


class _ActingLoader(importlib.abc.Loader):
    """Runs the real loader, then acts on the module it made."""

    def __init__(self, loader: Any, action: Action) -> None:
        self._loader, self._action = loader, action

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._action(module)
