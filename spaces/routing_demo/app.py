"""The routing demo as a Space: the package's own page, made ready at first start, in a folder beside this file.

Decisions
- A Space installs requirements.txt before it has this folder, so the wheel that `vlrouterbench push space` puts here is
  unpacked when the app starts. In a checkout there is none, and the package is the one that is installed.
- `ROUTER_ID`, a variable of the Space, names another router: a folder or an id on the Hub.
- `endpoints.yaml` beside this file, where there is one, names candidates that visitors may ask with their own token.
"""

import hashlib
import shutil
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATE = HERE / "state"


def add_package() -> None:
    """Put the wheel beside this file on the path, unpacked once."""
    for wheel in sorted(HERE.glob("vlrouterbench-*.whl"))[-1:]:
        target = STATE / f"package-{hashlib.sha256(wheel.read_bytes()).hexdigest()[:12]}"
        if not target.is_dir():
            half = target.with_suffix(".half")
            shutil.rmtree(half, ignore_errors=True)
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(half)
            half.rename(target)
        sys.path.insert(0, str(target))


add_package()

if __name__ == "__main__":
    from vlrouterbench.demo.serving import run_app

    run_app(STATE, endpoints=HERE / "endpoints.yaml")
