"""A benchmark folder in memory: samples, the quality and cost matrices, and the pool that names their columns.

Decisions
- Read with pyarrow alone: training and evaluation need no `datasets` library.
- Images stay on disk and are read on request; the matrices are plain arrays.
- The digest of the tables is checked against the build report, so that a number can name the data it came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vlrouterbench.core.constants import SPLITS
from vlrouterbench.core.errors import BenchmarkError, unknown_name
from vlrouterbench.core.files import sha256_of_files
from vlrouterbench.core.staging import bring_back_killed
from vlrouterbench.data.answer_columns import read_answer_columns
from vlrouterbench.data.assemble import GIVEN
from vlrouterbench.data.build_report import REPORT_FILE, BenchmarkIdentity, BuildReport
from vlrouterbench.data.candidates import CandidatePool
from vlrouterbench.data.costs import cost_bounds, measured_means, pool_cost
from vlrouterbench.data.folder import count_rows, read_pool, read_report, read_shard
from vlrouterbench.data.given_features import digested_files
from vlrouterbench.data.mapped import new_matrix
from vlrouterbench.data.schema import LATENCY, MATRIX_TYPES, NUM_IMAGES, PROPENSITY
from vlrouterbench.data.table_images import data_files, further_images_of_rows, images_of_rows
from vlrouterbench.metrics.objectives import BENCHMARK_GOAL, Goal


@dataclass(frozen=True)
class RoutingTable:
    """Samples by candidates.

    Attributes:
        folder: the benchmark folder.
        report: its build report.
        pool: the candidates, in column order.
        samples: one row per sample without its image: text columns, image_ok, group_id, split.
        matrices: quality, cost, input_tokens, output_tokens, latency_s (seconds) where answers were timed, and
            propensity where it is stated; each (num_samples, num_candidates) float64, NaN = not measured.
        rows: (num_samples,) index of each row in the whole folder, for reading images and stored features.
        asked: what decisions are to be judged by.
    """

    folder: Path
    report: BuildReport
    pool: CandidatePool
    samples: pa.Table
    matrices: dict[str, np.ndarray]
    rows: np.ndarray
    asked: Goal = BENCHMARK_GOAL

    def __len__(self) -> int:
        return self.samples.num_rows

    @property
    def quality(self) -> np.ndarray:
        """Quality matrix, (num_samples, num_candidates), in [0, 1]; NaN = not measured."""
        return self.matrices["quality"]

    @property
    def cost(self) -> np.ndarray:
        """Cost matrix, (num_samples, num_candidates), USD per sample; NaN = not measured."""
        return self.matrices["cost"]

    @property
    def latency(self) -> np.ndarray | None:
        """Seconds that answers took, (num_samples, num_candidates), NaN = not measured; None where none was timed."""
        return self.matrices.get(LATENCY)

    @property
    def propensity(self) -> np.ndarray | None:
        """Probability that a measured pair was asked at all, as `latency`; None where none is stated."""
        return self.matrices.get(PROPENSITY)

    @property
    def goal(self) -> Goal:
        """What decisions are judged by: as asked for, under the costs of the whole benchmark."""
        bounds = self.report["cost_bounds_usd"]
        return self.asked.on((bounds["cmin"], bounds["cmax"]))

    @property
    def cost_bounds(self) -> tuple[float, float] | None:
        """(cmin, cmax) of Rank Score, USD per sample: one pair for every split and dataset; None: no range of costs."""
        return self.goal.cost_bounds

    def judged_by(self, goal: Goal) -> RoutingTable:
        """The same benchmark with decisions judged by something else."""
        return replace(self, asked=goal)

    @property
    def identity(self) -> BenchmarkIdentity:
        """Which benchmark this is."""
        return {"name": self.report["name"], "sha256": self.sha256, "simulated": self.simulated}

    @property
    def sha256(self) -> str:
        """Digest of the benchmark's tables."""
        return self.report["sha256"]

    @property
    def simulated(self) -> bool:
        """Whether the benchmark was drawn by the simulator."""
        return bool(self.report["simulated"])

    def column(self, name: str) -> list[Any]:
        """A column of `samples` as a list."""
        return self.samples[name].to_pylist()

    @cached_property
    def mean_quality(self) -> np.ndarray:
        """Mean quality of each candidate over its measured pairs, (num_candidates,); NaN where there are none."""
        return measured_means(self.quality)

    @cached_property
    def mean_cost(self) -> np.ndarray:
        """Mean cost of each candidate over its measured pairs, (num_candidates,), USD per sample; NaN as above."""
        return measured_means(self.cost)

    @cached_property
    def complete(self) -> np.ndarray:
        """(num_samples,) bool: quality and cost measured for every candidate of the pool."""
        return (np.isfinite(self.quality) & np.isfinite(self.cost)).all(axis=1)

    def take(self, rows: np.ndarray) -> RoutingTable:
        """The table of some of its rows, by index or mask; its matrices are views where the rows follow one another."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        if (part := stretch(rows)) is not None:
            samples = self.samples.slice(part.start, part.stop - part.start)
        else:
            samples = self.samples.take(pa.array(rows))
        matrices = {name: matrix[rows if part is None else part] for name, matrix in self.matrices.items()}
        return replace(self, samples=samples, matrices=matrices, rows=self.rows[rows])

    def with_prices(
        self,
        prices: Mapping[str, tuple[float, float]],
        *,
        source: str,
        date: str = "",
        allow_unlikely: bool = False,
    ) -> RoutingTable:
        """The same measurements under other prices: every cost and the cost bounds follow anew, nothing is rebuilt.

        A cost that the source fixed (`cost_usd` of own tables) and one without token counts stand as they are.

        Args:
            prices: name -> (input, output) in USD per million tokens; candidates that it does not name keep theirs.
            source: where the prices come from.
            date: since when they hold.
            allow_unlikely: take prices whose unit is likely another one as they stand.

        Raises:
            UnknownNameError, SourceError: as `CandidatePool.with_prices`.
        """
        pool = self.pool.with_prices(prices, source=source, date=date, allow_unlikely=allow_unlikely)
        tokens = self.matrices["input_tokens"], self.matrices["output_tokens"]
        before, after = (pool_cost(*tokens, p) for p in (self.pool, pool))
        follows = np.isclose(self.cost, before, rtol=1e-9, atol=0.0)
        cost = np.where(follows, after, self.cost)
        return replace(self, pool=pool, matrices=self.matrices | {"cost": cost}).with_own_bounds()

    def with_own_bounds(self) -> RoutingTable:
        """The table with cost bounds computed from its own rows and candidates."""
        report = self.report.copy()
        report["cost_bounds_usd"] = cost_bounds(self.cost, self.pool).as_record()
        report["price_sheet"] = self.pool.describe_prices()
        return replace(self, report=report)

    def split(self, name: str) -> RoutingTable:
        """The rows of one split.

        Raises:
            BenchmarkError: the split is empty.
        """
        if name not in SPLITS:
            raise unknown_name("split", name, SPLITS)
        rows = np.flatnonzero(pc.equal(self.samples["split"], name).to_numpy(zero_copy_only=False))
        if not rows.size:
            is_given = self.report.get("split_by") == GIVEN
            remedy = (
                'Its column "split" has none: correct or drop it, and build' if is_given else "Build from more samples"
            )
            raise BenchmarkError(f"expected samples in the split {name} of {self.folder}, found none. {remedy}.")
        return self.take(rows)

    def iter_images(self) -> Iterator[bytes | None]:
        """Encoded image of each row in order, the first of several, None where there is none."""
        self._check_order()
        yield from images_of_rows(self.folder, self.rows)

    def further_images(self) -> dict[int, list[bytes]]:
        """Row -> its encoded images beside the first, of those that have several; no image of another is read."""
        self._check_order()
        counts = self.column(NUM_IMAGES) if NUM_IMAGES in self.samples.column_names else []
        several = np.flatnonzero(np.array(counts, dtype=int) > 1)
        found = further_images_of_rows(self.folder, self.rows[several]) if len(several) else {}
        return {int(several[place]): images for place, images in found.items()}

    def _check_order(self) -> None:
        if (np.diff(self.rows) <= 0).any():
            raise BenchmarkError("images are read in folder order, each once: sort the rows first.")


def stretch(rows: np.ndarray) -> slice | None:
    """Indices (num_rows,) as a slice where each follows the one before: what it takes is a view, not a copy."""
    if not len(rows) or rows[0] < 0 or rows[-1] - rows[0] != len(rows) - 1 or (np.diff(rows) != 1).any():
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1)


def load_table(folder: Path | str, *, verify: bool = False) -> RoutingTable:
    """Read a benchmark folder.

    Args:
        folder: as `build` writes it.
        verify: recompute the digest of all tables (reads every byte) and compare it with the report's.

    Raises:
        BenchmarkError: not a benchmark folder, or its parts do not belong together.
    """
    folder = bring_back_killed(Path(folder))
    report = read_report(folder)
    files = data_files(folder)
    if not files:
        raise BenchmarkError(f"expected tables in {folder / 'data'}, found none. Build the benchmark again.")
    pool = read_pool(folder)
    if verify and sha256_of_files(digested_files(folder), folder) != report["sha256"]:
        raise BenchmarkError(
            f"the tables of {folder} are not the ones its {REPORT_FILE} was written for. Build it again."
        )
    count = sum(map(count_rows, files))
    if count != report["samples"]:
        raise _miscounted(folder, report, count)
    samples: list[pa.Table] = []
    start, stacked = 0, {name: new_matrix((count, len(pool))) for name in MATRIX_TYPES}
    for path in files:
        kept, columns = read_shard(path, pool)
        if start + kept.num_rows > count:
            # A file that holds other rows than it says.
            raise _miscounted(folder, report, start + kept.num_rows)
        for name, matrix in stacked.items():
            matrix[start : start + kept.num_rows] = columns[name]
        start += kept.num_rows
        split = path.name.split("-", 1)[0]
        samples.append(kept.append_column("split", pa.array([split] * kept.num_rows, pa.string())))
    if start != count:
        raise _miscounted(folder, report, start)
    whole = pa.concat_tables(samples)
    if not report.get("costs_known", True):
        # Decisions are then made by accuracy alone, as among free candidates; the folder itself says "not measured".
        stacked["cost"] = np.where(np.isnan(stacked["quality"]), np.nan, 0.0)
    stacked |= read_answer_columns(folder, whole["sample_id"], pool)
    return RoutingTable(folder, report, pool, whole, stacked, np.arange(whole.num_rows))


def _miscounted(folder: Path, report: BuildReport, found: int) -> BenchmarkError:
    return BenchmarkError(
        f"expected {report['samples']} samples in {folder / 'data'} by its {REPORT_FILE}, found {found}. "
        "Build the benchmark again."
    )
