"""The base of calibrated families whose pool is open: candidates join and leave, prices change, nothing is trained.

Source: a new candidate is described by its outcomes on anchor samples, as in UniRoute and SCOPE-Router; here by
how far they follow what is expected of the candidates that were trained on.

Decisions
- A new candidate's accuracy is its mean plus a weighted sum of the trained candidates' residuals. The weights are drawn
  towards all alike (it does well where all do) as by a prior (`new_candidates.py`), so that 50 anchor samples do not
  mislead.
- Candidates that were trained on keep their estimates, whoever joins or leaves; one that left can come back only
  through anchor samples.
- New prices change a cost by the ratio of what the expected tokens cost then and now: a cost that was measured with
  something besides tokens keeps it.
- Anchor samples are spread evenly over how hard samples are expected to be: a mean over them is steadier than over
  samples drawn at random.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from vlrouterbench.routers.base.budget import Estimates
from vlrouterbench.routers.base.card import pool_of
from vlrouterbench.routers.base.configuration_router import NewCandidate, PoolChange, RouterConfig
from vlrouterbench.routers.base.decision import PoolMismatchError, considered
from vlrouterbench.routers.base.learning import TrainingSet, mean_of_blocks
from vlrouterbench.routers.base.modeling_router import frozen
from vlrouterbench.routers.pool.bounded import BoundedRouter
from vlrouterbench.routers.pool.configuration_open_pool import OpenPoolRouterConfig, PoolState
from vlrouterbench.routers.pool.costs import (
    cost_ratios,
    price_ratio,
    time_quantiles,
)
from vlrouterbench.routers.pool.new_candidates import checked_outcomes, checked_price, new_candidate
from vlrouterbench.routers.pool.price_units import check_spread

EDGE = 0.005
"""A new candidate's probabilities are kept this far from 0 and 1."""
TOKENS_PER_PRICE = 1_000_000


