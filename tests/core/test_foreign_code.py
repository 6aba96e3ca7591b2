"""Code of others: its failure is one message with the cause kept; what it answers and interrupts pass through."""

import os
import sys
from pathlib import Path

import pytest

from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.foreign_code import foreign_code


def test_a_failure_becomes_one_error_with_type_first_line_and_cause():
    cause = KeyError("first line\nsecond line")
    with pytest.raises(RouterError, match=r"^it failed: ValueError: first line$") as caught, foreign_code(_explained):
        raise ValueError("first line.\nsecond line") from cause
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_failure_without_words_is_told_by_its_type():
    with pytest.raises(RouterError, match=r"^it failed: ZeroDivisionError$"), foreign_code(_explained):
        raise ZeroDivisionError


def test_what_does_not_fail_is_left_alone_and_an_interrupt_ends_everything():
    with foreign_code(_explained):
        pass
    with pytest.raises(KeyboardInterrupt), foreign_code(_explained):
        raise KeyboardInterrupt


@pytest.mark.parametrize("code", [0, 3, "bye", None])
def test_code_of_others_does_not_end_a_command_as_if_it_were_done(code):
    with pytest.raises(RouterError, match="^it failed: SystemExit"), foreign_code(_explained):
        raise SystemExit(code)


def test_an_exception_that_is_no_ordinary_one_is_a_failure_too():
    with pytest.raises(RouterError, match="^it failed: Odd: really$"), foreign_code(_explained):
        raise type("Odd", (BaseException,), {})("really")


def test_an_error_of_this_package_passes_as_it_is():
    with pytest.raises(RouterError, match="^said already$"), foreign_code(_explained):
        raise RouterError("said already")


def test_what_is_printed_goes_to_stderr_and_the_working_folder_is_as_before(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with foreign_code(_explained):
        sys.stdout.write("a word\n")
        os.chdir(tmp_path / "elsewhere")
    assert capsys.readouterr() == ("", "a word\n")
    assert Path.cwd() == tmp_path


def _explained(failure):
    return RouterError(f"it failed: {failure}")
