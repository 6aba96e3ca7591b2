"""What an ablation varies: one thing, at least twice, each time by another name."""

import math

import pytest

from vlrouterbench.core.constants import COST_WEIGHTS
from vlrouterbench.core.errors import BenchmarkError, UnknownNameError
from vlrouterbench.evaluation.ablation.settings import AXES, AblationGrid
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.training.arguments import RouterTrainingArguments


def _grid(axis):
    return AblationGrid(axis, ("builtin", "a/one"), ("builtin",)) if axis == "encoder" else AblationGrid(axis)


@pytest.mark.parametrize("axis", AXES)
def test_only_the_axis_varies_and_names_are_unlike(axis):
    settings = _grid(axis).settings()
    assert len({setting.name for setting in settings}) == len(settings) >= 2
    varied = {
        field
        for field in ("text", "image", "fusion", "text_weight", "max_length")
        if len({getattr(setting.features, field) for setting in settings}) > 1
    }
    assert varied == {"encoder": {"text"}, "cost-weight": set()}.get(axis, {"fusion"})
    weights = {setting.arguments.cost_weights for setting in settings}
    assert len(weights) == (len(settings) if axis == "cost-weight" else 1)


def test_the_papers_grid_of_lambda_is_the_default_infinity_included():
    settings = AblationGrid("cost-weight").settings()
    assert [setting.arguments.cost_weights for setting in settings] == [(weight,) for weight in COST_WEIGHTS]
    assert settings[-1].name == "lambda-inf" and math.isinf(settings[-1].arguments.cost_weights[0])


def test_every_pair_of_encoders_is_a_setting():
    names = [s.name for s in AblationGrid("encoder", ("builtin", "a/one"), ("builtin", "b/two")).settings()]
    assert names == ["builtin+builtin", "builtin+two", "one+builtin", "one+two"]


def test_modality_compares_the_fusion_that_was_asked_for_with_either_part():
    settings = AblationGrid("modality", features=FeatureOptions(fusion="normalize-concat")).settings()
    assert [s.features.fusion for s in settings] == ["normalize-concat", "text-only", "image-only"]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (AblationGrid("encoder"), "at least two different settings"),
        (AblationGrid("encoder", ("a/x", "b/x")), "at least two different settings"),
        (AblationGrid("fusion", ("builtin", "a/one")), "one text and one image encoder"),
        (
            AblationGrid("cost-weight", arguments=RouterTrainingArguments(cost_weights=(1.0,))),
            "at least two different settings",
        ),
    ],
)
def test_a_grid_of_nothing_is_refused(grid, message):
    with pytest.raises(BenchmarkError, match=message):
        grid.settings()


def test_an_unknown_axis_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match='Did you mean "fusion"'):
        AblationGrid("fusoin").settings()
