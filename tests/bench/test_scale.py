"""bench scale: figures by stage, engine and size under the contract's names, and a plan that is the straight line."""

import pytest

from vlrouterbench.bench import scale
from vlrouterbench.bench.scale import bench_scale, planned


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
