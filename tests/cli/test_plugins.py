"""`--plugin` and installed packages: what they add is found by every command, and what is wrong is said once."""

import json
import re
import sys

import pytest

from tests.outside import MODULE, registries_restored
from tests.tables import write_own_tables
from vlrouterbench.core import plugins
from vlrouterbench.core.plugins import PluginError, offered
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.routers.registration import is_family
from vlrouterbench.routers.registry import FAMILIES

POINT = "outside_package:OutsideRouter"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder on the path, with nothing of it known afterwards."""
    known, path = set(sys.modules), list(sys.path)
    place = tmp_path / "plugins"
    place.mkdir()
    with registries_restored():
        yield place
    plugins._entry_points.cache_clear()
    sys.path[:] = path
    for name in set(sys.modules) - known:
        if str(place) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory):
    """A small benchmark."""
    root = tmp_path_factory.mktemp("plugins")
    write_own_tables(root / "source")
    build_benchmark(root / "source", root / "benchmark")
    return root / "benchmark"


def install(folder, package, *lines, group="vlrouterbench.routers"):
    """What pip leaves of a package: its metadata with entry points, on the path."""
    info = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]) + "\n")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    plugins._entry_points.cache_clear()


def test_a_class_that_a_file_defines_and_does_not_register_has_its_own_name(program, folder, benchmark, tmp_path):
    (folder / "unregistered_router.py").write_text(MODULE)
    arguments = ("--router", "outside", "--cost-weight", "10", "--out", tmp_path / "out")
    done = program("train", benchmark, *arguments, "--plugin", folder / "unregistered_router.py")
    assert done.status == 0, done.err
    assert (tmp_path / "out" / "unregistered_router.py").is_file()


def test_a_module_on_the_path_is_a_plugin_too(program, folder, benchmark, tmp_path, monkeypatch):
    (folder / "outside_module.py").write_text(MODULE)
    monkeypatch.syspath_prepend(folder)
    done = program("--plugin", "outside_module", "train", benchmark, "--router", "outside", "--out", tmp_path / "out")
    assert done.status == 0, done.err


def test_a_module_beside_a_plugin_file_is_carried_with_it(program, folder, benchmark, tmp_path):
    (folder / "outside_helper.py").write_text("FLOORS = (0.0, 0.1)\n")
    changed = MODULE.replace("(0.0, 0.1)", "FLOORS").replace(
        "import torch\n", "import torch\nfrom outside_helper import FLOORS\n", 1
    )
    (folder / "with_helper.py").write_text(changed)
    arguments = ("--router", "outside", "--out", tmp_path / "out")
    done = program("train", benchmark, *arguments, "--plugin", folder / "with_helper.py")
    assert done.status == 0, done.err
    assert (tmp_path / "out" / "outside_helper.py").read_text() == "FLOORS = (0.0, 0.1)\n"
    assert "from .outside_helper import FLOORS" in (tmp_path / "out" / "with_helper.py").read_text()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nowhere.py", None, "expected a plugin at .*nowhere.py.*no such file"),
        ("no_such_module", None, 'expected a plugin at "no_such_module", found no such module'),
        ("broken_plugin.py", "import nothing_of_this_name\n", "cannot be imported: ModuleNotFoundError: .*nothing_of"),
        ("wrong_plugin.py", "def (:\n", "cannot be imported: SyntaxError"),
        ("raising_plugin.py", "raise RuntimeError('no GPU here')\n", "cannot be imported: RuntimeError: no GPU here"),
        ("two-words.py", "", 'whose name can be imported, found "two-words.py"'),
        ("json.py", "", 'has the name of another module, "json"'),
        ("leaving_plugin.py", "import sys; sys.exit(0)\n", "cannot be imported: SystemExit: 0"),
        ("odd_plugin.py", "raise type('Odd', (BaseException,), {})('x')\n", "cannot be imported: Odd: x"),
        ("interrupted_plugin.py", "raise KeyboardInterrupt\n", "stopped; nothing half-written"),
        ("binary_plugin.py", "x = 1\0", "cannot be imported: SyntaxError"),
        ("relative_plugin.py", "from .beside import x\n", "cannot be imported: ImportError: attempted relative import"),
        ("circular_plugin.py", "import circular_plugin\ncircular_plugin.x\n", "cannot be imported: AttributeError"),
        (
            "taken_plugin.py",
            "import vlrouterbench\nvlrouterbench.register_router('mixture', print)\n",
            'plugin .*taken_plugin.py: the name "mixture" is taken by a policy',
        ),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_one_message_and_status_1(name, content, message, program, folder):
    if content is not None:
        (folder / name).write_text(content)
    done = program("simulate", "--out", folder / "out", "--plugin", folder / name if name.endswith(".py") else name)
    assert done.status == 1 and len(done.errors) == 1 and len(done.err.splitlines()) == 1
    assert re.search(message, done.err), done.err
    assert not (folder / "out").exists()


def test_a_plugin_without_a_name_is_wrong_usage(program):
    assert program("--plugin").status == 2


def test_a_class_without_score_is_one_message(program, folder):
    (folder / "lazy_router.py").write_text(MODULE.replace("def score", "def score_later"))
    done = program("simulate", "--out", folder / "out", "--plugin", folder / "lazy_router.py")
    assert done.status == 1 and "to define `score(features)`" in done.err


def test_help_says_what_a_plugin_is(program):
    assert "--plugin" in program("--help").out


def test_an_installed_package_is_imported_when_its_name_is_asked_for(program, folder, benchmark, tmp_path):
    (folder / "outside_package.py").write_text(MODULE)
    install(folder, "somebodys-routers", f"installed = {POINT}")
    assert is_family("knn") and "outside_package" not in sys.modules
    done = program("train", benchmark, "--router", "installed", "--out", tmp_path / "out")
    assert done.status == 0, done.err
    assert FAMILIES["installed"].__module__ == "outside_package"


def test_a_wrong_name_is_answered_with_what_packages_offer_without_importing_them(program, folder, benchmark):
    (folder / "outside_package.py").write_text(MODULE)
    install(folder, "somebodys-routers", f"installed = {POINT}")
    done = program("train", benchmark, "--router", "instaled")
    assert done.status == 1 and 'Did you mean "installed"' in done.err and "outside_package" not in sys.modules


def test_two_packages_that_offer_one_name_are_named_both(program, folder, benchmark):
    install(folder, "somebodys-routers", f"installed = {POINT}")
    install(folder, "another-package", "installed = elsewhere:Router")
    done = program("train", benchmark, "--router", "installed")
    assert done.status == 1 and len(done.errors) == 1
    assert "somebodys-routers" in done.err and "another-package" in done.err and "Uninstall one" in done.err


def test_a_package_that_offers_what_cannot_be_imported_is_named(folder):
    install(folder, "somebodys-routers", "installed = nothing_there:Router")
    with pytest.raises(PluginError, match='"installed" of the package somebodys-routers'):
        is_family("installed")


def test_a_package_offers_by_group(folder):
    install(folder, "somebodys-sources", "lines = x:Lines", group="vlrouterbench.sources")
    assert set(offered("vlrouterbench.sources")) == {"lines"} and "lines" not in offered("vlrouterbench.routers")


def test_encoders_and_sources_of_installed_packages_are_found(program, folder, project_root, benchmark, tmp_path):
    examples = project_root / "docs" / "examples"
    for name, stem in (("brightness_encoder.py", "packed_encoder"), ("score_lines_source.py", "packed_source")):
        source = (examples / name).read_text()
        (folder / f"{stem}.py").write_text("\n".join(line for line in source.splitlines() if "register_" not in line))
    install(folder, "some-encoders", "brightness = packed_encoder:BrightnessEncoder", group="vlrouterbench.encoders")
    install(folder, "some-sources", "score-lines = packed_source:ScoreLines", group="vlrouterbench.sources")
    done = program("train", benchmark, "--router", "prototype", "--image", "brightness", "--out", tmp_path / "router")
    assert done.status == 0, done.err
    quiz = tmp_path / "quiz"
    quiz.mkdir()
    (quiz / "scores.txt").write_text("\n".join(["weak strong", *(f"{n % 2} 1 what is {n}?" for n in range(60))]))
    done = program("build", quiz, "--out", tmp_path / "built")
    assert done.status == 0, done.err


def evaluated(program, folder, benchmark, out, body, *more, kind="def"):
    """How `evaluate` ends with a function `decide` of a plugin's."""
    (folder / "own_decider.py").write_text(
        f"import vlrouterbench\n\n\n{kind} decide(samples):\n    {body}\n\n\n"
        "vlrouterbench.register_router('decide', decide)\n"
    )
    arguments = ("--router", "decide", "--plugin", folder / "own_decider.py", "--out", out)
    return program("evaluate", benchmark, *arguments, *more)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise SystemExit(0)", "the function decide failed on .* SystemExit: 0"),
        ("raise type('Odd', (BaseException,), {})('x')", "failed on .* Odd: x"),
        ("raise KeyboardInterrupt", "stopped; nothing half-written"),
        ("return decide(samples)", "failed on .* RecursionError"),
        ("yield 'small'", "found generator"),
        ("return {sample['sample_id']: 'small' for sample in samples}", "found dict"),
        ("return [0] * len(samples)", "found int 0"),
        ("return ['smal'] * len(samples)", '"smal". Did you mean "small"'),
    ],
)
def test_a_function_that_does_not_answer_is_one_message_and_nothing_is_written(
    body, message, program, folder, benchmark, tmp_path
):
    done = evaluated(program, folder, benchmark, tmp_path / "out", body)
    assert done.status == 1 and len(done.errors) == 1 and re.search(message, done.err), done.err
    assert not (tmp_path / "out").exists()


