"""An average budget over a stream of requests: each is charged before it is asked, and settled by what it did cost.

Decisions
- Two things hold a budget. A pace chooses among candidates: what was under- or overspent is to be given back over the
  next `horizon` requests, by the weight that would spend so much on the router's own training samples, with the pool
  and prices as they are now. A bound says which candidates may be chosen at all: those whose reserve fits
  (`budget_account.py`). The pace alone stays above the budget where requests are dearer than those of training.
- A reserve is what a candidate may cost at most. With `input_tokens` and `max_output_tokens` it follows from its prices
  and is never exceeded; else it is its expected cost times what measured costs were of expected ones in that quantile
  of the training samples, and an answer may exceed it, by its own overrun alone: it is settled before it counts again.
- Where no reserve fits, the candidate with the smallest is asked and the decision says `within_budget=False`, or with
  `strict` that is an error and nothing is charged.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

import torch

from vlrouterbench.routers.base.budget_account import HORIZON, BudgetAccount, read_state, write_state
from vlrouterbench.routers.base.decision import BudgetError, RoutingDecision, read_request
from vlrouterbench.routers.base.reserves import Tokens, fitting_instead, reserves_by_tokens
from vlrouterbench.routers.base.spending_curve import spending_curve, weight_for
from vlrouterbench.routers.encoders.sample_input import RAISE, RouterInputError

QUANTILE = 0.95
_OF_SAMPLES = ("images", "messages", "options", "hint")
_OF_RESERVES = ("candidates", "input_tokens", "max_output_tokens")
FORMAT = 1


class StreamOptions(TypedDict, total=False):
    """Options of `BudgetStream` beside its budget."""

    strict: bool
    quantile: float
    horizon: int
    credit_usd: float | None


@dataclass(frozen=True)
class Reservation:
    """A request that was decided and charged, to be settled by its number.

    Attributes:
        number: from 1 on, in the order of decisions.
        decision: whom to ask; `within_budget` says whether its reserve fitted.
        reserved_usd: what is counted until it is settled.
    """

    number: int
    decision: RoutingDecision
    reserved_usd: float


class BudgetStream:
    """Decides on one request after another; requests may overlap, also in several threads.

    After every decision within the budget, all that was paid and is reserved is at most `average_cost_usd` times the
    requests so far, plus `bound_usd`.

    Args:
        router: any with an open pool.
        average_cost_usd: what one request may cost on average, USD.
        strict: raise where no candidate's reserve fits, instead of asking the cheapest.
        quantile: of measured over expected costs in training, 0 to 1; taken where a request does not bound its tokens.
        horizon: requests over which what was under- or overspent is given back.
        credit_usd: how far all requests together may be ahead of the budget, USD; None: the largest reserve so far, or
            nothing where the budget is below what the cheapest decisions cost on training samples. Where k requests
            are usually open at once, k reserves leave each as free as one alone.

    Raises:
        BudgetError: a budget, quantile, horizon or credit that makes no sense; with `strict`, a budget below what the
            cheapest decisions cost on training samples.
    """

    def __init__(
        self,
        router: Any,
        average_cost_usd: float,
        *,
        strict: bool = False,
        quantile: float = QUANTILE,
        horizon: int = HORIZON,
        credit_usd: float | None = None,
    ) -> None:
        self.account = BudgetAccount(average_cost_usd, credit_usd, horizon)
        self._begin(router, strict=strict, quantile=quantile)
        if strict:
            self.check_reachable()

    def check_reachable(self) -> None:
        """Refuse a budget that training samples could not have been answered within.

        Raises:
            BudgetError: it is below what the cheapest decisions cost on average.
        """
        if not self.account.reachable:
            raise BudgetError(
                f"average_cost_usd: {self.average_cost_usd:.3g} USD per sample is less than the cheapest decisions "
                f"cost on training samples, {self._curve[0][0]:.3g}. Raise the budget, or add a cheaper candidate."
            )

    def _begin(self, router: Any, *, strict: bool, quantile: float) -> None:
        if not 0 <= quantile <= 1:
            raise BudgetError(f"quantile: expected a number from 0 to 1, found {quantile}.")
        self.router, self.strict, self.quantile = router, strict, quantile
        self._look_at_pool()
        if self._ratios is None:
            warnings.warn(
                "This router was saved before routers kept how far costs lie from what is expected: a request without "
                "input_tokens and max_output_tokens is reserved its expected cost alone. Train it anew for a quantile.",
                stacklevel=4,
            )

    def _look_at_pool(self) -> None:
        """Take what follows from the pool and its prices as they are now."""
        self._pool = self.router.config.candidates
        self._curve = spending_curve(self.router)
        self.account.reachable = self.average_cost_usd >= self._curve[0][0]
        self._ratios: dict[str, float] | None = self.router.cost_ratios(self.quantile)
        handicaps = self.router.handicap.tolist()
        self._unmeasured = {entry["name"] for entry, taken in zip(self._pool, handicaps, strict=True) if taken}

    @property
    def average_cost_usd(self) -> float:
        """What one request may cost on average, USD."""
        return self.account.average_cost_usd

    @property
    def num_samples(self) -> int:
        """Requests that were decided."""
        return self.account.num_requests

    @property
    def total_cost_usd(self) -> float:
        """What was paid, and what is reserved."""
        return self.account.committed_usd

    @property
    def bound_usd(self) -> float:
        """How far all requests together may be ahead of the budget, USD; over n requests the mean by 1/n of it."""
        return self.account.bound_usd

    @property
    def usd_weight(self) -> float:
        """The weight of the next decision."""
        return weight_for(self._curve, self.account.pace_usd)

    def reserve(self, question: str | None = None, image: Any = None, **request: Any) -> Reservation:
        """Decide on a question and an image or a chat, and charge what the answer may cost.

        Args:
            question: as for `PreTrainedRouter.route`.
            image: the same.
            request: the rest of `route`'s (`images`, `messages`, `options`, `hint`, `on_bad_image`, `candidates`), and
                the tokens that `reserve_one` takes.
        """
        charged = {name: request.pop(name) for name in _OF_RESERVES if name in request}
        features, read = self._read(question, image, **request)
        made = self.reserve_one(features, **charged)
        return replace(made, decision=made.decision.of_images(read, self.router.encoder))

    def reserve_one(
        self,
        features: torch.Tensor,
        candidates: Sequence[str] | None = None,
        *,
        input_tokens: Tokens | None = None,
        max_output_tokens: Tokens | None = None,
    ) -> Reservation:
        """As `reserve`, on features (1, dim).

        Args:
            features: what the encoder makes of a sample.
            candidates: names to choose from, None for the whole pool.
            input_tokens: what the request reads, given together with the next.
            max_output_tokens: the most that the answer may have.

        Raises:
            BudgetError: with `strict`, no reserve fits; or one kind of tokens is given alone, or for a candidate
                without prices.
            PoolMismatchError: a candidate is not in the pool.
        """
        return self._charged(
            features, candidates, lambda expected: self._reserves(expected, input_tokens, max_output_tokens)
        )

    def settle(self, reservation: Reservation | int, paid_usd: float) -> None:
        """Count what a request did cost, USD, in the place of its reserve; 0 for one that was not asked after all.

        Raises:
            ReservationError: it is not open: settled already, or never made.
            BudgetError: the cost is negative or no number; the reservation stays open.
        """
        self.account.settle(reservation.number if isinstance(reservation, Reservation) else reservation, paid_usd)

    def decide_one(self, features: torch.Tensor, candidates: Sequence[str] | None = None) -> RoutingDecision:
        """The next decision, on features (1, dim), counted at once at what it is expected to cost."""
        made = self._charged(features, candidates, lambda expected: expected)
        self.settle(made, made.reserved_usd)
        return made.decision

    def route(
        self,
        question: str | None = None,
        image: Any = None,
        *,
        candidates: Sequence[str] | None = None,
        **sample: Any,
    ) -> RoutingDecision:
        """The next decision, on what the router's `route` takes, counted at once at what it is expected to cost."""
        features, read = self._read(question, image, **sample)
        return self.decide_one(features, candidates).of_images(read, self.router.encoder)

    def spent(self, expected_usd: float, measured_usd: float) -> None:
        """Replace the cost that `decide_one` or `route` counted by the measured one; `settle` does so itself."""
        self.account.correct(measured_usd - expected_usd)

    def save(self, path: Path | str) -> None:
        """Write all that the next decision depends on as JSON, whole or not at all; refused if another wrote since."""
        own = {"format": FORMAT, "strict": self.strict, "quantile": self.quantile}
        with self.account.lock:
            write_state(path, own | {"account": self.account.state()}, self.account.seen)

    @classmethod
    def restore(cls, router: Any, path: Path | str) -> BudgetStream:
        """The stream that `save` wrote: it decides as the unbroken one, and open reservations can be settled.

        Raises:
            BudgetError: no such file, or it is not one of a stream.
        """
        state = read_state(path)
        kinds = {"account": dict, "strict": bool, "quantile": int | float}
        if state.get("format") != FORMAT or not all(isinstance(state.get(name), kinds[name]) for name in kinds):
            raise BudgetError(f"expected the saved state of a stream in format {FORMAT} at {path}, found another.")
        stream = cls.__new__(cls)
        stream.account = BudgetAccount.from_state(state["account"])
        stream._begin(router, strict=state["strict"], quantile=state["quantile"])
        stream.account.seen[Path(path).absolute()] = state
        return stream

    @torch.no_grad()
    def _read(self, question: str | None, image: Any, on_bad_image: str = RAISE, **sample: Any) -> Any:
        """Features (1, dim), and the sample that they are of."""
        if unknown := sorted(set(sample) - set(_OF_SAMPLES)):
            raise TypeError(f"unexpected keyword arguments {unknown}; a stream sets the budget itself.")
        if image is not None and sample.get("images") is not None:
            raise RouterInputError("expected image or images, found both.")
        read = read_request({"question": question, "image": image, **sample}, on_bad_image)
        return self.router.features_of_each([read])[0], read

    def _reserves(
        self, expected: Mapping[str, float], input_tokens: Tokens | None, max_output_tokens: Tokens | None
    ) -> dict[str, float]:
        """Candidate -> what it may cost at most, USD, of those that a cost is expected of."""
        if input_tokens is None and max_output_tokens is None:
            ratios = self._ratios or {}
            return {name: usd * ratios.get(name, 1.0) for name, usd in expected.items()}
        if input_tokens is None or max_output_tokens is None:
            raise BudgetError("expected input_tokens and max_output_tokens together, or neither; found one alone.")
        entries = [entry for entry in self._pool if entry["name"] in expected]
        return reserves_by_tokens(entries, input_tokens, max_output_tokens)

    def _charged(
        self,
        features: torch.Tensor,
        candidates: Sequence[str] | None,
        reserves_of: Callable[[Mapping[str, float]], Mapping[str, float]],
    ) -> Reservation:
        """Choose among the candidates whose reserves fit, and charge the choice."""
        with self.account.lock:
            if self._pool is not self.router.config.candidates:
                self._look_at_pool()
            decision = self.router.decide_one(features, candidates, usd_weight=self.usd_weight)
            # A router with an open pool expects a cost of every candidate.
            expected = {name: usd or 0.0 for name, usd in decision.estimated_cost_usd.items()}
            reserves = reserves_of(
                {name: usd for name, usd in expected.items() if name not in self._unmeasured} or expected
            )
            self.account.foresee(max(reserves.values()))
            available = self.account.available_usd
            fitting = [name for name, usd in reserves.items() if usd <= available]
            if not fitting and self.strict:
                raise BudgetError(
                    f"average_cost_usd: {self.average_cost_usd:.3g} USD per request leaves {available:.3g} for this "
                    f"one; the cheapest candidate may cost {min(reserves.values()):.3g}. Raise the budget, allow "
                    "cheaper candidates, or leave out strict."
                )
            if decision.candidate not in fitting:
                decision = fitting_instead(decision, fitting, reserves, available)
            name = decision.candidate
            number, fits = self.account.charge(reserves[name], expected[name])
        return Reservation(number, replace(decision, within_budget=fits), reserves[name])
