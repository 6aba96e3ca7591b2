"""bench scale: figures by stage, engine, size and number of processes, and a plan that is the straight line."""

import json

import pytest

from tests.cli.conftest import run_program
from vlrouterbench.bench import scale, scale_processes, scale_stages
from vlrouterbench.bench.scale import bench_scale, planned
from vlrouterbench.core.parts.local_engine import LocalEngine


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Another interpreter for each size would cost seconds."""
    monkeypatch.setattr(scale, "stages_in_own_process", scale_stages._stages)
    monkeypatch.setattr(scale_processes, "_run", lambda work, parts, processes: [*LocalEngine(1).run(work, parts)])
    monkeypatch.setattr(scale_processes, "_ARITHMETIC", "print(2.0)")
    monkeypatch.setattr(scale_processes, "_PARTS", 2)


def test_a_small_comparison_has_the_contracts_fields(monkeypatch):
    monkeypatch.setattr(scale, "find_spec", lambda name: None)
    monkeypatch.setattr(scale, "_ACTORS", 1)
    result = bench_scale(scale=0.0001)
    assert result["name"] == "scale" and result["rows_per_s"]["local"] > 0
    assert result["rows_per_s"]["ray"] is result["ratio"] is None and "vlrouterbench[ray]" in result["ratio_reason"]
    assert [(stage["rows"], stage["images"]) for stage in result["stages"]] == [
        (40, False),
        (40, False),
        (100, False),
        (40, True),
        (40, True),
    ]
    assert all(stage["part_s"] > 0 and stage["input_bytes"] > 0 for stage in result["stages"])
    assert [plan["rows"] for plan in result["plan"]] == [10**8, 10**9] and result["simulated"]
    processes = result["processes"]
    assert processes["rows"] == 40 and processes["cores_ratio"] == 2.0
    assert processes["ratio"] == pytest.approx(processes["rows_per_s"]["2"] / processes["rows_per_s"]["1"])


def test_a_part_of_it_is_measured_alone(trained_folders, monkeypatch):
    monkeypatch.setattr(scale, "_trained", lambda folder: trained_folders["linear"])
    done = run_program("bench", "scale", "--scale", 0.0001, "--only", "processes", "--json")
    found = json.loads(done.out)
    assert (found["stages"], found["plan"], found["ratio"], found["baseline"]) == ([], [], None, None)
    assert found["processes"]["rows_per_s"].keys() == {"1", "2"}
    refused = run_program("bench", "scale", "--only", "text")
    assert refused.status == 1 and 'unknown part of bench scale "text". Did you mean "texts"?' in refused.err
    refused = run_program("bench", "decide", "--only", "texts")
    assert refused.status == 1 and "--only is an option of `bench scale`" in refused.err


def test_rows_a_second_leave_out_what_starting_takes():
    """Two runs each of 100 rows: one process works 10 s in each, two work 5 s and take 3 s to start."""
    runs = [
        scale_processes.Run(processes, seconds, [(20.0, 22.0), (15.0, 15.0 + working)])
        for processes, seconds, working in ((1, 10.0, 10.0), (2, 8.0, 7.0))
        for _ in range(2)
    ]
    found = scale_processes.process_figures(100, runs, cores_ratio=1.9)
    assert found["rows_per_s"] == {"1": 10.0, "2": pytest.approx(100 / 7)}
    assert found["start_s"] == {"1": 0.0, "2": 1.0} and found["ratio"] == pytest.approx(10 / 7)


def test_the_plan_is_the_line_through_the_sizes_of_texts():
    """2 s to begin and 5 ms a row; 100 bytes a row."""
    stages = [
        {
            "rows": rows,
            "images": images,
            "look_through_s": 1.0,
            "part_s": 1000 * (2 + 0.005 * rows) / rows * (100 if images else 1),
            "input_bytes": 100_000,
            "output_bytes": 0,
        }
        for rows, images in ((1_000, False), (10_000, False), (100_000, False), (1_000, True))
    ]
    plan = planned(stages, 10**8)
    assert plan["core_hours"] == pytest.approx((2 + 0.005 * 10**8) / 3600)
    assert plan["look_through_hours"] == pytest.approx(10**5 / 3600)
    assert plan["input_gib"] == pytest.approx(100 * 10**8 / 2**30)
    assert plan["ids_on_disk_gib"] == pytest.approx(8 * 10**8 / 2**30)
