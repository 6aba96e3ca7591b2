"""What a leaderboard holds: its records as types, and their rows as the one view shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.paired import MIXTURE
from vlrouterbench.evaluation.ranking import rank_range_text
from vlrouterbench.evaluation.records import ScoredRecord
from vlrouterbench.evaluation.view import NOTHING, Row

SUBMISSION, POLICY = "submission", "policy"


class LeaderboardRecord(ScoredRecord):
    """Figures of an entry or a reference policy.

    Attributes:
        kind: SUBMISSION or POLICY.
        rank, rank_range, tied_with: among the entries; None for policies.
        submission, file: where an entry comes from; None for policies.
        signed_by: fingerprint of the key that signed it, None where it is unsigned.
    """

    kind: str
    rank: int | None
    rank_range: list[int] | None
    tied_with: list[str] | None
    submission: str | None
    file: str | None
    signed_by: str | None


@dataclass(frozen=True)
class Refusal:
    """A submission that is not ranked.

    Attributes:
        submission: its name.
        file: its decisions.
        reason: why.
    """

    submission: str
    file: str
    reason: str

    @property
    def public_reason(self) -> str:
        """The reason without the folder that the submission lies in, which is nobody else's concern."""
        return self.reason.replace(str(Path(self.file).parent), self.submission)


@dataclass(frozen=True)
class Leaderboard:
    """A leaderboard.

    Attributes:
        table: the scored samples.
        records: one per entry and reference policy, the best first.
        notes: what is to be said of them: the objective, candidates, prices.
        refused: submissions that are not ranked.
    """

    table: RoutingTable
    records: list[LeaderboardRecord]
    notes: Sequence[str] = ()
    refused: Sequence[Refusal] = ()


def rank_text(record: LeaderboardRecord) -> str:
    """The range of a record's rank in print: "2", "1 to 3" for a tie, "-" for a policy."""
    return NOTHING if record["rank_range"] is None else rank_range_text(*record["rank_range"])


def leaderboard_rows(records: Sequence[LeaderboardRecord]) -> list[Row]:
    """The rows of records, in their order."""
    return [
        Row(
            record["router"],
            record,
            None if record["kind"] == POLICY and record["router"] == MIXTURE else record["vs_mixture"],
            rank_text(record),
            plot_kind(record),
        )
        for record in records
    ]


def plot_kind(record: LeaderboardRecord) -> str:
    """Kind of a record in tables and plots: an entry counts as a router."""
    return "policy" if record["kind"] == POLICY else "router"
