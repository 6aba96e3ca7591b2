"""The metric's Space, generated from the metric's only copy in the package.

Decisions
- The folder is self-contained: the script and the three files it needs, with imports made relative, so that
  `evaluate.load("owner/name")` needs nothing of ours, and no torch. The package's wheel lies beside them for others.
- `evaluate` looks for a script of the repository's name, so the script is named by it.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from vlrouterbench.cards.metric_card import render_metric_card
from vlrouterbench.hub.push import check_repo_id, push_staged
from vlrouterbench.hub.repo_files import HubError, RepoLayout, stage_files
from vlrouterbench.hub.wheel import PACKAGE, build_wheel

METRIC = PACKAGE / "metrics" / "rank_score"
SCRIPT = METRIC / "rank_score.py"
_BESIDE = ("core/constants.py", "core/errors.py", "metrics/trade_off.py")
METRIC_LAYOUT = RepoLayout(
    repo_type="space",
    required=("README.md", "app.py", "requirements.txt", *(Path(name).name for name in _BESIDE)),
    optional=("*.py", "vlrouterbench-*.whl"),
    stale=("*.py", "*.whl"),
    space_sdk="gradio",
)


def stage_metric(folder: Path | str, out: Path | str, repo_id: str) -> Path:
    """Write the folder that `push_metric` uploads; an earlier one at `out` is replaced.

    Args:
        folder: the metric's folder, `vlrouterbench.METRIC_PATH`, or its name, `rank_score`.
        out: folder to write. `evaluate.load(out)` reads it where its last part is the repository's name; else give
            `evaluate.load` the script in it.
        repo_id: `owner/name` of the Space.

    Raises:
        HubError: not the metric's folder, or no `owner/name`, or files in the way.
    """
    check_repo_id(repo_id)
    if str(folder) != METRIC.name and Path(folder).resolve() != METRIC.resolve():
        raise HubError(
            f"expected the metric's folder ({METRIC}, which vlrouterbench.METRIC_PATH names) or its name, "
            f'"{METRIC.name}", found {folder}. The Space is generated from the package, and from nothing else.'
        )
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-metric-") as temporary:
        space = Path(temporary) / "space"
        space.mkdir()
        _generate(space, repo_id)
        return stage_files(space, Path(out), METRIC_LAYOUT)


def push_metric(folder: Path | str, repo_id: str, *, private: bool = False) -> str:
    """Upload the metric as a Space and return its address; arguments and errors as for `stage_metric`."""
    return push_staged(
        lambda source, out: stage_metric(source, out, repo_id), folder, repo_id, private=private, layout=METRIC_LAYOUT
    )


def _generate(space: Path, repo_id: str) -> None:
    name = repo_id.split("/")[1]
    script = _self_contained(SCRIPT.read_text(encoding="utf-8"))
    script = script.replace("import evaluate, vlrouterbench", "import evaluate")
    (space / f"{name}.py").write_text(script.replace("vlrouterbench.METRIC_PATH", f'"{repo_id}"'), encoding="utf-8")
    for file in _BESIDE:
        source = (PACKAGE / file).read_text(encoding="utf-8")
        (space / Path(file).name).write_text(_self_contained(source), encoding="utf-8")
    app = (METRIC / "app.py").read_text(encoding="utf-8")
    (space / "app.py").write_text(app.replace(SCRIPT.name, f"{name}.py"), encoding="utf-8")
    shutil.copyfile(METRIC / "requirements.txt", space / "requirements.txt")
    wheel = build_wheel(space)
    card = render_metric_card(repo_id, wheel=wheel.name if wheel else None)
    (space / "README.md").write_text(card, encoding="utf-8")


def _self_contained(source: str) -> str:
    """The same module with what it imports of the package beside it."""
    return re.sub(r"^from vlrouterbench\.(?:\w+\.)*(\w+) import ", r"from .\1 import ", source, flags=re.MULTILINE)
