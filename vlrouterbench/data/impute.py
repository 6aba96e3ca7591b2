"""Filling missing token counts, only on request, and counting every one of them.

Decisions
- The values are the reference's own: output tokens by kind of task, 256 tokens for an image (benchmark's section 4).
- Only pairs with a measured quality and no cost are filled: a cost without a quality would be no use, and a given cost
  stands as it is.
- Nothing here runs unless `--impute` says so; what it did stands in `build_report.json` under `imputed`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from vlrouterbench.data.sources.source_logs import Reason, SourceLogs
from vlrouterbench.data.tokens import REFERENCE_IMAGE_TOKENS, count_tokens

OUTPUT_TOKENS_BY_TASK: dict[str, int] = {"vqa_mc": 10, "vqa_oe": 50, "ocr_qa": 50, "math": 150}
OTHER_OUTPUT_TOKENS = 100
TASK_OF_DATASET: dict[str, str] = {
    **dict.fromkeys(("MMMU_DEV_VAL", "MMBench_DEV_EN_V11", "MMStar", "HallusionBench", "AI2D_TEST"), "vqa_mc"),
    **dict.fromkeys(("MathVista_MINI", "MathVision_MINI", "MathVerse_MINI"), "math"),
    **dict.fromkeys(("RealWorldQA", "TextVQA_VAL"), "vqa_oe"),
    **dict.fromkeys(("ChartQA_TEST", "DocVQA_VAL", "InfoVQA_VAL", "OCRBench"), "ocr_qa"),
}
"""The reference's kind of task of each dataset (benchmark's section 1)."""


def impute_tokens(source: SourceLogs) -> tuple[SourceLogs, dict[str, int]]:
    """Fill missing token counts of measured pairs.

    Returns:
        The source with them filled, and how many of each kind were filled.
    """
    outcomes, samples = source.outcomes, source.samples
    row_of = {sample_id: row for row, sample_id in enumerate(samples["sample_id"].to_pylist())}
    rows = np.array([row_of[sample_id] for sample_id in outcomes["sample_id"].to_pylist()], dtype=np.int64)
    wanted = ~np.isnan(outcomes["quality"].to_numpy()) & outcomes["cost_usd"].is_null().to_numpy()
    datasets = samples["dataset"].to_pylist()
    outputs = np.array([OUTPUT_TOKENS_BY_TASK.get(TASK_OF_DATASET.get(d, ""), OTHER_OUTPUT_TOKENS) for d in datasets])
    inputs = count_tokens(samples["question"].to_pylist()) + REFERENCE_IMAGE_TOKENS
    counts = {}
    for name, values in (("output_tokens", outputs[rows]), ("input_tokens", inputs[rows])):
        missing = outcomes[name].is_null().to_numpy() & wanted
        counts[name] = int(missing.sum())
        filled = np.where(missing, values, outcomes[name].cast(pa.float64()).to_numpy())
        column = pa.array(filled, pa.int32(), from_pandas=True)
        outcomes = outcomes.set_column(outcomes.schema.get_field_index(name), name, column)
    left_out = [entry for entry in source.left_out if entry.reason is not Reason.NO_COST]
    return replace(source, outcomes=outcomes, left_out=left_out), {
        name: count for name, count in counts.items() if count
    }
