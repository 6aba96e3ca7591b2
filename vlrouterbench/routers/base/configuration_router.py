"""What every router's config.json states: its candidates with prices, its feature encoder, and how it was trained.

Decisions
- Candidates stand by name and in order, so that a router refuses a pool that does not match instead of choosing by
  position.
- Training facts are for people and cards; nothing is decided by them.
- JSON has no infinity: an infinite cost weight is written "inf".
- transformers' labels (`id2label`, `label2id`, `num_labels`) are the candidates' names by index. They are read off the
  candidates, never stored apart, so they follow every change of the pool; a file without them loads as before.
- config.json names the pipeline's class among the folder's code (`custom_pipelines`). transformers takes whoever has
  that for one whose code must be trusted, so a class of this package states none: there the task is registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NotRequired, TypedDict

from transformers import PreTrainedConfig

PIPELINE = "vlm-routing"
"""The task of transformers' `pipeline` that routers are for."""
PIPELINES = {PIPELINE: {"impl": "base_asking.RoutingPipeline", "pt": ["AutoModel"]}}
_LOADED = "transformers_modules."
"""Where transformers puts code that it loaded from a repository."""


class NewCandidate(TypedDict):
    """A candidate as it is offered to a pool; prices in USD per million tokens, absent or None where not known."""

    name: str
    input_price: NotRequired[float | None]
    output_price: NotRequired[float | None]


class CandidateEntry(NewCandidate):
    """A candidate of a router's pool; its mean cost over the training split in USD per sample, None where not known."""

    mean_cost_usd: float | None


class PoolChange(TypedDict):
    """A change of a pool since training: "joined", "left" or "price"; prices as [input, output]."""

    change: str
    candidate: str
    num_anchors: NotRequired[int]
    before: NotRequired[list[float | None]]
    after: NotRequired[list[float | None]]
    version: NotRequired[str]


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

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let a configuration without fields of its own begin as this one: transformers would write an `__init__`."""
        if "__init__" not in cls.__dict__:

            def begin(self: RouterConfig, **fields: Any) -> None:
                super(cls, self).__init__(**fields)

            type.__setattr__(cls, "__init__", begin)
        super().__init_subclass__(**kwargs)

    @property
    def candidate_names(self) -> list[str]:
        """Names in pool order."""
        return [candidate["name"] for candidate in self.candidates]

    def record_change(self, *changes: PoolChange) -> None:
        """Note changes of the pool, which the router's card tells."""
        self.training = {**self.training, "pool_changes": [*self.training.get("pool_changes", []), *changes]}

    @property  # type: ignore[misc]
    def id2label(self) -> dict[int, str]:
        """Index -> name of the candidate."""
        return dict(enumerate(self.candidate_names))

    @id2label.setter
    def id2label(self, labels: Mapping[Any, str] | None) -> None:
        self._check_labels("id2label", None if labels is None else [labels[key] for key in sorted(labels, key=int)])

    @property  # type: ignore[misc]
    def label2id(self) -> dict[str, int]:
        """Name of the candidate -> index."""
        return {name: index for index, name in enumerate(self.candidate_names)}

    @label2id.setter
    def label2id(self, labels: Mapping[str, Any] | None) -> None:
        self._check_labels("label2id", None if labels is None else sorted(labels, key=lambda name: int(labels[name])))

    @property
    def num_labels(self) -> int:
        """Size of the pool."""
        return len(self.candidates)

    @num_labels.setter
    def num_labels(self, number: int) -> None:
        if number != len(self.candidates):
            raise ValueError(
                f"num_labels: expected {len(self.candidates)}, the number of candidates; found {number}. Leave it out."
            )

    @property
    def custom_pipelines(self) -> dict[str, Any]:
        """Task -> its class in the code beside the weights; none where this class is not of such code."""
        return deepcopy(PIPELINES) if type(self).__module__.startswith(_LOADED) else {}

    @custom_pipelines.setter
    def custom_pipelines(self, _: Mapping[str, Any]) -> None:
        """Nothing: what a file says is what this class knows."""

    def to_dict(self) -> dict[str, Any]:
        """As transformers', with the labels and the pipeline."""
        own = {"id2label": self.id2label, "label2id": self.label2id, "custom_pipelines": deepcopy(PIPELINES)}
        return {**super().to_dict(), **own}

    def _check_labels(self, field: str, names: list[str] | None) -> None:
        if names is not None and names != self.candidate_names:
            raise ValueError(
                f"{field}: expected the candidates {', '.join(self.candidate_names)} by index, found "
                f"{', '.join(map(str, names)) or 'none'}. Leave it out: labels follow from the candidates."
            )
