"""Logged answers of one candidate, read from a benchmark's outcomes when somebody looks at them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vlrouterbench.core.errors import BenchmarkError, said
from vlrouterbench.data.sources.source_logs import positions_of

_COLUMNS = ["sample_id", "candidate", "prediction"]


def read_predictions(folder: Path, sample_ids: pa.ChunkedArray, candidate: str) -> list[str | None]:
    """Answers of a candidate to samples, in their order; None where none was logged.

    Args:
        folder: benchmark folder.
        sample_ids: (num_samples,).
        candidate: name.

    Raises:
        BenchmarkError: outcomes that cannot be read.
    """
    answers = np.full(len(sample_ids), None, dtype=object)
    for path in sorted((folder / "outcomes").glob("*.parquet")):
        try:
            part = pq.read_table(path, columns=_COLUMNS, filters=pc.field("candidate") == candidate, partitioning=None)
        except (pa.ArrowException, ValueError, OSError) as error:
            raise BenchmarkError(
                f"{path} is not readable as parquet: {said(error)}. Build the benchmark again."
            ) from error
        rows = positions_of(part["sample_id"].cast(pa.string()), sample_ids)
        answers[rows[rows >= 0]] = np.array(part["prediction"].to_pylist(), dtype=object)[rows >= 0]
    return answers.tolist()
