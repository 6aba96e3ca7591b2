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

GO = """
import os, shutil
from pathlib import Path
from huggingface_hub import HfApi
from tests.cli.conftest import run_program
from vlrouterbench.demo.board import board_from_environment
from vlrouterbench.hub.push import push_dataset

push_dataset({benchmark!r}, "owner/benchmark")
HfApi().create_repo("owner/submissions", repo_type="dataset")
HfApi().snapshot_download("owner/benchmark", repo_type="dataset", local_dir="my_benchmark")
for line in {lines!r}:
    ended = run_program(*line)
    assert ended.status == 0, ended.err
HfApi().upload_folder(
    repo_id="owner/submissions", repo_type="dataset", folder_path="my_evaluation", path_in_repo="2026/my_router",
    allow_patterns={include!r},
)
bad = Path("bad"); bad.mkdir(); (bad / "decisions.parquet").write_bytes(b"no parquet")
HfApi().upload_folder(repo_id="owner/submissions", repo_type="dataset", folder_path=bad, path_in_repo="2026/<b>bad")
os.environ.update(SUBMISSIONS_ID="hf://datasets/owner/submissions/2026", BENCHMARK_ID="owner/benchmark")
board = board_from_environment(Path("state"))
answer = [board.html(), sorted(path.name for path in Path("my_evaluation").iterdir())]
"""


def test_the_commands_of_the_page_lead_from_a_benchmark_on_the_hub_to_a_ranked_row(
    fake_hub, client, benchmark, project_root
):
    page = (project_root / "docs" / "leaderboard.md").read_text(encoding="utf-8").split("## Submit a router")[1]
    lines = [
        shlex.split(line) for line in re.search(r"```bash\n(.*?)```", page, re.DOTALL).group(1).strip().splitlines()
    ]
    assert lines[0][:2] == ["hf", "download"] and lines[-1][:2] == ["hf", "upload"]
    include = lines[-1][lines[-1].index("--include") + 1]
    train = ["train", "my_benchmark", "--router", "knn", "--out", "my_router"]
    mine = [train, *(line[1:] for line in lines[1:-1])]
    assert all(line[0] == "vlrouterbench" for line in lines[1:-1])
    shown, written = client(fake_hub.endpoint, GO.format(benchmark=str(benchmark), lines=mine, include=include))
    assert {"2026/my_router/decisions.parquet", "2026/my_router/decisions.parquet.sig"} <= set(
        fake_hub.files("dataset", "owner/submissions")
    )
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
