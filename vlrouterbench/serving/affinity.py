"""Which candidate a conversation was answered by, so that it can stay with it.

Decisions
- Upstreams keep prompts of a conversation in a cache and charge less for what they know; a change of model pays it all
  again. So the last model is kept while the router thinks that the best one is ahead by less than a margin.
- Bounded, the longest unused forgotten first. Of each process its own: what another process does not know is decided
  anew, which costs a cache and nothing else.
"""

from __future__ import annotations

from collections import OrderedDict

from vlrouterbench.serving.chooser import Ranking

MOST = 100_000


class Affinity:
    """Conversations and their candidates.

    Args:
        margin: what the last candidate may lie behind in accuracy less weighted cost.
    """

    def __init__(self, margin: float) -> None:
        self._margin = margin
        self._last: OrderedDict[str, str] = OrderedDict()

    def note(self, conversation: str, candidate: str) -> None:
        """Remember who answered."""
        self._last[conversation] = candidate
        self._last.move_to_end(conversation)
        if len(self._last) > MOST:
            self._last.popitem(last=False)

    def order(self, conversation: str, ranking: Ranking) -> tuple[str, ...]:
        """The ranking's order with the conversation's candidate first, where it is within the margin.

        Scores are in accuracy where a decision traded accuracy against cost; under a ceiling, a floor, or without
        estimates, they are not, and nothing is kept.
        """
        last, score = self._last.get(conversation), ranking.decision.score
        if last not in score or ranking.decision.usd_weight is None or ranking.decision.estimated_accuracy is None:
            return ranking.order
        if score[ranking.order[0]] - score[last] > self._margin:
            return ranking.order
        return (last, *(name for name in ranking.order if name != last))
