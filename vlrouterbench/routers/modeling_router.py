"""The base of all routers: a transformers model over features, with `route()` from a picture and a question.

Decisions
- A family differs in `score` alone: features (num_samples, dim) -> scores (num_samples, num_candidates).
- A router sees features; it never sees quality or cost of the sample it decides on.
- Ties go to the first candidate in pool order, so that a decision is the same everywhere.
- Saved code files are copied beside the weights, so that a router loads where this package is not installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from .configuration_router import RouterConfig
from .decision import CalibrationError, RoutingDecision, considered
from .encoding_input import RouterInput, read_image
from .encoding_router import FeatureEncoder
from .losses import soft_cross_entropy

BUDGETS = ("usd_weight", "max_cost_usd", "min_accuracy")
"""How a request may trade accuracy against cost."""


@dataclass
class RouterOutput(ModelOutput):
    """Output of a forward pass.

    Attributes:
        loss: scalar, where soft labels were given.
        logits: scores, (num_samples, num_candidates).
    """

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None


class PreTrainedRouter(PreTrainedModel):
    """A router of any family.

    Args:
        config: names the candidates and describes the encoder.
    """

    config_class = RouterConfig
    main_input_name = "features"
    base_model_prefix = ""
    calibrated = False
    """Whether the family estimates probabilities of a correct answer that may be taken at their word."""

    def __init__(self, config: RouterConfig) -> None:
        super().__init__(config)
        self.encoder = FeatureEncoder(config.encoder)

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

    def forward(self, features: torch.Tensor, soft_labels: torch.Tensor | None = None, **_: Any) -> RouterOutput:
        """Scores, and the soft-label loss where soft labels (num_samples, num_candidates) are given."""
        logits = self.score(features)
        return RouterOutput(None if soft_labels is None else soft_cross_entropy(logits, soft_labels), logits)

    @torch.no_grad()
    def decide(self, features: torch.Tensor, candidates: Sequence[str] | None = None) -> torch.Tensor:
        """Chosen candidates as places in the pool, (num_samples,) int64, for features (num_samples, dim)."""
        return self._choose(self.score(features.to(self.device)), candidates)

    @torch.no_grad()
    def route(
        self,
        question: str,
        image: Image.Image | bytes | str | Path | None = None,
        *,
        options: Sequence[str] = (),
        hint: str = "",
        candidates: Sequence[str] | None = None,
        **budget: float | None,
    ) -> RoutingDecision:
        """Decide on one sample.

        Args:
            question: the question, without options.
            image: a PIL image, encoded bytes or a path; None for a text-only question.
            options: answer options of a multiple-choice question.
            hint: extra instruction or context.
            candidates: names to choose from, None for the whole pool.
            budget: `usd_weight`, `max_cost_usd` or `min_accuracy`; only a family with calibrated estimates accepts
            them.

        Raises:
            RouterInputError: the image cannot be read.
            PoolMismatchError: a candidate is not in the pool.
            CalibrationError: a budget was given to a family without calibrated estimates.
        """
        if unknown := sorted(set(budget) - set(BUDGETS)):
            raise TypeError(f"route() got unexpected keyword arguments {unknown}; budgets are {', '.join(BUDGETS)}.")
        asked = [name for name, value in budget.items() if value is not None]
        if asked and not self.calibrated:
            raise CalibrationError(
                f"{', '.join(asked)}: needs calibrated estimates, which {type(self).__name__} does not have. "
                "No family of this release has them; train with --cost-weight to shape the trade-off, "
                "or leave the option out."
            )
        sample = RouterInput(question, tuple(options), hint, read_image(image))
        scores = self.score(self.encoder.encode([sample]).to(self.device))
        chosen = int(self._choose(scores, candidates)[0])
        places = considered(self.config.candidate_names, candidates)
        entries = [self.config.candidates[place] for place in places]
        return RoutingDecision(
            candidate=self.config.candidate_names[chosen],
            score={entry["name"]: float(scores[0, place]) for entry, place in zip(entries, places, strict=True)},
            estimated_accuracy=None,
            estimated_cost_usd={entry["name"]: entry["mean_cost_usd"] for entry in entries},
        )

    def _choose(self, scores: torch.Tensor, candidates: Sequence[str] | None) -> torch.Tensor:
        places = torch.tensor(considered(self.config.candidate_names, candidates), device=scores.device)
        return places[scores[:, places].argmax(dim=1)]
