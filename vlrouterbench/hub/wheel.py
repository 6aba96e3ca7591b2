"""The package's own wheel, built from the checkout it runs from, without a network.

Decisions
- Built from a copy: a build leaves traces in the tree it runs in.
- Time stamps are fixed, so equal sources give equal bytes.
- An installed package has no sources to build from; that is no error, and the caller is given the reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from vlrouterbench.hub.repo_files import HubError

PACKAGE = Path(__file__).resolve().parent.parent
_SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")
_FIRST_ZIP_DATE = "315532800"
"""1 January 1980 in seconds: the earliest that a zip file can state."""


def why_no_wheel() -> str | None:
    """Why no wheel can be built here; None where one can."""
    if missing := [name for name in _SOURCES if not (PACKAGE.parent / name).is_file()]:
        return f"the package runs from {PACKAGE.parent}, which is no checkout (no {', '.join(missing)})"
    if missing := [name for name in ("pip", "setuptools") if find_spec(name) is None]:
        return f"{' and '.join(missing)} is not installed in this environment"
    return None


def build_wheel(out: Path) -> Path | None:
    """Build the wheel into a folder and return its path; None where `why_no_wheel` has a reason.

    Raises:
        HubError: the build failed; the message holds its last words.
    """
    if why_no_wheel() is not None:
        return None
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-wheel-") as temporary:
        tree = Path(temporary) / "tree"
        shutil.copytree(PACKAGE, tree / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in _SOURCES:
            shutil.copyfile(PACKAGE.parent / name, tree / name)
        options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index")
        done = subprocess.run(
            [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(out.resolve()), str(tree)],
            cwd=temporary,
            env=os.environ | {"SOURCE_DATE_EPOCH": _FIRST_ZIP_DATE},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        output = " ".join((done.stderr or done.stdout).split()[-60:])
        raise HubError(f"expected the wheel of {PACKAGE.parent} to build without a network, but it failed: {output}")
    return next(out.glob(f"{PACKAGE.name}-*.whl"))
