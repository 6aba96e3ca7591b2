"""The leaderboard as a page that is served: submissions of a dataset repository, scored anew and ranked.

Decisions
- Every figure is computed from decisions and the benchmark; what a submission states of itself is not used.
- A submission that is refused keeps no other from being ranked: it is named with its reason.
- What is shown is the page that `vlrouterbench leaderboard` writes, in a frame that runs its own scripts and reaches
  nothing else.
- It is read again when a visitor asks, at most once in _REST_SECONDS.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.demo.errors import DemoError
from vlrouterbench.demo.html import escaped
from vlrouterbench.evaluation.leaderboard.page import render_leaderboard
from vlrouterbench.evaluation.leaderboard.ranking import rank_submissions
from vlrouterbench.evaluation.leaderboard.submissions import find_submissions

SUBMISSIONS_VARIABLE, BENCHMARK_VARIABLE = "SUBMISSIONS_ID", "BENCHMARK_ID"
_REST_SECONDS = 60


@dataclass
class Board:
    """What the page shows.

    Attributes:
        submissions: folder or dataset repository, as `find_submissions` takes it.
        benchmark: folder that they are scored on.
    """

    submissions: str
    benchmark: Path
    _shown: str = field(default="", init=False)
    _read_at: float = field(default=-_REST_SECONDS, init=False)

    def html(self) -> str:
        """The leaderboard as it is now, as a piece of HTML."""
        if time.monotonic() - self._read_at >= _REST_SECONDS:
            self._shown, self._read_at = self._read(), time.monotonic()
        return self._shown

    def _read(self) -> str:
        try:
            ranked = rank_submissions(find_submissions([self.submissions]), self.benchmark, keep_good=True)
        except VLRouterBenchError as error:
            return f'<p role="alert">{escaped(str(error))}</p>'
        # Refusals stand above the frame, and not in it again.
        page, refused = render_leaderboard(replace(ranked, refused=())), ranked.refused
        listed = "".join(f"<li>{escaped(one.submission)}: {escaped(one.public_reason)}</li>" for one in refused)
        left_out = f"<details><summary>{len(refused)} refused</summary><ul>{listed}</ul></details>" if refused else ""
        frame = (
            f'<iframe title="Leaderboard" sandbox="allow-scripts" srcdoc="{escaped(page)}" '
            'style="width: 100%; height: 85vh; border: 0"></iframe>'
        )
        return left_out + frame


def board_from_environment(folder: Path) -> Board:
    """The board that the environment names.

    Args:
        folder: where a benchmark of the Hub is put.

    Raises:
        DemoError: a variable is missing.
    """
    given = {name: os.environ.get(name, "").strip() for name in (SUBMISSIONS_VARIABLE, BENCHMARK_VARIABLE)}
    if missing := [name for name, value in given.items() if not value]:
        raise DemoError(
            f"expected the variables {SUBMISSIONS_VARIABLE} (dataset repository of submissions) and "
            f"{BENCHMARK_VARIABLE} (dataset repository or folder of the benchmark), found no "
            f"{' and no '.join(missing)}. Set them."
        )
    benchmark = Path(given[BENCHMARK_VARIABLE])
    if not benchmark.is_dir():
        from huggingface_hub import snapshot_download

        benchmark = Path(snapshot_download(str(benchmark), repo_type="dataset", local_dir=folder / "benchmark"))
    return Board(given[SUBMISSIONS_VARIABLE], benchmark)


def build_board(board: Board) -> Any:
    """The page as blocks of its library; nothing is served yet."""
    import gradio as gr

    with gr.Blocks(title="Routing leaderboard", analytics_enabled=False) as page:
        shown = gr.HTML(board.html())
        gr.Button("Read submissions again", size="sm").click(board.html, outputs=shown, api_name="read")
    return page
