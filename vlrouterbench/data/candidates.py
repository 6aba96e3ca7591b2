"""Candidates: the vision-language models that a router may pick, in a fixed order, with their prices.

Decisions
- A price sheet is data beside the token counts, never inside them: changing it changes costs, not measurements.
- A candidate without a price is an error. It is not free.
- A candidate from a file is named exactly as in the file. Aliases of log folders belong to the published pool only.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import numpy as np

from vlrouterbench.core.errors import SourceError, shown, unknown_name
from vlrouterbench.core.names import name_fault
from vlrouterbench.data.prices.numbers import HIGHEST
from vlrouterbench.data.prices.published_lists import OtherPrice
from vlrouterbench.data.prices.units import StatedPrices, check_units

PUBLISHED_SHEET = "VL-RouterBench (arXiv 2512.23562)"
PUBLISHED_DATE = "2025-12"
PUBLISHED_POOL = "the published pool"
PRICE_FIELDS = ("input_price", "output_price")
NOT_STATED = math.nan
"""Both prices of a candidate that is not priced, since its source gives what every answer cost: no price is made up."""
POOL_FILES = ("candidates.csv", "candidates.yaml", "candidates.yml", "candidates.json")
"""Where a source names its own candidates, in any case of letters."""
_POOL_STEMS = ("candidates", "candidate")


@dataclass(frozen=True)
class CandidateModel:
    """One candidate.

    Attributes:
        name: as users and tables write it.
        input_price, output_price: USD per million tokens; both NOT_STATED where every answer brings its own cost.
        parameters_b: parameters in billions, None where unknown.
        price_source, price_date: where the prices stand and since when.
        log_name: its name in VLMEvalKit's folders.
        image_rule: how its image tokens follow from the image's size (a name of `image_tokens.IMAGE_RULES`).
        price_name: its entry's name in published price lists, "" where that is its own name.
        request_price: USD per request, in the cost of every sample.
        other_prices: what a published list states of it beside these, kept for the report.
    """

    name: str
    input_price: float
    output_price: float
    parameters_b: float | None = None
    price_source: str = ""
    price_date: str = ""
    log_name: str = ""
    image_rule: str = ""
    price_name: str = ""
    request_price: float = 0.0
    other_prices: tuple[OtherPrice, ...] = ()

    def __post_init__(self) -> None:
        fault = name_fault(self.name)
        if fault:
            raise SourceError(f"expected a candidate's name of one line of visible characters, found {fault}.")
        for field in (*(PRICE_FIELDS if self.is_priced else ()), "request_price"):
            price = getattr(self, field)
            number = isinstance(price, int | float) and not isinstance(price, bool)
            if not (number and math.isfinite(price) and 0 <= price <= HIGHEST):
                raise SourceError(
                    f'candidate "{self.name}": {field} must be a number >= 0 and at most {HIGHEST:,}, found {price!r}.'
                )

    @property
    def is_priced(self) -> bool:
        """Whether its prices are stated."""
        return not all(isinstance(getattr(self, f), float) and math.isnan(getattr(self, f)) for f in PRICE_FIELDS)


def pool_files(folder: Path) -> list[Path]:
    """The files of a folder that name its candidates, by name."""
    return sorted(path for path in folder.iterdir() if path.name.lower() in POOL_FILES and path.is_file())


def find_pool_file(folder: Path) -> Path | None:
    """The file that names a folder's candidates; None where there is nothing of such a name.

    Raises:
        SourceError: there are several, or there is only what is called so and cannot be read.
    """
    files = pool_files(folder)
    if len(files) > 1:
        raise SourceError(
            f"expected one candidates file in {folder}, found {', '.join(path.name for path in files)}. Keep one."
        )
    if files:
        return files[0]
    # Not the published prices in its place without a word.
    alike = sorted(p.name for p in folder.iterdir() if p.name.lower().split(".")[0] in _POOL_STEMS and not p.is_dir())
    if not alike:
        return None
    regular = (folder / alike[0]).is_file()
    fault = "" if regular else ", which is no regular file or a link that leads nowhere"
    raise SourceError(
        f"expected the candidates of {folder} in {', '.join(POOL_FILES[:-1])} or {POOL_FILES[-1]}, found {alike[0]}"
        f"{fault}. Save it as {POOL_FILES[0]}, or give a file with --candidates (BuildOptions.candidates)."
    )


@dataclass(frozen=True)
class CandidatePool:
    """Candidates in a fixed order; a candidate's position in it is its index everywhere.

    Attributes:
        candidates: in that order.
        source: where they stand.
        notes: what whoever builds from them should know, a sentence each.
    """

    candidates: tuple[CandidateModel, ...]
    source: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.candidates:
            raise SourceError(f"expected at least one candidate in {self.source}, found none.")
        doubled = [name for name, count in Counter(self.names).items() if count > 1]
        if doubled:
            raise SourceError(f"candidate names must be unique in {self.source}; doubled: {', '.join(doubled)}.")

    def __len__(self) -> int:
        return len(self.candidates)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Candidate names in pool order."""
        return tuple(candidate.name for candidate in self.candidates)

    @cached_property
    def index(self) -> dict[str, int]:
        """Candidate name -> index in the pool."""
        return {name: index for index, name in enumerate(self.names)}

    @property
    def price_arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """(input, output) prices in pool order, each (num_candidates,), USD per million tokens."""
        return np.array([c.input_price for c in self.candidates]), np.array([c.output_price for c in self.candidates])

    @property
    def request_prices(self) -> np.ndarray:
        """Prices per request in pool order, (num_candidates,), USD."""
        return np.array([c.request_price for c in self.candidates])

    def check_units(self) -> None:
        """Stop at prices whose unit is likely another one.

        Raises:
            SourceError: as `prices.units.check_units`.
        """
        check_units(
            StatedPrices(c.name, Decimal(str(c.input_price)), Decimal(str(c.output_price)), f'candidate "{c.name}"')
            for c in self.candidates
            if c.is_priced
        )

    def of_log_folder(self, folder: str) -> CandidateModel | None:
        """The candidate whose logs stand in a folder of this name, None when the pool has none."""
        return next((c for c in self.candidates if folder in (c.log_name, c.name)), None)

    def picked(self, names: Sequence[str]) -> CandidatePool:
        """The pool of some of its candidates, in its own order.

        Raises:
            UnknownNameError: a name is not in the pool.
        """
        for name in names:
            if name not in self.index:
                raise unknown_name("model in --models", name, self.names)
        return replace(self, candidates=tuple(c for c in self.candidates if c.name in names))

    def with_prices(
        self,
        prices: Mapping[str, tuple[float, float]],
        *,
        source: str,
        date: str = "",
        allow_unlikely: bool = False,
    ) -> CandidatePool:
        """The same pool under other prices.

        Args:
            prices: name -> (input, output) in USD per million tokens; candidates that it does not name keep theirs.
            source: where the prices come from.
            date: since when they hold.
            allow_unlikely: take prices whose unit is likely another one as they stand.

        Raises:
            UnknownNameError: a name is not in the pool.
            SourceError: a price is no number from 0 to a million, or its unit is likely another one.
        """
        if not isinstance(prices, Mapping):
            raise SourceError(f"expected prices as name -> (input, output), found {shown(prices)}.")
        for name, pair in prices.items():
            if name not in self.index:
                raise unknown_name(f"candidate in {source}", str(name), self.names)
            if not isinstance(pair, Sequence | np.ndarray) or np.shape(pair) != (2,):
                raise SourceError(
                    f'candidate "{name}": expected (input, output) in USD per million tokens, found {shown(pair)}.'
                )
        changed = [
            replace(
                c,
                input_price=prices[c.name][0],
                output_price=prices[c.name][1],
                request_price=0.0,
                other_prices=(),
                price_source=source,
                price_date=date,
            )
            if c.name in prices
            else c
            for c in self.candidates
        ]
        pool = replace(self, candidates=tuple(changed))
        if not allow_unlikely:
            pool.check_units()
        return pool

    def describe_prices(self) -> str:
        """The price sheet in one line: each source with its date."""
        if not any(candidate.is_priced for candidate in self.candidates):
            return "none stated, the source gives what every answer cost"
        sheets = dict.fromkeys(f"{c.price_source} {c.price_date}".strip() for c in self.candidates)
        return "; ".join(sheet for sheet in sheets if sheet) or self.source


