"""Code of others: its failure is one message with the cause kept; what it answers and interrupts pass through."""

import pytest

from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.foreign_code import foreign_code


def test_a_failure_becomes_one_error_with_type_first_line_and_cause():
    cause = KeyError("first line\nsecond line")
    with pytest.raises(RouterError, match=r"^it failed: ValueError: first line$") as caught, foreign_code(_explained):
        raise ValueError("first line.\nsecond line") from cause
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_failure_without_words_is_told_by_its_type():
    with pytest.raises(RouterError, match=r"^it failed: ZeroDivisionError: $"), foreign_code(_explained):
        raise ZeroDivisionError


def test_what_does_not_fail_is_left_alone_and_an_interrupt_ends_everything():
    with foreign_code(_explained):
        pass
    with pytest.raises(KeyboardInterrupt), foreign_code(_explained):
        raise KeyboardInterrupt


def _explained(failure):
    return RouterError(f"it failed: {failure}")