def test_an_async_function_is_one_message(program, folder, benchmark, tmp_path):
    done = evaluated(program, folder, benchmark, tmp_path / "out", "return []", kind="async def")
    assert done.status == 1 and "found coroutine" in done.err and "Warning" not in done.err


def test_what_a_plugin_prints_leaves_the_summary_readable_and_its_chdir_the_results_where_they_were_asked_for(
    program, folder, benchmark, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    body = "print('thinking'); import os; os.chdir('/'); samples.sort(key=len); return ['small'] * len(samples)"
    done = evaluated(program, folder, benchmark, "out", body, "--json", "--no-baselines")
    assert done.status == 0 and "thinking" in done.err, done.err
    assert [record["router"] for record in json.loads(done.out)["results"]] == ["decide"]
    assert (tmp_path / "out" / "results.json").is_file()


def test_a_plugin_may_be_given_twice_relatively_and_lie_where_a_path_has_spaces(
    program, folder, benchmark, tmp_path, monkeypatch
):
    (folder / "my plug ins").mkdir()
    (folder / "my plug ins" / "spaced_router.py").write_text(MODULE)
    monkeypatch.chdir(folder)
    twice = ("--plugin", "my plug ins/spaced_router.py", "--plugin", folder / "my plug ins" / "spaced_router.py")
    arguments = ("--router", "outside", "--cost-weight", "10", "--out", tmp_path / "out")
    done = program("train", benchmark, *arguments, *twice)
    assert done.status == 0, done.err


@pytest.mark.parametrize("imported", ["import vlrouterbench.routers as own", "from vlrouterbench.routers import *"])
def test_code_that_cannot_be_carried_is_refused_before_anything_is_trained(
    imported, program, folder, benchmark, tmp_path
):
    (folder / "uncarried_router.py").write_text(MODULE.replace("import torch\n", f"import torch\n{imported}\n", 1))
    arguments = ("--router", "outside", "--out", tmp_path / "out")
    done = program("train", benchmark, *arguments, "--plugin", folder / "uncarried_router.py")
    assert done.status == 1 and len(done.errors) == 1 and "train outside" not in done.err
    assert 'the code of the router "outside" cannot be saved beside its weights: uncarried_router has' in done.err


def test_a_wrong_name_is_told_before_anything_is_encoded(program, benchmark, tmp_path):
    done = program("train", benchmark, "--router", "knnn", "--out", tmp_path / "out")
    assert done.status == 1 and 'Did you mean "knn"' in done.err
