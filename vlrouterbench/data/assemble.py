"""A source -> splits, matrices and cost bounds: everything a benchmark folder states, before it is written.

Decisions
- A sample keeps its row while at least one candidate was measured on it.
- Cost bounds are the smallest and largest mean cost over candidates, over all splits, zero costs left out of each mean
  (benchmark's section 2). Equal bounds are written too: evaluation says that Rank Score has no meaning there.
- A bad image keeps its row, is flagged, and is named in the report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import numpy as np
import pyarrow as pa

from vlrouterbench.core.constants import CORRECT_THRESHOLD
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.choices import Quality
from vlrouterbench.data.costs import CostBounds, cost_bounds, no_cost_bounds, pool_cost
from vlrouterbench.data.images import ImageCheck, check_images
from vlrouterbench.data.leaks import Leaks, find_leaks
from vlrouterbench.data.sample_contents import content_digest
from vlrouterbench.data.sources.source import few_names
from vlrouterbench.data.sources.source_logs import ImageReference, LeftOut, Reason, SourceLogs, positions_of
from vlrouterbench.data.splits import SplitBy, assign_splits, link_groups

_NAMES_SHOWN = 5
CheckImages = Callable[[Sequence[ImageReference]], Sequence[ImageCheck]]
GIVEN = "given"
"""How samples were divided whose source says where each belongs."""


@dataclass
class Assembled:
    """A benchmark in memory, rows in the source's order.

    Attributes:
        samples: rows of SAMPLE_SCHEMA with `group_id` and `split` filled.
        images: one reference per row; None where there is none or none is readable.
        further: row -> its other readable images, of rows that have several.
        image_ok: (num_samples,) bool; False where an image was expected and cannot be used.
        matrices: quality, cost, input_tokens, output_tokens, each (num_samples, num_candidates), NaN = not measured.
        imputed: kind -> how many values were filled in, empty unless requested.
        quality: what quality is, a name of `choices.Quality`.
        split_by: how samples were divided: "given" by the source, else a name of `choices.SplitBy`.
        leaks: what stands on two sides.
        num_images_named: for how many rows the source names an image.
        num_images_lost: how many of those images cannot be read.
    """

    source: SourceLogs
    samples: pa.Table
    outcomes: pa.Table
    images: list[ImageReference]
    image_ok: np.ndarray
    matrices: dict[str, np.ndarray]
    cost_bounds: CostBounds
    left_out: list[LeftOut]
    imputed: dict[str, int] = field(default_factory=dict)
    quality: str = Quality.SCORE
    split_by: str = SplitBy.HASH
    leaks: Leaks = field(default_factory=lambda: find_leaks([], [], [], [], []))
    num_images_named: int = 0
    num_images_lost: int = 0
    further: dict[int, list[ImageReference]] = field(default_factory=dict)


def _nothing_measured(source: SourceLogs) -> SourceError:
    # Files before candidates without any.
    left_out = sorted(source.left_out, key=lambda entry: entry.reason is Reason.NOT_FOUND)
    entries = dict.fromkeys(f"{entry.file}: {entry.reason} ({entry.detail})" for entry in left_out)
    passed = f"Read past: {few_names([*entries])}" if entries else "No file and no row was read past"
    return SourceError(
        f'no sample of "{source.name}" was measured on any candidate of the pool: nothing to build. {passed}. '
        "Correct these, or give a SOURCE with labels of the pool's candidates."
    )


def _refuse_unshared(name: str, datasets: list[str | None], measured: np.ndarray) -> None:
    """Refuse a benchmark of several measured candidates of which no two share a dataset."""
    if measured.any(axis=0).sum() < 2:
        return
    rows: dict[str | None, np.ndarray] = {}
    for dataset, row in zip(datasets, measured, strict=True):
        rows[dataset] = rows.get(dataset, False) | row
    if all(row.sum() < 2 for row in rows.values()):
        found = ", ".join(str(dataset) for dataset in list(rows)[:_NAMES_SHOWN])
        raise SourceError(
            f'expected at least two candidates measured on one dataset, found none in "{name}" (datasets: {found}): '
            "there is nothing to choose between. Look whether the names of files or datasets differ between candidates."
        )


def assemble(
    source: SourceLogs,
    *,
    graded: bool = True,
    split_by: SplitBy = SplitBy.HASH,
    num_proc: int = 2,
    check: CheckImages | None = None,
) -> Assembled:
    """Join, split and price a source.

    Args:
        source: what was read.
        graded: keep graded quality; False makes it 0/1 at the threshold.
        split_by: how samples without a given split are divided.
        num_proc: threads for decoding images.
        check: what decodes them in the place of these.
    """
    matrices = _matrices(source)
    if not graded:
        quality = matrices["quality"]
        matrices["quality"] = np.where(np.isnan(quality), np.nan, quality >= CORRECT_THRESHOLD)
    kept = np.flatnonzero(~np.isnan(matrices["quality"]).all(axis=1))
    if not kept.size:
        raise _nothing_measured(source)
    left_out = list(source.left_out)
    samples = source.samples.take(pa.array(kept))
    _refuse_unshared(source.name, samples["dataset"].to_pylist(), ~np.isnan(matrices["quality"][kept]))
    sample_ids = samples["sample_id"].to_pylist()
    seen = _checked_images(source, kept, sample_ids, left_out, check or partial(check_images, num_threads=num_proc))
    text_only = [ok and not images for ok, images in zip(seen.ok, seen.images, strict=True)]
    # Digests are made where something follows from them: links of texts, splits of samples without a dataset.
    contents = _contents(samples, seen.sha256) if source.without_dataset or any(text_only) else None
    texts = [c if is_text else None for c, is_text in zip(contents or sample_ids, text_only, strict=True)]
    groups = link_groups(sample_ids, [samples["group_id"].to_pylist(), seen.sha256, texts])
    source_splits = samples["split"].to_pylist()
    given = zip(sample_ids, samples["dataset"].to_pylist(), strict=True)
    datasets = [None if sample_id in source.without_dataset else dataset for sample_id, dataset in given]
    splits = assign_splits(
        sample_ids, groups, datasets=datasets, source_splits=source_splits, contents=contents, split_by=split_by
    )
    for name, values in (("group_id", groups), ("split", splits)):
        samples = samples.set_column(samples.schema.get_field_index(name), name, pa.array(values, pa.string()))
    if len(kept) < source.samples.num_rows:
        matrices = {name: matrix[kept] for name, matrix in matrices.items()}
    bounds = cost_bounds(matrices["cost"], source.pool) if source.costs_known else no_cost_bounds(source.pool)
    outcomes = _graded_outcomes(source.outcomes, graded=graded)
    first = [images[0] if images else None for images in seen.images]
    assembled = Assembled(source, samples, outcomes, first, seen.ok, matrices, bounds, left_out)
    assembled.further = {row: list(images[1:]) for row, images in enumerate(seen.images) if len(images) > 1}
    pairs = zip(kept.tolist(), sample_ids, strict=True)
    named = np.array([source.images[row] is not None or name in source.unread_images for row, name in pairs])
    assembled.num_images_named = int(named.sum())
    assembled.num_images_lost = int((named & ~seen.ok).sum())
    assembled.quality = str(Quality.SCORE if graded else Quality.CORRECT)
    assembled.split_by = str(split_by) if source_splits[0] is None else GIVEN
    assembled.leaks = find_leaks(sample_ids, groups, splits, [*chain(*seen.images)], seen.checks)
    return assembled


@dataclass(frozen=True)
class _SeenImages:
    """The readable images of every row: references, digests and checks, in order; and whether none is lost."""

    images: list[tuple[ImageReference, ...]]
    sha256: list[tuple[str, ...]]
    checks: list[tuple[ImageCheck, ...]]
    ok: np.ndarray


def _checked_images(
    source: SourceLogs, kept: np.ndarray, sample_ids: Sequence[str], left_out: list[LeftOut], check: CheckImages
) -> _SeenImages:
    """Decode every image; those that cannot be used are named in `left_out`."""
    every = [
        tuple(image for image in (source.images[row], *source.further.get(name, ())) if image is not None)
        for row, name in zip(kept.tolist(), sample_ids, strict=True)
    ]
    checks = iter(check([*chain(*every)]))
    ok = np.array([name not in source.missing_images for name in sample_ids], dtype=bool)
    seen = _SeenImages([], [], [], ok)
    for place, (name, references) in enumerate(zip(sample_ids, every, strict=True)):
        own = [(reference, next(checks)) for reference in references]
        for problem in [check.problem for _, check in own if check.problem is not None]:
            file = source.image_files[kept[place]] if source.image_files else "image"
            left_out.append(LeftOut(file, Reason.IMAGE, problem, sample_id=name))
            ok[place] = False
        usable = [(reference, check) for reference, check in own if check.sha256 is not None]
        seen.images.append(tuple(reference for reference, _ in usable))
        seen.sha256.append(tuple(check.sha256 for _, check in usable if check.sha256 is not None))
        seen.checks.append(tuple(check for _, check in usable))
    return seen


def _contents(samples: pa.Table, image_sha256: Sequence[Sequence[str]]) -> list[str]:
    """Digest of each sample's content, by the digests of its images."""
    columns = (samples["question"].to_pylist(), samples["options"].to_pylist(), image_sha256)
    return [
        content_digest(question, options or (), images[0] if images else None, images[1:]).hex()
        for question, options, images in zip(*columns, strict=True)
    ]


