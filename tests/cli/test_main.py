"""The program as a whole: how it ends, what every command understands, and what it does not import."""

import json
import re
import subprocess
import sys

import pytest

from vlrouterbench import __version__
from vlrouterbench.cli.help import FAMILIES as FAMILY_NAMES
from vlrouterbench.cli.help import POLICIES as POLICY_NAMES
from vlrouterbench.cli.main import COMMANDS, GROUPS, main
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.routers.registry import FAMILIES

NAMES = [command.__name__ for command in COMMANDS]


def run_python(*arguments, cwd):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_commands_of_the_contract_are_there():
    assert {"run", "build", "inspect", "encode", "train", "evaluate", "route"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_help_of_every_command_names_its_options_and_ends_well(program, name):
    done = program(name, "--help")
    assert done.status == 0
    assert f"vlrouterbench {name}" in done.out
    assert done.err == ""


def test_help_has_what_must_be_given_first_and_the_rest_in_groups(program, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = program("train", "--help").out
    assert max(map(len, shown.splitlines())) <= 80
    titles = [line for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles[:3] == ["Arguments:", "Required options:", "Options:"]
    assert {"Features:", "Objective:", "Training loop:", "End-to-end routers:"} < set(titles)
    required = shown[shown.index("Required options:") : shown.index("\nOptions:")]
    assert "--router" in required and required.count("--") == 1
    assert shown.count("  --beta ") == 1 and shown.index("Objective:") < shown.index("  --beta ")


def test_help_names_every_family_and_policy():
    assert re.split(", |; through a backbone: ", FAMILY_NAMES) == list(FAMILIES)
    assert POLICY_NAMES.split(", ") == list(POLICIES)


def test_help_lists_every_command_with_what_it_does(program):
    done = program("--help")
    assert done.status == 0
    for command in COMMANDS:
        assert command.__name__ in done.out
        assert command.__doc__.split()[0] in done.out


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_is_listed_and_lists_its_own_commands(program, name):
    assert f"  {name} " in program("--help").out
    shown = program(name, "--help").out
    for command in GROUPS[name].registered_commands:
        listed = f"  {command.name or command.callback.__name__} " in shown
        assert listed != command.hidden  # a former name works and is not listed


def test_without_a_command_help_is_shown(program):
    done = program()
    assert "Usage: vlrouterbench" in done.out + done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["nonsense"],
        ["build", "somewhere", "--nonsense"],
        ["build"],
        ["build", "somewhere", "--quality", "best"],
        ["evaluate", "somewhere", "--out", "elsewhere"],
        ["run", "--seed", "abc"],
        ["train", "somewhere", "--router", "linear", "--num-epochs", "1.5"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(program, arguments):
    done = program(*arguments)
    assert done.status == 2
    assert done.out == ""
    assert "Error: " in done.err or "Usage: " in done.err


def test_the_version_is_printed(program):
    assert program("--version").out == f"vlrouterbench {__version__}\n"


def test_the_package_runs_as_a_module(tmp_path, project_root, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(project_root))
    done = run_python("-m", "vlrouterbench", "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"vlrouterbench {__version__}\n")


def test_what_was_imported_is_searched_for_garbage_neither_before_a_training_nor_at_the_end(
    tmp_path, project_root, monkeypatch
):
    monkeypatch.setenv("PYTHONPATH", str(project_root))
    (tmp_path / "transformers").mkdir()
    for name in ("__init__", "trainer"):
        (tmp_path / "transformers" / f"{name}.py").touch()
    code = (
        "import atexit, gc, sys; from vlrouterbench.cli import main; "
        "frozen = lambda: print(gc.get_freeze_count() > 10_000); "
        "main.main = lambda _: (frozen(), __import__('transformers.trainer'), frozen(), gc.unfreeze()) and 0; "
        "atexit.register(frozen); main.run_and_exit()"
    )
    assert run_python("-c", code, cwd=tmp_path).stdout.split() == ["False", "True", "True"]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["train", "--help"], ["candidates", "add", "--help"]], ids=" ".join
)
def test_help_and_version_import_no_heavy_library(tmp_path, project_root, monkeypatch, arguments):
    monkeypatch.setenv("PYTHONPATH", str(project_root))
    code = (
        "import sys; from vlrouterbench.cli.main import main; status = main(sys.argv[1:]); "
        "heavy = 'torch datasets transformers sklearn scipy matplotlib pandas numpy pyarrow evaluate'.split(); "
        "sys.exit(f'imported {[name for name in heavy if name in sys.modules]}'"
        " if status or set(heavy) & set(sys.modules) else 0)"
    )
    done = run_python("-c", code, *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_missing_extra_is_said_before_any_heavy_import(tmp_path, project_root, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(project_root))
    code = (
        "import sys; from vlrouterbench.cli.main import main; "
        "sys.modules |= dict.fromkeys('gradio rapidocr peft tensorboard cryptography'.split()); "
        "train = ['train', 'benchmark', '--router', 'mlp']; "
        "lines = [['demo'], ['sign', 'x', '--key', 'k'], [*train, '--image', 'builtin+ocr'], "
        "[*train, '--backbone-training', 'lora'], [*train, '--log-to', 'tensorboard']]; "
        "ended = [main(line) for line in lines]; "
        "heavy = 'torch datasets transformers sklearn scipy matplotlib numpy pyarrow'.split(); "
        "sys.exit(ended != [1] * 5 or bool(set(heavy) & set(sys.modules)))"
    )
    done = run_python("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    extras = re.findall(r"which is not installed: pip install 'vlrouterbench\[(\w+)\]'\.", done.stderr)
    assert extras == ["demo", "sign", "ocr", "peft", "tensorboard"]


def test_a_failure_shows_one_message_and_with_debug_its_traceback(tmp_path, project_root, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(project_root))
    plain = run_python("-m", "vlrouterbench", "inspect", "nothing-here", cwd=tmp_path)
    assert plain.returncode == 1
    assert plain.stdout == ""
    assert plain.stderr.startswith("error: ") and len(plain.stderr.splitlines()) == 1
    for place in (1, 2, 3):
        arguments = ["inspect", "nothing-here"]
        arguments.insert(place - 1, "--debug")
        debug = run_python("-m", "vlrouterbench", *arguments, cwd=tmp_path)
        assert debug.returncode == 1
        assert "Traceback (most recent call last)" in debug.stderr
        assert "BenchmarkError: expected a benchmark folder" in debug.stderr


def raising(error):
    def fail(*_, **__):
        raise error

    return fail


def test_a_fault_of_ours_asks_for_a_report_and_shows_no_traceback(program, tmp_path, monkeypatch):
    monkeypatch.setattr("vlrouterbench.data.build.build_benchmark", raising(RuntimeError("boom")))
    done = program("build", tmp_path, "--out", tmp_path / "out")
    assert done.status == 1
    assert done.errors == ["error: unexpected RuntimeError: boom. Run again with --debug to see where, and report it."]
    assert "Traceback" not in done.err


def test_a_refusal_of_the_system_is_not_called_unexpected(program, tmp_path, monkeypatch):
    full = OSError(28, "No space left on device", str(tmp_path / "out"))
    monkeypatch.setattr("vlrouterbench.data.build.build_benchmark", raising(full))
    done = program("build", tmp_path, "--out", tmp_path / "out")
    assert done.status == 1
    assert len(done.errors) == 1
    assert "No space left on device" in done.errors[0] and "unexpected" not in done.errors[0]


def test_an_interrupt_ends_with_a_word_and_no_traceback(program, tmp_path, monkeypatch):
    monkeypatch.setattr("vlrouterbench.data.build.build_benchmark", raising(KeyboardInterrupt()))
    done = program("build", tmp_path, "--out", tmp_path / "out")
    assert done.status == 1
    assert done.errors == ["error: stopped; nothing half-written is left behind."]


def test_with_debug_the_error_itself_comes_out_of_main(tmp_path):
    from vlrouterbench.core.errors import BenchmarkError

    with pytest.raises(BenchmarkError, match="expected a benchmark folder"):
        main(["inspect", str(tmp_path), "--debug"])


def test_json_of_one_command_does_not_stick_to_the_next(program, chain_folder):
    json.loads(program("--json", "inspect", chain_folder / "benchmark").out)
    assert not program("inspect", chain_folder / "benchmark").out.startswith("{")


def test_json_with_an_error_leaves_stdout_empty(program, tmp_path):
    done = program("inspect", tmp_path, "--json")
    assert (done.status, done.out) == (1, "")
    assert len(done.errors) == 1


def test_memory_that_runs_out_is_said_and_no_fault_of_the_program(monkeypatch, capsys, tmp_path):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr("vlrouterbench.cli.main.app", fail)
    assert main(["inspect", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("error: expected memory for all of it, found no more.")
