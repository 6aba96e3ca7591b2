"""bench hub-encoders: both encoders are timed in their parts, by the contract's names."""

import pytest

from vlrouterbench.bench import hub_encoders


def test_a_small_comparison_has_the_contracts_fields(monkeypatch):
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    for device in ("cpu", "cuda"):
        monkeypatch.setitem(hub_encoders._TEXT_SIZE, device, small)
        monkeypatch.setitem(hub_encoders._IMAGE_SIZE, device, small | {"image_size": 32, "patch_size": 8})
        monkeypatch.setitem(hub_encoders.NUM_SAMPLES, device, 8)
    result = hub_encoders.bench_hub_encoders()
    assert result["name"] == "hub-encoders" and result["samples"] == 8
    assert result["ratio"] == result["baseline"] / result["ours"]
    assert set(result["encoders"]["image"]["shares"]) == {"decoding", "preprocessing", "forward"}
    assert set(result["encoders"]["text"]["shares"]) == {"preprocessing", "forward"}
    for found in result["encoders"].values():
        assert sum(found["shares"].values()) == pytest.approx(1)
