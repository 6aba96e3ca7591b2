"""What every router's config.json states: its candidates with prices, its feature encoder, and how it was trained.

Decisions
- Candidates stand by name and in order, so that a router refuses a pool that does not match instead of choosing by
  position.
- Training facts are for people and cards; nothing is decided by them.
- JSON has no infinity: an infinite cost weight is written "inf".
- transformers' labels (`id2label`, `label2id`, `num_labels`) are the candidates' names by index. They are read off the
  candidates, never stored apart, so they follow every change of the pool; a file without them loads as before.
- Every class declares its fields: parameters of `__init__` with their types, `ranges` of numbers, `choices` of texts.
  What config.json states beside them is refused, and so is what would make transformers load in another way (other
  attention code, quantisation, files by name). It always computes in float32.
- config.json names the pipeline's class among the folder's code (`custom_pipelines`). transformers takes whoever has
  that for one whose code must be trusted, so a class of this package states none: there the task is registered.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, ClassVar, NotRequired, TypedDict

from transformers import PreTrainedConfig

from vlrouterbench.routers.base.binding import (
    BOUND,
    SavedRouterError,
    check_fields_bound,
    declared_fields,
    mismatch,
    out_of_range,
    shown,
    unknown_field,
)

PIPELINE = "vlm-routing"
"""The task of transformers' `pipeline` that routers are for."""
PIPELINES = {PIPELINE: {"impl": "base_asking.RoutingPipeline", "pt": ["AutoModel"]}}
_LOADED = "transformers_modules."  # where transformers puts code that it loaded from a repository
LONGEST_NAME, HIGHEST_PRICE, MANY, MOST_CANDIDATES = 200, 1_000_000, 100_000_000, 10_000
"""Characters of a candidate's name; USD per million tokens; of anything that is counted; of a pool."""
_ATTENTION = (None, "eager", "sdpa")
_LOADING = (
    *("quantization_config", "auto_map", "transformers_weights", "fusion_config", "kernel_config"),
    *("experts_implementation", "use_pretrained_backbone", "use_timm_backbone", "backbone_kwargs"),
)
"""Fields by which a model of transformers would fetch files, or run code, of others."""
_ENCODER_RANGES = dict.fromkeys(("text_dim", "image_dim", "ocr_dim", "dim", "max_length"), (1, 65_536))
_ENCODER_RANGES |= {"version": (0, MANY), "text_weight": (0, 1), "image_size": (8, 4096), "max_tokens": (1, 65_536)}
_SHARED: dict[str, Any] = {
    "architectures": list[str] | None,
    "auto_map": dict[str, str] | None,
    "code_sha256": dict[str, str] | None,
    "custom_pipelines": dict[str, Any] | None,
    "model_type": str,
    "transformers_version": str | None,
    "dtype": str | None,
    "torch_dtype": str | None,
    "id2label": dict[str, str] | None,
    "label2id": dict[str, int] | None,
    "num_labels": int | None,
    **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), int | None),
    "use_cache": bool | None,
    "_name_or_path": str,
    "_commit_hash": str | None,
    BOUND: dict[str, Any] | None,
}
"""What transformers and saving write beside the declared fields."""


class NewCandidate(TypedDict):
    """A candidate as it is offered to a pool; prices in USD per million tokens, absent or None where not known."""

    name: str
    input_price: NotRequired[float | None]
    output_price: NotRequired[float | None]


