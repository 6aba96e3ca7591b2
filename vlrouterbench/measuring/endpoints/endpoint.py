"""Endpoints: where each candidate is asked, at which prices and within which limits.

Decisions
- A key is never part of a record: the record has the name of an environment variable, read when a request is made.
- What a key is replaced by, wherever text of others could repeat it, is decided here too.
- `provider` is one of Hugging Face's Inference Providers: their router has one OpenAI-compatible address, where the
  provider stands behind the model's name (https://huggingface.co/docs/inference-providers).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vlrouterbench.core.errors import VLRouterBenchError, unknown_name
from vlrouterbench.data.candidates import CandidateModel, CandidatePool

PROVIDER_URL = "https://router.huggingface.co/v1"
ANY_PROVIDER = "auto"
"""The provider that the router chooses itself."""
CHAT_PATH = "/chat/completions"
SHORTEST_SECRET = 8
"""Characters from which a key is looked for in texts of others: local servers take keys such as "none"."""


class EndpointError(VLRouterBenchError):
    """An endpoints file that is not as it should be, or an endpoint that cannot be asked."""


@dataclass(frozen=True)
class Endpoint:
    """Where one candidate is asked.

    Attributes:
        name: the candidate's name.
        model: what the server calls it.
        base_url: of an OpenAI-compatible server, up to and including `/v1`; "" with a provider.
        provider: of Hugging Face's Inference Providers; "" with a base_url.
        api_key_env: name of the environment variable that holds the key; "" where none is needed.
        input_price, output_price: USD per million tokens.
        timeout_s: seconds until an answer must be whole.
        max_concurrency: requests under way at once.
        requests_per_minute: requests begun in a minute at most; None for any.
        max_output_tokens: cap on an answer's tokens, sent as `max_tokens`; None for none.
        context_tokens: input and output tokens that the model takes at most; None where not stated.
        max_images: images of a request at most.
        max_image_bytes: bytes of an encoded image at most; None for any.
        tools: whether the model takes tools.
        extra_body: further fields of every request; null takes a field away.
        parameters_b, source, date, image_rule: as in a candidates file.
    """

    name: str
    model: str
    input_price: float
    output_price: float
    base_url: str = ""
    provider: str = ""
    api_key_env: str = ""
    timeout_s: float = 120.0
    max_concurrency: int = 8
    requests_per_minute: float | None = None
    max_output_tokens: int | None = None
    context_tokens: int | None = None
    max_images: int = 1
    max_image_bytes: int | None = None
    tools: bool = False
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    parameters_b: float | None = None
    source: str = ""
    date: str = ""
    image_rule: str = ""

    @property
    def address(self) -> str:
        """The base URL that is asked."""
        return PROVIDER_URL if self.provider else self.base_url

    @property
    def url(self) -> str:
        """The address of chat completions."""
        return f"{self.address}{CHAT_PATH}"

    @property
    def sent_model(self) -> str:
        """The model's name in a request."""
        return f"{self.model}:{self.provider}" if self.provider not in ("", ANY_PROVIDER) else self.model

    def key(self) -> str:
        """The key, "" where none is needed.

        Raises:
            EndpointError: the environment variable is not set, or holds what no header can.
        """
        if not self.api_key_env:
            return ""
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            raise EndpointError(
                f'endpoint "{self.name}": expected its key in the environment variable {self.api_key_env}, found none. '
                f"Set it: export {self.api_key_env}=..."
            )
        if not (key.isascii() and key.isprintable()):
            raise EndpointError(
                f'endpoint "{self.name}": expected a key of visible ASCII characters in the environment variable '
                f"{self.api_key_env}, found others. Copy it again."
            )
        return key

    def hidden(self, text: str) -> str:
        """A text of others without the key that it may repeat."""
        key = os.environ.get(self.api_key_env, "").strip() if self.api_key_env else ""
        return text.replace(key, f"[{self.api_key_env}]") if len(key) >= SHORTEST_SECRET else text

    def candidate(self, source: str) -> CandidateModel:
        """As a candidate of a pool; `source` is where the prices stand unless the entry says so itself."""
        return CandidateModel(
            self.name,
            self.input_price,
            self.output_price,
            self.parameters_b,
            self.source or source,
            self.date,
            image_rule=self.image_rule,
        )


@dataclass(frozen=True)
class EndpointFile:
    """The endpoints of a file, in its order, names unique.

    Attributes:
        path: the file.
        endpoints: its entries.
        notes: what its user should know, a sentence each.
    """

    path: Path
    endpoints: tuple[Endpoint, ...]
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the candidates."""
        return tuple(endpoint.name for endpoint in self.endpoints)

    def find(self, name: str) -> Endpoint:
        """The endpoint of a candidate.

        Raises:
            UnknownNameError: there is none of that name.
        """
        for endpoint in self.endpoints:
            if endpoint.name == name:
                return endpoint
        raise unknown_name(f"endpoint in {self.path}", name, self.names)

    def chosen(self, names: Sequence[str]) -> tuple[Endpoint, ...]:
        """The endpoints of some candidates, in the order of the file."""
        wanted = {self.find(name).name for name in names}
        return tuple(endpoint for endpoint in self.endpoints if endpoint.name in wanted)

    def pool(self) -> CandidatePool:
        """The candidates with their prices."""
        return CandidatePool(tuple(endpoint.candidate(self.path.name) for endpoint in self.endpoints), self.path.name)
