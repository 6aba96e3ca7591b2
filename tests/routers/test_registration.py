"""Names of routers from outside: what may be registered, and what is found under a name."""

import pytest

import vlrouterbench as vrb
from tests.outside import MODULE, outside_class
from vlrouterbench.core.errors import RouterError, UnknownNameError
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.routers import EstimatingRouter, PreTrainedRouter
from vlrouterbench.routers.registration import POLICY_NAMES, find_family
from vlrouterbench.routers.registry import FAMILIES
from vlrouterbench.training.arguments import RouterTrainingArguments


@pytest.fixture
def outside(tmp_path):
    """A class of somebody else's, in a module of its own; the registry is as before afterwards."""
    with outside_class(tmp_path) as router:
        yield router


def test_a_registered_class_trains_under_its_name(outside, simulated_problem):
    vrb.register_router("mine", outside)
    trained = vrb.train_router("mine", simulated_problem, RouterTrainingArguments(cost_weights=(10.0,)))
    assert type(trained.router) is outside
    assert [trial.setting["floor"] for trial in trained.trials] == [0.0, 0.1]


def test_a_class_trains_without_a_name_and_is_then_known_by_its_model_type(outside, simulated_problem):
    trained = vrb.train_router(outside, simulated_problem, RouterTrainingArguments(cost_weights=(10.0,)))
    assert type(trained.router) is outside and FAMILIES["outside"] is outside


def test_a_class_that_has_a_name_keeps_it(outside):
    vrb.register_router("mine", outside)
    assert find_family(outside) == "mine" and "outside" not in FAMILIES


@pytest.mark.parametrize("name", ["knn", "vlc", "mixture", "oracle"])
def test_the_name_of_a_family_or_of_a_policy_is_refused(name, outside):
    before = dict(FAMILIES)
    with pytest.raises(RouterError, match=f'the name "{name}" is taken by a (family|policy)'):
        vrb.register_router(name, outside)
    assert dict(FAMILIES) == before


def test_the_names_of_policies_are_those_that_there_are():
    assert set(POLICIES) == POLICY_NAMES


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "two words", ".hidden", 3])
def test_a_name_that_commands_could_not_take_is_refused(name, outside):
    with pytest.raises(RouterError, match="expected a name"):
        vrb.register_router(name, outside)


def test_a_name_that_another_class_has_is_refused_with_whose_it_is(outside, tmp_path):
    vrb.register_router("mine", outside)
    with outside_class(tmp_path, "another_router") as another, pytest.raises(RouterError, match="outside_router"):
        vrb.register_router("mine", another)


def test_a_class_that_is_defined_again_takes_the_place_of_its_earlier_self(outside, tmp_path):
    vrb.register_router("mine", outside)
    with outside_class(tmp_path) as again:
        assert again is not outside
        vrb.register_router("mine", again)
        assert FAMILIES["mine"] is again


@pytest.mark.parametrize(("base", "needed"), [(PreTrainedRouter, "score"), (EstimatingRouter, "estimate")])
def test_a_class_that_cannot_score_is_refused(base, needed):
    with pytest.raises(RouterError, match=f"class Lazy .* to define `{needed}"):
        vrb.register_router("lazy", type("Lazy", (base,), {}))


@pytest.mark.parametrize("router", [dict, 3, "knn", None])
def test_what_is_neither_a_router_nor_a_function_is_refused(router):
    with pytest.raises(RouterError, match="expected a subclass of PreTrainedRouter or a function"):
        vrb.register_router("mine", router)


def test_a_function_is_not_trained(outside, simulated_problem):
    vrb.register_router("first", lambda samples: [])
    with pytest.raises(RouterError, match='"first" is a function, which needs no training'):
        vrb.train_router("first", simulated_problem)
    with pytest.raises(RouterError, match="A function needs no training"):
        vrb.train_router(lambda samples: [], simulated_problem)


def test_a_wrong_name_is_answered_with_a_registered_one_that_is_near(outside, simulated_problem):
    vrb.register_router("my-router", outside)
    with pytest.raises(UnknownNameError, match='Did you mean "my-router"'):
        vrb.train_router("my-ruoter", simulated_problem)


def test_a_module_that_registers_itself_is_saved_without_the_registration(tmp_path, simulated_problem):
    source = MODULE + '\n\nimport vlrouterbench as vrb\n\nvrb.register_router("mine", OutsideRouter)\n'
    with outside_class(tmp_path, source=source) as router:
        trained = vrb.train_router("mine", simulated_problem, RouterTrainingArguments(cost_weights=(10.0,)))
        assert type(trained.router) is router
        vrb.save_router(trained, tmp_path / "saved")
    written = (tmp_path / "saved" / "outside_router.py").read_text()
    assert "class OutsideRouter" in written and "register" not in written and "vrb" not in written
