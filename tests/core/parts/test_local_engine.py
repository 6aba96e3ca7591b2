"""Parts on processes of this machine: killed processes cost time, and nothing else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.core.parts.light_work import LightWork, begun, check_whole, log
from tests.series import LONG, SERIES
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.parts.local_engine import LocalEngine
from vlrouterbench.core.parts.part import plan_parts

PARTS = plan_parts([5, 6], 6)
KILLS = 20 if LONG else 1
DRIVER = """
import sys
from pathlib import Path
from tests.core.parts.light_work import LightWork
from vlrouterbench.core.parts.local_engine import LocalEngine
from vlrouterbench.core.parts.part import plan_parts
list(LocalEngine(2).run(LightWork(Path(sys.argv[1]), seconds=0.2), plan_parts([500, 600], 60)))
"""


def test_one_process_is_this_one_and_opens_once(tmp_path):
    facts = list(LocalEngine(1).run(LightWork(tmp_path), PARTS))
    check_whole(tmp_path, PARTS, facts)
    assert log(tmp_path)[0] == ["open", str(os.getpid())] and len(log(tmp_path)) == 1 + len(PARTS)


@pytest.mark.faults
def test_a_killed_process_costs_no_part_and_doubles_none(tmp_path, record_property):
    dies_at = tuple(range(KILLS)) if LONG else (2,)
    parts = plan_parts([500, 600], 60) if LONG else PARTS
    facts = list(LocalEngine(2).run(LightWork(tmp_path, dies_at=dies_at), parts))
    check_whole(tmp_path, parts, facts)
    assert {number for number in begun(tmp_path) if begun(tmp_path).count(number) > 1} >= set(dies_at)
    assert len({line[1] for line in log(tmp_path) if line[0] == "open"}) > 2
    record_property(SERIES, f"{len(dies_at)} killed processes of the local engine, every part there once")


def test_a_part_that_kills_its_process_each_time_is_an_error_that_says_so(tmp_path):
    with pytest.raises(
        VLRouterBenchError, match="found them killed 3 times before any part was done. Memory is likely"
    ):
        list(LocalEngine(2).run(LightWork(tmp_path, always_dies_at=(0, 1)), PARTS[:2]))


def test_an_error_in_a_part_is_that_error(tmp_path):
    for actors in (1, 2):
        with pytest.raises(VLRouterBenchError, match=r"^part 1 cannot be done\.$"):
            list(LocalEngine(actors).run(LightWork(tmp_path, fails_at=1), PARTS[:2]))


@pytest.mark.faults
def test_processes_end_by_themselves_when_who_started_them_is_killed(tmp_path, project_root, record_property):
    for _ in range(KILLS):
        (tmp_path / "log").unlink(missing_ok=True)
        driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(tmp_path)], cwd=project_root)
        end = time.monotonic() + 60
        while len(begun(tmp_path)) < 3 and time.monotonic() < end:
            time.sleep(0.02)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        workers = {int(line[1]) for line in log(tmp_path) if line[0] == "open"}
        while any(_lives(pid) for pid in workers) and time.monotonic() < end:
            time.sleep(0.02)
        assert workers and not any(_lives(pid) for pid in workers)
    record_property(SERIES, f"{KILLS} killed drivers of the local engine, no process left over")


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
