"""Seconds that answers took, where a benchmark's outcomes have them.

Decisions
- They stand in `outcomes/` alone: a column that most benchmarks lack would be a struct of nulls in every sample's row.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.errors import BenchmarkError, said
from vlrouterbench.data.candidates import CandidatePool
from vlrouterbench.data.schema import LATENCY
from vlrouterbench.data.sources.source_logs import positions_of

_SCHEMA = pa.schema([("sample_id", pa.string()), ("candidate", pa.string()), (LATENCY, pa.float64())])


def read_latency(folder: Path, sample_ids: pa.ChunkedArray, pool: CandidatePool) -> dict[str, np.ndarray]:
    """Seconds that answers took, (num_samples, num_candidates), from a benchmark's outcomes.

    Returns:
        LATENCY -> the matrix; nothing where no answer was timed.
    """
    matrix = None
    for path in sorted((folder / "outcomes").glob("*.parquet")):
        try:
            if LATENCY not in pq.read_schema(path).names:
                continue
            part = pq.read_table(path, columns=["sample_id", "candidate", LATENCY], partitioning=None)
            part = part.cast(_SCHEMA)
        except (pa.ArrowException, ValueError, OSError) as error:
            raise BenchmarkError(
                f"{path} is not readable as parquet: {said(error)}. Build the benchmark again."
            ) from error
        if matrix is None:
            matrix = np.full((len(sample_ids), len(pool)), np.nan)
        rows = positions_of(part["sample_id"], sample_ids)
        columns = positions_of(part["candidate"], pa.chunked_array([pool.names]))
        kept = (rows >= 0) & (columns >= 0)
        matrix[rows[kept], columns[kept]] = part[LATENCY].to_numpy()[kept]
    return {} if matrix is None else {LATENCY: matrix}
