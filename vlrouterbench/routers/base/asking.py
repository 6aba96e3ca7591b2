"""How a router is asked: one sample, a list of them, a chat, or by transformers' `pipeline`.

Decisions
- Samples of a list are encoded in blocks and scored one by one: a block's scores differ from a row's in the last bit.
- The pipeline answers with dicts, ready for JSON. It loads no processor: a router reads samples itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from os import PathLike
from typing import Any

import torch
from transformers import Pipeline

from vlrouterbench.routers.base.configuration_router import PIPELINE
from vlrouterbench.routers.base.decision import RoutingDecision, read_request
from vlrouterbench.routers.encoders.sample_input import RAISE, RouterInput, RouterInputError, kind_of

BLOCK_SAMPLES = 32
"""Samples that are encoded together."""
BLOCK_PIXELS = 50_000_000
"""A block is closed early when its images have this many pixels: they are all in memory at once."""


class AskedRouter:
    """What every router has to be asked by: `route` and `route_batch`."""

    encoder: Any
    end_to_end: bool = False

    def check_budget(self, budget: Mapping[str, float | None]) -> None:
        """Raise for a budget that cannot be kept."""
        raise TypeError(f"{type(self).__name__} defines no check_budget.")

    def decide_one(
        self, features: torch.Tensor, candidates: Sequence[str] | None = None, **budget: float | None
    ) -> RoutingDecision:
        """One decision on features (1, dim)."""
        raise TypeError(f"{type(self).__name__} defines no decide_one.")

    def route(
        self,
        question: str | None = None,
        image: Any = None,
        *,
        images: Sequence[Any] | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        options: Any = (),
        hint: str | None = "",
        candidates: Sequence[str] | None = None,
        on_bad_image: str = RAISE,
        **budget: float | None,
    ) -> RoutingDecision:
        """Decide on one sample.

        Args:
            question: the question, without options.
            image: a path, encoded bytes, {bytes, path}, a PIL image, an array (height, width, 3), a tensor, a data URL,
                or a list of these; None for a text-only question.
            images: a list of images, in the place of `image`. A router that reads the first alone says so in its
                decision (`images_left_out`, `reason`).
            messages: a chat in the place of question and image: see `read_messages`.
            options: answer options of a multiple-choice question: a list, or its text (see `read_options`).
            hint: extra instruction or context.
            candidates: names to choose from, None for the whole pool.
            on_bad_image: what an image that cannot be read leads to: "error", or "text-only", a decision without it, by
                the text alone where no other is left (`image_used` and `images_left_out` of the decision say so).
            budget: `usd_weight`, `max_cost_usd` or `min_accuracy`; only a family with calibrated estimates accepts
            them.

        Raises:
            RouterInputError: nothing to decide on, a field of another kind, or an image that cannot be read where a
                decision without it was not allowed.
            HubEncoderError: the router's pretrained encoder is not in reach.
            PoolMismatchError: a candidate is not in the pool.
            CalibrationError: a budget was given to a family without calibrated estimates.
            BudgetError: a budget that makes no sense, or a ceiling on cost that no candidate fits.
        """
        self.check_budget(budget)
        if image is not None and images is not None:
            raise RouterInputError("expected image or images, found both.")
        sample = {"question": question, "image": image, "images": images, "options": options, "hint": hint}
        read = read_request(sample | {"messages": messages}, on_bad_image)
        return self.decide_on([read], candidates, **budget)[0]

    def route_batch(
        self,
        samples: Iterable[Mapping[str, Any] | RouterInput],
        *,
        candidates: Sequence[str] | None = None,
        on_bad_image: str = RAISE,
        **budget: float | None,
    ) -> list[RoutingDecision]:
        """Decide on several samples, each as `route` would, with encoders working on several at once.

        Args:
            samples: dicts with `question`, `image` or `images`, `options` and `hint`, or with `messages`, each as for
                `route`; other keys are not looked at.
            candidates: as for `route`.
            on_bad_image: as for `route`.
            budget: as for `route`, of each answer.

        Raises:
            RouterInputError: a sample that cannot be decided, by its place in the list; otherwise as `route`.
        """
        return list(self.route_each(samples, candidates=candidates, on_bad_image=on_bad_image, **budget))

    def route_each(
        self,
        samples: Iterable[Mapping[str, Any] | RouterInput],
        block_samples: int = BLOCK_SAMPLES,
        /,
        *,
        candidates: Sequence[str] | None = None,
        on_bad_image: str = RAISE,
        **budget: float | None,
    ) -> Iterator[RoutingDecision]:
        """As `route_batch`, one decision after another, of samples that need not end; `block_samples` at a time."""
        self.check_budget(budget)
        if isinstance(samples, str | bytes | Mapping) or not isinstance(samples, Iterable):
            raise RouterInputError(f"expected samples as a list of dicts, found {kind_of(samples)}.")
        waiting = list[RouterInput]()
        for place, sample in enumerate(samples):
            try:
                waiting.append(read_request(sample, on_bad_image))
            except RouterInputError as error:
                raise RouterInputError(f"samples[{place}]: {error}") from error
            if len(waiting) >= block_samples or sum(map(num_pixels, waiting)) >= BLOCK_PIXELS:
                yield from self.decide_on(waiting, candidates, **budget)
                waiting = []
        yield from self.decide_on(waiting, candidates, **budget)

    @torch.no_grad()
    def decide_on(
        self, samples: Sequence[RouterInput], candidates: Sequence[str] | None = None, **budget: float | None
    ) -> list[RoutingDecision]:
        """Decisions on samples that were read; they are in memory together with their features."""
        return [
            self.decide_one(features, candidates, **budget).of_images(sample, self.encoder)
            for sample, features in zip(samples, self.features_of_each(samples), strict=True)
        ]

    def features_of_each(self, samples: Sequence[RouterInput]) -> list[torch.Tensor]:
        """Features of each sample, (1, dim), as the sample alone has them."""
        if not samples:
            return []
        if self.end_to_end:  # nothing is gained together, and a longer text would pad the others
            return [self.encoder.encode([sample]) for sample in samples]
        # Copies: kernels round by the alignment of an address, which differs from row to row of a block.
        return [row.clone() for row in self.encoder.encode(samples).split(1)]


class RoutingPipeline(Pipeline):
    """What `pipeline("vlm-routing", model=DIR)` gives.

    Args:
        model: the router.
        kwargs: as for Pipeline; also what `route` takes beside a sample (`candidates`, `usd_weight`, ...), for every
            call that does not say otherwise.
    """

    _load_processor: Any = False
    _load_image_processor: Any = False
    _load_video_processor: Any = False
    _load_feature_extractor: Any = False
    _load_tokenizer: Any = False

    def __init__(self, model: Any, **kwargs: Any) -> None:
        if not hasattr(model, "route_each"):
            raise RouterInputError(f"{PIPELINE}: expected a router, found {type(model).__name__}.")
        super().__init__(model=model, **kwargs)

    def __call__(self, inputs: Any, *args: Any, batch_size: Any = None, num_workers: Any = None, **kwargs: Any) -> Any:
        """Decisions as dicts (`RoutingDecision.as_dict`).

        Args:
            inputs: a sample as a dict for `route_batch`, or a chat as a list of messages, for one dict; a list of
                samples or chats, for a list; what yields them (a data set, a generator), for an iterator.
            args: not used.
            batch_size: samples that are encoded together; no decision depends on it.
            num_workers: not used.
            kwargs: as for `route`; errors are those of `route_batch`.
        """
        options = {**self._forward_params, **kwargs, "batch_size": batch_size or self._batch_size or BLOCK_SAMPLES}
        if isinstance(inputs, Mapping) or _is_chat(inputs):
            return self.postprocess(next(self._forward([self.preprocess(inputs)], **options)))
        if isinstance(inputs, Sized) and not isinstance(inputs, Iterable):  # a data set of torch
            inputs = map(inputs.__getitem__, range(len(inputs)))  # type: ignore[index]
        many = isinstance(inputs, Iterable) and not isinstance(inputs, str | bytes)
        decisions = map(self.postprocess, self._forward(map(self.preprocess, inputs) if many else inputs, **options))
        return list(decisions) if isinstance(inputs, list | tuple) or not many else decisions

    def preprocess(self, input_: Any, **_: Any) -> Any:
        """A sample as `route_batch` takes it."""
        return {"messages": input_} if _is_chat(input_) else input_

    def _forward(self, input_tensors: Any, **options: Any) -> Any:
        router: Any = self.model
        return router.route_each(input_tensors, options.pop("batch_size"), **options)

    def postprocess(self, model_outputs: Any, **_: Any) -> dict[str, Any]:
        """A decision as a dict."""
        return model_outputs.as_dict()

    def save_pretrained(self, save_directory: str | PathLike[str], **kwargs: Any) -> None:
        """Save the router: there is nothing else to it."""
        self.model.save_pretrained(save_directory, **kwargs)

    def push_to_hub(self, *args: Any, **options: Any) -> Any:
        """Push the router, as its `push_to_hub` does."""
        router: Any = self.model
        return router.push_to_hub(*args, **options)

    def _sanitize_parameters(self, **parameters: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        return {}, parameters, {}


def _is_chat(value: Any) -> bool:
    """Whether a value is the messages of one chat."""
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], Mapping) and "role" in value[0]


def num_pixels(sample: RouterInput) -> int:
    """Pixels of a sample's images, 0 where it has none."""
    return sum(image.width * image.height for image in sample.images)
