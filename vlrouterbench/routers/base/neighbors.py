"""Exact nearest neighbours by cosine: a fast product that finds candidates, and exact scores for those alone.

Decisions
- What is nearest is defined once: the float64 inner product with a memory row, summed row by row in one fixed way, ties
  to the lower index. A query's neighbours so depend neither on the batch it came in nor on the device.
- A product in fewer bits only screens. Its error is bounded for every query, from what rounding really took off the
  rows and the worst case of a float32 sum, and every row that could be among the nearest within that bound is scored.
  A query with more such rows than pay goes through the float32 product.
- The bound holds where products are summed in float32. Every score that is made is compared with its product: where one
  breaks the bound, the copy is given up for the product in full precision.
- A batch is screened in bfloat16 where the processor multiplies it (AVX512-BF16) and the batch is large enough to pay
  for the copy; a single query is one matrix-vector product, in float16 once enough came to pay for the copy. Each copy
  takes half of the memory's bytes.
- A plain float32 product with `topk` and exact scores is simpler. It is quicker where there are no bfloat16 products,
  and up to twice as slow where there are, so it does not replace this.
- `index="faiss"` searches with faiss, on request: float32 inner products, so near ties may fall otherwise.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

PRODUCTS_PER_BLOCK = 2**24
"""Products that are held at once, over queries and memories."""
PAIRS_PER_BLOCK = 256
"""Exact scores made at once: what fits a processor's cache."""
NUMBERS_PER_BLOCK = 2**15 - 1
"""Of the memory, whose rounding is measured at once: in cache, and few enough for one thread of torch's."""
PAYS_FOR_COPY = 2**31
"""Multiplications from which a bfloat16 copy of the memory pays."""
SINGLES_FOR_COPY = 4
"""Single queries after which a float16 copy of the memory is made."""
CROWDED = 20
"""Candidates per neighbour above which a query goes through the product in full precision."""
GROUP = 32
"""Memories whose best product stands for all of them where the threshold is looked for; a power of 2."""
SLACK = 1.001
"""On norms, which are themselves rounded."""
REDUCED_PRECISION = 2.0**-6
"""Error of products of unit rows where float32 is allowed to be multiplied as TF32 or bfloat16."""
INDEXES = ("exact", "faiss")


@dataclass(frozen=True)
class _Screen:
    """A copy of the memory that is multiplied, its longest row, and the most that rounding took off any row."""

    rows: torch.Tensor
    longest: float
    residual: float


