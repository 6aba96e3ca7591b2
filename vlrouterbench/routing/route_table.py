"""A table of questions -> decisions: the one function behind Python, `route --questions` and the demo's Batch tab.

Decisions
- Rows are encoded in blocks and scored one by one. A pretrained encoder is much faster on a block; scores of a block
  differ from those of a single row in the last bit, and a row is decided as its question alone would be.
- A bad row is listed and the others are decided: where a block cannot be encoded, each of its rows is encoded alone.
- Under an average with a choice of candidates, the other candidates leave the pool of a copy of the router: what a
  weight spends is then known for those that can be chosen.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from vlrouterbench.routers.base.asking import BLOCK_PIXELS, num_pixels
from vlrouterbench.routers.base.asking import BLOCK_SAMPLES as BLOCK_ROWS
from vlrouterbench.routers.base.budget_stream import BudgetStream
from vlrouterbench.routers.base.decision import RoutingDecision
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.encoders.sample_input import RouterInput
from vlrouterbench.routers.registry import family_name
from vlrouterbench.routing.images import ImageFolder, ImageSource, NoImages
from vlrouterbench.routing.limits import INPUT_ERRORS, QuestionError
from vlrouterbench.routing.options import RoutingOptions
from vlrouterbench.routing.question_table import Question, RawRow, checked_question, given_ids, read_questions
from vlrouterbench.routing.routed_table import DecisionRow, RoutedTable
from vlrouterbench.training.pool.opened import check_open_pool

Decide = Callable[[torch.Tensor], RoutingDecision]
"""Features of a row, (1, dim), -> its decision."""


@torch.no_grad()
def route_table(
    router: PreTrainedRouter,
    questions: Path | str | Sequence[RawRow],
    options: RoutingOptions | None = None,
    images: ImageSource | None = None,
) -> RoutedTable:
    """Decide which candidate to ask for every row of a table.

    Args:
        router: any family.
        questions: a table (ENDINGS), or rows with a `question` and, where there are any, `sample_id`, `image`, `hint`
            and `options`.
        options: see RoutingOptions.
        images: where the images that rows name come from; None takes the folder of the file.

    Raises:
        QuestionError: the file as a whole cannot be used.
        RouterError: an average was asked of a router without an open pool, or what `when_unfamiliar` needs of one
            without it.
        PoolMismatchError, CalibrationError, BudgetError: see `RoutingOptions.check`; or an average below what the
            cheapest decisions cost.
    """
    options = options or RoutingOptions()
    options.check(router)
    if isinstance(questions, Path | str):
        images = images or ImageFolder(Path(questions).parent)
        rows: Sequence[RawRow] = read_questions(questions, options.limits)
    else:
        rows = questions
    work = TableWork(router, options, images or NoImages(), len(rows), given_ids(rows, options.limits))
    for number, row in enumerate(rows, start=1):
        work.add(number, row)
    return work.finished()


@dataclass(frozen=True)
class _WaitingRow:
    """A row that was read and is not yet decided."""

    number: int
    question: Question
    sample: RouterInput


@dataclass
class TableWork:
    """One pass over a table; rows wait until a block of them is encoded.

    Attributes:
        router: any family.
        options: as for `route_table`, checked.
        images: where the images that rows name come from; another source may take its place between two rows.
        num_rows: of the table, for the progress.
        given_ids: ids that rows state.
        routed: what became of the rows that are done.
    """

    router: PreTrainedRouter
    options: RoutingOptions
    images: ImageSource
    num_rows: int
    given_ids: frozenset[str]
    routed: RoutedTable = field(default_factory=RoutedTable)

    def __post_init__(self) -> None:
        self.name = self.options.name or family_name(self.router)
        self.stream = _stream(self.router, self.options)
        # Not a method of this table: with one, table and method would hold each other, and all decisions with them.
        self.decide: Decide | None = None if self.stream is None else self.stream.decide_one
        # Rows of a backbone are encoded alone: nothing is gained together, and a longer row would pad the others.
        self.block_rows = 1 if self.router.end_to_end else BLOCK_ROWS
        self.waiting: list[_WaitingRow] = []
        self.decided_ids: set[str] = set()

    def add(self, number: int, row: RawRow) -> None:
        """Read a row; decide the rows that wait where they fill a block."""
        try:
            question = checked_question(row, number, self.options.limits, self.given_ids)
            if any(question.sample_id == other.question.sample_id for other in self.waiting):
                # Whether the id is taken is known when the earlier row is decided.
                self._decide_waiting()
            if question.sample_id in self.decided_ids:
                raise QuestionError(f'sample_id "{question.sample_id}" is used in an earlier row.')
            read = ([], 0) if question.image is None else self.images.images(question.image)
        except INPUT_ERRORS as error:
            self._refuse(number, error)
            return
        sample = RouterInput.of(question.question, question.options, question.hint, *read)
        self.waiting.append(_WaitingRow(number, question, sample))
        pixels = sum(num_pixels(other.sample) for other in self.waiting)
        if len(self.waiting) >= self.block_rows or pixels >= BLOCK_PIXELS:
            self._decide_waiting()

    def finished(self) -> RoutedTable:
        """The outcome, once every row was added."""
        self._decide_waiting()
        self.routed.bad.sort(key=lambda bad: bad["row"])
        if self.stream is not None:
            self.routed.ahead_usd = self.stream.bound_usd
        return self.routed

    def _decision(self, features: torch.Tensor) -> RoutingDecision:
        return self._of_router(features) if self.decide is None else self.decide(features)

    def _of_router(self, features: torch.Tensor) -> RoutingDecision:
        names, budget = self.options.candidates, self.options.budget
        decide = partial(self.router.decide_one, features, names, **budget)
        return self.options.when_unfamiliar.applied(self.router, decide, budget)

    def _decide_waiting(self) -> None:
        rows, self.waiting = self.waiting, []
        for row, features in zip(rows, self._encoded([row.sample for row in rows]), strict=True):
            try:
                decision = self._decision(self.router.encoder.encode([row.sample]) if features is None else features)
            except INPUT_ERRORS as error:
                self._refuse(row.number, error)
                continue
            self.decided_ids.add(row.question.sample_id)
            self.routed.decisions.append(self._decided(row.question, decision))
            decision = decision.of_images(row.sample, self.router.encoder)
            self.routed.without_image += row.question.image is not None and not decision.image_used
            self.routed.fewer_images += decision.images_left_out > 0
            self._done()

    def _encoded(self, samples: Sequence[RouterInput]) -> Sequence[torch.Tensor | None]:
        """Features of each sample, (1, dim); None for each where one of them cannot be encoded."""
        try:
            return self.router.features_of_each(samples)
        except INPUT_ERRORS:
            return [None] * len(samples)

    def _decided(self, question: Question, decision: RoutingDecision) -> DecisionRow:
        accuracy, cost = decision.estimated_accuracy or {}, decision.estimated_cost_usd or {}
        return {
            "router": self.name,
            "sample_id": question.sample_id,
            "candidate": decision.candidate,
            "estimated_accuracy": accuracy.get(decision.candidate),
            "estimated_cost_usd": cost.get(decision.candidate),
            "unfamiliar": decision.unfamiliar,
        }

    def _refuse(self, number: int, error: Exception) -> None:
        self.routed.bad.append({"row": number, "problem": str(error)})
        self._done()

    def _done(self) -> None:
        if self.options.progress is not None:
            self.options.progress(len(self.routed), self.num_rows)


def _stream(router: PreTrainedRouter, options: RoutingOptions) -> BudgetStream | None:
    """What decides on one row after another under an average; None without one."""
    names = options.candidates
    if options.average_cost_usd is None:
        return None
    pool = check_open_pool(router, router.name_or_path or family_name(router))
    if options.max_latency_s is not None:
        names = pool.quick_enough(options.max_latency_s, names)
    if names is not None:
        pool = copy.deepcopy(pool)
        for name in [name for name in pool.config.candidate_names if name not in names]:
            pool.remove_candidate(name)
    stream = pool.stream(options.average_cost_usd)
    stream.check_reachable()
    return stream
