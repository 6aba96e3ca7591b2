"""Part `rewordings`: how far estimates and decisions move where a request changes and its meaning does not.

Decisions
- Every router is trained on the benchmark as it is and asked twice for each test sample: as it stands, and after a
  change that leaves its meaning (`study/rewordings.py`). The labels of the sample count both times. What candidates
  would answer to the changed request was not measured: a model that is thrown off by it is not charged here.
- Moves are of estimated accuracies of all candidates, since a budget or a smaller pool may choose any of them. They are
  taken as a family estimates them, calibrated or not; one that does not estimate has its decisions alone.
- Rank Score is of the whole test split: samples that a change does not apply to are decided as they stand.
- Another text encoder is compared on the same splits: every router is trained over its features, too, and asked alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import torch

from vlrouterbench.core.errors import BenchmarkError, RouterError
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.study.against_encoder import (
    AS_IT_STANDS,
    AgainstRow,
    Asked,
    against_row,
    against_table,
    check_against,
    encoder_sides,
)
from vlrouterbench.evaluation.study.context import StudyContext, scored
from vlrouterbench.evaluation.study.over_splits import (
    MeanFigures,
    Outcomes,
    OverSplits,
    RankScoreDifference,
    difference_text,
    outcomes_of,
)
from vlrouterbench.evaluation.study.part import StudyHeader, StudyPart, TextTable
from vlrouterbench.evaluation.study.rewordings import REWORDINGS, reworded_features
from vlrouterbench.features.given import read_given
from vlrouterbench.routers.base.estimating import EstimatingRouter
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.encoders.block import MODALITIES, TEXT

FAR = 0.1
"""A move of an estimated accuracy that is counted as a far one."""


class Moves(TypedDict):
    """How far a router moved, over the changed samples of all splits.

    Attributes:
        num_samples: changed ones.
        mean_move: mean absolute change of estimated accuracy over samples and candidates, 0 to 1; None for a family
            that does not estimate.
        far_share: share of these that moved by more than FAR; None as above.
        largest_move: the largest; None as above.
        changed_decisions: share of samples for which another candidate is chosen.
    """

    num_samples: int
    mean_move: float | None
    far_share: float | None
    largest_move: float | None
    changed_decisions: float


class RewordingRow(Moves):
    """A router under one change, or under all of a modality together, each counted as often as it applies.

    Attributes:
        router: its name.
        change: its name, or "every change".
        modality: "text" or "image".
        minus_original: mean Rank Score on the test splits less that of the requests as they stand.
    """

    router: str
    change: str
    modality: str
    minus_original: RankScoreDifference


class RouterFigures(TypedDict):
    """A router on the requests as they stand."""

    router: str
    figures: MeanFigures


class RewordingsRecord(TypedDict):
    """Routers as they stand, a row per router and change, comparisons with another encoder, and what reads none."""

    far: float
    routers: list[RouterFigures]
    rows: list[RewordingRow]
    against: list[AgainstRow]
    skipped: list[str]


@dataclass(frozen=True)
class _Answers:
    """Decisions (num_samples,) and estimated accuracies (num_samples, num_candidates), None where there are none."""

    decisions: np.ndarray
    accuracy: np.ndarray | None


@dataclass(frozen=True)
class _Moved:
    """On one split: absolute moves (num_changed, num_candidates), None as above, and which decisions changed."""

    moves: np.ndarray | None
    changed: np.ndarray


class RewordingsPart(StudyPart[RewordingsRecord]):
    """One row per router and change, and one per modality."""

    name = key = "rewordings"
    default_routers = ("flagship", "ridge-mf", "mlp", "linear", "knn")

    def check(self, context: StudyContext, routers: Sequence[str]) -> None:
        """As the base's.

        Raises:
            RouterError: no router or seed, or one twice; no router reads features; no text encoders to compare.
            UnknownNameError: no such family, variant or policy.
            BenchmarkError: it brings features in the place of texts and images; a split without samples on a side.
        """
        super().check(context, routers)
        context.check_sides()
        check_against(context)
        if not _readers(routers, context):
            raise RouterError(
                f"{self.name}: expected a family, which reads requests, found policies and decisions of others alone "
                f"({', '.join(routers)})."
            )
        if read_given(context.table.folder) is not None:
            raise BenchmarkError(
                f"{self.name}: expected texts and images to change, found a benchmark that brings features in their "
                f"place ({context.table.folder}). Log content (`serve --log-content`), or leave this part out."
            )

    def run(self, context: StudyContext, routers: Sequence[str]) -> RewordingsRecord:
        """Train routers on every split and ask them for its test samples as they stand and changed."""
        self.check(context, routers)
        names = _readers(routers, context)
        over_splits: OverSplits[Asked] = OverSplits(context.table.cost_bounds, context.table.goal.beta)
        moved: dict[Asked, list[_Moved]] = {}
        for seed, own, split in context.fitted(names):
            test = scored(split)
            test = test.take(np.argsort(test.rows, kind="stable"))
            outcomes: dict[Asked, Outcomes] = {}
            sides = encoder_sides(own, names)
            for side, titles in sides:
                with context.stage(f"split {seed}: change requests"):
                    reworded = reworded_features(side.features.encoder, test)
                for name, title in titles.items():
                    with context.stage(f"split {seed}: {title}"):
                        router = side.train(name, split, seed)
                        whole = _answers(router, side.features.of(test))
                    outcomes[title, AS_IT_STANDS] = outcomes_of(whole.decisions, test)
                    for part in reworded:
                        key, decisions = (title, part.rewording.name), whole.decisions.copy()
                        now = _answers(router, torch.from_numpy(part.features))
                        moved.setdefault(key, []).append(_moved(whole, now, part.rows))
                        decisions[part.rows] = now.decisions
                        outcomes[key] = outcomes_of(decisions, test)
            over_splits.add(outcomes, test.column("group_id"), seed=seed)
        every = [title for _, titles in sides for title in titles.values()]
        return {
            "far": FAR,
            "routers": [{"router": name, "figures": over_splits.figures((name, AS_IT_STANDS))} for name in every],
            "rows": [row for name in every for row in _rows(name, moved, over_splits)],
            "against": [
                against_row(name, titles[name], _applied(name, TEXT, moved), over_splits)
                for _, titles in sides[1:]
                for name in names
            ],
            "skipped": [name for name in routers if name not in names],
        }

    def table(self, record: RewordingsRecord, header: StudyHeader) -> list[TextTable | str]:
        """A table per router, and what its columns mean."""
        columns = ("change", "samples", "move", "far", "most", "decided", "Rank Score, 95 %")
        lines: list[TextTable | str] = []
        for own in record["routers"]:
            cells = [_cells(row) for row in record["rows"] if row["router"] == own["router"]]
            lines.append(TextTable(f"{own['router']}: changed requests", columns, cells))
        lines += [
            "move, most: mean and largest change of estimated accuracy, in points",
            f"far: share of estimates, %, that moved by more than {100 * record['far']:g} points",
            "decided: share of samples, %, for which another candidate is chosen",
            "Rank Score: less that of the requests as they stand",
        ]
        if record["against"]:
            lines.append(against_table(record["against"]))
        if record["skipped"]:
            lines.append(f"reads no requests: {', '.join(record['skipped'])}")
        return lines


def _readers(routers: Sequence[str], context: StudyContext) -> list[str]:
    return [name for name in routers if name not in POLICIES and name not in context.decided]


def _answers(router: PreTrainedRouter, features: torch.Tensor) -> _Answers:
    if not len(features):
        return _Answers(np.zeros(0, dtype=int), None)
    decisions = router.decide(features).cpu().numpy()
    if not isinstance(router, EstimatingRouter):
        return _Answers(decisions, None)
    with torch.no_grad():
        accuracy = router.estimates(features.to(router.device)).accuracy
    return _Answers(decisions, accuracy.cpu().numpy().astype(np.float64))


def _moved(whole: _Answers, now: _Answers, rows: np.ndarray) -> _Moved:
    moves = None if whole.accuracy is None or now.accuracy is None else np.abs(now.accuracy - whole.accuracy[rows])
    return _Moved(moves, now.decisions != whole.decisions[rows])


def _applied(name: str, modality: str, moved: Mapping[Asked, Sequence[_Moved]]) -> list[str]:
    """Changes of a modality that apply to some sample."""
    changes = [rewording.name for rewording in REWORDINGS if rewording.modality == modality]
    return [change for change in changes if any(len(part.changed) for part in moved.get((name, change), ()))]


def _rows(name: str, moved: Mapping[Asked, Sequence[_Moved]], over_splits: OverSplits[Asked]) -> list[RewordingRow]:
    """A row per change that applies to some sample, after those of all changes of a modality together."""
    rows: list[RewordingRow] = []
    for modality in MODALITIES:
        own = _applied(name, modality, moved)
        for title, changes in (*([("every change", own)] if own else []), *((change, [change]) for change in own)):
            keys = [(name, change) for change in changes]
            rows.append(
                {
                    **_moves([part for key in keys for part in moved[key]]),
                    "router": name,
                    "change": title,
                    "modality": modality,
                    "minus_original": over_splits.difference(keys, [(name, AS_IT_STANDS)]),
                }
            )
    return rows


def _moves(parts: Sequence[_Moved]) -> Moves:
    changed = np.concatenate([part.changed for part in parts])
    found = [part.moves for part in parts if part.moves is not None]
    moves = np.concatenate(found) if found else None
    return {
        "num_samples": len(changed),
        "mean_move": None if moves is None else float(moves.mean()),
        "far_share": None if moves is None else float((moves > FAR).mean()),
        "largest_move": None if moves is None else float(moves.max()),
        "changed_decisions": float(changed.mean()),
    }


def _cells(row: RewordingRow) -> list[str]:
    shares = (row["mean_move"], row["far_share"], row["largest_move"], row["changed_decisions"])
    return [
        f"{row['modality']}: {row['change']}" if row["change"] == "every change" else row["change"],
        f"{row['num_samples']:,}",
        *("-" if share is None else f"{100 * share:.1f}" for share in shares),
        difference_text(row["minus_original"]),
    ]
