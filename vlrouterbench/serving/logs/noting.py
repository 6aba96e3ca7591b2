"""A request that has ended -> its entry in the log."""

from __future__ import annotations

import time

from vlrouterbench.serving.logs.entry import Entry
from vlrouterbench.serving.planning import ROUTE
from vlrouterbench.serving.turn import Turn


def entry_of(turn: Turn, key: str, status: int, cost_usd: float | None, *, with_content: bool) -> Entry:
    """The entry of a request.

    Args:
        turn: the request.
        key: whose it is, by name.
        status: that it was answered with.
        cost_usd: of its answer, None where that is not known.
        with_content: whether what was asked is to be kept.
    """
    plan, outcome, ranking = turn.plan, turn.outcome, turn.plan.ranking
    usage = None if turn.meter is None else turn.meter.usage
    total = time.perf_counter() - turn.started
    latency = {"overhead": turn.overhead_s, "upstream": total - turn.overhead_s, "total": total}
    if ranking is not None:
        latency.update(ranking.took)
    if outcome.answer is not None:
        latency["first_byte"] = outcome.answer.first_byte_s
    asked = {} if ranking is None else {"budget": dict(ranking.budget), "candidates": list(ranking.order)}
    stated = {"objective": plan.objective, "undecided": plan.undecided}
    return Entry(
        id=turn.id,
        key=key,
        conversation=turn.request.conversation,
        mode=plan.mode,
        model=turn.request.model,
        chosen="" if ranking is None else plan.order[0] if plan.mode == ROUTE else ranking.decision.candidate,
        candidate=outcome.candidate,
        status=status,
        asked=asked | {name: value for name, value in stated.items() if value},
        decision={} if ranking is None else ranking.decision.as_dict(),
        attempts=[[attempt.candidate, attempt.kind] for attempt in outcome.attempts],
        propensity=plan.propensity,
        explored=plan.explored,
        router="" if ranking is None else ranking.router,
        encoder="" if ranking is None else ranking.encoder,
        features=None if ranking is None or ranking.features is None else ranking.features[0].cpu().numpy(),
        input_tokens=None if usage is None else usage.input_tokens,
        output_tokens=None if usage is None else usage.output_tokens,
        cost_usd=cost_usd,
        latency=latency,
        messages=turn.request.messages if with_content else None,
    )
