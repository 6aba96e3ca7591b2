"""The code that is saved beside a router, so that `AutoModel` loads it where this package is not installed.

Decisions
- Sources lie in folders; transformers wants flat files that import each other with one dot. So the import closure of
  the router's class is written flat, with its imports rewritten: separate files, because a reader of a repository finds
  `modeling_mlp.py` where transformers' convention puts it, and because names that modules keep private stay apart.
- Only what the class and its own encoder need is carried: in the registry of blocks stand the router's own blocks
  alone, as imports that transformers follows.
- A class that was itself loaded from a repository is followed the same way: its files are flat already.
- What registers a class here (`vlrouterbench.register_router(...)` in its module) is left out: there is nothing to
  register it in. Modules beside a file that lies in no package are carried with it.
- Imports inside functions count. `import a.b` of carried code is refused: it has no flat form. A name that a package
  only passes on is imported from the file that defines it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import re
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

CONVENTIONAL = ("modeling_", "configuration_", "processing_")
"""Stems that transformers' users look for; other files are named by their path."""
ROUTERS = "vlrouterbench.routers."
PACKAGE, REGISTERS = "vlrouterbench", "register_"
"""What a module registers itself by: functions of this package whose names begin so."""
_BODIES = ("body", "handlers", "orelse", "finalbody", "cases")
"""Where a statement has others in it. Most of a tree are expressions, which have none."""
LOADED = "transformers_modules"
"""Where transformers puts code that it loaded from a repository."""
REGISTRY = "BLOCKS"
"""The variable that holds modality -> kind -> address of a block, and makes its module the registry."""

Blocks = Mapping[str, Mapping[str, type]]
"""Modality -> kind -> class of a router's own feature blocks."""


class CodeError(ValueError):
    """Code that cannot be carried beside a router's weights."""


def write_code(folder: Path | str, entries: Mapping[str, type], blocks: Blocks) -> dict[str, str]:
    """Write the files that some classes need, and return the `auto_map` that names the classes.

    Args:
        folder: where to write.
        entries: name of an Auto class -> class.
        blocks: what stands in the registry that is written.

    Raises:
        CodeError: a class without a source file, two files of one name, or an import that has no flat form.
    """
    for name, source in flat_sources(entries.values(), blocks).items():
        (Path(folder) / f"{name}.py").write_text(source, encoding="utf-8")
    return {auto: f"{flat_name(entry.__module__)}.{entry.__name__}" for auto, entry in entries.items()}


def flat_sources(entries: Iterable[type], blocks: Blocks) -> dict[str, str]:
    """Flat name -> source of every file that some classes and blocks need; errors as for `write_code`."""
    classes = [*entries, *(block for kinds in blocks.values() for block in kinds.values())]
    pending = [entry.__module__ for entry in classes]
    roots = {module.partition(".")[0] for module in (*pending, ROUTERS)}.union(*map(_beside, pending))
    modules: dict[str, str] = {}
    while pending:
        module = pending.pop()
        if module in modules.values():
            continue
        name = flat_name(module)
        if name in modules:
            raise CodeError(f"{module} and {modules[name]} would both be written as {name}.py. Rename one of them.")
        modules[name] = module
        pending += [home for _, homes in _carried(module, roots) for home in homes.values()]
    return {name: _flat(module, roots, blocks) for name, module in sorted(modules.items())}


def flat_name(module: str) -> str:
    """The name, without suffix, of the file that a module is written as."""
    stem = module.rpartition(".")[2]
    if stem.startswith(CONVENTIONAL) or module.startswith(f"{LOADED}."):
        return stem
    return module.removeprefix(ROUTERS).replace(".", "_")


def code_files(folder: Path, auto_map: Mapping[str, str]) -> set[str]:
    """Names of the files in a router's folder that its `auto_map` leads to, by what they import."""
    pending, files = [reference.partition(".")[0] for reference in auto_map.values()], set()
    while pending:
        name = f"{pending.pop()}.py"
        if name not in files and (folder / name).is_file():
            files.add(name)
            imports = _imports((folder / name).read_text(encoding="utf-8"), name)
            pending += [
                node.module for node in imports if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module
            ]
    return files


def code_digests(folder: Path, auto_map: Mapping[str, str]) -> dict[str, str]:
    """Name -> sha256 of the code files of a router's folder that its `auto_map` leads to."""
    names = sorted(code_files(folder, auto_map))
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def changed_code(folder: Path, config: Mapping[str, Any]) -> list[str]:
    """Code files of a router's folder that are not as its config.json records; none where it records none.

    What a recorded file imports was recorded with it, so files that are as they were lead to no others.
    """
    recorded, auto_map = config.get("code_sha256"), config.get("auto_map")
    if not isinstance(recorded, dict):
        return []
    entry = str(auto_map.get("AutoModel")) if isinstance(auto_map, dict) else ""
    changed = {f"{entry.partition('.')[0]}.py"} - set(recorded)
    for name, digest in recorded.items():
        path = folder / Path(name).name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            changed.add(name)
    return sorted(changed)


def _source(module: str) -> str:
    try:
        file = getattr(sys.modules.get(module) or importlib.import_module(module), "__file__", None)
    except ImportError:
        file = None
    if module == "__main__" or file is None or not file.endswith(".py"):
        raise CodeError(
            f"expected an importable source file of {module}, to be saved beside the weights; found none. Define the "
            "class in a module of its own, and import it from there."
        )
    source = Path(file).read_text(encoding="utf-8")
    return source if module.startswith((ROUTERS, f"{LOADED}.")) else _without_registration(source)


