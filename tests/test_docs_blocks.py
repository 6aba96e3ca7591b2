"""Every block of code of every page: commands have the options they are given, Python its imports, YAML its form.

Pages that lead from one step to the next have tests of their own that run them; a command that is only named somewhere
must not go stale either.
"""

import ast
import importlib
import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml
from typer.exceptions import TyperException

from vlrouterbench.cli.main import DEBUG, FETCH, JSON, TRUST, app
from vlrouterbench.cli.plugins import split_plugins

PROJECT = Path(__file__).parent.parent
PAGES = [PROJECT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((PROJECT / "docs").glob("*.md"))
PROGRAM = "vlrouterbench"


def blocks(*languages):
    """(page, content) of every block in some languages."""
    return [
        (page.relative_to(PROJECT).as_posix(), content)
        for page in PAGES
        for language, content in re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.M)
        if language in languages
    ]


def commands():
    """(page, arguments) of every command of the program, wherever in a line of shell it stands."""
    found = []
    for page, content in blocks("bash", "sh", "console"):
        for line in content.replace("\\\n", " ").splitlines():
            # "[--port N]" is an option that may be left out, with a number.
            words = shlex.split(re.sub(r"\[(--[^]]*)\]", lambda part: part[1].replace(" N", " 1"), line), comments=True)
            if PROGRAM not in words or "pip" in words:
                continue
            words = words[words.index(PROGRAM) + 1 :]
            ends = [place for place, word in enumerate(words) if word in ("&", "&&", "|", ";", ">", "2>", "||")]
            found.append((page, words[: ends[0]] if ends else words))
    return found


def parsed(words):
    """Parse a command as the program would, and convert each value, without running anything.

    Raises:
        TyperException: there is no such command, option or value.
    """
    # As `main` does: these may stand anywhere on a line.
    words, _ = split_plugins([word for word in words if word not in (DEBUG, JSON, TRUST, FETCH)])
    command, name = typer.main.get_command(app), PROGRAM
    while isinstance(command, typer.core.TyperGroup) and words and not words[0].startswith("-"):
        name, *words = words
        command = command.commands.get(name)
        if command is None:
            raise typer.BadParameter(f"no command {name}")
    command.make_context(name, list(words))


def test_every_command_of_every_page_has_the_options_that_it_is_given():
    wrong = []
    found = commands()
    for page, words in found:
        try:
            parsed(words)
        except TyperException as error:
            wrong.append(f"{page}: {PROGRAM} {shlex.join(words)}: {error.message}")
    assert len(found) > 100 and not wrong, "\n".join(wrong)


@pytest.mark.parametrize("words", ["route --ruter x --question y", "rute", "train b --router knn --num-epochs many"])
def test_a_command_that_is_none_would_be_found(words):
    with pytest.raises(TyperException):
        parsed(words.split())


def test_what_python_of_the_pages_imports_from_the_package_is_there():
    wrong, imported = [], 0
    for page, content in blocks("python", "py"):
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PROGRAM:
                module, imported = importlib.import_module(node.module), imported + 1
                wrong += [f"{page}: {node.module}.{one.name}" for one in node.names if not hasattr(module, one.name)]
    assert imported and not wrong, wrong


def test_yaml_of_the_pages_can_be_read():
    assert [yaml.safe_load(content) for _, content in blocks("yaml", "yml")]
