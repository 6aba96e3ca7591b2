"""What a router would have decided on logged requests, by their features or their content.

Decisions
- Under the same candidates, budget and objective as the request came with, so that the comparison is of decisions.
- Features count where the router reads by the same encoder; otherwise what was asked is encoded anew, where it was
  logged. What cannot be decided is counted with its reason.
- A request that the router was trained on says nothing of new ones, and has no part: it is found by its content, or by
  the question that an export gives it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch

from vlrouterbench.data.sample_contents import content_digest
from vlrouterbench.features.given import encoder_digest
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.budget import Estimates
from vlrouterbench.routers.base.decision import REFUSALS, read_messages, read_request
from vlrouterbench.routers.base.estimating import EstimatingRouter
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.encoders.sample_input import RouterInputError, images_of
from vlrouterbench.serving.chooser import weight_for
from vlrouterbench.serving.logs.encoders import feature_encoder
from vlrouterbench.serving.logs.entry import Entry
from vlrouterbench.serving.logs.export import exported_question
from vlrouterbench.serving.settings import ServingError

NO_INPUT, NO_CANDIDATE, REFUSED, TRAINED_ON = (
    "neither content nor features of its encoder",
    "no candidate of the router's pool",
    "a budget or input that the router refuses",
    "requests that a router was trained on",
)

Expected = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Choice:
    """What a router would have done with a request.

    Attributes:
        candidate: that it would have asked; "" where it cannot say, for the reason `why`.
        expected: (accuracy, cost in USD) that it expects of its own choice and of the candidate that was asked; None
            where it estimates nothing of one of them.
        why: no choice.
    """

    candidate: str
    expected: Expected | None = None
    why: str = ""


class LoggedDecider:
    """Decides on logged requests by one router.

    Args:
        router: a folder or Hub id.
        trusted: whether code that it brings may run.

    Raises:
        VLRouterBenchError: it cannot be loaded.
    """

    def __init__(self, router: str, *, trusted: bool = False) -> None:
        self.name = router
        self._router: PreTrainedRouter = AutoRouter.from_pretrained(router, trust_remote_code=trusted)
        encoder = feature_encoder(self._router)
        self._encoder = "" if encoder is None else encoder_digest(encoder)
        digests = self._router.training_digests
        self._trained = frozenset[int]() if digests is None else frozenset(digests.tolist())
        self._weights: dict[str, float] = {}

    def knows(self, entry: Entry) -> bool:
        """Whether it was trained on a request."""
        return bool(self._trained) and _digest(entry) in self._trained

    @torch.no_grad()
    def choice(self, entry: Entry) -> Choice:
        """What it would have done with a request."""
        names = [name for name in entry.asked["candidates"] if name in self._router.config.candidate_names]
        if not names:
            return Choice("", why=NO_CANDIDATE)
        try:
            features = self._features(entry)
            if features is None:
                return Choice("", why=NO_INPUT)
            decision = self._router.decide_one(features, names, **self._budget(entry))
        except (*REFUSALS, ServingError):
            return Choice("", why=REFUSED)
        return Choice(decision.candidate, self._expected(features, (decision.candidate, entry.candidate)))

    def _features(self, entry: Entry) -> torch.Tensor | None:
        if entry.features is not None and entry.encoder == self._encoder:
            return torch.from_numpy(entry.features.copy()).unsqueeze(0)
        if entry.messages is None:
            return None
        return self._router.features_of_each([read_request({"messages": entry.messages})])[0]

    def _budget(self, entry: Entry) -> dict[str, float]:
        budget, objective = dict(entry.asked["budget"]), entry.asked.get("objective", "")
        if objective and "usd_weight" in budget:  # its trade-off is the router's own for that objective
            if objective not in self._weights:
                self._weights[objective] = weight_for(self._router, objective)
            budget["usd_weight"] = self._weights[objective]
        return budget

    def _expected(self, features: torch.Tensor, names: tuple[str, str]) -> Expected | None:
        known = self._router.config.candidate_names
        if not isinstance(self._router, EstimatingRouter) or any(name not in known for name in names):
            return None
        made: Estimates = self._router.estimates(features.to(self._router.device))

        def of(name: str) -> tuple[float, float]:
            accuracy, cost = (float(values[0, known.index(name)]) for values in (made.accuracy, made.cost_usd))
            return min(max(accuracy, 0.0), 1.0), max(cost, 0.0)

        return of(names[0]), of(names[1])


def _digest(entry: Entry) -> int | None:
    """Digest of a request as a benchmark of its export has it."""
    question, images = exported_question(entry), list[bytes]()
    if entry.messages is not None:
        try:
            read = read_messages(entry.messages)
            question, images = (
                str(read["question"]),
                [one for one in images_of(read["images"]) if isinstance(one, bytes)],
            )
        except RouterInputError:
            return None
    sha256 = [hashlib.sha256(image).hexdigest() for image in images]
    digest = content_digest(question, (), sha256[0] if sha256 else None, sha256[1:])
    return int(np.frombuffer(digest, dtype=">i8")[0])
