"""From a router of one's own to a ranked row of the served leaderboard, by the commands of the page and a Hub."""

import re
import shlex

import pytest

from vlrouterbench.demo.board import (
    BENCHMARK_VARIABLE,
    SUBMISSIONS_VARIABLE,
    Board,
    board_from_environment,
    build_board,
)
from vlrouterbench.demo.errors import DemoError

SUBMIT = """
import sys
from huggingface_hub.cli.hf import main
from tests.cli.conftest import run_program
from vlrouterbench.hub.push import push_dataset

push_dataset({benchmark!r}, "owner/benchmark")
for program, *line in {lines!r}:
    if program == "hf":
        sys.argv = [program, *line]
        try:
            main()
        except SystemExit as ended:
            assert not ended.code, (line, ended.code)
    else:
        ended = run_program(*line)
        assert ended.status == 0, ended.err
"""
SHOW = """
import os
from pathlib import Path
from vlrouterbench.demo.board import board_from_environment

os.environ.update(SUBMISSIONS_ID="hf://datasets/board/submissions/2026", BENCHMARK_ID="owner/benchmark")
answer = board_from_environment(Path("state")).html()
"""


def test_the_commands_of_the_page_lead_from_a_benchmark_on_the_hub_to_a_ranked_row(
    fake_hub, client, benchmark, project_root
):
    page = (project_root / "docs" / "leaderboard.md").read_text(encoding="utf-8").split("## Submit a router")[1]
    block = re.search(r"```bash\n(.*?)```", page, re.DOTALL).group(1).strip()
    block = block.replace("OWNER/benchmark", "owner/benchmark").replace("OWNER/submissions", "board/submissions")
    lines = [shlex.split(line) for line in block.splitlines()]
    assert lines[0][:2] == ["hf", "download"] and lines[-1][:2] == ["hf", "upload"]
    lines.insert(1, shlex.split("vlrouterbench train my_benchmark --router knn --out my_router"))
    # Somebody else's repository: the submission cannot be written there, only offered.
    fake_hub.add("dataset", "board/submissions", {"2026/<b>bad/decisions.parquet": b"no parquet"})
    client(fake_hub.endpoint, SUBMIT.format(benchmark=str(benchmark), lines=lines))
    submission = {"2026/my_router/decisions.parquet", "2026/my_router/decisions.parquet.sig"}
    assert not submission & set(fake_hub.files("dataset", "board/submissions"))
    fake_hub.merge("dataset", "board/submissions", 1)
    assert submission < set(fake_hub.files("dataset", "board/submissions"))
    shown = client(fake_hub.endpoint, SHOW)
    assert "1 refused" in shown and "&lt;b&gt;bad" in shown and "<b>bad" not in shown
    assert (
        "my_router" in shown
        and "/tmp" not in shown.split("<iframe")[0]
        and "signed by" in shown
        and 'sandbox="allow-scripts"' in shown
    )


def test_a_board_that_lacks_a_name_says_which(monkeypatch, tmp_path):
    monkeypatch.delenv(SUBMISSIONS_VARIABLE, raising=False)
    monkeypatch.setenv(BENCHMARK_VARIABLE, str(tmp_path))
    with pytest.raises(DemoError, match="found no SUBMISSIONS_ID. Set them"):
        board_from_environment(tmp_path)


def test_submissions_are_read_again_only_after_a_rest(benchmark, submit, monkeypatch):
    board = Board(str(submit("a", lambda _: "small").parent.parent), benchmark)
    first = board.html()
    assert "mine" in first and "refused" not in first
    submit("b", lambda _: "large", router="other")
    assert board.html() == first
    board._read_at -= 100
    assert "other" in board.html()
    assert "Read submissions again" in str(build_board(board).get_config_file())