class NeighborIndex:
    """A memory of unit rows that is searched.

    Args:
        memory: (num_memories, dim), rows at unit length.
        kind: "exact" or "faiss".

    Raises:
        ValueError: rows that are not finite, or no such kind.
        ImportError: the kind is "faiss", and faiss is not installed.
    """

    def __init__(self, memory: torch.Tensor, *, kind: str = "exact") -> None:
        if kind not in INDEXES:
            raise ValueError(f"expected index out of {', '.join(INDEXES)}; found {kind!r}.")
        memory = memory.detach()
        self.memory = memory if memory.dtype in (torch.float32, torch.float64) else memory.float()
        self._full = _screen(self.memory, self.memory.dtype)
        self._copies: dict[torch.dtype, _Screen] = {}
        self._singles, self._trusted = 0, True
        self._faiss = _faiss_index(self.memory) if kind == "faiss" else None

    def search(self, features: torch.Tensor, *, num_neighbors: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosines and indices of the nearest memories, each (num_samples, k), best first.

        Args:
            features: (num_samples, dim), of any length.
            num_neighbors: k; all memories where there are fewer.

        Raises:
            ValueError: features that are not finite.
        """
        k = min(num_neighbors, len(self.memory))
        if not torch.isfinite(features).all():
            raise ValueError("expected finite features, found NaN or infinity.")
        if self._faiss is not None:
            values, indices = self._faiss.search(unit_rows(features).float().cpu().numpy(), k)
        else:
            values, indices = self._search_exactly(features.detach(), k)
        return torch.from_numpy(values).to(features), torch.from_numpy(indices).to(features.device)

    def _search_exactly(self, features: torch.Tensor, k: int) -> tuple[np.ndarray, np.ndarray]:
        values, indices = np.zeros((len(features), k)), np.zeros((len(features), k), np.int64)
        screen = self._screen_for(len(features))
        step = max(1, PRODUCTS_PER_BLOCK // max(1, len(self.memory)))
        for start in range(0, len(features), step):
            queries = _unit_rows_exactly(features[start : start + step])
            results, left = (values[start : start + step], indices[start : start + step]), np.arange(len(queries))
            if screen is not self._full:
                left = self._fill(screen, queries, results, left)
                if 2 * len(left) > len(queries):
                    # Memories too much alike for so few bits: the blocks that follow will be no different.
                    screen = self._full
            self._fill(self._full, queries[left], results, left)
        return values, indices

    def _fill(
        self, screen: _Screen, queries: np.ndarray, results: tuple[np.ndarray, np.ndarray], into: np.ndarray
    ) -> np.ndarray:
        """Write the neighbours of queries to rows `into` of the results.

        Returns:
            The rows that were left out: a rounded screen left too many candidates, or broke its bound.
        """
        values, indices = results
        k = values.shape[1]
        if not (len(queries) and k):
            return into[:0]
        (owner, index), allowed = _candidates(screen, queries, k)
        done = np.ones(len(queries), bool)
        if screen is not self._full:
            done = np.bincount(owner, minlength=len(queries)) <= CROWDED * (k + 1)
            kept = done[owner]
            owner, index, allowed = owner[kept], index[kept], allowed[:, kept]
        score = self._exact_scores(queries, owner, index)
        if screen is not self._full and ((score < allowed[0]) | (score > allowed[1])).any():
            self._trusted = False
            return into
        order = np.lexsort((index, -score, owner))
        owner, index, score = owner[order], index[order], score[order]
        first = np.searchsorted(owner, np.flatnonzero(done))[:, None] + np.arange(k)
        values[into[done]], indices[into[done]] = score[first], index[first]
        return into[~done]

    def _exact_scores(self, queries: np.ndarray, owner: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Float64 inner products of pairs of a query and a memory, (num_pairs,)."""
        scores = np.empty(len(owner))
        for start in range(0, len(owner), PAIRS_PER_BLOCK):
            part = slice(start, start + PAIRS_PER_BLOCK)
            if self.memory.device.type == "cpu":
                rows = self.memory.numpy()[index[part]]
            else:
                rows = self.memory[torch.from_numpy(index[part]).to(self.memory.device)].cpu().numpy()
            scores[part] = _row_sums(queries[owner[part]] * rows)
        return scores

    def _screen_for(self, num_queries: int) -> _Screen:
        """What is multiplied for so many queries."""
        if not self._trusted or self.memory.dtype != torch.float32 or self.memory.device.type != "cpu":
            return self._full
        if num_queries == 1:
            self._singles += 1
            pays, dtype = self._singles > SINGLES_FOR_COPY and converts_float16(), torch.float16
        else:
            pays, dtype = num_queries * self.memory.numel() >= PAYS_FOR_COPY and multiplies_bfloat16(), torch.bfloat16
        if not pays:
            return self._full
        if dtype not in self._copies:
            self._copies[dtype] = _screen(self.memory, dtype)
        return self._copies[dtype]


def nearest(features: torch.Tensor, memory: torch.Tensor, *, num_neighbors: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Search a memory (unit rows) once: as `NeighborIndex.search`."""
    return NeighborIndex(memory).search(features, num_neighbors=num_neighbors)


def unit_rows(features: torch.Tensor) -> torch.Tensor:
    """Rows at unit length; a zero row stays zero."""
    return torch.nn.functional.normalize(features, dim=1)


def multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for bfloat16 products, and torch the library that uses them."""
    return _can("avx512_bf16") and torch.backends.mkldnn.is_available()


def converts_float16() -> bool:
    """Whether this processor reads float16 as fast as it comes, for products in float32."""
    return _can("f16c") and _can("avx2")


def _can(instructions: str) -> bool:
    capabilities = getattr(torch.cpu, "get_capabilities", None)
    return capabilities is not None and bool(capabilities().get(instructions))


def _screen(memory: torch.Tensor, dtype: torch.dtype) -> _Screen:
    rows = memory.to(dtype)
    longest = float(torch.linalg.vector_norm(memory, dim=1).max()) if len(memory) else 0.0
    if not np.isfinite(longest):
        raise ValueError("expected a memory of finite features, found NaN or infinity.")
    residual = 0.0
    if dtype != memory.dtype and len(memory):
        step = max(1, NUMBERS_PER_BLOCK // memory.shape[1])
        blocks = zip(memory.split(step), rows.split(step), strict=True)
        residual = max(float((block - copied).square().sum(dim=1).max()) for block, copied in blocks) ** 0.5
    return _Screen(rows, SLACK * longest, SLACK * residual)


def _candidates(screen: _Screen, queries: np.ndarray, k: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Pairs (query, memory), in that order, among which are surely the k nearest of every query.

    Beside them the lowest and highest exact score that each pair's product allows, (2, num_pairs).

    Args:
        screen: what is multiplied.
        queries: (num_queries, dim) float64, at unit length.
        k: at most the number of memories.
    """
    dtype = screen.rows.dtype
    rounded = torch.from_numpy(queries).to(screen.rows.device, dtype)
    if len(queries) == 1:
        products = (screen.rows @ rounded[0]).unsqueeze(0)
    else:
        products = rounded @ screen.rows.T
    error = _product_error(screen, queries, rounded.double().cpu().numpy())
    # Rounding the result is monotone; a value beside the threshold moves by half a step of its own size.
    step = torch.finfo(dtype).eps
    lowest = _kth_or_less(products, k).double().cpu().numpy()
    lowest = lowest - step * np.abs(lowest) - 2 * error
    # Once more, since the threshold is itself rounded to the products' type.
    threshold = torch.from_numpy(lowest - 2 * step * np.abs(lowest)).to(products.device, dtype)
    reached = (products >= threshold.unsqueeze(1)).flatten()
    # numpy is quicker at finding the few, torch where the memory is.
    flat = np.flatnonzero(reached.numpy()) if reached.device.type == "cpu" else reached.nonzero()[:, 0].cpu().numpy()
    product = products.flatten()[torch.from_numpy(flat).to(products.device)].double().cpu().numpy()
    owner, index = np.divmod(flat, len(screen.rows))
    off = error[owner] + step * np.abs(product)
    return (owner, index), np.stack([product - off, product + off])


def _product_error(screen: _Screen, queries: np.ndarray, rounded: np.ndarray) -> np.ndarray:
    """Most by which a product, before its result is rounded, differs from the exact score, (num_queries,).

    Cauchy-Schwarz on what rounding took off either side, and the worst case of a sum of `dim` rounded products.
    """
    dim = queries.shape[1]
    removed = np.sqrt(((queries - rounded) ** 2).sum(axis=1)) * SLACK
    length = np.sqrt((rounded * rounded).sum(axis=1)) * SLACK
    wide = screen.rows.dtype == torch.float64
    unit = torch.finfo(torch.float64 if wide else torch.float32).eps
    summed = (dim + 4) * unit
    if screen.rows.dtype == torch.float32 and torch.get_float32_matmul_precision() != "highest":
        summed += REDUCED_PRECISION
    most = screen.longest + screen.residual
    return removed * most + length * (screen.residual + summed * most)


def _kth_or_less(products: torch.Tensor, k: int) -> torch.Tensor:
    """For every query a value that at least k of its products reach, (num_queries,): the k-th largest or just below.

    The k-th largest of the maxima of groups is reached in k groups, and there are far fewer maxima than products.
    """
    if len(products) > 1 and products.shape[1] >= 8 * GROUP * k:
        for _ in range(GROUP.bit_length() - 1):
            half = products.shape[1] // 2
            products = torch.maximum(products[:, :half], products[:, half : 2 * half])
    return torch.topk(products, k, dim=1).values[:, -1]


def _unit_rows_exactly(features: torch.Tensor) -> np.ndarray:
    """Rows at unit length in float64; a zero row stays zero."""
    rows = features.double().cpu().numpy()
    return rows / np.maximum(np.sqrt(_row_sums(rows * rows)), 1e-12)[:, None]


def _row_sums(products: np.ndarray) -> np.ndarray:
    """Sum of every row, which numpy adds up by itself in one order: equal rows have equal sums wherever they stand."""
    return np.ascontiguousarray(products).sum(axis=1)


def _faiss_index(memory: torch.Tensor) -> Any:
    try:
        faiss = importlib.import_module("faiss")
    except ImportError as error:
        raise ImportError(
            'index="faiss" needs faiss, which is not installed: pip install "vlrouterbench[faiss]", '
            'or set index="exact".'
        ) from error
    index = faiss.IndexFlatIP(memory.shape[1])
    for block in memory.split(2**16):
        index.add(block.float().cpu().numpy())
    return index
