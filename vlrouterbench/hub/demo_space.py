"""A Space's folder -> the folder that is uploaded: its own files, and the package's wheel built on the spot.

Decisions
- The wheel is what makes a Space run before the package is on an index: without a checkout to build it from, nothing is
  staged.
- Only files at the top of the folder go: what an app wrote beside itself while it was tried out stays behind.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from vlrouterbench.hub.push import push_staged
from vlrouterbench.hub.repo_files import HubError, RepoLayout, stage_files
from vlrouterbench.hub.wheel import PACKAGE, build_wheel, why_no_wheel

SPACE_LAYOUT = RepoLayout(
    repo_type="space",
    required=("README.md", "app.py", "requirements.txt", f"{PACKAGE.name}-*.whl"),
    optional=("*.png", "endpoints.yaml"),
    stale=("*.py", "*.whl"),
    space_sdk="gradio",
)


def stage_space(folder: Path | str, out: Path | str) -> Path:
    """Write the folder that `push_space` uploads, from one of `spaces/`; an earlier one at `out` is replaced.

    Raises:
        HubError: no Space's folder, a file that does not belong in it, or no checkout to build the wheel from.
    """
    from huggingface_hub import metadata_load

    folder = Path(folder)
    if reason := why_no_wheel():
        raise HubError(f"expected a checkout of the package, whose wheel a Space runs on, but {reason}.")
    card = folder / "README.md"
    if not card.is_file() or (metadata_load(card) or {}).get("sdk") != SPACE_LAYOUT.space_sdk:
        raise HubError(f'expected a Space\'s folder with a README.md that says "sdk: gradio", found none at {folder}.')
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-space-") as temporary:
        space = Path(temporary) / "space"
        space.mkdir()
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.name.startswith("."):
                shutil.copyfile(path, space / path.name)
        build_wheel(space)
        return stage_files(space, Path(out), SPACE_LAYOUT)


def push_space(folder: Path | str, repo_id: str, *, private: bool = False) -> str:
    """Upload a Space and return its address; arguments and errors as for `stage_space` and `push_dataset`."""
    return push_staged(stage_space, folder, repo_id, private=private, layout=SPACE_LAYOUT)
