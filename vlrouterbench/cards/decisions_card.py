"""The card of a folder of decisions: `configs` that let `load_dataset(folder)` read them, and what they are.

Decisions
- How far the job has come stands in every config, so that a folder read in between is not served from the stale cache
  of the `datasets` library later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vlrouterbench.cards.render import render_template
from vlrouterbench.version import __version__

_FILES = {"default": "part-*.parquet", "errors": "errors-*.parquet"}


def render_decisions_card(job: str, router: str, *, rows: int, parts: int, done: int, simulated: bool) -> str:
    """The README of a folder of decisions.

    Args:
        job: digest of the job.
        router: its name.
        rows: of the questions.
        parts: of the job.
        done: parts that are done.
        simulated: whether the router was trained on simulated data.
    """
    from huggingface_hub import DatasetCardData

    configs = [
        {
            "config_name": name,
            "data_files": [{"split": "train", "path": path}],
            "description": f"job {job[:16]}, {done} of {parts} parts",
        }
        for name, path in _FILES.items()
    ]
    front: Mapping[str, Any] = {
        "configs": configs,
        "tags": ["model-routing", *(["simulated"] if simulated else [])],
    }
    return render_template(
        "decisions_card.md",
        front=DatasetCardData(**front).to_yaml(original_order=list(front)),
        router=router,
        rows=rows,
        parts=parts,
        done=done,
        simulated=simulated,
        version=__version__,
    )
