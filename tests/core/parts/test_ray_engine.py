"""Parts on a cluster of Ray: actors, machines and drivers that die cost time, and nothing else."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import run_program
from tests.core.parts.light_work import LightWork, begun, check_whole
from tests.series import LONG, SERIES
from tests.tables import write_own_tables
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.parts import ray_engine
from vlrouterbench.core.parts.engines import EngineOptions
from vlrouterbench.core.parts.part import plan_parts
from vlrouterbench.core.parts.ray_engine import RayEngine, check_ray

HAS_RAY = ray_engine.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not HAS_RAY, reason="ray is not installed: pip install 'vlrouterbench[ray]'")
PARTS = plan_parts([50, 60], 8)
KILLS = 20 if LONG else 1
DRIVER = """
import sys
from pathlib import Path
from tests.core.parts.light_work import LightWork
from vlrouterbench.core.parts.part import plan_parts
from vlrouterbench.core.parts.ray_engine import RayEngine
list(RayEngine(1, sys.argv[2], 0.0).run(LightWork(Path(sys.argv[1]), seconds=0.3), plan_parts([50, 60], 8)))
"""


@pytest.fixture(scope="module")
def cluster(project_root):
    """A cluster of one machine with three cores, to which tests add others."""
    if not HAS_RAY:
        pytest.skip("ray is not installed: pip install 'vlrouterbench[ray]'")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "PYTHONPATH": str(project_root),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_prestart_worker_first_driver": "0",
        }.items():
            patch.setenv(name, value)
        from ray.cluster_utils import Cluster

        made = Cluster(initialize_head=True, head_node_args=_machine(3))
        yield made
        made.shutdown()


def _machine(cores):
    return {"num_cpus": cores, "include_dashboard": False, "object_store_memory": 80 * 2**20}


@needs_ray
@pytest.mark.faults
def test_an_actor_that_is_killed_costs_no_part_and_doubles_none(cluster, tmp_path, record_property, capfd):
    dies_at = tuple(range(KILLS)) if LONG else (2,)
    parts = plan_parts([500, 600], 60) if LONG else PARTS
    facts = list(RayEngine(2, cluster.address, 0.0).run(LightWork(tmp_path, dies_at=dies_at), parts))
    check_whole(tmp_path, parts, facts)
    assert {number for number in begun(tmp_path) if begun(tmp_path).count(number) > 1} == set(dies_at)
    assert capfd.readouterr().out == ""  # a summary in JSON is alone there
    record_property(SERIES, f"{len(dies_at)} killed actors of Ray, every part there once")


@needs_ray
@pytest.mark.faults
def test_a_machine_that_leaves_costs_no_part_and_doubles_none(cluster, tmp_path, record_property):
    for turn in range(KILLS):
        out = tmp_path / str(turn)
        out.mkdir()
        machine = cluster.add_node(**_machine(2))
        running = RayEngine(4, cluster.address, 0.0).run(LightWork(out, seconds=0.3), PARTS)
        facts = [next(running)]
        cluster.remove_node(machine, allow_graceful=False)
        facts += running
        check_whole(out, PARTS, facts)
    record_property(SERIES, f"{KILLS} machines that left a cluster of Ray, every part there once")


@needs_ray
@pytest.mark.faults
def test_a_driver_that_is_killed_leaves_whole_parts_and_a_rerun_ends_the_job(
    cluster, tmp_path, project_root, record_property
):
    for turn in range(KILLS):
        out = tmp_path / str(turn)
        out.mkdir()
        command = [sys.executable, "-c", DRIVER, str(out), cluster.address]
        driver = subprocess.Popen(command, cwd=project_root, env=os.environ | {"PYTHONPATH": str(project_root)})
        end = time.monotonic() + 120
        while len(begun(out)) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        assert 2 <= len(begun(out)) < len(PARTS)
        check_whole(out, PARTS, list(RayEngine(1, cluster.address, 0.0).run(LightWork(out), PARTS)))
    record_property(SERIES, f"{KILLS} killed drivers of Ray, all jobs ended by a rerun")


@needs_ray
@pytest.mark.faults
def test_a_disk_that_is_full_is_said_and_a_rerun_ends_the_job(cluster, tmp_path, record_property):
    for turn in range(KILLS):
        out = tmp_path / str(turn)
        out.mkdir()
        with pytest.raises(VLRouterBenchError, match=r"expected space to write .*part-0000\d"):
            list(RayEngine(2, cluster.address, 0.0).run(LightWork(out, full_at=turn % len(PARTS)), PARTS))
        check_whole(out, PARTS, list(RayEngine(1, cluster.address, 0.0).run(LightWork(out), PARTS)))
    record_property(SERIES, f"{KILLS} full disks under actors of Ray, all jobs ended by a rerun")


@needs_ray
def test_what_cannot_be_done_is_one_error(cluster, tmp_path):
    with pytest.raises(VLRouterBenchError, match=r"^part 1 cannot be done\.$"):
        list(RayEngine(1, cluster.address, 0.0).run(LightWork(tmp_path, fails_at=1), PARTS))
    with pytest.raises(VLRouterBenchError, match=r"--actors: expected at most \d of the \d cores .* found 10"):
        list(RayEngine(10, cluster.address, 0.0).run(LightWork(tmp_path), PARTS))


@needs_ray
def test_questions_are_decided_by_ray_as_by_one_process_of_this_machine(cluster, trained_folders, tmp_path):
    (tmp_path / "q.csv").write_text("question\n" + "".join(f"What is {number}?\n" for number in range(60)))
    asked = ("route", "--router", trained_folders["linear"], "--questions", tmp_path / "q.csv", "--parts", 3)
    outs = {}
    for name, more in (("local", ()), ("ray", ("--engine", "ray", "--ray-address", cluster.address))):
        done = run_program(*asked, "--out", tmp_path / name, "--actors", 1, *more)
        assert done.status == 0, done.err
        outs[name] = {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
    assert (
        outs["local"] == outs["ray"] and len(outs["ray"]) == 3 * 3 + 3
    )  # manifest, card, and where pieces of the table are


@needs_ray
def test_a_benchmark_is_built_and_encoded_by_ray_as_by_one_process_of_this_machine(cluster, tmp_path):
    write_own_tables(tmp_path / "own")
    kept = {}
    for name, more in (("local", ()), ("ray", ("--engine", "ray", "--ray-address", cluster.address))):
        folder = tmp_path / name / "benchmark"
        for command in (("build", tmp_path / "own", "--out", folder), ("encode", folder)):
            done = run_program(*command, *more, "--actors", 1)
            assert done.status == 0, done.err
        kept[name] = {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
    assert kept["local"] == kept["ray"] and len(kept["ray"]) > 8


def test_without_ray_the_extra_is_named_at_once(monkeypatch):
    monkeypatch.setattr(ray_engine, "find_spec", lambda name: None)
    with pytest.raises(
        VLRouterBenchError, match=r"needs ray, which is not installed: pip install 'vlrouterbench\[ray\]'"
    ):
        EngineOptions("ray").check()


def test_a_cluster_out_of_reach_is_said_at_once(monkeypatch):
    monkeypatch.setattr(ray_engine, "find_spec", lambda name: True)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
    with pytest.raises(VLRouterBenchError, match="expected a cluster of Ray at .*, found none: .*refused"):
        check_ray(address)
    with pytest.raises(VLRouterBenchError, match="expected HOST:PORT, ray://HOST:PORT or auto, found somewhere"):
        check_ray("somewhere")
