"""The base of all routers: a transformers model over features, with `route()` from an image and a question.

Decisions
- A family differs in its modelling file alone: `score` turns features (num_samples, dim) into scores (num_samples,
  num_candidates), `fit` learns what takes one pass, `training_targets` and `training_loss` what takes gradients, and
  `recipes` says what is tried. One trainer and one evaluator serve all of them.
- Before training no candidate is preferred, so that the pool's order has no part in what is learnt.
- A router sees features; it never sees quality or cost of the sample it decides on.
- Ties go to the first candidate in pool order, so that a decision is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn
from transformers.utils import ModelOutput

from vlrouterbench.routers.base.asking import AskedRouter
from vlrouterbench.routers.base.configuration_router import RouterConfig
from vlrouterbench.routers.base.decision import (
    BUDGETS,
    CalibrationError,
    RoutingDecision,
    ScoreError,
    considered,
)
from vlrouterbench.routers.base.learning import (
    Recipe,
    Setting,
    TrainingSet,
    as_soft_labels,
    settings_of,
    soft_cross_entropy,
)
from vlrouterbench.routers.base.saved_router import SavedRouter
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder, FeatureProcessor

CALIBRATED_FAMILIES = ("flagship", "vlc-estimates")
"""Families with calibrated estimates; the registry's test keeps this list true."""


@dataclass
class RouterOutput(ModelOutput):
    """Output of a forward pass.

    Attributes:
        loss: scalar, where labels were given.
        logits: scores, (num_samples, num_candidates); None in a training step of a family that states its loss alone.
    """

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None


