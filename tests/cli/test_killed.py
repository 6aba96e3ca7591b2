"""Commands killed at their steps: what stands there is whole, and a rerun ends as one that was not disturbed."""

import collections
import json

import pytest

from tests.series import SERIES
from tests.warm import run_python


@pytest.mark.faults
def test_a_command_killed_at_a_step_leaves_what_stood_there_or_the_new_and_a_rerun_ends_the_same(
    tmp_path, project_root, record_property
):
    """`make faults` kills at every step."""
    done = run_python("-m", "tests.kill_commands", tmp_path, cwd=project_root)
    assert done.returncode == 0, done.stderr[-2000:]
    kills = [json.loads(line) for line in done.stdout.splitlines()]
    assert {kill["command"] for kill in kills} == {"build", "candidates price", "push --dry-run", "evaluate"}
    assert [kill for kill in kills if not kill["killed"] or kill.get("rerun is right") is False] == []
    # An evaluation is several files: its key leaves first and comes last, and its report follows.
    several = {"part of before", "part of after", "parts of both without the key"}
    for kill in kills:
        assert kill["found"] in {"before", "after"} | (several if kill["command"] == "evaluate" else set()), kill
    assert {"before", "after"} <= {kill["found"] for kill in kills if kill["command"] != "evaluate"}
    counts = collections.Counter(kill["command"] for kill in kills)
    record_property(SERIES, f"{len(kills)} kills, all left whole: {dict(counts)}")
