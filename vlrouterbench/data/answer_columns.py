"""What only some outcomes have: seconds that answers took, and the probability that a candidate was asked at all.

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
from vlrouterbench.data.schema import ANSWER_COLUMNS
from vlrouterbench.data.sources.source_logs import positions_of


def read_answer_columns(folder: Path, sample_ids: pa.ChunkedArray, pool: CandidatePool) -> dict[str, np.ndarray]:
    """Those of a benchmark's outcomes, as matrices (num_samples, num_candidates).

    Returns:
        Name of ANSWER_COLUMNS -> the matrix, NaN = not stated; without those that no outcome states.
    """
    matrices: dict[str, np.ndarray] = {}
    for path in sorted((folder / "outcomes").glob("*.parquet")):
        try:
            names = [name for name in ANSWER_COLUMNS if name in pq.read_schema(path).names]
            if not names:
                continue
            part = pq.read_table(path, columns=["sample_id", "candidate", *names], partitioning=None)
            kinds = [("sample_id", pa.string()), ("candidate", pa.string()), *((name, pa.float64()) for name in names)]
            part = part.cast(pa.schema(kinds))
        except (pa.ArrowException, ValueError, OSError) as error:
            raise BenchmarkError(
                f"{path} is not readable as parquet: {said(error)}. Build the benchmark again."
            ) from error
        rows = positions_of(part["sample_id"], sample_ids)
        columns = positions_of(part["candidate"], pa.chunked_array([pool.names]))
        kept = (rows >= 0) & (columns >= 0)
        for name in names:
            matrix = matrices.setdefault(name, np.full((len(sample_ids), len(pool)), np.nan))
            matrix[rows[kept], columns[kept]] = part[name].to_numpy()[kept]
    return matrices