def _beside(module: str) -> set[str]:
    """Modules in the folder of one that lies in no package and is not installed: they belong to it."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if "." in module or file is None or {"site-packages", "dist-packages"} & set(Path(file).parts):
        return set()
    folder = Path(file).parent
    return {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}


def _without_registration(source: str) -> str:
    """A module's source with blank lines for what registers it in this package, which is not there where it is read."""
    tree, names = ast.parse(source), set[str]()
    dropped: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.Import) and [alias.name for alias in node.names] == [PACKAGE]:
            names.add(node.names[0].asname or PACKAGE)
            dropped.append(node)
        elif isinstance(node, ast.ImportFrom) and node.module in (PACKAGE, f"{ROUTERS}registration"):
            given = {alias.asname or alias.name for alias in node.names if alias.name.startswith(REGISTERS)}
            if len(given) == len(node.names):
                names |= given
                dropped.append(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            if isinstance(called, ast.Attribute) and called.attr.startswith(REGISTERS):
                called = called.value
            if isinstance(called, ast.Name) and called.id in names:
                dropped.append(node)
    kept = ast.Module([node for node in tree.body if node not in dropped], [])
    if any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(kept)):
        return source
    lines = source.splitlines()
    for node in dropped:
        for number in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[number] = ""
    return "\n".join(lines).rstrip("\n") + "\n"


@lru_cache(maxsize=512)
def _imports(source: str, name: str) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """Import statements of a source wherever they stand; every router that is saved has mostly the same sources."""
    nodes: list[ast.AST] = [ast.parse(source, name)]
    for node in nodes:
        nodes += [statement for body in _BODIES for statement in getattr(node, body, ())]
    return tuple(node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))


def _carried(module: str, roots: set[str]) -> list[tuple[ast.ImportFrom, dict[str, str]]]:
    """Import statements of carried code in a module, each with imported name -> module that defines it."""
    imports, carried = _imports(_source(module), module), []
    for node in imports:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if refused := [name for name in names if name.partition(".")[0] in roots]:
            raise CodeError(
                f"{module} has `import {refused[0]}`, which cannot be written flat. Use `from {refused[0]} import ...`."
            )
    for node in imports:
        if isinstance(node, ast.Import):
            continue
        parts = module.split(".")[: -node.level] if node.level else []
        base = ".".join([*parts, *([node.module] if node.module else [])])
        if base.partition(".")[0] in roots and any(alias.name == "*" for alias in node.names):
            raise CodeError(f"{module} has `from {base} import *`, which has no flat form. Name what is imported.")
        if base.partition(".")[0] in roots:
            carried.append((node, {alias.name: _home(base, alias.name) for alias in node.names}))
    return carried


def _home(module: str, name: str) -> str:
    """The module in which a name that is imported from a module is defined: a package may pass on others' names."""
    imported = importlib.import_module(module)
    if not hasattr(imported, "__path__"):
        return module
    value = getattr(imported, name, None)
    home = value.__name__ if isinstance(value, type(sys)) else getattr(value, "__module__", None)
    if home is None:
        raise CodeError(f"{name} of {module} cannot be carried: import it from the file that defines it.")
    return home


def _flat(module: str, roots: set[str], blocks: Blocks) -> str:
    """A module's source with flat imports; the registry's with the given blocks."""
    if module.startswith(f"{LOADED}."):
        return _source(module)
    lines = _source(module).splitlines()
    for node, homes in sorted(_carried(module, roots), key=lambda entry: -entry[0].lineno):
        statements = [f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in node.names]
        flat = [
            f"{' ' * node.col_offset}from .{flat_name(homes[alias.name])} import {statement}"
            for alias, statement in zip(node.names, statements, strict=True)
        ]
        lines[node.lineno - 1 : node.end_lineno] = _merged(flat)
    source = "\n".join(lines) + "\n"
    return _with_blocks(source, blocks) if re.search(rf"^{REGISTRY}\b", source, flags=re.MULTILINE) else source


def _merged(statements: list[str]) -> list[str]:
    """Statements `from .x import y`, those of one module as one."""
    merged: dict[str, list[str]] = {}
    for statement in statements:
        start, _, name = statement.partition(" import ")
        merged.setdefault(start, []).append(name)
    return [f"{start} import {', '.join(names)}" for start, names in merged.items()]


def _with_blocks(source: str, blocks: Blocks) -> str:
    """The registry's source with the given blocks instead of its own."""
    addresses = {
        modality: {kind: f".{flat_name(block.__module__)}:{block.__name__}" for kind, block in kinds.items()}
        for modality, kinds in blocks.items()
    }
    modules = sorted({address[1:].partition(":")[0] for kinds in addresses.values() for address in kinds.values()})
    # transformers copies the files that it finds imported, and here they are imported by address.
    followed = [f"    from .{name} import __name__ as _" for name in modules]
    node = next(
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == REGISTRY
    )
    lines = source.splitlines()
    lines[node.lineno - 1 : node.end_lineno] = [f"{REGISTRY}: dict[str, dict[str, str]] = {addresses!r}"]
    if followed:
        lines += ["", "from typing import TYPE_CHECKING", "", "if TYPE_CHECKING:", *followed]
    return "\n".join(lines) + "\n"
