"""Messages of wrong names, and what a caller may catch."""

import pytest

from vlrouterbench.core import errors
from vlrouterbench.core.errors import UnknownNameError, VLRouterBenchError, unknown_name


def test_every_error_a_user_can_cause_has_one_base():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) >= 6
    assert all(issubclass(kind, VLRouterBenchError) for kind in kinds)


@pytest.mark.parametrize(("wrong", "right"), [("mpl", "mlp"), ("KNN", "knn"), ("linaer", "linear")])
def test_a_wrong_name_is_answered_with_the_nearest_right_one(wrong, right):
    error = unknown_name("router", wrong, ["knn", "linear", "mlp"])
    assert isinstance(error, UnknownNameError)
    assert str(error) == f'unknown router "{wrong}". Did you mean "{right}"? Known: knn, linear, mlp.'


def test_the_offered_name_keeps_its_capitals():
    assert 'Did you mean "GPT-4o"?' in str(unknown_name("candidate", "gpt-4O", ["GPT-4o", "Pixtral-12B"]))


def test_a_name_near_to_nothing_gets_the_list_but_no_guess():
    message = str(unknown_name("split", "xyzzy", ["train", "test"]))
    assert message == 'unknown split "xyzzy". Known: train, test.'


def test_the_names_may_come_from_an_iterator():
    assert 'Did you mean "test"?' in str(unknown_name("split", "tset", iter(["train", "test"])))