def _published(name: str, log_name: str, parameters_b: float | None, prices: tuple[float, float]) -> CandidateModel:
    return CandidateModel(name, prices[0], prices[1], parameters_b, PUBLISHED_SHEET, PUBLISHED_DATE, log_name)


def published_pool() -> CandidatePool:
    """The paper's 17 candidates with its prices, in the order of its table (benchmark's section 4)."""
    rows = (
        ("Janus-Pro-1B", "Janus-Pro-1B", 1.0, (0.05, 0.05)),
        ("DeepSeek-VL2-Tiny", "deepseek_vl2_tiny", 27.0, (0.05, 0.05)),
        ("SmolVLM2", "SmolVLM2", 2.2, (0.06, 0.06)),
        ("Kimi-VL-A3B-Thinking-2506", "Kimi-VL-A3B-Thinking-2506", 16.0, (0.20, 0.25)),
        ("Phi-3.5-Vision", "Phi-3.5-Vision", 4.2, (0.10, 0.10)),
        ("DeepSeek-VL2", "deepseek_vl2", 27.0, (0.35, 0.50)),
        ("Janus-Pro-7B", "Janus-Pro-7B", 7.0, (0.18, 0.25)),
        ("MiMo-VL-7B-RL", "MiMo-VL-7B-RL", 7.0, (0.20, 0.30)),
        ("LLaVA-Next-Vicuna-7B", "llava_next_vicuna_7b", 7.0, (0.20, 0.20)),
        ("Qianfan-VL-8B", "Qianfan-VL-8B", 8.0, (0.18, 0.25)),
        ("Pixtral-12B", "Pixtral-12B", 12.0, (0.25, 0.35)),
        ("Gemma3-27B", "Gemma3-27B", 27.0, (0.35, 0.50)),
        ("Qwen2.5-VL-32B-Instruct", "Qwen2.5-VL-32B-Instruct", 32.0, (0.40, 0.60)),
        ("Qwen2.5-VL-72B-Instruct", "Qwen2.5-VL-72B-Instruct", 72.0, (0.80, 1.20)),
        ("InternVL2.5-78B", "InternVL2_5-78B", 78.0, (1.00, 1.50)),
        ("Gemini-Flash-2.5", "GeminiFlash2-5", None, (0.30, 2.40)),
        ("GPT-4o", "GPT4o", None, (2.50, 10.00)),
    )
    return CandidatePool(tuple(_published(*row) for row in rows), PUBLISHED_POOL)
