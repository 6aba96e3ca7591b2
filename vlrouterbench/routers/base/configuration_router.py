"""What every router's config.json states: its candidates with prices, its feature encoder, and how it was trained.

Decisions
- Candidates stand by name and in order, so that a router refuses a pool that does not match instead of choosing by
  position.
- Training facts are for people and cards; nothing is decided by them.
- JSON has no infinity: an infinite cost weight is written "inf".
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from transformers import PreTrainedConfig


class NewCandidate(TypedDict):
    """A candidate as it is offered to a pool; prices in USD per million tokens, absent or None where not known."""

    name: str
    input_price: NotRequired[float | None]
    output_price: NotRequired[float | None]


class CandidateEntry(NewCandidate):
    """A candidate of a router's pool; its mean cost over the training split in USD per sample, None where not known."""

    mean_cost_usd: float | None


class RouterConfig(PreTrainedConfig):
    """Configuration shared by all families.

    Args:
        candidates: one entry per candidate, in pool order.
        encoder: configuration of the feature encoder.
        training: cost weight, seed, benchmark and the result of selection on validation.
    """

    model_type = "vlrouter"

    def __init__(
        self,
        candidates: list[CandidateEntry] | None = None,
        encoder: dict[str, Any] | None = None,
        training: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.candidates = candidates or []
        self.encoder = encoder or {}
        self.training = training or {}
        super().__init__(**kwargs)

    @property
    def candidate_names(self) -> list[str]:
        """Names in pool order."""
        return [candidate["name"] for candidate in self.candidates]
