"""The rooms, their order, and the rules that every file of the package keeps."""

import ast
import functools
import re
import sys
from pathlib import Path

import pytest

import vlrouterbench

PACKAGE = Path(vlrouterbench.__file__).parent
NAME = "vlrouterbench"
MAX_LINES = 300

# What data flows through, from the ground up: a room imports itself and what stands above it.
LAYERS = (
    ("version", "core"),
    ("metrics",),
    ("cards",),
    ("plotting",),
    ("routers",),
    ("data",),
    ("measuring",),
    ("hub",),
    ("features",),
    ("training",),
    ("routing",),
    ("evaluation",),
    ("serving",),
    ("demo",),
    ("bench",),
    ("quickstart",),
    ("cli",),
    ("__main__",),
)
RESERVED = ()
"""Rooms that are to come; with them there are at most MAX_ROOMS folders."""
MAX_ROOMS = 16
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
MODULES = sorted(PACKAGE.rglob("*.py"))
CORE_OF_NOT_CARRIED = [f"{NAME}.core.{name}" for name in ("errors", "foreign_code", "plugins", "staging")]
NOT_CARRIED = [PACKAGE / "routers" / name for name in ("auto.py", "registration.py", "encoder_registration.py")]
"""Files that stay here: nothing that is written beside a router's weights imports them."""
ROUTER_LIBRARIES = {"numpy", "torch", "PIL", "transformers", "huggingface_hub", "safetensors", "scipy", "rapidocr"}


def name_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path): path for path in MODULES}


