"""What asking costs: an estimate before, a reserve for each request, and a limit on the sum that holds.

Decisions
- A reserve is what a request can cost at most. Text has at most one token a byte (byte-level tokenizers), an image at
  most as many as the hungriest published rule gives for its size; what a server puts around a message is allowed for
  once. Where `context_tokens` is stated, input and output together are at most that.
- Without `max_output_tokens` and `context_tokens` an answer is taken to have at most UNCAPPED_TOKENS: the bound on
  the sum is then the price of what goes beyond, and is stated. With a cap it is 0.
- A request waits while its reserve does not fit and others are under way, since most cost less than their reserve.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.data.costs import TOKENS_PER_PRICE
from vlrouterbench.data.image_tokens import IMAGE_RULES, PUBLISHED_RULES
from vlrouterbench.data.tokens import REFERENCE_IMAGE_TOKENS, count_tokens
from vlrouterbench.measuring.asking.request import output_cap
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.measuring.prompts import render_prompt
from vlrouterbench.measuring.samples import SampleTable, Size, iter_questions

UNCAPPED_TOKENS = 16_384
MESSAGE_TOKENS = 512
"""What a server's chat template puts around one message, at most."""
SECONDS_PER_ANSWER = 2.0
"""Assumed in the estimate, which is made before anybody was asked."""
EXPECTED_TOKENS = {"choice": 10, "yes-no": 10}
OTHER_TOKENS = 50
"""Expected output by kind of grading, as the reference imputes it for multiple choice and open questions."""
_SLACK = 1e-9


@dataclass(frozen=True)
class EndpointEstimate:
    """What asking one candidate will take.

    Attributes:
        name: of the candidate.
        requests: to be made; answers that are kept already are not asked for.
        input_tokens, output_tokens: expected.
        usd, most_usd: expected, and at most.
        minutes: at the endpoint's limits and SECONDS_PER_ANSWER.
        capped: whether an answer's tokens are bounded by the endpoints file.
    """

    name: str
    requests: int
    input_tokens: int
    output_tokens: int
    usd: float
    most_usd: float
    minutes: float
    capped: bool


def usd(endpoint: Endpoint, input_tokens: float, output_tokens: float) -> float:
    """What tokens cost at an endpoint."""
    return (input_tokens * endpoint.input_price + output_tokens * endpoint.output_price) / TOKENS_PER_PRICE


def checked_limit(most_usd: float | None) -> float | None:
    """A limit on money as it is, None for none.

    Raises:
        VLRouterBenchError: no finite number >= 0.
    """
    if most_usd is not None and not 0 <= most_usd < math.inf:
        raise VLRouterBenchError(
            f"expected a limit on money in USD, 0 or more, found {most_usd:g}. For no limit leave --max-usd out."
        )
    return most_usd


def is_capped(endpoint: Endpoint) -> bool:
    """Whether an answer's tokens are bounded by the endpoints file."""
    return output_cap(endpoint) is not None or endpoint.context_tokens is not None


def reserve_usd(endpoint: Endpoint, prompt: str, sizes: Sequence[Size]) -> float:
    """The most that a request can cost, USD."""
    pictures = sum(max(rule(*size) for rule in IMAGE_RULES.values()) for size in sizes)
    inputs = len(prompt.encode("utf-8", "surrogatepass")) + pictures + MESSAGE_TOKENS
    context = endpoint.context_tokens
    outputs = output_cap(endpoint) or (UNCAPPED_TOKENS if context is None else context)
    if context is None:
        return usd(endpoint, inputs, outputs)
    if endpoint.output_price >= endpoint.input_price:  # the dearer side takes what it can of the context
        outputs = min(outputs, context)
        return usd(endpoint, min(inputs, context - outputs), outputs)
    inputs = min(inputs, context)
    return usd(endpoint, inputs, min(outputs, context - inputs))


def expected_input(endpoint: Endpoint, text_tokens: int, sizes: Sequence[Size]) -> int:
    """Input tokens that are counted where a server does not: text by one tokenizer, images by the candidate's rule."""
    name = endpoint.image_rule or PUBLISHED_RULES.get(endpoint.name, "")
    rule = IMAGE_RULES.get(name)
    return text_tokens + sum(rule(*size) if rule else REFERENCE_IMAGE_TOKENS for size in sizes)


def estimate(
    samples: SampleTable, template: str, endpoints: Sequence[Endpoint], done: Sequence[set[int]] = ()
) -> list[EndpointEstimate]:
    """What asking every candidate about every sample will take.

    Args:
        samples: the samples.
        template: of the prompt.
        endpoints: the candidates.
        done: for each endpoint the rows that are answered already; none for a new measurement.
    """
    sums = [[0, 0, 0.0, 0.0, 0] for _ in endpoints]  # input, output, expected and most USD, requests
    for row, question in enumerate(iter_questions(samples)):
        prompt = render_prompt(template, question)
        text_tokens, sizes = int(count_tokens([prompt])[0]), samples.sizes[row]
        for place, endpoint in enumerate(endpoints):
            if done and row in done[place]:
                continue
            inputs = expected_input(endpoint, text_tokens, sizes)
            outputs = EXPECTED_TOKENS.get(question.kind, OTHER_TOKENS)
            outputs = min(outputs, output_cap(endpoint) or outputs)
            added = (inputs, outputs, usd(endpoint, inputs, outputs), reserve_usd(endpoint, prompt, sizes), 1)
            sums[place] = [a + b for a, b in zip(sums[place], added, strict=True)]
    return [_estimated(endpoint, *totals) for endpoint, totals in zip(endpoints, sums, strict=True)]


def _estimated(
    endpoint: Endpoint, inputs: float, outputs: float, expected: float, most: float, requests: float
) -> EndpointEstimate:
    minutes = requests * SECONDS_PER_ANSWER / endpoint.max_concurrency / 60
    if endpoint.requests_per_minute:
        minutes = max(minutes, requests / endpoint.requests_per_minute)
    capped = is_capped(endpoint)
    return EndpointEstimate(endpoint.name, int(requests), int(inputs), int(outputs), expected, most, minutes, capped)


class SpendingLimit:
    """Keeps what is paid and reserved together within a limit; for one event loop.

    Args:
        most_usd: the limit, None for none.
        spent_usd: what was paid before.

    Attributes:
        spent_usd: what was paid.
    """

    def __init__(self, most_usd: float | None, spent_usd: float = 0.0) -> None:
        self.most_usd, self.spent_usd = most_usd, spent_usd
        self._open: list[float] = []
        self._changed = asyncio.Condition()

    @property
    def committed_usd(self) -> float:
        """What was paid and is reserved."""
        return self.spent_usd + math.fsum(self._open)

    async def reserve(self, amount: float) -> bool:
        """Reserve an amount, as soon as it fits; False where it does not fit although nothing is under way."""
        async with self._changed:
            while not self._fits(amount):
                if not self._open:
                    return False
                await self._changed.wait()
            self._open.append(amount)
            return True

    async def settle(self, amount: float, paid: float) -> None:
        """Count what was paid in the place of what was reserved."""
        async with self._changed:
            self._open.remove(amount)
            self.spent_usd += paid
            self._changed.notify_all()

    def _fits(self, amount: float) -> bool:
        return self.most_usd is None or self.committed_usd + amount <= self.most_usd * (1 + _SLACK)