class CandidateEntry(NewCandidate):
    """A candidate of a pool; its mean cost on train in USD per sample, absent or None where not known."""

    mean_cost_usd: NotRequired[float | None]


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
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """Field -> least and largest that its number, or each of its list, may be; those of base classes hold, too."""
    choices: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Field -> what its text, or each text of its list, may be; those of base classes hold, too."""

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
        _check_limits(type(self), vars(self))
        super().__init__(**kwargs)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let a configuration without fields of its own begin as this one: transformers would write an `__init__`."""
        if "__init__" not in cls.__dict__:

            def begin(self: RouterConfig, **fields: Any) -> None:
                super(cls, self).__init__(**fields)

            type.__setattr__(cls, "__init__", begin)
        super().__init_subclass__(**kwargs)

    @classmethod
    def declared(cls) -> Mapping[str, Any]:
        """Field -> its type, of this class and its bases."""
        kind: Any = cls
        return _declared(kind)

    @classmethod
    def check_fields(cls, content: Mapping[str, Any]) -> None:
        """Refuse what no configuration of this class states; a family checks more where its fields must fit together.

        Args:
            content: as config.json holds it.

        Raises:
            SavedRouterError: an unknown field, or one of another type or range.
        """
        declared, defaults = cls.declared(), _defaults()
        for name, value in content.items():
            if name in declared or name in _SHARED:
                hint = declared[name] if name in declared else _SHARED[name]
                if wrong := mismatch(value, hint):
                    raise SavedRouterError(f"{name}: expected {wrong}, found {shown(value)}.")
            elif name.removeprefix("_") == "attn_implementation":
                if value not in _ATTENTION:
                    raise SavedRouterError(f"{name}: expected eager or sdpa, found {shown(value)}. Leave it out.")
            elif name not in defaults or value != defaults[name]:
                raise unknown_field(name, list(declared))
        _check_limits(cls, content)
        _check_candidates(content.get("candidates") or [])
        _check_encoder(content.get("encoder") or {})

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """As transformers', of what was checked: every field is declared, and as it was saved.

        Raises:
            SavedRouterError: as for `check_fields`, or a field that was changed by hand.
        """
        cls.check_fields(config_dict)
        check_fields_bound(config_dict, list(cls.declared()))
        dropped = {BOUND, "torch_dtype", "attn_implementation", "_attn_implementation", "custom_pipelines"}
        kept = {name: value for name, value in config_dict.items() if name not in dropped}
        return super().from_dict({**kept, "dtype": "float32"}, **kwargs)

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
                f"{field}: expected the candidates {', '.join(self.candidate_names)[:LONGEST_NAME]} by index, found "
                f"{', '.join(map(str, names))[:LONGEST_NAME] or 'none'}. Leave it out: labels follow from candidates."
            )


@functools.cache
def _defaults() -> Mapping[str, Any]:
    """What transformers' own fields are unless they are set."""
    return PreTrainedConfig().to_dict()


@functools.cache
def _declared(config_class: Any) -> Mapping[str, Any]:
    return declared_fields(config_class, RouterConfig)


def _check_limits(config_class: type, fields: Mapping[str, Any]) -> None:
    """Refuse numbers out of their ranges and texts that are no choices, of those fields that are there."""
    for kind in config_class.__mro__:
        for name, (low, high) in vars(kind).get("ranges", {}).items():
            if out_of_range(fields.get(name), low, high):
                raise _outside(name, low, high, fields[name])
        for name, texts in vars(kind).get("choices", {}).items():
            given = fields.get(name)
            if any(one not in (None, *texts) for one in (given if isinstance(given, list | tuple) else [given])):
                raise SavedRouterError(f"{name}: expected one of {', '.join(texts)}; found {shown(given)}.")


def _outside(name: str, low: float, high: float, found: Any) -> SavedRouterError:
    return SavedRouterError(f"{name}: expected numbers from {low:g} to {high:g}, found {shown(found)}.")


def _check_candidates(candidates: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a pool without distinct names of a usual length, or with a price or cost that none has."""
    if len(candidates) > MOST_CANDIDATES:
        raise _outside("number of candidates", 1, MOST_CANDIDATES, len(candidates))
    names = [entry["name"] for entry in candidates]
    for place, (name, entry) in enumerate(zip(names, candidates, strict=True)):
        if not name.strip() or len(name) > LONGEST_NAME or name in names[:place]:
            raise SavedRouterError(
                f"candidates: expected names of 1 to {LONGEST_NAME} characters, each once; found {shown(name)}."
            )
        for field in ("input_price", "output_price", "mean_cost_usd"):
            if out_of_range(entry.get(field), 0, HIGHEST_PRICE):
                raise _outside(f"candidates, {field} of {shown(name)}", 0, HIGHEST_PRICE, entry[field])


def _check_encoder(encoder: Mapping[str, Any]) -> None:
    """Refuse an encoder of sizes that none has, or whose models would be loaded in another way than they were."""
    for name, value in _entries(encoder):
        if (name == "backbone" and isinstance(value, str)) or (name in _LOADING and value not in (None, False)):
            raise SavedRouterError(f"encoder: {name} is not taken, found {shown(value)}. Leave it out.")
        if "attn_implementation" in name and value not in _ATTENTION and not isinstance(value, bool):
            raise SavedRouterError(f"encoder, {name}: expected eager or sdpa, found {shown(value)}. Leave it out.")
    for name, (low, high) in _ENCODER_RANGES.items():
        hint = float if name == "text_weight" else int
        if name in encoder and (mismatch(encoder[name], hint) or out_of_range(encoder[name], low, high)):
            raise _outside(f"encoder, {name}", low, high, encoder[name])


def _entries(content: Any) -> Iterator[tuple[str, Any]]:
    """Every name with its value, at any depth of objects and lists."""
    if isinstance(content, Mapping):
        yield from content.items()
    for part in content.values() if isinstance(content, Mapping) else content if isinstance(content, list) else ():
        yield from _entries(part)