class OpenPoolRouter(BoundedRouter):
    """A router whose pool changes after training; `config.pool` holds its state."""

    config: OpenPoolRouterConfig
    config_class: type[RouterConfig] = OpenPoolRouterConfig

    def __init__(self, config: OpenPoolRouterConfig) -> None:
        super().__init__(config)
        names, pool = config.candidates, config.pool
        self.num_trained = pool.get("trained", len(names))
        joined = pool.get("joined", 0)
        self.mean_quality = frozen(self.num_trained)
        self.trained_cost = frozen(self.num_trained)
        self.mean_tokens = frozen(2, self.num_trained)
        self.joined_quality = frozen(joined)
        self.joined_cost = frozen(joined)
        self.joined_tokens = frozen(2, joined)
        self.joined_error = frozen(joined)
        self.loadings = frozen(self.num_trained, joined)

    def estimates_of_trained(self, rows: torch.Tensor) -> Estimates:
        """Estimates for the candidates that were trained on, from reduced features (num_samples, reduced_dim)."""
        raise TypeError(f"{type(self).__name__} is a base of families: load one of them.")

    def tokens_of_trained(self, rows: torch.Tensor) -> torch.Tensor:
        """Expected input and output tokens of the candidates that were trained on, (num_samples, 2, num_trained)."""
        raise TypeError(f"{type(self).__name__} is a base of families: load one of them.")

    def reduced(self, features: torch.Tensor) -> torch.Tensor:
        """Features (num_samples, dim) as the family reads them, (num_samples, reduced_dim)."""
        return features

    @property
    def remembered(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Reduced features of some training samples, (memory_size, reduced_dim), and their indices in the split."""
        raise TypeError(f"{type(self).__name__} is a base of families: load one of them.")

    @property
    def pool_quality(self) -> torch.Tensor:
        """Mean quality of each candidate of the pool, (num_candidates,)."""
        return torch.cat([self.mean_quality, self.joined_quality])[self.columns]

    @torch.no_grad()
    def fit(self, training_set: TrainingSet) -> None:
        """As the base's, with mean qualities."""
        super().fit(training_set)
        quality = mean_of_blocks(training_set.quality[part].double() for part in training_set.blocks())
        self.mean_quality.copy_(quality.nan_to_num(0.0))
        self.trained_cost.copy_(self.mean_cost)
        self.config.pool = self._pool(list(range(self.num_trained)), self._prices())
        if (latency := training_set.sampled.latency) is not None:
            self.config.pool["latency_s"] = time_quantiles(latency)

    def estimates(self, features: torch.Tensor) -> Estimates:
        """As the base's, for the pool as it is now."""
        return self.estimates_of_rows(self.reduced(features))

    def estimates_of_rows(self, rows: torch.Tensor) -> Estimates:
        """As `estimates`, from reduced features (num_samples, reduced_dim)."""
        return self._as_pool(self.estimates_of_trained(rows), self.tokens_of_trained(rows))

    def of_pool(self, made: Estimates) -> Estimates:
        """As the base's; a cost at new prices follows from mean tokens."""
        return self._as_pool(made, self.mean_tokens.expand(len(made.accuracy), -1, -1))

    def _as_pool(self, made: Estimates, tokens: torch.Tensor) -> Estimates:
        columns = self.columns
        accuracy, cost, error = made.accuracy, made.cost_usd, made.standard_error
        if self.loadings.shape[1]:
            joined_accuracy = self.joined_quality + (accuracy - self.mean_quality) @ self.loadings
            relative_cost = (cost / self.trained_cost.clamp(min=torch.finfo(cost.dtype).tiny)).mean(dim=1, keepdim=True)
            length = (tokens / self.mean_tokens.clamp(min=1e-12)).mean(dim=2, keepdim=True)
            accuracy = torch.cat([accuracy, joined_accuracy.clamp(EDGE, 1 - EDGE)], dim=1)
            cost = torch.cat([cost, relative_cost * self.joined_cost], dim=1)
            if error is not None:
                error = torch.cat([error, self.joined_error.expand(len(error), -1)], dim=1)
            tokens = torch.cat([tokens, length * self.joined_tokens], dim=2)
        tokens = tokens[:, :, columns]
        cost = cost[:, columns] * price_ratio(tokens, self._prices(), self._prices_before())
        return Estimates(accuracy[:, columns], cost, None if error is None else error[:, columns], tokens[:, 1])

    @torch.no_grad()
    def add_candidate(
        self,
        candidate: NewCandidate,
        features: torch.Tensor,
        outcomes: Mapping[str, torch.Tensor],
        *,
        allow_unlikely: bool = False,
    ) -> None:
        """Add a candidate to the end of the pool from its outcomes on anchor samples; nothing is trained.

        Args:
            candidate: its name and prices.
            features: (num_samples, dim) of the anchor samples, by this router's encoder.
            outcomes: `quality` in [0, 1], `input_tokens` and `output_tokens`, each (num_samples,), NaN = not measured.
            allow_unlikely: take prices whose unit is likely another one as they stand.

        Raises:
            PoolMismatchError: the name is taken.
            ValueError: prices or outcomes are lacking, shapes disagree, or nothing was measured.
        """
        if candidate["name"] in self.config.candidate_names:
            raise PoolMismatchError(f"expected a new candidate, found {candidate['name']}, which is in the pool.")
        sides = (candidate.get("input_price"), candidate.get("output_price"))
        price = checked_price(candidate["name"], sides, allow_unlikely=allow_unlikely)
        if not allow_unlikely:
            check_spread(self._prices_by_name(), {candidate["name"]: price})
        quality, *tokens = checked_outcomes(candidate["name"], outcomes, len(features))
        rows = self.reduced(features)
        made = self.estimates_of_trained(rows)
        measured = ~quality.isnan()
        residuals = (made.accuracy - self.mean_quality)[measured].double()
        mean, loadings, error = new_candidate(residuals, quality[measured].double())
        means = torch.stack([side.double().nanmean() for side in tokens])
        cost = float((means * torch.tensor(price, dtype=torch.float64)).sum() / TOKENS_PER_PRICE)
        for name, values in {
            "joined_quality": torch.tensor([mean]),
            "joined_cost": torch.tensor([cost]),
            "joined_error": torch.tensor([error]),
            "joined_tokens": means.unsqueeze(1),
            "loadings": loadings.unsqueeze(1),
            "handicap": torch.zeros(1),
            "mean_cost": torch.tensor([cost]),
        }.items():
            old = getattr(self, name)
            setattr(self, name, _parameter(torch.cat([old.data, values.to(old)], dim=-1)))
        position = self.num_trained + self.loadings.shape[1] - 1
        prices = [*self.config.pool["prices"], list(price)]
        self.config.candidates = [*self.config.candidates, {**candidate, "mean_cost_usd": cost}]
        self.config.pool = self._pool([*self.columns, position], prices)
        if "cost_ratios" in self.config.pool:
            paid = torch.stack(tokens, dim=1).double() @ torch.tensor(price, dtype=torch.float64) / TOKENS_PER_PRICE
            self.config.pool["cost_ratios"] += cost_ratios(paid[:, None], self.estimates_of_rows(rows).cost_usd[:, -1:])
        joined: PoolChange = {"change": "joined", "candidate": candidate["name"], "num_anchors": int(measured.sum())}
        self.config.record_change(joined)

    @torch.no_grad()
    def remove_candidate(self, name: str) -> None:
        """Take a candidate out of the pool.

        Raises:
            PoolMismatchError: it is not in the pool, or is the last one there.
        """
        (index,) = considered(self.config.candidate_names, [name])
        if self.num_candidates == 1:
            raise PoolMismatchError(f"expected a pool that keeps a candidate, found {name} alone.")
        kept = [other for other in range(self.num_candidates) if other != index]
        columns = [self.columns[other] for other in kept]
        self.config.candidates = [self.config.candidates[other] for other in kept]
        for tensor in ("handicap", "mean_cost"):
            setattr(self, tensor, _parameter(getattr(self, tensor).data[kept]))
        self.config.pool = self._pool(columns, self.config.pool["prices"])
        self.config.record_change({"change": "left", "candidate": name})

    @torch.no_grad()
    def set_prices(self, prices: Mapping[str, tuple[float, float]], *, allow_unlikely: bool = False) -> None:
        """Take new prices; expected costs follow from expected tokens.

        Args:
            prices: name -> (input, output) in USD per million tokens; others keep theirs.
            allow_unlikely: take prices whose unit is likely another one as they stand.

        Raises:
            PoolMismatchError: a name is not in the pool.
            ValueError: a price makes no sense, or tokens or former prices of a candidate are not known.
        """
        if not isinstance(prices, Mapping) or not prices:
            raise ValueError(f"expected prices as name -> (input, output), found {prices!r}.")
        names = self.config.candidate_names
        considered(names, list(prices))
        tokens = torch.cat([self.mean_tokens, self.joined_tokens], dim=1)[:, self.columns]
        entries = [entry.copy() for entry in self.config.candidates]
        mean_cost, before, old_prices = self.mean_cost.data.clone(), self._prices_before(), self._prices()
        changes: list[PoolChange] = []
        stated = {name: checked_price(name, price, allow_unlikely=allow_unlikely) for name, price in prices.items()}
        if not allow_unlikely:
            check_spread(self._prices_by_name(), stated)
        for name, new in stated.items():
            index = names.index(name)
            if before[index] is None or not float(tokens[:, index].sum()) > 0:
                raise ValueError(
                    f"{name}: its tokens or the prices of its costs are not known. Train on a benchmark with both, "
                    "so that prices can be changed later."
                )
            old = pool_of(self.config.to_dict())[index][1:]
            changes.append({"change": "price", "candidate": name, "before": old, "after": [*new]})
            entries[index]["input_price"], entries[index]["output_price"] = new
        self.config.candidates = entries
        ratio = price_ratio(tokens.unsqueeze(0), self._prices(), before)[0]
        ratio = ratio / price_ratio(tokens.unsqueeze(0), old_prices, before)[0]
        mean_cost *= ratio
        self.mean_cost = _parameter(mean_cost)
        for index, entry in enumerate(entries):
            if entry["name"] in prices:
                entry["mean_cost_usd"] = float(mean_cost[index])
        self.config.candidates = entries
        self.config.record_change(*changes)

    def _prices_by_name(self) -> dict[str, tuple[float, float] | None]:
        """(input, output) in USD per million tokens; None where a candidate has none."""
        prices: dict[str, tuple[float, float] | None] = {}
        for entry in self.config.candidates:
            paid, answered = entry.get("input_price"), entry.get("output_price")
            prices[entry["name"]] = None if paid is None or answered is None else (paid, answered)
        return prices

    @torch.no_grad()
    def anchor_set(self, count: int) -> list[int]:
        """Indices in the train split of the samples that a new candidate is best asked about, in that order.

        Raises:
            ValueError: fewer than 1, or more than were remembered.
        """
        rows, indices = self.remembered
        if not 1 <= count <= len(rows):
            raise ValueError(
                f"expected 1 to {len(rows)} anchor samples, as many as the router remembers; found {count}."
            )
        order = self._level(rows).sort(stable=True).indices
        return indices[order[((torch.arange(count) + 0.5) * len(rows) / count).long()]].tolist()

    def _level(self, rows: torch.Tensor) -> torch.Tensor:
        """How well the trained candidates are expected to do together, (num_samples,)."""
        return (self.estimates_of_trained(rows).accuracy - self.mean_quality).mean(dim=1)

    def _pool(self, columns: list[int], prices: list[list[float] | None]) -> PoolState:
        joined = self.loadings.shape[1]
        return self.config.pool | {"trained": self.num_trained, "joined": joined, "columns": columns, "prices": prices}

    def _prices(self) -> list[list[float] | None]:
        """Prices of the pool as the configuration states them, None where one is lacking."""
        pairs = [(entry.get("input_price"), entry.get("output_price")) for entry in self.config.candidates]
        return [None if None in pair else [float(price) for price in pair if price is not None] for pair in pairs]

    def _prices_before(self) -> list[list[float] | None]:
        """Prices of the pool that its costs were measured at."""
        prices = self.config.pool.get("prices")
        return self._prices() if prices is None else [prices[position] for position in self.columns]


def _parameter(values: torch.Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)
