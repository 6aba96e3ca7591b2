"""Families from outside that are wrong in some way: one message that names the class; no score of theirs is used."""

import pytest
import torch

import vlrouterbench as vrb
from tests.outside import MODULE, outside_class
from tests.tables import write_own_tables
from vlrouterbench.core.errors import RouterError, UnknownNameError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.evaluation.evaluate import EvaluationOptions
from vlrouterbench.routers.registry import FAMILIES
from vlrouterbench.training.arguments import RouterTrainingArguments

RETURNED = "return self.shares.clamp(min=self.config.floor).expand(len(features), -1)"
FITTED = "self.shares.copy_(training_set.soft_labels.mean(dim=0))"
RECIPES = 'recipes = {"default": Recipe(decision_grid={"floor": (0.0, 0.1)})}'
FAILED = 'the router "outside" failed while it was trained: '
WEIGHTS = RouterTrainingArguments(cost_weights=(10.0,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small benchmark."""
    root = tmp_path_factory.mktemp("outside")
    build_benchmark(write_own_tables(root / "own"), root / "benchmark")
    return root / "benchmark"


@pytest.fixture(scope="module")
def problem(folder):
    table = vrb.load_table(folder)
    return vrb.Problem(table, vrb.encode_benchmark(table))


@pytest.mark.parametrize(
    ("part", "instead", "said"),
    [
        ("config_class = OutsideConfig", "config_class = dict", "expected a config_class .* found dict"),
        (
            "    config_class = OutsideConfig\n",
            "",
            "expected a config_class with a model_type of its own .* RouterConfig",
        ),
        (RECIPES, "recipes = {}", 'expected recipes .* that have "default", a Recipe; found {}'),
        (RECIPES, 'recipes = {"default": {"floor": 1}}', 'expected recipes .* that have "default", a Recipe'),
        ("config: OutsideConfig) ->", "config, extra) ->", FAILED + "TypeError: .*extra.*outside_router.OutsideRouter"),
        ("        super().__init__(config)\n", "", FAILED + "AttributeError"),
        (FITTED, "raise KeyError('no such column')", FAILED + "KeyError: 'no such column'"),
        (FITTED, "raise SystemExit(0)", FAILED + "SystemExit: 0"),
        (RETURNED, "raise ZeroDivisionError", FAILED + r"ZeroDivisionError\. Correct outside_router"),
        (RETURNED, "return self.shares", r"expected scores .* of OutsideRouter.score, found \(3,\)"),
        (RETURNED, "return None", "expected scores .* found NoneType"),
        (RETURNED, f"{RETURNED}.numpy()", "expected scores .* found ndarray"),
        (RETURNED, f"{RETURNED} * float('nan')", "found NaN on .* samples"),
        (RETURNED, f"{RETURNED} * 0 - float('inf')", "as the largest score of .* for every sample, found -inf on"),
        ('title = "Outside"', "by_gradient = True", FAILED + "RuntimeError: .*does not require grad"),
    ],
)
def test_what_is_wrong_with_a_class_is_one_message_about_it(part, instead, said, problem, tmp_path):
    assert part in MODULE
    with outside_class(tmp_path, source=MODULE.replace(part, instead)) as router:
        with pytest.raises(RouterError, match=said) as raised:
            vrb.train_router(router, problem, WEIGHTS)
        assert len(str(raised.value).splitlines()) == 1


def test_a_field_that_the_configuration_does_not_have_is_not_tried_in_silence(problem, tmp_path):
    with (
        outside_class(tmp_path, source=MODULE.replace('{"floor": (', '{"flor": (')) as router,
        pytest.raises(UnknownNameError, match='unknown field in the recipe of outside "flor". Did you mean "floor"'),
    ):
        vrb.train_router(router, problem, WEIGHTS)


def test_scores_that_became_nan_after_training_are_no_decisions(problem, folder, tmp_path):
    with outside_class(tmp_path) as router:
        trained = vrb.train_router(router, problem, WEIGHTS).router
        with torch.no_grad():
            trained.shares[1] = torch.nan
        with pytest.raises(RouterError, match="OutsideRouter.score that can be compared, found NaN"):
            vrb.evaluate_routers(folder, [trained], tmp_path / "out", EvaluationOptions(time_routers=False))
    assert not (tmp_path / "out").exists()


def test_what_fails_while_it_is_scored_names_the_router(problem, folder, tmp_path):
    with outside_class(tmp_path) as router:
        trained = vrb.train_router(router, problem, WEIGHTS).router
        trained.config.floor = "high"
        with pytest.raises(RouterError, match='the router "outside" failed while it was scored: TypeError'):
            vrb.evaluate_routers(folder, [trained], tmp_path / "out", EvaluationOptions(time_routers=False))


def test_code_that_has_no_flat_form_is_told_when_it_is_saved(problem, tmp_path):
    source = MODULE.replace("import torch\n", "import torch\nimport vlrouterbench.routers as own\n", 1)
    with outside_class(tmp_path, source=source) as router:
        trained = vrb.train_router(router, problem, WEIGHTS)
        with pytest.raises(RouterError, match='code of the router "outside" cannot be saved beside its weights'):
            vrb.save_router(trained, tmp_path / "saved")
    assert not (tmp_path / "saved").exists() and "outside" not in FAMILIES
