"""The leaderboard as a Space: submissions of a dataset repository, scored anew on the benchmark, and ranked.

Decisions
- A Space installs requirements.txt before it has this folder, so the wheel that `vlrouterbench push space` puts here is
  unpacked when the app starts. In a checkout there is none, and the package is the one that is installed.
- `SUBMISSIONS_ID` and `BENCHMARK_ID`, variables of the Space, name the two dataset repositories.
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
    from vlrouterbench.demo.board import board_from_environment, build_board

    build_board(board_from_environment(STATE)).launch(ssr_mode=False)
