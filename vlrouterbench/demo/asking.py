"""Questions to the candidates themselves: whom the page may ask, with whose key, and what an answer took.

Decisions
- Nothing is kept: question, image, answer and token live as long as one request. The answer is the page's alone.
- On the Hub only Hugging Face's Inference Providers are asked, each with the visitor's own token: no visitor spends the
  money of the Space's owner, and no key of the owner is read.
- Where the endpoints file states no cap, an answer has at most ANSWER_TOKENS: the price of a press is bounded.
"""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

from vlrouterbench.data.sources.source import few_names
from vlrouterbench.demo.errors import DemoError
from vlrouterbench.measuring.asking.client import ChatClient
from vlrouterbench.measuring.asking.images import data_url
from vlrouterbench.measuring.asking.replies import Failure
from vlrouterbench.measuring.asking.request import output_cap, request_body
from vlrouterbench.measuring.endpoints.endpoint import Endpoint, EndpointFile
from vlrouterbench.measuring.money import usd
from vlrouterbench.routing.limits import INPUT_ERRORS

ANSWER_TOKENS = 1_024
_CUT = "length"
_SIGN_IN_LIBRARIES = ("authlib.integrations.starlette_client", "itsdangerous")
"""What the page's library needs for it; its extra `oauth`, which Spaces of this kind have."""
_SIGN_IN_VARIABLES = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
"""What the Hub sets in a Space with `hf_oauth: true`; without one of them the page's library refuses to start."""


@dataclass(frozen=True)
class Asking:
    """Whom the page may ask.

    Attributes:
        endpoints: of candidates of the router; on the Hub those of providers alone.
        source: name of the endpoints file, "" for none.
        on_hub: whether the page is a Space, so that visitors ask with tokens of their own.
        signs_in: whether visitors can sign in.
        notes: what the user who starts the page should know, a sentence each.
    """

    endpoints: tuple[Endpoint, ...] = ()
    source: str = ""
    on_hub: bool = False
    signs_in: bool = False
    notes: tuple[str, ...] = ()

    def needs(self, token: str) -> str:
        """What is lacking to ask, in a sentence; "" where nothing is.

        Args:
            token: the visitor's, "" for none.
        """
        if not self.on_hub:
            start = "vlrouterbench demo --endpoints FILE"
            return "" if self.endpoints else f"To ask candidates, start the demo with endpoints of yours: {start}."
        if not self.endpoints:
            return (
                "To ask candidates, this Space needs endpoints.yaml beside its app.py, with an entry that has a "
                "provider for each candidate to ask."
            )
        if not self.signs_in:
            return (
                "To ask candidates, this Space needs sign-in: hf_oauth: true in the front matter of its README.md, and "
                "gradio[oauth]."
            )
        if not token:
            return (
                "Sign in with Hugging Face to ask: the question goes to Inference Providers with your own token, and "
                "your account pays."
            )
        return ""

    def of(self, name: str) -> Endpoint:
        """The endpoint of a candidate.

        Raises:
            DemoError: it has none.
        """
        for endpoint in self.endpoints:
            if endpoint.name == name:
                return endpoint
        known = few_names([endpoint.name for endpoint in self.endpoints])
        raise DemoError(f"{self.source} has no endpoint for {name}. Add one, or choose among {known}.")


@dataclass(frozen=True)
class Asked:
    """What became of a question to one candidate.

    Attributes:
        name: of the candidate.
        problem: why there is no answer, "" where there is one.
        text: the answer.
        input_tokens, output_tokens: by the endpoint's `usage`; None where it counts none.
        cost_usd: at the endpoint's prices; None without counts.
        latency_s: seconds from request to whole answer.
        is_cut: whether the answer ended at its cap on tokens.
    """

    name: str
    problem: str = ""
    text: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    is_cut: bool = False


@dataclass(frozen=True)
class _OfVisitor(Endpoint):
    """An endpoint with a visitor's own token in the place of a variable of this machine; made for one request."""

    token: str = field(default="", repr=False)

    def key(self) -> str:
        return self.token

    def hidden(self, text: str) -> str:
        return text.replace(self.token, "[your token]")


def asking_of(file: EndpointFile | None, names: Sequence[str]) -> Asking:
    """Whom a page may ask, here or on the Hub.

    Args:
        file: the endpoints file, None for none.
        names: of the router's candidates.

    Raises:
        DemoError: the file has no candidate of the router.
    """
    on_hub = bool(os.environ.get("SPACE_ID"))
    if file is None:
        return Asking(on_hub=on_hub, signs_in=_can_sign_in())
    known = [endpoint for endpoint in file.endpoints if endpoint.name in names]
    if not known:
        raise DemoError(
            f"{file.path}: expected endpoints of the router's candidates ({few_names(list(names))}), found "
            f"{few_names(list(file.names))}. Name them as the router does, or give --router."
        )
    notes = list(file.notes)
    if strange := [name for name in file.names if name not in names]:
        notes.append(f"{file.path.name}: not asked, since the router does not know them: {few_names(strange)}.")
    asked = tuple(endpoint for endpoint in known if endpoint.provider or not on_hub)
    return Asking(asked, file.path.name, on_hub, _can_sign_in(), tuple(notes))


def ask_candidates(
    endpoints: Sequence[Endpoint], question: str, image: bytes | None, token: str | None = None
) -> list[Asked]:
    """Ask each once, all at the same time; in their order.

    Args:
        endpoints: whom.
        question: as it stands.
        image: encoded, None for none.
        token: the visitor's, in the place of the endpoints' own keys; None for those.
    """
    return asyncio.run(_ask_all([_prepared(endpoint, token) for endpoint in endpoints], question, image))


async def _ask_all(endpoints: Sequence[Endpoint], question: str, image: bytes | None) -> list[Asked]:
    async with ChatClient() as client:
        return list(await asyncio.gather(*(_ask(client, endpoint, question, image) for endpoint in endpoints)))


async def _ask(client: ChatClient, endpoint: Endpoint, question: str, image: bytes | None) -> Asked:
    if image is not None and not endpoint.max_images:
        return Asked(endpoint.name, "its endpoint takes no images")
    try:
        urls = [] if image is None else [data_url(image, endpoint.max_image_bytes).url]
        found = await client.ask(endpoint, request_body(endpoint, question, urls))
    except INPUT_ERRORS as error:
        return Asked(endpoint.name, str(error))
    if isinstance(found, Failure):
        paid = ". It may have been charged all the same" if found.may_be_paid else ""
        return Asked(endpoint.name, f"{found}{paid}")
    counts = (found.input_tokens, found.output_tokens)
    cost = None if counts[0] is None or counts[1] is None else usd(endpoint, counts[0], counts[1])
    return Asked(endpoint.name, "", found.text, *counts, cost, found.latency_s, found.finish_reason == _CUT)


def _prepared(endpoint: Endpoint, token: str | None) -> Endpoint:
    if output_cap(endpoint) is None:
        endpoint = replace(endpoint, max_output_tokens=ANSWER_TOKENS)
    if token is None:
        return endpoint
    return _OfVisitor(**{part.name: getattr(endpoint, part.name) for part in fields(Endpoint)}, token=token)


def _can_sign_in() -> bool:
    """Whether the page's library can offer it: outside a Space it would only pretend to."""
    in_space = os.environ.get("SYSTEM") == "spaces" and os.environ.get("SPACE_ID")
    if not (in_space and all(os.environ.get(name) for name in _SIGN_IN_VARIABLES)):
        return False
    try:
        for name in _SIGN_IN_LIBRARIES:
            importlib.import_module(name)
    except ImportError:
        return False
    return True
