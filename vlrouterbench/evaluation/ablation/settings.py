"""What an ablation varies: one axis, and the settings along it.

Decisions
- Along an axis nothing else changes: encoders, fusion, family, cost weights and seed stay as requested.
- The first setting is the base that the others are compared with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vlrouterbench.core.constants import COST_WEIGHTS
from vlrouterbench.core.errors import BenchmarkError, unknown_name
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.routers.encoders.block import (
    AVERAGE,
    CONCAT,
    IMAGE_ONLY,
    NORMALIZE_CONCAT,
    TEXT_ONLY,
    WEIGHTED_AVERAGE,
)
from vlrouterbench.training.arguments import RouterTrainingArguments

AXES = ("encoder", "fusion", "modality", "cost-weight")


@dataclass(frozen=True)
class AblationSetting:
    """One point of an axis.

    Attributes:
        name: in tables and as a folder.
        features: encoders and fusion.
        arguments: of training.
    """

    name: str
    features: FeatureOptions
    arguments: RouterTrainingArguments


@dataclass(frozen=True)
class AblationGrid:
    """The settings that an ablation compares.

    Attributes:
        axis: one of AXES.
        texts, images: encoders; every pair of them is a setting of the axis "encoder", else there is one of each.
        features: what is the same for all settings except the encoders.
        arguments: of training, the same for all settings except those of the axis "cost-weight", which are its cost
            weights.
    """

    axis: str
    texts: Sequence[str] = ("builtin",)
    images: Sequence[str] = ("builtin",)
    features: FeatureOptions = field(default_factory=FeatureOptions)
    arguments: RouterTrainingArguments = field(default_factory=RouterTrainingArguments)

    def settings(self) -> list[AblationSetting]:
        """The settings in order, at least two, with different names.

        Raises:
            UnknownNameError: no such axis.
            BenchmarkError: the axis has fewer than two settings, or several encoders for another axis.
        """
        if self.axis not in AXES:
            raise unknown_name("axis", self.axis, AXES)
        if self.axis == "encoder":
            settings = [
                self._setting(_pair_name(text, image), replace(self.features, text=text, image=image))
                for text in self.texts
                for image in self.images
            ]
        elif len(self.texts) > 1 or len(self.images) > 1:
            raise BenchmarkError(f"expected one text and one image encoder for the axis {self.axis}, found more.")
        else:
            settings = self._along_axis(replace(self.features, text=self.texts[0], image=self.images[0]))
        if len(settings) < 2 or len({setting.name for setting in settings}) < len(settings):
            raise BenchmarkError(
                f"expected at least two different settings for the axis {self.axis}, found "
                f"{', '.join(setting.name for setting in settings)}. Give more with --text, --image or --cost-weight."
            )
        return settings

    def _along_axis(self, features: FeatureOptions) -> list[AblationSetting]:
        if self.axis == "cost-weight":
            weights = self.arguments.cost_weights or COST_WEIGHTS
            return [self._setting(_weight_name(weight), features, weight) for weight in weights]
        fusions = {name: name for name in (CONCAT, NORMALIZE_CONCAT, AVERAGE, WEIGHTED_AVERAGE)}
        if self.axis == "modality":
            joint = CONCAT if features.fusion in (TEXT_ONLY, IMAGE_ONLY) else features.fusion
            fusions = {"text+image": joint, TEXT_ONLY: TEXT_ONLY, IMAGE_ONLY: IMAGE_ONLY}
        return [self._setting(name, replace(features, fusion=fusion)) for name, fusion in fusions.items()]

    def _setting(self, name: str, features: FeatureOptions, cost_weight: float | None = None) -> AblationSetting:
        arguments = self.arguments if cost_weight is None else replace(self.arguments, cost_weights=(cost_weight,))
        return AblationSetting(name, features, arguments)


def _pair_name(text: str, image: str) -> str:
    return "+".join(Path(name).name for name in (text, image))


def _weight_name(weight: float) -> str:
    return "lambda-inf" if math.isinf(weight) else f"lambda-{weight:g}"
