"""A study: its parts, run one after another, and the files that it leaves.

Decisions
- A part is a function of the ground and the routers, whose answer is JSON: the page and the tables are made of that.
- Parts cost from minutes to hours, so only those that are asked for are run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vlrouterbench.core.errors import unknown_name
from vlrouterbench.core.files import staged_folder, write_json
from vlrouterbench.evaluation.study.calibration import calibrated_among, calibration_over_splits
from vlrouterbench.evaluation.study.compare import compare_over_splits
from vlrouterbench.evaluation.study.frontiers import frontiers_over_splits
from vlrouterbench.evaluation.study.left_out import leave_datasets_out
from vlrouterbench.evaluation.study.new_candidates import join_new_candidates
from vlrouterbench.evaluation.study.page import STUDY_PAGE, write_study_page
from vlrouterbench.evaluation.study.splits import SHUFFLED, Ground, check_names
from vlrouterbench.routers.registry import ROUTERS
from vlrouterbench.version import __version__

PARTS: Mapping[str, Callable[[Ground, Sequence[str]], Any]] = {
    "routers": compare_over_splits,
    "frontiers": frontiers_over_splits,
    "calibration": calibration_over_splits,
    "left-out": leave_datasets_out,
    "new_candidates": join_new_candidates,
}
"""What a study may be made of."""
FIRST = "flagship"
DEFAULT_ROUTERS = (
    FIRST,
    *(name for name in ROUTERS if name != FIRST),
    *("mixture", "strongest", "cheapest", f"{SHUFFLED}{FIRST}"),
)


def study(ground: Ground, routers: Sequence[str], parts: Sequence[str] = ("routers",)) -> dict[str, Any]:
    """Run parts of a study.

    Args:
        ground: benchmark and splits.
        routers: names (see `splits.py`); the first is what the others are compared with.
        parts: names of PARTS.

    Returns:
        The content of `study.json`: what was studied, and every part's answer under its name.

    Raises:
        RouterError: no router or seed, or one twice; nothing for part calibration to judge.
        UnknownNameError: no such part, family, variant or policy.
    """
    for part in parts:
        if part not in PARTS:
            raise unknown_name("part of a study", part, PARTS)
    check_names(routers, ground.seeds)
    if "calibration" in parts:
        calibrated_among(routers)
    table = ground.table
    return {
        "benchmark": table.identity,
        "features": ground.features.describe(),
        "seeds": list(ground.seeds),
        "first": routers[0],
        **{part: PARTS[part](ground, routers) for part in parts},
        "version": __version__,
    }


def write_study(content: dict[str, Any], ground: Ground, out: Path | str) -> None:
    """Write `study.json` and `study.html` (beside, then renamed)."""
    with staged_folder(Path(out)) as folder:
        write_json(folder / "study.json", content)
        write_study_page(content, ground.table, folder / STUDY_PAGE)
