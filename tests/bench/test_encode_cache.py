"""bench encode-cache: a second run does less than the first, and says so by the contract's names."""

import json

from vlrouterbench.bench.encode_cache import bench_encode_cache, write_tables


def test_a_small_comparison_has_the_contracts_fields():
    result = bench_encode_cache(scale=0.01)
    assert result["name"] == "encode-cache" and result["samples"] == 30
    assert result["ratio"] == result["baseline"] / result["ours"]
    assert {"unit", "refit", "stored_mib", "peak_memory_gib"} <= set(result)
    assert result["stored_mib"] > 0


def test_every_sample_has_a_picture_of_its_own(tmp_path):
    write_tables(tmp_path / "own", 8)
    rows = [json.loads(line) for line in (tmp_path / "own" / "samples.jsonl").read_text().splitlines()]
    pictures = {(tmp_path / "own" / row["image"]).read_bytes() for row in rows}
    assert len(rows) == len(pictures) == 8
