"""`bench demo` calls a running app, alone and by several clients, and counts what went wrong."""

from vlrouterbench.bench import demo


def test_every_call_is_answered_and_measured(monkeypatch):
    monkeypatch.setattr(demo, "_NUM_SAMPLES", 160)
    monkeypatch.setattr(demo, "CLIENTS", 4)
    found = demo.bench_demo(scale=0.001)
    assert found["clients"]["errors"] == 0 and found["clients"]["calls"] >= 4
    assert found["memory"]["calls"] == 10
    for part in ("route_call", "with_encoding", "on_kept_features"):
        assert 0 < found[part]["p50_ms"] <= found[part]["p95_ms"]
