"""What every router's config.json states: its candidates with prices, its feature encoder, and how it was trained.

Decisions
- Candidates stand by name and in order, so that a router refuses a pool that does not match instead of picking by
  place.
- Training facts are for people and cards; nothing is decided by them.
- JSON has no infinity: an infinite cost weight is written "inf".
"""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedConfig


class RouterConfig(PreTrainedConfig):
    """Configuration shared by all families.

    Args:
        candidates: one `{"name", "input_price", "output_price", "mean_cost_usd"}` per candidate in pool order; prices
        in
            USD per million tokens, mean cost in USD per sample over the training split.
        encoder: configuration of the feature encoder.
        training: cost weight, seed, benchmark and what selection on validation found.
    """

    model_type = "vlrouter"

    def __init__(
        self,
        candidates: list[dict[str, Any]] | None = None,
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