class PreTrainedRouter(AskedRouter, SavedRouter):
    """A router of any family.

    Args:
        config: names the candidates and describes the encoder.
    """

    main_input_name = "features"
    accepts_loss_kwargs = False
    """For transformers' Trainer: the loss is a mean over the batch that is given."""
    by_gradient = False
    """Whether the trainer follows `training_loss` after `fit`."""
    end_to_end = False
    """Whether the family learns from pixels and text through a backbone of its own, not from features."""
    needs_text_features = False
    """Whether what it learns from has vectors of the texts (`TrainingSet.text_features`)."""
    has_plain_head = False
    """Whether `head` is all there is to train, linear layers, ReLU and dropout: several train side by side then."""
    from_sample: ClassVar[str] = ""
    """What is learnt from `TrainingSet.sampled`, in a few words; empty where every training sample has a part."""
    recipes: ClassVar[Mapping[str, Recipe]] = {"default": Recipe()}
    """How each variant is trained; "reference" is the paper's, "default" may do better."""

    def __init__(self, config: RouterConfig) -> None:
        super().__init__(config)
        self.encoder = self.make_encoder(config)

    def make_encoder(self, config: RouterConfig) -> nn.Module:
        """What turns samples into feature rows."""
        return FeatureEncoder(config.encoder)

    def adopt(self, encoder: Any) -> None:
        """Take the fitted state of the encoder that the features came from."""
        self.encoder.load_state_dict(encoder.state_dict())

    def check_shareable(self) -> None:
        """Raise ValueError for a router that nobody else could use: its encoder is a folder of this machine."""
        for kind in ("text", "image"):
            encoder = self.config.encoder.get(kind)
            if isinstance(encoder, dict) and encoder.get("revision") is None:
                raise ValueError(
                    f"the {kind} encoder of the router is a local folder ({encoder['id']}): nobody else could use it. "
                    f"Push the encoder to the Hub, train with --{kind} OWNER/NAME, and push again."
                )

    def save_processor(self, folder: Path) -> None:
        """As the base's, of a router over features."""
        FeatureProcessor(self.config.encoder).save_pretrained(folder)

    def auto_classes(self) -> dict[str, type]:
        """As the base's, with the processor of a router over features."""
        entries = super().auto_classes()
        return entries | {"AutoProcessor": FeatureProcessor} if isinstance(self.encoder, FeatureEncoder) else entries

    @property
    def feature_dim(self) -> int:
        """Length of a feature vector."""
        return self.encoder.dim

    @property
    def num_candidates(self) -> int:
        """Size of the pool."""
        return len(self.config.candidates)

    def score(self, features: torch.Tensor) -> torch.Tensor:
        """Scores of the candidates, (num_samples, num_candidates), from features (num_samples, dim)."""
        raise TypeError(f"{type(self).__name__} is the base of all families: load one of them.")

    @classmethod
    def recipe_for(cls, variant: str, encoder: Any) -> Recipe:
        """The recipe of a variant, given what the features come from."""
        return cls.recipes[variant]

    @classmethod
    def sizes(cls, training_set: TrainingSet, setting: Mapping[str, Any]) -> dict[str, int]:
        """Configuration fields that follow from the data, such as the size of a memory."""
        return {}

    def fit(self, training_set: TrainingSet) -> None:
        """Learn what takes one pass over the train split; for a gradient family its starting point."""

    def training_targets(self, training_set: TrainingSet) -> torch.Tensor:
        """Targets of a gradient family, (num_samples, num_candidates); a row of NaN must not count."""
        return training_set.soft_labels.masked_fill(~training_set.counted.unsqueeze(1), torch.nan)

    def targets_of(self, soft_labels: torch.Tensor) -> torch.Tensor:
        """Targets, where soft labels (batch, num_candidates) are all that is known: what `labels` become."""
        return soft_labels

    def training_loss(self, features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Loss, a scalar, for features (batch, dim) and targets (batch, num_candidates)."""
        return self.loss_and_scores(features, targets)[0]

    def loss_and_scores(self, features: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss with the scores (batch, num_candidates) that stand behind it: one pass gives both."""
        scores = self.score(features)
        return soft_cross_entropy(scores, targets), scores

    def decision_settings(self, recipe: Recipe) -> list[Setting]:
        """What a fitted router tries on validation: configuration fields that change decisions alone."""
        return list(settings_of(recipe.decision_grid))

    def scores_for(self, features: torch.Tensor, settings: Sequence[Mapping[str, Any]]) -> Iterator[torch.Tensor]:
        """Scores (num_samples, num_candidates) under each setting in turn; a family shares the work where it can.

        The configuration is left at the last setting.
        """
        for setting in settings:
            self.config.update(dict(setting))
            yield self.score(features)

    def out_of_fold_averages_for(self, settings: Sequence[Mapping[str, Any]]) -> Iterator[tuple[float, float]] | None:
        """Expected accuracy and cost (USD per sample) of decisions on the train split, under each setting in turn.

        Each sample's are estimated by what was learnt without its group. None for a family without such estimates: its
        settings are then chosen on validation alone.
        """
        return None

    def forward(
        self,
        features: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        targets: torch.Tensor | None = None,
        text_values: torch.Tensor | None = None,
        image_values: torch.Tensor | None = None,
    ) -> RouterOutput:
        """Scores, and the family's loss where labels are given.

        Args:
            features: (num_samples, dim).
            labels: soft labels, (num_samples, num_candidates) float; or indices of the best candidates, (num_samples,)
                int64, -100 for a sample that must not count.
            targets: what the family learns from, as `training_targets` gives it; by an older name also `labels`.
            text_values: what the router's processor gives of texts; with image_values in the place of features.
            image_values: the same of images.

        Raises:
            ValueError: both are given, or labels of another shape, type or range.
        """
        if labels is not None and targets is not None:
            raise ValueError("expected labels or, by their older name, targets; found both.")
        if features is None:
            features = self.encoder.features_of_packed({"text_values": text_values, "image_values": image_values})
        elif text_values is not None or image_values is not None:
            raise ValueError("expected features, or the values that the processor gives; found both.")
        if targets is not None and not targets.is_floating_point():
            labels, targets = targets, None
        if labels is not None:
            targets = self.targets_of(as_soft_labels(labels, len(features), self.num_candidates))
        if targets is None:
            return RouterOutput(None, self.score(features))
        if type(self).training_loss is not PreTrainedRouter.training_loss:
            # A family from outside that states its loss alone: scores are made beside it, but not in every step.
            loss = self.training_loss(features, targets)
            return RouterOutput(loss, None if self.training else self.score(features))
        return RouterOutput(*self.loss_and_scores(features, targets))

    @torch.no_grad()
    def decide(self, features: torch.Tensor, candidates: Sequence[str] | None = None) -> torch.Tensor:
        """Chosen candidates as indices in the pool, (num_samples,) int64, for features (num_samples, dim)."""
        return self.decided(self.score(features.to(self.device)), candidates)

    @torch.no_grad()
    def decide_one(
        self, features: torch.Tensor, candidates: Sequence[str] | None = None, **budget: float | None
    ) -> RoutingDecision:
        """One decision on features (1, dim): what `route` answers, without encoding again.

        Args:
            features: what the encoder makes of a sample.
            candidates: names to choose from, None for the whole pool.
            budget: as for `route`, with its errors.
        """
        self.check_budget(budget)
        scores = self.score(features.to(self.device))
        chosen = int(self.decided(scores, candidates)[0])
        indices = considered(self.config.candidate_names, candidates)
        entries = [self.config.candidates[index] for index in indices]
        return RoutingDecision(
            candidate=self.config.candidate_names[chosen],
            score={entry["name"]: float(scores[0, index]) for entry, index in zip(entries, indices, strict=True)},
            estimated_accuracy=None,
            estimated_cost_usd={entry["name"]: entry.get("mean_cost_usd") for entry in entries},
            usd_weight=getattr(self.config, "usd_weight", None),
        )

    def check_budget(self, budget: Mapping[str, float | None]) -> None:
        """Raise TypeError for an unknown kind of budget, CalibrationError for one that the family cannot keep."""
        if unknown := sorted(set(budget) - {*BUDGETS}):
            raise TypeError(f"unexpected keyword arguments {unknown}; budgets are {', '.join(BUDGETS)}.")
        given = [name for name, value in budget.items() if value is not None]
        if given and not self.calibrated:
            raise CalibrationError(
                f"{', '.join(given)}: needs calibrated estimates, which {type(self).__name__} does not have. "
                f"Families that have them: {', '.join(CALIBRATED_FAMILIES)}; or train with --cost-weight to shape the "
                "trade-off, or leave the option out."
            )

    def choose(self, scores: torch.Tensor, candidates: Sequence[str] | None = None) -> torch.Tensor:
        """Indices of the best candidates, (num_samples,) int64, by scores (num_samples, num_candidates)."""
        indices = torch.tensor(considered(self.config.candidate_names, candidates), device=scores.device)
        return indices[scores[:, indices].argmax(dim=1)]

    def decided(self, scores: torch.Tensor, candidates: Sequence[str] | None = None) -> torch.Tensor:
        """As `choose`, by scores that something can be decided by.

        Raises:
            ScoreError: the best score of a sample is NaN or infinite; minus infinity beside others says "never".
        """
        chosen = self.choose(scores, candidates)
        if not bool(scores.gather(1, chosen.unsqueeze(1)).isfinite().all()):  # NaN is the largest
            raise ScoreError(
                f"{type(self).__name__} scored a sample with NaN or infinity, by which nothing can be decided: its "
                "weights, or its own code, give no number. Fetch it or train it again; if the sample is an unusual "
                "one, report it."
            )
        return chosen


def frozen(*shape: int) -> nn.Parameter:
    """A parameter of zeros that is not trained.

    Not a buffer: transformers takes a model's dtype from its parameters.
    """
    return nn.Parameter(torch.zeros(*shape), requires_grad=False)
