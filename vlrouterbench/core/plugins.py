"""Code of other people that adds routers, encoders or sources: a module, a file, or an installed package.

Decisions
- A plugin is an ordinary module: importing it runs its `register_...` calls. Nothing is imported that was not named,
  by the user or by an entry point of an installed package whose name was asked for.
- A file is imported by its stem, with its folder on the path, so that it may import the files beside it, and so that
  what needs its source later finds it.
- Two installed packages that offer one name are refused: which of them wins would depend on the order of a folder.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.foreign_code import foreign_code

ROUTERS, ENCODERS, SOURCES = (f"vlrouterbench.{kind}" for kind in ("routers", "encoders", "sources"))
"""Groups of entry points."""


class PluginError(VLRouterBenchError):
    """A plugin that cannot be imported, or that offers what cannot be used."""


def import_plugin(name: str) -> ModuleType:
    """Import a plugin.

    Args:
        name: a module on the path, or a file that ends in `.py`.

    Raises:
        PluginError: there is none, its name is another module's, or it fails while it is imported.
    """
    module = _module_of_file(Path(name).expanduser()) if name.endswith(".py") else name
    try:
        with foreign_code(_explained(f"plugin {name}")):
            return importlib.import_module(module)
    except PluginError as failure:
        cause = failure.__cause__
        missing = cause.name if isinstance(cause, ModuleNotFoundError) else None
        if missing and (module == missing or module.startswith(f"{missing}.")):
            raise PluginError(
                f'expected a plugin at "{name}", found no such module. Give a module on the path, or a file.py.'
            ) from cause
        raise
    except VLRouterBenchError as error:
        raise PluginError(f"plugin {name}: {error}") from error


def _module_of_file(file: Path) -> str:
    """The name that a file is imported by, once its folder is on the path."""
    if not file.is_file():
        raise PluginError(
            f'expected a plugin at "{file}", found no such file. Give a module on the path, or a file.py.'
        )
    stem, folder = file.stem, str(file.resolve().parent)
    if not stem.isidentifier():
        raise PluginError(f'expected a plugin file whose name can be imported, found "{file.name}". Rename the file.')
    if folder not in sys.path:
        sys.path.append(folder)
    importlib.invalidate_caches()
    loaded = sys.modules.get(stem)
    found = importlib.util.find_spec(stem) if loaded is None else loaded.__spec__
    origin = getattr(loaded, "__file__", None) if found is None else found.origin
    if origin is None or Path(origin).resolve() != file.resolve():
        raise PluginError(
            f'the plugin {file} has the name of another module, "{stem}", at {origin or "no file"}. Rename the file.'
        )
    return stem


def offered(group: str) -> dict[str, EntryPoint]:
    """Name -> entry point of the installed packages, nothing imported.

    Raises:
        PluginError: two packages offer one name.
    """
    by_name: dict[str, EntryPoint] = {}
    for point in _entry_points(group):
        other = by_name.setdefault(point.name, point)
        if other.value != point.value:
            raise PluginError(
                f'the packages {_package(other)} and {_package(point)} both offer "{point.name}" in {group} '
                f"({other.value} and {point.value}). Uninstall one of them."
            )
    return by_name


def load_offered(point: EntryPoint) -> Any:
    """What an entry point names; PluginError where it cannot be imported."""
    with foreign_code(_explained(f'"{point.name}" of the package {_package(point)} ({point.value})')):
        return point.load()


@cache
def _entry_points(group: str) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=group))


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "of no name"


def _explained(what: str) -> Callable[[str], PluginError]:
    return lambda failure: PluginError(f"{what} cannot be imported: {failure}. Correct it, or leave it out.")