def _graded_outcomes(outcomes: pa.Table, *, graded: bool) -> pa.Table:
    if graded:
        return outcomes
    quality = outcomes["quality"].to_numpy()
    binary = np.where(np.isnan(quality), np.nan, quality >= CORRECT_THRESHOLD).astype(np.float32)
    return outcomes.set_column(outcomes.schema.get_field_index("quality"), "quality", pa.array(binary))


def _matrices(source: SourceLogs) -> dict[str, np.ndarray]:
    """Scatter outcome rows into one matrix per value, (num_samples, num_candidates) float64, NaN = not measured."""
    # Looked up by Arrow: as Python strings, the ids of a million samples by 17 candidates would not fit in memory.
    rows = positions_of(source.outcomes["sample_id"], source.samples["sample_id"])
    columns = positions_of(source.outcomes["candidate"], pa.chunked_array([source.pool.names]))
    shape = (source.samples.num_rows, len(source.pool))
    matrices = {}
    for name in ("quality", "input_tokens", "output_tokens", "cost_usd"):
        matrix = np.full(shape, np.nan)
        matrix[rows, columns] = source.outcomes[name].cast(pa.float64()).to_numpy()
        matrices[name] = matrix
    fixed = matrices.pop("cost_usd")
    computed = pool_cost(matrices["input_tokens"], matrices["output_tokens"], source.pool)
    matrices["cost"] = np.where(np.isnan(fixed), computed, fixed)
    return matrices