def room_of(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def is_type_checking(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imports_of(path, *, at_import_only):
    """Absolute names of what a module imports, one per imported name."""
    base = name_of(path).split(".") if path.name == "__init__.py" else name_of(path).split(".")[:-1]
    return list(imported_names(tree_of(path), base, at_import_only=at_import_only))


def imported_names(tree, base, *, at_import_only):
    pending = list(tree.body)
    while pending:
        node = pending.pop()
        if at_import_only and is_type_checking(node):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            prefix = base[: len(base) - node.level + 1] if node.level else []
            module = ".".join([*prefix, *(node.module.split(".") if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif not (at_import_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)):
            pending += ast.iter_child_nodes(node)


def own_modules(path, *, at_import_only):
    """Modules of the package that a module imports."""
    found = set()
    for name in imports_of(path, at_import_only=at_import_only):
        if name.split(".")[0] == NAME:
            found.add(name if name in NAMES else name.rpartition(".")[0])
    return found - {name_of(path)}


def for_each(paths):
    """One test of a rule over all files, which names every file that breaks it: a case a file would be thousands."""

    def of_all(rule):
        def test():
            broken = []
            for path in paths:
                try:
                    rule(path)
                except AssertionError as error:
                    broken.append(f"{name_of(path)}: {error}")
            assert paths
            assert not broken, "\n".join(broken)

        test.__name__, test.__doc__ = rule.__name__, rule.__doc__
        return test

    return of_all


each_module = for_each(MODULES)


def test_every_room_has_a_place_in_the_order():
    rooms = {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir() if not path.name.startswith("__")}
    rooms -= {"py"}
    assert rooms <= set(LEVEL), f"no place in the order for {sorted(rooms - set(LEVEL))}"


def test_the_map_in_the_package_docstring_has_the_same_order():
    """Every line of the map names rooms, then blanks and what they do."""
    listed = re.findall(r"^    ([a-z_, ]+?)  +\S", vlrouterbench.__doc__, flags=re.MULTILINE)
    said = [tuple(name.strip() for name in line.split(",")) for line in listed]
    drawn = [tuple(room for room in rooms if room not in ("version", "__main__")) for rooms in LAYERS]
    assert said == [rooms for rooms in drawn if rooms]


@each_module
def test_imports_go_one_way_even_inside_functions_and_for_types(path):
    room = room_of(name_of(path))
    if not room:
        return  # the package root answers for all names, lazily
    for module in own_modules(path, at_import_only=False):
        other = room_of(module)
        assert other, f"{name_of(path)} imports the package root"
        assert LEVEL[other] <= LEVEL[room], f"{name_of(path)} imports {module}: {room} stands before {other}"


def test_the_package_root_imports_nothing_but_the_hooks_and_the_version():
    assert own_modules(PACKAGE / "__init__.py", at_import_only=True) == {
        f"{NAME}.hub.{module}" for module in ("auto_classes", "hook", "saved_routers")
    } | {f"{NAME}.version"}


def test_there_are_at_most_16_rooms_with_those_to_come():
    rooms = [path.name for path in PACKAGE.iterdir() if path.is_dir() and not path.name.startswith("__")]
    assert len({*rooms, *RESERVED}) <= MAX_ROOMS


def test_no_cycle_among_imports_even_inside_functions_and_for_types():
    graph = {name: own_modules(path, at_import_only=False) for name, path in NAMES.items() if name != NAME}
    assert cycles_of(graph) == []


def test_a_cycle_through_a_function_body_or_a_type_is_seen():
    """What the check above would miss if it read the top of a file alone."""
    later = "def later():\n    from vlrouterbench.core import files\n"
    source = f"{later}if TYPE_CHECKING:\n    from vlrouterbench import core\n"
    seen = set(imported_names(ast.parse(source), ["vlrouterbench", "x"], at_import_only=False))
    assert seen == {"vlrouterbench.core.files", "vlrouterbench.core"}
    assert not list(imported_names(ast.parse(source), ["vlrouterbench", "x"], at_import_only=True))
    assert cycles_of({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c"]]


def cycles_of(graph):
    """Modules that import each other, directly or through others, as sorted lists."""
    reached = {name: set(others) & set(graph) for name, others in graph.items()}
    for through in graph:
        for others in reached.values():
            if through in others:
                others |= reached[through]
    tied = {name: frozenset({name} | {one for one in reached[name] if name in reached[one]}) for name in graph}
    return sorted(map(sorted, {one for name, one in tied.items() if len(one) > 1 or name in reached[name]}))


@each_module
def test_a_file_has_at_most_300_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@each_module
def test_a_module_has_a_docstring(path):
    assert (ast.get_docstring(tree_of(path)) or "").strip()


@each_module
def test_no_assert_and_no_print(path):
    tree = tree_of(path)
    asserts = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    prints = [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    assert not asserts, f"assert in line {asserts}: raise an error that says what to do"
    assert not prints, f"print in line {prints}: results go through cli/console.py"


@each_module
def test_nothing_runs_or_unpickles_foreign_code(path):
    tree = tree_of(path)
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"eval", "exec", "compile", "__import__"}
    imported = {name.split(".")[0] for name in imports_of(path, at_import_only=False)}
    assert not imported & {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "marshal", "shelve"}
    loads = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "load" and ast.dump(node.value) == ast.dump(_name("torch"))
    ]
    assert not loads, f"torch.load in line {loads} unpickles"


def _name(name):
    return ast.Name(id=name, ctx=ast.Load())


@each_module
def test_functions_are_typed(path):
    untyped = []
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        arguments += [extra for extra in (node.args.vararg, node.args.kwarg) if extra]
        lacking = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
        if lacking or node.returns is None:
            untyped.append(f"{node.name} (line {node.lineno}): {', '.join(lacking) or 'return'}")
    assert not untyped


@for_each(sorted((PACKAGE / "routers").rglob("*.py")))
def test_routers_import_only_each_other_and_what_a_router_may_need(path):
    """They are copied beside the weights, where the rest of the package is not."""
    for name in imports_of(path, at_import_only=False):
        if name.split(".")[0] == NAME:
            stays = path in NOT_CARRIED and name.rpartition(".")[0] in CORE_OF_NOT_CARRIED
            assert name.startswith(f"{NAME}.routers.") or stays, name
            assert path in NOT_CARRIED or NAMES.get(name.rpartition(".")[0]) not in NOT_CARRIED, name
        else:
            assert name.split(".")[0] in ROUTER_LIBRARIES | sys.stdlib_module_names, name


@for_each(sorted((PACKAGE / "metrics").rglob("*.py")))
def test_metrics_need_only_numpy_and_their_shell_the_evaluate_library(path):
    foreign = {name.split(".")[0] for name in imports_of(path, at_import_only=False)} - {NAME}
    allowed = {"datasets", "evaluate", "gradio"} if path.parent.name == "rank_score" else {"numpy"}
    assert foreign <= allowed | {"numpy"} | sys.stdlib_module_names


def test_every_public_name_resolves():
    for name in vlrouterbench.__all__:
        assert getattr(vlrouterbench, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        vlrouterbench.nothing  # noqa: B018
